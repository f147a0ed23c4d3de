#include "kernels/cpu/gemm.h"

#include "kernels/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/gemm.cpp"
#include "base/half.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/tile.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

void transpose_block(const float* from, int64_t from_row, int64_t rows, int64_t columns, float* to, int64_t to_row) {
  transpose(from, from_row, rows, columns, to, to_row);
}

void round_row_to_f16(const float* from, size_t n, float* to) {
  const hn::ScalableTag<float> d;
  const hn::Rebind<hwy::float16_t, decltype(d)> half;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes)
    hn::StoreU(hn::PromoteTo(d, hn::DemoteTo(half, hn::LoadU(d, from + i))), d, to + i);
  for (; i < n; ++i) to[i] = f16(from[i]);
}

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <oneapi/dnnl/dnnl.h>

#include <algorithm>
#include <bit>
#include <string>

#include "base/error.h"
#include "base/parallel.h"
#include "kernels/cpu/half.h"
#include "kernels/cpu/move.h"
#include "kernels/cpu/onednn_matmul.h"
#include "tensor/tensor.h"

namespace gradus::cpu {

HWY_EXPORT(transpose_block);
HWY_EXPORT(round_row_to_f16);

namespace {

void product_of_f32(const Gemm& g) {
  const dnnl_status_t status = dnnl_sgemm(g.transpose_a ? 'T' : 'N', g.transpose_b ? 'T' : 'N', g.m, g.n, g.k, g.alpha,
                                          g.a, g.lda, g.b, g.ldb, g.beta, g.c, g.ldc);
  if (status != dnnl_success)
    throw ValueError("matmul", "oneDNN refused a product (status " + std::to_string(status) + ").");
}

// To nearest even; what is no number stays none.
void round_row_to_bf16(const float* from, size_t n, float* to) {
  for (size_t i = 0; i < n; ++i) {
    const auto bits = std::bit_cast<uint32_t>(from[i]);
    const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) & 0xffff0000u;
    to[i] = (bits & 0x7fffffffu) > 0x7f800000u ? from[i] : std::bit_cast<float>(rounded);
  }
}

// A (rows, columns) copy of an operand as it is stored, rounded.
Tensor rounded_operand(const float* from, int64_t ld, int64_t rows, int64_t columns, ProductType type) {
  const Tensor to = empty({rows, columns});
  const auto half = HWY_DYNAMIC_DISPATCH(round_row_to_f16);
  for (int64_t i = 0; i < rows; ++i)
    (type == ProductType::bf16 ? round_row_to_bf16 : half)(from + i * ld, static_cast<size_t>(columns),
                                                           to.data<float>() + i * columns);
  return to;
}

// Where the processor multiplies bf16, operands of half the size instead of the same numbers in f32.
void product_of_bf16(const Gemm& g) {
  const auto packed = [](const float* from, int64_t ld, int64_t rows, int64_t columns) {
    const Tensor to = empty({rows, columns}, Dtype::bf16);
    for (int64_t i = 0; i < rows; ++i)
      narrow(Dtype::bf16, from + i * ld, to.data<uint16_t>() + i * columns, static_cast<size_t>(columns));
    return to;
  };
  const int64_t lda = g.transpose_a ? g.m : g.k, ldb = g.transpose_b ? g.k : g.n;
  const Tensor a = packed(g.a, g.lda, g.transpose_a ? g.k : g.m, lda);
  const Tensor b = packed(g.b, g.ldb, g.transpose_b ? g.n : g.k, ldb);
  onednn_matmul({.type = OperandType::bf16,
                 .transpose_a = g.transpose_a,
                 .transpose_b = g.transpose_b,
                 .m = g.m,
                 .n = g.n,
                 .k = g.k,
                 .alpha = g.alpha,
                 .beta = g.beta,
                 .a = a.data<uint16_t>(),
                 .lda = lda,
                 .b = b.data<uint16_t>(),
                 .ldb = ldb,
                 .c = g.c,
                 .ldc = g.ldc});
}

void product(const Gemm& g) {
  if (g.type == ProductType::f32) return product_of_f32(g);
  if (g.type == ProductType::bf16 && multiplies_bf16()) return product_of_bf16(g);
  Gemm rounded = g;
  const int64_t a_rows = g.transpose_a ? g.k : g.m, b_rows = g.transpose_b ? g.n : g.k;
  rounded.lda = g.transpose_a ? g.m : g.k, rounded.ldb = g.transpose_b ? g.k : g.n;
  const Tensor a = rounded_operand(g.a, g.lda, a_rows, rounded.lda, g.type);
  const Tensor b = rounded_operand(g.b, g.ldb, b_rows, rounded.ldb, g.type);
  rounded.a = a.data<float>(), rounded.b = b.data<float>();
  product_of_f32(rounded);
}

// Below AVX-512 oneDNN packs its operands only when C is large enough, by this rule of its own. Otherwise it reads them
// as they lie, which is well for most; A^T B drops to one half of the speed when rows collide in the cache.
bool onednn_packs(int64_t m, int64_t n) { return 1.0 / static_cast<double>(m) + 1.0 / static_cast<double>(n) < 0.0038; }

bool has_avx512() {
  static const bool yes = dnnl_get_effective_cpu_isa() >= dnnl_cpu_isa_avx512_core;
  return yes;
}

// Calls f(piece, begin) for pieces of `size` along the inner dimension.
template <class F>
void for_each_piece(const Gemm& g, int64_t size, const F& f) {
  Gemm piece = g;
  for (int64_t begin = 0; begin < g.k; begin += size) {
    piece.k = std::min(size, g.k - begin);
    piece.a = g.a + begin * (g.transpose_a ? g.lda : 1);
    piece.b = g.b + begin * (g.transpose_b ? 1 : g.ldb);
    piece.beta = begin == 0 ? g.beta : 1.0f;
    f(piece);
  }
}

// Rows a multiple of 2 KB apart fall into few sets of the cache.
bool rows_collide(int64_t ld) { return ld % 512 == 0; }

// A^T B over a long inner dimension (a weight's gradient) walks A column by column: a piece at a time stays in the
// cache, which is worth 5 to 10 % in spite of the extra passes over C. Rounded copies are no longer than a piece
// either.
constexpr int64_t kPiece = 512;
constexpr int64_t kDepth = 256, kRow = kDepth + 16;  // of gathered pieces

bool turned(const Gemm& g) { return g.transpose_a && !g.transpose_b; }
bool as_it_lies(const Gemm& g) { return g.type == ProductType::f32 && !has_avx512() && !onednn_packs(g.m, g.n); }
bool wants_gathering(const Gemm& g) {
  return as_it_lies(g) && turned(g) && g.k >= kPiece / 2 && (rows_collide(g.lda) || rows_collide(g.ldb));
}
bool in_pieces(const Gemm& g) { return g.type != ProductType::f32 || (turned(g) && g.k >= 2 * kPiece); }

// A^T B with a piece of A turned, and of B gathered, at a time.
void product_of_gathered(const Gemm& g) {
  const bool gather_b = rows_collide(g.ldb);
  const Tensor turned = empty({g.m, kRow}), gathered = gather_b ? empty({kDepth, g.n}) : Tensor();
  const auto turn = HWY_DYNAMIC_DISPATCH(transpose_block);
  for_each_piece(g, kDepth, [&](Gemm piece) {
    turn(piece.a, piece.lda, piece.k, piece.m, turned.data<float>(), kRow);
    piece.transpose_a = false;
    piece.a = turned.data<float>();
    piece.lda = kRow;
    if (gather_b) {
      for (int64_t i = 0; i < piece.k; ++i) move_run(gathered.data<float>() + i * g.n, piece.b + i * g.ldb, g.n);
      piece.b = gathered.data<float>();
      piece.ldb = g.n;
    }
    product(piece);
  });
}

// A slice of a wider matrix whose rows collide: one head's columns of all heads', say.
bool collides(int64_t columns, int64_t ld) { return rows_collide(ld) && columns <= ld / 2; }

// (rows, columns) as it stands, laid densely in `buffer`.
void lay_out(const float*& p, int64_t& ld, int64_t rows, int64_t columns, Tensor& buffer) {
  buffer = empty({rows, columns});
  for (int64_t i = 0; i < rows; ++i) move_run(buffer.data<float>() + i * columns, p + i * ld, columns);
  p = buffer.data<float>();
  ld = columns;
}

// oneDNN reads slices as they lie, once for each strip of the other operand; a copy costs one pass.
struct Slices {
  bool a, b;  // which operands are laid out
  int64_t a_rows, a_columns, b_rows, b_columns;
  explicit Slices(const Gemm& g)
      : a_rows(g.transpose_a ? g.k : g.m),
        a_columns(g.transpose_a ? g.m : g.k),
        b_rows(g.transpose_b ? g.n : g.k),
        b_columns(g.transpose_b ? g.k : g.n) {
    constexpr int64_t kWorthIt = 32;
    a = g.n >= kWorthIt && collides(a_columns, g.lda);
    b = g.m >= kWorthIt && collides(b_columns, g.ldb);
  }
};

void product_of_slices(Gemm g) {
  Tensor a, b;
  const Slices s(g);
  if (s.a) lay_out(g.a, g.lda, s.a_rows, s.a_columns, a);
  if (s.b) lay_out(g.b, g.ldb, s.b_rows, s.b_columns, b);
  product(g);
}

// Sizes of the blocks that C is cut into, from the shape alone. A block packs its part of A and of B anew, so blocks
// are large and near to square; their number is a power of two, at least four, so that few threads share them evenly.
struct Grid {
  int64_t rows, columns;
  explicit Grid(const Gemm& g) : rows(g.m), columns(g.n) {
    constexpr double kBlockFlops = 1e9, kWorthSharing = 4e6;
    constexpr int64_t kMost = 64, kLeast = 4, kSmallest = 64;
    const double flops = 2.0 * static_cast<double>(g.m) * static_cast<double>(g.n) * static_cast<double>(g.k);
    if (flops < kWorthSharing) return;
    for (int64_t blocks = 1; blocks < kMost && (blocks < kLeast || flops > static_cast<double>(blocks) * kBlockFlops);
         blocks *= 2) {
      int64_t& longer = rows >= columns ? rows : columns;
      const int64_t half = ((longer + 1) / 2 + 15) / 16 * 16;
      if (half < kSmallest) return;
      const bool packs = longer == rows ? onednn_packs(half, columns) : onednn_packs(rows, half);
      if (blocks >= kLeast && !packs) return;
      longer = half;
    }
  }
};

}  // namespace

