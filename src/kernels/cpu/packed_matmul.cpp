#include "kernels/packed_matmul.h"

#include <algorithm>
#include <optional>

#include "base/parallel.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/packed_dot.h"

namespace gradus::cpu {

namespace {

// Up to this many rows of x the weights are multiplied as they lie; beyond, unpacking them for a product of floats is
// cheaper.
constexpr int64_t kFewRows = 4, kFewRoundedRows = 24;
constexpr int64_t kRowsOfPiece = 32;

class Rounded {
 public:
  Rounded(const float* x, int64_t rows, int64_t k)
      : k_(k), q_(empty({rows * k}, Dtype::u8)), d_(empty({rows * (k / 32)})), sums_(empty({rows * (k / 16)})) {
    constexpr int64_t kGrain = 16;
    parallel_for(rows, kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        round_row(x + i * k, k, reinterpret_cast<int8_t*>(q_.data<uint8_t>()) + i * k, d_.data<float>() + i * (k / 32),
                  sums_.data<float>() + i * (k / 16));
    });
  }
  RoundedRows rows(int64_t begin, int64_t end) const {
    return {reinterpret_cast<const int8_t*>(q_.data<uint8_t>()) + begin * k_, d_.data<float>() + begin * (k_ / 32),
            sums_.data<float>() + begin * (k_ / 16), end - begin, k_};
  }

 private:
  int64_t k_;
  Tensor q_, d_, sums_;
};

// Rows [begin, end) of one matrix.
void piece_as_it_lies(const PackedMatmulArgs& args, const std::optional<Rounded>& rounded, int64_t begin, int64_t end) {
  const int64_t m = args.x.size(0), k = args.w.columns(), n = args.w.rows();
  const QuantFormat format = args.w.format();
  const bool blocks = layout_of(format).block > 1;
  float* y = args.y.data<float>() + begin;
  if (blocks) dot_packed(format, args.w.row(begin), args.w.row_bytes(), end - begin, rounded->rows(0, m), y, n);
  for (int64_t i = 0; i < m; ++i, y += n) {
    if (!blocks)
      dot_floats(&format, args.w.row(begin), args.w.row_bytes(), end - begin, k, args.x.data<float>() + i * k, y);
    if (args.bias.defined())
      for (int64_t j = begin; j < end; ++j) y[j - begin] += args.bias.data<float>()[j];
  }
}

void rows_as_they_lie(std::span<const PackedMatmulArgs> all) {
  std::optional<Rounded> rounded;
  int64_t pieces = 0;
  for (const PackedMatmulArgs& args : all) {
    if (!rounded && layout_of(args.w.format()).block > 1)
      rounded.emplace(args.x.data<float>(), args.x.size(0), args.w.columns());
    pieces += (args.w.rows() + kRowsOfPiece - 1) / kRowsOfPiece;
  }
  parallel_for(pieces, 1, [&](int64_t first, int64_t last) {
    for (int64_t piece = first; piece < last; ++piece) {
      int64_t begin = piece * kRowsOfPiece;
      const PackedMatmulArgs* args = all.data();
      for (; begin >= args->w.rows(); ++args)
        begin -= (args->w.rows() + kRowsOfPiece - 1) / kRowsOfPiece * kRowsOfPiece;
      piece_as_it_lies(*args, rounded, begin, std::min(args->w.rows(), begin + kRowsOfPiece));
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

void packed_matmul(std::span<const PackedMatmulArgs> all) {
  const auto lies = [](const PackedMatmulArgs& args) {
    const int64_t few = layout_of(args.w.format()).block > 1 ? kFewRoundedRows : kFewRows;
    return args.x.size(0) <= few && args.w.columns() > 0;
  };
  if (std::all_of(all.begin(), all.end(), lies)) return rows_as_they_lie(all);
  for (const PackedMatmulArgs& args : all) {
    if (args.y.count() == 0) continue;
    if (args.w.columns() == 0)
      ref::packed_matmul(args);
    else if (lies(args))
      rows_as_they_lie({&args, 1});
    else
      many_rows(args);
  }
}

}  // namespace gradus::cpu
