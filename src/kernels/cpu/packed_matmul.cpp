#include "kernels/packed_matmul.h"

#include <algorithm>

#include "base/parallel.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/packed_dot.h"

namespace gradus::cpu {

namespace {

// Up to this many rows of x the weights are multiplied as they lie, once for each row; beyond, unpacking them for a
// product of floats is cheaper.
constexpr int64_t kFewRows = 4;
constexpr int64_t kRowsOfPiece = 64;

void few_rows(const PackedMatmulArgs& args) {
  const int64_t m = args.x.size(0), k = args.w.columns(), n = args.w.rows();
  const QuantFormat format = args.w.format();
  const bool blocks = layout_of(format).block > 1;
  const Tensor q = empty({blocks ? m * k : 0}, Dtype::u8), d = empty({blocks ? m * (k / 32) : 0}),
               sums = empty({blocks ? m * (k / 16) : 0});
  const auto rounded = [&](int64_t i) {
    return RoundedRow{reinterpret_cast<const int8_t*>(q.data<uint8_t>()) + i * k, d.data<float>() + i * (k / 32),
                      sums.data<float>() + i * (k / 16)};
  };
  if (blocks)
    for (int64_t i = 0; i < m; ++i)
      round_row(args.x.data<float>() + i * k, k, reinterpret_cast<int8_t*>(q.data<uint8_t>()) + i * k,
                d.data<float>() + i * (k / 32), sums.data<float>() + i * (k / 16));
  parallel_for(n, kRowsOfPiece, [&](int64_t begin, int64_t end) {
    for (int64_t i = 0; i < m; ++i) {
      float* y = args.y.data<float>() + i * n;
      if (blocks)
        dot_packed(format, args.w.row(begin), args.w.row_bytes(), end - begin, k, rounded(i), y + begin);
      else
        dot_floats(&format, args.w.row(begin), args.w.row_bytes(), end - begin, k, args.x.data<float>() + i * k,
                   y + begin);
      if (args.bias.defined())
        for (int64_t j = begin; j < end; ++j) y[j] += args.bias.data<float>()[j];
    }
  });
}

// y = x w^T with the weights unpacked a few megabytes at a time.
void many_rows(const PackedMatmulArgs& args) {
  constexpr int64_t kUnpacked = int64_t{1} << 22;
  const int64_t m = args.x.size(0), k = args.w.columns(), n = args.w.rows();
  const int64_t panel = std::min(n, std::max<int64_t>(kRowsOfPiece, kUnpacked / std::max<int64_t>(k, 1)));
  const Tensor w = empty({panel, k});
  for (int64_t first = 0; first < n; first += panel) {
    const int64_t rows = std::min(panel, n - first);
    parallel_for(rows, kRowsOfPiece, [&](int64_t begin, int64_t end) {
      for (int64_t j = begin; j < end; ++j)
        dequantize(args.w.format(), args.w.row(first + j), k, w.data<float>() + j * k);
    });
    float* y = args.y.data<float>() + first;
    gemm({.transpose_b = true,
          .m = m,
          .n = rows,
          .k = k,
          .a = args.x.data<float>(),
          .lda = k,
          .b = w.data<float>(),
          .ldb = k,
          .c = y,
          .ldc = n});
    if (!args.bias.defined()) continue;
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < rows; ++j) y[i * n + j] += args.bias.data<float>()[first + j];
  }
}

}  // namespace

void packed_matmul(const PackedMatmulArgs& args) {
  if (args.y.count() == 0) return;
  if (args.w.columns() == 0) return ref::packed_matmul(args);
  args.x.size(0) <= kFewRows ? few_rows(args) : many_rows(args);
}

}  // namespace gradus::cpu