bool gemm_packs(int64_t m, int64_t n) { return has_avx512() || onednn_packs(m, n); }

void gemm_block(const Gemm& g) {
  if (g.m == 0 || g.n == 0) return;
  const SequentialRegion sequential;
  if (wants_gathering(g)) return product_of_gathered(g);
  if (in_pieces(g)) return for_each_piece(g, kPiece, product);
  as_it_lies(g) ? product_of_slices(g) : product(g);
}

int64_t gemm_block_scratch(const Gemm& g) {
  constexpr int64_t kFloat = sizeof(float);
  if (wants_gathering(g)) return (g.m * kRow + (rows_collide(g.ldb) ? kDepth * g.n : 0)) * kFloat + 128;
  if (g.type != ProductType::f32) {
    const int64_t number = g.type == ProductType::bf16 && multiplies_bf16() ? sizeof(uint16_t) : kFloat;
    return (g.m + g.n) * std::min(g.k, kPiece) * number + 128;
  }
  if (in_pieces(g) || !as_it_lies(g)) return 0;
  const Slices s(g);
  return ((s.a ? s.a_rows * s.a_columns : 0) + (s.b ? s.b_rows * s.b_columns : 0)) * kFloat;
}

int64_t gemm_scratch(const Gemm& g) {
  if (g.m == 0 || g.n == 0) return 0;
  const Grid grid(g);
  Gemm block = g;
  block.m = std::min(grid.rows, g.m), block.n = std::min(grid.columns, g.n);
  const int64_t blocks = (g.n + grid.columns - 1) / grid.columns * ((g.m + grid.rows - 1) / grid.rows);
  return gemm_block_scratch(block) * std::min<int64_t>(blocks, threads());
}

void gemm(const Gemm& g, const void* context, GemmEpilogue epilogue) {
  if (g.m == 0 || g.n == 0) return;
  const Grid grid(g);
  const int64_t across = (g.n + grid.columns - 1) / grid.columns, down = (g.m + grid.rows - 1) / grid.rows;
  parallel_for(down * across, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = i / across * grid.rows, column = i % across * grid.columns;
      Gemm block = g;
      block.m = std::min(grid.rows, g.m - row);
      block.n = std::min(grid.columns, g.n - column);
      block.a += row * (g.transpose_a ? 1 : g.lda);
      block.b += column * (g.transpose_b ? g.ldb : 1);
      block.c += row * g.ldc + column;
      gemm_block(block);
      if (epilogue) epilogue(context, row, block.m, column, block.n);
    }
  });
}

}  // namespace gradus::cpu
#endif
