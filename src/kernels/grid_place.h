#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "kernels/args/resample.h"

// Where a coordinate of grid_sample lies along an axis, and how that moves with the coordinate.
namespace gradus {

template <class A>
struct GridPlace {
  A at;     // in entries
  A slope;  // d at / d coordinate
};

/// The coordinate in entries, before anything is said about the outside.
template <class A>
GridPlace<A> grid_place(A c, int64_t size, Coordinates coordinates) {
  const A n = static_cast<A>(size);
  switch (coordinates) {
    case Coordinates::entries: return {c, 1};
    case Coordinates::edges: return {((c + 1) * n - 1) / 2, n / 2};
    case Coordinates::centres: break;
  }
  return {(c + 1) / 2 * (n - 1), (n - 1) / 2};
}

/// Mirrored between low/2 and high/2 until it lies between them.
template <class A>
GridPlace<A> reflected(GridPlace<A> p, int64_t low, int64_t high) {
  if (low == high) return {0, 0};
  const A least = static_cast<A>(low) / 2, span = static_cast<A>(high - low) / 2;
  A x = p.at - least;
  const A sign = x < 0 ? A(-1) : A(1);
  x = std::abs(x);
  const A rest = std::fmod(x, span);
  const bool back = std::fmod(std::floor(x / span), A(2)) != 0;
  return {back ? span - rest + least : rest + least, p.slope * (back ? -sign : sign)};
}

/// Held inside [0, size - 1]; beyond, nothing moves. NaN becomes 0.
template <class A>
GridPlace<A> clipped(GridPlace<A> p, int64_t size) {
  const A last = static_cast<A>(size - 1);
  if (!(p.at > 0)) return {0, 0};
  if (p.at >= last) return {last, 0};
  return p;
}

/// With the outside folded in, for bilinear and nearest (bicubic folds the place of every tap instead).
template <class A>
GridPlace<A> folded(GridPlace<A> p, int64_t size, const SamplingRule& rule) {
  if (rule.outside == Outside::reflection)
    p = rule.coordinates == Coordinates::edges ? reflected(p, -1, 2 * size - 1) : reflected(p, 0, 2 * (size - 1));
  if (rule.outside != Outside::zeros) p = clipped(p, size);
  return p;
}

/// The whole number below or nearest; far away and for NaN one that is outside any axis, so that it can be an integer.
template <class A>
int64_t whole(A x) {
  return x > A(-2e9) && x < A(2e9) ? static_cast<int64_t>(x) : int64_t{-4000000000};
}

/// floor(x); without the library's call where x fits an integer.
template <class A>
A floor_of(A x) {
  if (!(x > A(-1e9) && x < A(1e9))) return std::floor(x);
  const A toward_zero = static_cast<A>(static_cast<int64_t>(x));
  return toward_zero > x ? toward_zero - 1 : toward_zero;
}

/// Weights of the four taps around a fraction t in [0, 1) of the cubic convolution with a = -0.75 (Keys 1981).
template <class A>
void cubic_weights(A t, A w[4]) {
  constexpr A a = A(-0.75);
  const auto inner = [](A x) { return ((a + 2) * x - (a + 3)) * x * x + 1; };
  const auto outer = [](A x) { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a; };
  w[0] = outer(t + 1), w[1] = inner(t), w[2] = inner(1 - t), w[3] = outer(2 - t);
}

/// Their derivatives by t.
template <class A>
void cubic_slopes(A t, A w[4]) {
  constexpr A a = A(-0.75);
  const auto inner = [](A x) { return (3 * (a + 2) * x - 2 * (a + 3)) * x; };
  const auto outer = [](A x) { return (3 * a * x - 10 * a) * x + 8 * a; };
  w[0] = outer(t + 1), w[1] = inner(t), w[2] = -inner(1 - t), w[3] = -outer(2 - t);
}

/// What one point reads along one axis: entries (negative: outside), weights, and the weights' slopes by the
/// coordinate.
template <class A>
struct AxisTaps {
  int n = 0;
  int64_t at[4];
  A weight[4], slope[4];
  void add(int64_t entry, A w, A s, int64_t size) {
    at[n] = entry >= 0 && entry < size ? entry : -1;
    weight[n] = w, slope[n++] = s;
  }
};

template <class A>
AxisTaps<A> axis_taps(A c, int64_t size, const SamplingRule& rule) {
  AxisTaps<A> taps;
  GridPlace<A> p = grid_place(c, size, rule.coordinates);
  if (rule.sampling == Sampling::bicubic) {
    const A below = floor_of(p.at), t = p.at - below;
    A w[4], s[4];
    cubic_weights(t, w);
    cubic_slopes(t, s);
    for (int i = 0; i < 4; ++i)
      taps.add(whole(folded(GridPlace<A>{below + static_cast<A>(i - 1), 1}, size, rule).at), w[i], s[i] * p.slope,
               size);
    return taps;
  }
  p = folded(p, size, rule);
  if (rule.sampling == Sampling::nearest) {
    taps.add(whole(std::nearbyint(p.at)), 1, 0, size);
    return taps;
  }
  const A below = floor_of(p.at), t = p.at - below;
  taps.add(whole(below), 1 - t, -p.slope, size);
  taps.add(whole(below + 1), t, p.slope, size);
  return taps;
}

}  // namespace gradus
