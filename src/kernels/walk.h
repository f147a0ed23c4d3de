#pragma once
#include <array>

#include "tensor/tensor.h"

namespace gradus {

/// The loop nest over N operands of one shape, made as shallow as their strides allow: axes of size 1 go, neighbours
/// that every operand walks with one stride are merged. The innermost axis is left to the caller.
template <int N>
struct LoopNest {
  Shape shape;  // at least rank 1
  std::array<Strides, N> strides;

  LoopNest(const Shape& full, const std::array<const Tensor*, N>& operands) {
    for (int axis = 0; axis < full.rank(); ++axis) {
      if (full[axis] == 1) continue;
      bool merge = shape.rank() > 0;
      for (int k = 0; merge && k < N; ++k) merge = strides[k].back() == operands[k]->strides()[axis] * full[axis];
      if (merge)
        shape[shape.rank() - 1] *= full[axis];
      else
        shape.push_back(full[axis]);
      for (int k = 0; k < N; ++k) {
        const int64_t stride = operands[k]->strides()[axis];
        if (merge)
          strides[k][shape.rank() - 1] = stride;
        else
          strides[k].push_back(stride);
      }
    }
    if (shape.rank() == 0) {
      shape.push_back(full.count() == 0 ? 0 : 1);
      for (auto& s : strides) s.push_back(0);
    }
  }

  int64_t inner() const { return shape.back(); }
  int64_t inner_stride(int k) const { return strides[k].back(); }
  /// Number of runs of the innermost axis.
  int64_t rows() const {
    int64_t n = 1;
    for (int axis = 0; axis + 1 < shape.rank(); ++axis) n *= shape[axis];
    return inner() == 0 ? 0 : n;
  }

  /// Calls f(offsets) for rows [begin, end), in row-major order; offsets[k] is operand k's, in elements.
  template <class F>
  void visit(int64_t begin, int64_t end, F&& f) const {
    if (begin >= end) return;  // an axis of size 0 leaves nothing to divide by
    std::array<int64_t, N> offsets{};
    Shape index = Shape::filled(shape.rank(), 0);
    int64_t rest = begin;
    for (int axis = shape.rank() - 2; axis >= 0; --axis) {
      index[axis] = rest % shape[axis];
      rest /= shape[axis];
      for (int k = 0; k < N; ++k) offsets[k] += index[axis] * strides[k][axis];
    }
    for (int64_t row = begin; row < end; ++row) {
      f(static_cast<const std::array<int64_t, N>&>(offsets));
      for (int axis = shape.rank() - 2; axis >= 0; --axis) {
        for (int k = 0; k < N; ++k) offsets[k] += strides[k][axis];
        if (++index[axis] < shape[axis]) break;
        for (int k = 0; k < N; ++k) offsets[k] -= shape[axis] * strides[k][axis];
        index[axis] = 0;
      }
    }
  }
};

/// Calls f(offsets) for every element of N operands of shape `full`, in row-major order.
template <int N, class F>
void for_each_element(const Shape& full, const std::array<const Tensor*, N>& operands, F&& f) {
  const LoopNest<N> nest(full, operands);
  nest.visit(0, nest.rows(), [&](std::array<int64_t, N> at) {
    for (int64_t i = 0; i < nest.inner(); ++i) {
      f(static_cast<const std::array<int64_t, N>&>(at));
      for (int k = 0; k < N; ++k) at[k] += nest.inner_stride(k);
    }
  });
}

/// The first entry of every matrix in a stack x (*, M, N), as a tensor of the leading axes.
inline Tensor matrix_corners(const Tensor& x) {
  Shape shape = x.shape();
  Strides strides = x.strides();
  for (int i = 0; i < 2; ++i) {
    shape.erase(shape.rank() - 1);
    strides.erase(strides.rank() - 1);
  }
  return x.strided(shape, strides);
}

}  // namespace gradus
