#include "kernels/cpu/gemm.h"

#include <oneapi/dnnl/dnnl.h>

#include <algorithm>
#include <string>

#include "base/error.h"
#include "base/parallel.h"

namespace gradus::cpu {

void gemm_block(const Gemm& g) {
  if (g.m == 0 || g.n == 0) return;
  const SequentialRegion sequential;
  const dnnl_status_t status = dnnl_sgemm(g.transpose_a ? 'T' : 'N', g.transpose_b ? 'T' : 'N', g.m, g.n, g.k, g.alpha,
                                          g.a, g.lda, g.b, g.ldb, g.beta, g.c, g.ldc);
  if (status != dnnl_success)
    throw ValueError("matmul", "oneDNN refused a product (status " + std::to_string(status) + ").");
}

void gemm(const Gemm& g, const void* context, GemmEpilogue epilogue) {
  // Blocks large enough that packing the operands is cheap beside the product, small enough to share among threads.
  constexpr int64_t kBlockFlops = int64_t{1} << 28;
  const int64_t flops = 2 * g.m * g.n * std::max<int64_t>(g.k, 1);
  const int64_t wanted = std::clamp<int64_t>((flops + kBlockFlops - 1) / kBlockFlops, flops > (1 << 22) ? 2 : 1, 64);
  const bool by_rows = g.m >= g.n;
  const int64_t extent = by_rows ? g.m : g.n;
  const int64_t size = std::max<int64_t>(64, ((extent + wanted - 1) / wanted + 15) / 16 * 16);
  parallel_for(extent, size, [&](int64_t begin, int64_t end) {
    Gemm block = g;
    if (by_rows) {
      block.m = end - begin;
      block.a += begin * (g.transpose_a ? 1 : g.lda);
      block.c += begin * g.ldc;
    } else {
      block.n = end - begin;
      block.b += begin * (g.transpose_b ? g.ldb : 1);
      block.c += begin;
    }
    gemm_block(block);
    if (!epilogue) return;
    if (by_rows)
      epilogue(context, begin, block.m, 0, g.n);
    else
      epilogue(context, 0, g.m, begin, block.n);
  });
}

}  // namespace gradus::cpu
