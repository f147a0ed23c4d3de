#include "kernels/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/taps.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/taps.h"
#include "kernels/cpu/tile.h"
#include "kernels/cpu/vector_loop.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

void transposed(const float* from, int64_t from_row, int64_t rows, int64_t columns, float* to, int64_t to_row) {
  transpose(from, from_row, rows, columns, to, to_row);
}

template <int V>
HWY_INLINE void tap_vectors(const float* x, const int64_t* offset, const float* w, int64_t taps, float start,
                            float* y) {
  const Floats d;
  FloatVec sum[V];
#pragma GCC unroll 4
  for (int v = 0; v < V; ++v) sum[v] = hn::Set(d, start);
  for (int64_t t = 0; t < taps; ++t) {
    const FloatVec a = hn::Set(d, w[t]);
    const float* at = x + offset[t];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) sum[v] = hn::MulAdd(a, hn::LoadU(d, at + v * kLanes), sum[v]);
  }
#pragma GCC unroll 4
  for (int v = 0; v < V; ++v) hn::StoreU(sum[v], d, y + v * kLanes);
}

void taps_row(const float* x, const int64_t* offset, const float* w, int64_t taps, float start, float* y, int64_t n) {
  const Floats d;
  int64_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) tap_vectors<4>(x + i, offset, w, taps, start, y + i);
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) tap_vectors<2>(x + i, offset, w, taps, start, y + i);
  for (; i + kLanes <= n; i += kLanes) tap_vectors<1>(x + i, offset, w, taps, start, y + i);
  if (i == n) return;
  if (n >= kLanes) return tap_vectors<1>(x + n - kLanes, offset, w, taps, start, y + n - kLanes);
  const size_t rest = static_cast<size_t>(n - i);
  FloatVec sum = hn::Set(d, start);
  for (int64_t t = 0; t < taps; ++t) sum = hn::MulAdd(hn::Set(d, w[t]), load_some(d, x + offset[t] + i, rest), sum);
  store_some(sum, d, y + i, rest);
}

// Three vectors of each of four outputs fill 16 registers together with what they are made of.
template <int C, int V>
HWY_NOINLINE void channel_vectors(const TapChannels& p, int64_t first) {
  const Floats d;
  FloatVec sum[C][V];
#pragma GCC unroll 4
  for (int c = 0; c < C; ++c)
#pragma GCC unroll 3
    for (int v = 0; v < V; ++v) sum[c][v] = hn::Set(d, p.start[c]);
  const float* w = p.w;
  for (int64_t t = 0; t < p.taps; ++t, w += p.w_step) {
    const float* at = p.x + p.offset[t] + first;
    FloatVec x[V];
#pragma GCC unroll 3
    for (int v = 0; v < V; ++v) x[v] = hn::LoadU(d, at + v * kLanes);
#pragma GCC unroll 4
    for (int c = 0; c < C; ++c) {
      const FloatVec a = hn::Set(d, w[c]);
#pragma GCC unroll 3
      for (int v = 0; v < V; ++v) sum[c][v] = hn::MulAdd(a, x[v], sum[c][v]);
    }
  }
#pragma GCC unroll 4
  for (int c = 0; c < C; ++c)
#pragma GCC unroll 3
    for (int v = 0; v < V; ++v) hn::StoreU(sum[c][v], d, p.y + c * p.y_step + first + v * kLanes);
}

template <int C>
void channel_rows(const TapChannels& p) {
  int64_t i = 0;
  for (; i + 3 * kLanes <= p.n; i += 3 * kLanes) channel_vectors<C, 3>(p, i);
  for (; i + kLanes <= p.n; i += kLanes) channel_vectors<C, 1>(p, i);
  if (i == p.n) return;
  if (p.n >= kLanes) return channel_vectors<C, 1>(p, p.n - kLanes);
  for (int c = 0; c < C; ++c)
    for (i = 0; i < p.n; ++i) {
      float sum = p.start[c];
      for (int64_t t = 0; t < p.taps; ++t) sum += p.w[t * p.w_step + c] * p.x[p.offset[t] + i];
      p.y[c * p.y_step + i] = sum;
    }
}

void channels(const TapChannels& p) {
  switch (p.channels) {
    case 1: return channel_rows<1>(p);
    case 2: return channel_rows<2>(p);
    case 3: return channel_rows<3>(p);
    default: return channel_rows<4>(p);
  }
}

template <int N>
HWY_INLINE void dots(const float* x, const int64_t* offset, const float* dy, int64_t n, float* sums) {
  const Floats d;
  FloatVec sum[N];
#pragma GCC unroll 9
  for (int t = 0; t < N; ++t) sum[t] = hn::Zero(d);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const FloatVec g = hn::LoadU(d, dy + i);
#pragma GCC unroll 9
    for (int t = 0; t < N; ++t) sum[t] = hn::MulAdd(g, hn::LoadU(d, x + offset[t] + i), sum[t]);
  }
  if (i < n) {
    const size_t rest = static_cast<size_t>(n - i);
    const FloatVec g = load_some(d, dy + i, rest);
#pragma GCC unroll 9
    for (int t = 0; t < N; ++t) sum[t] = hn::MulAdd(g, load_some(d, x + offset[t] + i, rest), sum[t]);
  }
