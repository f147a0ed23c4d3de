// Small products whose operands already lie in the caches. Included once for every Highway target (see simd.h), after
// highway.h.
#if defined(GRADUS_TILE_H) == defined(HWY_TARGET_TOGGLE)
#ifdef GRADUS_TILE_H
#undef GRADUS_TILE_H
#else
#define GRADUS_TILE_H
#endif

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using FloatVec = hn::Vec<Floats>;
constexpr int64_t kLanes = hn::MaxLanes(Floats());
/// Rows and vectors of C held in registers: 8 x 2 of the 32 of AVX-512, 6 x 2 of 16 otherwise.
constexpr int64_t kTileRows = kLanes >= 16 ? 8 : 6;
constexpr int64_t kTileColumns = 2 * kLanes;

/// C (rows, columns) = or += A (rows, depth) B (depth, columns). A may have any strides, rows of B and C are dense.
struct Product {
  int64_t rows, columns, depth;  // columns: a multiple of kLanes
  const float* a;
  int64_t a_row, a_depth;
  const float* b;
  int64_t ldb;
  float* c;
  int64_t ldc;
  bool add;
};

template <int R, int V>
HWY_NOINLINE void multiply_tile(const Product& p, const float* HWY_RESTRICT a, const float* HWY_RESTRICT b,
                                float* HWY_RESTRICT c) {
  const Floats d;
  const int64_t a_row = p.a_row, a_depth = p.a_depth, ldb = p.ldb, ldc = p.ldc;
  FloatVec sum[R][V];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) sum[r][v] = p.add ? hn::LoadU(d, c + r * ldc + v * kLanes) : hn::Zero(d);
  for (int64_t k = p.depth; k > 0; --k, a += a_depth, b += ldb) {
    FloatVec row[V];
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) row[v] = hn::LoadU(d, b + v * kLanes);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const FloatVec x = hn::Set(d, a[r * a_row]);
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) sum[r][v] = hn::MulAdd(x, row[v], sum[r][v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) hn::StoreU(sum[r][v], d, c + r * ldc + v * kLanes);
}

template <int V>
HWY_INLINE void multiply_columns(const Product& p, int64_t column) {
  int64_t row = 0;
  const auto tiles = [&](auto rows) HWY_ATTR {
    constexpr int R = decltype(rows)::value;
    for (; row + R <= p.rows; row += R)
      multiply_tile<R, V>(p, p.a + row * p.a_row, p.b + column, p.c + row * p.ldc + column);
  };
  tiles(std::integral_constant<int, kTileRows>());
  tiles(std::integral_constant<int, 4>());
  tiles(std::integral_constant<int, 2>());
  tiles(std::integral_constant<int, 1>());
}

inline void multiply(const Product& p) {
  int64_t column = 0;
  for (; column + kTileColumns <= p.columns; column += kTileColumns) multiply_columns<2>(p, column);
  if (column < p.columns) multiply_columns<1>(p, column);
}

/// to_i = factor * from_i for n numbers, `step` apart.
inline void scale_row(const float* from, int64_t from_step, float factor, int64_t n, float* to, int64_t to_step) {
  const Floats d;
  const FloatVec f = hn::Set(d, factor);
  int64_t i = 0;
  if (from_step == 1 && to_step == 1)
    for (; i + kLanes <= n; i += kLanes) hn::StoreU(hn::Mul(hn::LoadU(d, from + i), f), d, to + i);
  for (; i < n; ++i) to[i * to_step] = from[i * from_step] * factor;
}

/// sum_i a_i b_i
inline float dot_row(const float* a, int64_t a_step, const float* b, int64_t n) {
  const Floats d;
  FloatVec lanes = hn::Zero(d);
  int64_t i = 0;
  if (a_step == 1)
    for (; i + kLanes <= n; i += kLanes) lanes = hn::MulAdd(hn::LoadU(d, a + i), hn::LoadU(d, b + i), lanes);
  float sum = hn::GetLane(hn::SumOfLanes(d, lanes));
  for (; i < n; ++i) sum += a[i * a_step] * b[i];
  return sum;
}

/// The 4 x 4 transpose: to[j * to_row + i] = from[i][j].
HWY_INLINE void transpose4(const float* const from[4], float* to, int64_t to_row) {
#if HWY_TARGET == HWY_SCALAR
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j) to[j * to_row + i] = from[i][j];
#else
  const hn::FixedTag<float, 4> d;
  const hn::RepartitionToWide<decltype(d)> wide;
  const auto a = hn::LoadU(d, from[0]), b = hn::LoadU(d, from[1]), c = hn::LoadU(d, from[2]), e = hn::LoadU(d, from[3]);
  const auto ab_low = hn::BitCast(wide, hn::InterleaveLower(d, a, b));  // a0 b0 a1 b1
  const auto ab_high = hn::BitCast(wide, hn::InterleaveUpper(d, a, b));
  const auto ce_low = hn::BitCast(wide, hn::InterleaveLower(d, c, e));
  const auto ce_high = hn::BitCast(wide, hn::InterleaveUpper(d, c, e));
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(wide, ab_low, ce_low)), d, to);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(wide, ab_low, ce_low)), d, to + to_row);
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(wide, ab_high, ce_high)), d, to + 2 * to_row);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(wide, ab_high, ce_high)), d, to + 3 * to_row);
#endif
}

/// to (columns, rows) = from (rows, columns) transposed; both with dense rows.
inline void transpose(const float* from, int64_t from_row, int64_t rows, int64_t columns, float* to, int64_t to_row) {
  int64_t i = 0;
  for (; i + 4 <= rows; i += 4) {
    const float* at[4] = {from + i * from_row, from + (i + 1) * from_row, from + (i + 2) * from_row,
                          from + (i + 3) * from_row};
    int64_t j = 0;
    for (; j + 4 <= columns; j += 4) {
      transpose4(at, to + j * to_row + i, to_row);
      for (const float*& p : at) p += 4;
    }
    for (; j < columns; ++j)
      for (int r = 0; r < 4; ++r) to[j * to_row + i + r] = *at[r]++;
  }
  for (; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) to[j * to_row + i] = from[i * from_row + j];
}

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
