#include "kernels/cpu/gemm.h"

#include <oneapi/dnnl/dnnl.h>

#include <algorithm>
#include <string>

#include "base/error.h"
#include "base/parallel.h"

namespace gradus::cpu {

namespace {

void product(const Gemm& g) {
  const dnnl_status_t status = dnnl_sgemm(g.transpose_a ? 'T' : 'N', g.transpose_b ? 'T' : 'N', g.m, g.n, g.k, g.alpha,
                                          g.a, g.lda, g.b, g.ldb, g.beta, g.c, g.ldc);
  if (status != dnnl_success)
    throw ValueError("matmul", "oneDNN refused a product (status " + std::to_string(status) + ").");
}

}  // namespace

void gemm_block(const Gemm& g) {
  if (g.m == 0 || g.n == 0) return;
  const SequentialRegion sequential;
  // A^T B over a long inner dimension (a weight's gradient) walks A column by column: a piece at a time stays in the
  // cache, which is worth 5 to 10 % in spite of the extra passes over C.
  constexpr int64_t kPiece = 512;
  if (!g.transpose_a || g.transpose_b || g.k < 2 * kPiece) return product(g);
  Gemm piece = g;
  for (int64_t begin = 0; begin < g.k; begin += kPiece) {
    piece.k = std::min(kPiece, g.k - begin);
    piece.a = g.a + begin * g.lda;
    piece.b = g.b + begin * g.ldb;
    piece.beta = begin == 0 ? g.beta : 1.0f;
    product(piece);
  }
}

void gemm(const Gemm& g, const void* context, GemmEpilogue epilogue) {
  // Few, large blocks: each packs the operand that it shares with the others anew. Not fewer than four, so that threads
  // of uneven speed even out.
  constexpr double kBlockFlops = 1e9, kWorthSharing = 4e6;
  const double flops = 2.0 * static_cast<double>(g.m) * static_cast<double>(g.n) * static_cast<double>(g.k);
  const auto wanted = flops < kWorthSharing ? 1 : std::clamp<int64_t>(static_cast<int64_t>(flops / kBlockFlops), 4, 64);
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
