#pragma once
#include <algorithm>
#include <initializer_list>

#include "base/parallel.h"
#include "kernels/cpu/cpu.h"

// What the fast kernels ask of their operands, and how the work is shared out.
namespace gradus::cpu {

inline bool all_f32(std::initializer_list<Tensor> operands) {
  for (const Tensor& x : operands)
    if (x.defined() && x.dtype() != Dtype::f32) return false;
  return true;
}

inline Tensor dense(const Tensor& x) {
  if (!x.defined() || x.contiguous()) return x;
  const Tensor y = empty(x.shape(), x.dtype(), x.device());
  copy({.x = x, .y = y});
  return y;
}

/// A dense tensor seen as (outer, n, inner) with `axis` in the middle.
struct Lanes {
  int64_t outer = 1, n = 1, inner = 1;

  Lanes() = default;
  Lanes(const Shape& shape, int axis) : n(shape[axis]) {
    for (int i = 0; i < axis; ++i) outer *= shape[i];
    for (int i = axis + 1; i < shape.rank(); ++i) inner *= shape[i];
  }
  int64_t count() const { return outer * n * inner; }
};

/// A dense x seen as (outer, n, inner) with the middle reduced to the axes where y has size 1; of() gives false when
/// the reduced axes do not lie together.
struct Split : Lanes {
  bool of(const Shape& x, const Shape& y) {
    int stage = 0;  // 0 before, 1 within, 2 after the reduced axes
    for (int axis = 0; axis < x.rank(); ++axis) {
      if (x[axis] == 1) continue;
      const bool reduced = y[axis] != x[axis];
      if (reduced ? stage == 2 : false) return false;
      if (reduced)
        stage = 1;
      else if (stage == 1)
        stage = 2;
      (stage == 0 ? outer : stage == 1 ? n : inner) *= x[axis];
    }
    return true;
  }
};

/// Calls body(o, begin, end) for the columns [begin, end) of `inner` in block o of `outer`, on all threads: work for
/// kernels that walk down `n` rows of columns side by side.
template <class F>
void for_each_column_tile(const Lanes& s, int64_t width, const F& body);

// Elements a piece of work should have: enough to hide the cost of handing it out.
constexpr int64_t kCheapGrain = 32768;  // an addition each
constexpr int64_t kCostlyGrain = 8192;  // an exp each

inline int64_t rows_for(int64_t elements, int64_t width) {
  return std::max<int64_t>(1, elements / std::max<int64_t>(width, 1));
}

template <class F>
void for_each_column_tile(const Lanes& s, int64_t width, const F& body) {
  const int64_t tile = std::min(s.inner, width), tiles = (s.inner + tile - 1) / std::max<int64_t>(tile, 1);
  parallel_for(s.outer * tiles, rows_for(kCheapGrain, s.n * tile), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) body(i / tiles, i % tiles * tile, std::min(s.inner, (i % tiles + 1) * tile));
  });
}

/// Rows a piece when each piece has a buffer of its own to add into: at most 32 buffers.
inline int64_t rows_for_partials(int64_t rows, int64_t width) {
  return std::max(rows_for(kCheapGrain, width), (rows + 31) / 32);
}

}  // namespace gradus::cpu