#pragma GCC unroll 9
  for (int t = 0; t < N; ++t) sums[t] += lane_sum(sum[t]);
}

void taps_dots(const float* x, const int64_t* offset, int64_t taps, const float* dy, int64_t n, float* sums) {
  int64_t t = 0;
  for (; t + 9 <= taps; t += 9) dots<9>(x, offset + t, dy, n, sums + t);
  for (; t + 4 <= taps; t += 4) dots<4>(x, offset + t, dy, n, sums + t);
  for (; t < taps; ++t) dots<1>(x, offset + t, dy, n, sums + t);
}

void taps_add(float* dx, const int64_t* offset, const float* w, int64_t taps, const float* dy, int64_t n) {
  const Floats d;
  const auto length = static_cast<size_t>(n);
  for (int64_t t = 0; t < taps; ++t) {
    const FloatVec a = hn::Set(d, w[t]);
    float* to = dx + offset[t];
    map([a](auto, auto g, auto sum) HWY_ATTR { return hn::MulAdd(a, g, sum); }, length, to, dy,
        static_cast<const float*>(to));
  }
}

void rows_copied(const float* from, int64_t from_row, int64_t rows, int64_t n, float* to, int64_t to_row) {
  const Floats d;
  for (int64_t r = 0; r < rows; ++r, from += from_row, to += to_row) {
    int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes) hn::StoreU(hn::LoadU(d, from + i), d, to + i);
    if (i == n) continue;
    if (n >= kLanes)
      hn::StoreU(hn::LoadU(d, from + n - kLanes), d, to + n - kLanes);
    else
      store_some(load_some(d, from, static_cast<size_t>(n)), d, to, static_cast<size_t>(n));
  }
}

void windows(const float* x, const int64_t* start, const float* w, int64_t taps, int64_t n, float* y) {
  const hn::CappedTag<float, kRowLanes> d;
  constexpr int64_t kStep = hn::MaxLanes(d), kVectors = kRowLanes / kStep;
  using V = hn::Vec<decltype(d)>;
  for (int64_t k = 0; k < n; ++k, y += kRowLanes, w += taps) {
    const float* at = x + start[k] * kRowLanes;
    V sum[kVectors];
#pragma GCC unroll 4
    for (int64_t v = 0; v < kVectors; ++v) sum[v] = hn::Zero(d);
    for (int64_t t = 0; t < taps; ++t, at += kRowLanes) {
      const V a = hn::Set(d, w[t]);
#pragma GCC unroll 4
      for (int64_t v = 0; v < kVectors; ++v) sum[v] = hn::MulAdd(a, hn::LoadU(d, at + v * kStep), sum[v]);
    }
#pragma GCC unroll 4
    for (int64_t v = 0; v < kVectors; ++v) hn::StoreU(sum[v], d, y + v * kStep);
  }
}

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::cpu {

HWY_EXPORT(transposed);
HWY_EXPORT(taps_row);
HWY_EXPORT(taps_dots);
HWY_EXPORT(taps_add);
HWY_EXPORT(channels);
HWY_EXPORT(windows);
HWY_EXPORT(rows_copied);

void transpose_block(const float* from, int64_t from_row, int64_t rows, int64_t columns, float* to, int64_t to_row) {
  HWY_DYNAMIC_DISPATCH(transposed)(from, from_row, rows, columns, to, to_row);
}
void tap_row(const float* x, const int64_t* offset, const float* w, int64_t taps, float start, float* y, int64_t n) {
  HWY_DYNAMIC_DISPATCH(taps_row)(x, offset, w, taps, start, y, n);
}
void tap_channels(const TapChannels& p) { HWY_DYNAMIC_DISPATCH(channels)(p); }
void tap_dots(const float* x, const int64_t* offset, int64_t taps, const float* dy, int64_t n, float* sums) {
  HWY_DYNAMIC_DISPATCH(taps_dots)(x, offset, taps, dy, n, sums);
}
void tap_add(float* dx, const int64_t* offset, const float* w, int64_t taps, const float* dy, int64_t n) {
  HWY_DYNAMIC_DISPATCH(taps_add)(dx, offset, w, taps, dy, n);
}
void copy_rows(const float* from, int64_t from_row, int64_t rows, int64_t n, float* to, int64_t to_row) {
  HWY_DYNAMIC_DISPATCH(rows_copied)(from, from_row, rows, n, to, to_row);
}
void window_rows(const float* x, const int64_t* start, const float* w, int64_t taps, int64_t n, float* y) {
  HWY_DYNAMIC_DISPATCH(windows)(x, start, w, taps, n, y);
}

}  // namespace gradus::cpu
#endif
