#include "kernels/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/conv_tile.cpp"
#include <type_traits>

#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/conv_tile.h"
#include "kernels/cpu/tile.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

// Six rows of sums: with two vectors each they fill 16 registers, with four the 32 of AVX-512.
constexpr int kSumRows = 6;
constexpr int kPanelVectors = kLanes >= 16 ? 4 : 2;

template <int R, int V>
HWY_NOINLINE void indexed_tile(const IndexedProduct& p, int64_t first) {
  const Floats d;
  const float* HWY_RESTRICT panel = p.panel;
  float* HWY_RESTRICT out = p.out + first * V * kLanes;
  const float* x[R];
#pragma GCC unroll 6
  for (int r = 0; r < R; ++r) x[r] = p.x + p.row[first + r];
  FloatVec sum[R][V];
#pragma GCC unroll 6
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) sum[r][v] = p.add ? hn::LoadU(d, out + (r * V + v) * kLanes) : hn::Zero(d);
  const int64_t* HWY_RESTRICT offset = p.offset;
  for (int64_t t = 0; t < p.depth; ++t, panel += V * kLanes) {
    const int64_t at = offset[t];
    FloatVec row[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) row[v] = hn::LoadU(d, panel + v * kLanes);
#pragma GCC unroll 6
    for (int r = 0; r < R; ++r) {
      const FloatVec a = hn::Set(d, x[r][at]);
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sum[r][v] = hn::MulAdd(a, row[v], sum[r][v]);
    }
  }
#pragma GCC unroll 6
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) hn::StoreU(sum[r][v], d, out + (r * V + v) * kLanes);
}

template <int V>
void indexed_columns(const IndexedProduct& p) {
  int64_t row = 0;
  const auto tiles = [&](auto rows) HWY_ATTR {
    constexpr int R = decltype(rows)::value;
    for (; row + R <= p.rows; row += R) indexed_tile<R, V>(p, row);
  };
  tiles(std::integral_constant<int, kSumRows>());
  tiles(std::integral_constant<int, 4>());
  tiles(std::integral_constant<int, 2>());
  tiles(std::integral_constant<int, 1>());
}

void indexed(const IndexedProduct& p) {
  switch (p.columns / kLanes) {
    case 1: return indexed_columns<1>(p);
    case 2: return indexed_columns<2>(p);
    case 3: return indexed_columns < kPanelVectors < 3 ? 1 : 3 > (p);
    default: return indexed_columns<kPanelVectors>(p);
  }
}

int64_t full_panel() { return kPanelVectors * kLanes; }
int64_t lane_count() { return kLanes; }

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>

namespace gradus::cpu {

HWY_EXPORT(indexed);
HWY_EXPORT(full_panel);
HWY_EXPORT(lane_count);

void indexed_product(const IndexedProduct& p) { HWY_DYNAMIC_DISPATCH(indexed)(p); }
int64_t panel_columns() { return HWY_DYNAMIC_DISPATCH(full_panel)(); }
int64_t panel_width(int64_t columns) {
  const int64_t lanes = HWY_DYNAMIC_DISPATCH(lane_count)();
  return std::min(panel_columns(), (columns + lanes - 1) / lanes * lanes);
}

}  // namespace gradus::cpu
#endif
