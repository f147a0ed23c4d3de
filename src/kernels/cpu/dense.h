#pragma once
#include <algorithm>
#include <initializer_list>

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

// Elements a piece of work should have: enough to hide the cost of handing it out.
constexpr int64_t kCheapGrain = 32768;  // an addition each
constexpr int64_t kCostlyGrain = 8192;  // an exp each

inline int64_t rows_for(int64_t elements, int64_t width) {
  return std::max<int64_t>(1, elements / std::max<int64_t>(width, 1));
}

/// Rows a piece when each piece has a buffer of its own to add into: at most 32 buffers.
inline int64_t rows_for_partials(int64_t rows, int64_t width) {
  return std::max(rows_for(kCheapGrain, width), (rows + 31) / 32);
}

}  // namespace gradus::cpu
