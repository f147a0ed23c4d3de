#pragma once
#include "kernels/walk.h"

namespace gradus::ref {

/// The vector that starts at `data` and takes every `stride`-th element.
template <class T>
struct Row {
  T* data;
  int64_t stride;
  T& operator[](int64_t i) const { return data[i * stride]; }
};

/// Calls f(row, offsets) for every vector along the last axis of N operands of shape `full`, in row-major order.
template <int N, class F>
void for_each_row(const Shape& full, const std::array<const Tensor*, N>& operands, F&& f) {
  if (full.count() == 0) return;
  const int last = full.rank() - 1;
  Shape outer = full;
  outer.erase(last);
  std::array<Tensor, N> first;
  std::array<const Tensor*, N> pointers;
  for (int k = 0; k < N; ++k) {
    Strides strides = operands[k]->strides();
    strides.erase(last);
    first[k] = operands[k]->strided(outer, strides);
    pointers[k] = &first[k];
  }
  int64_t row = 0;
  for_each_element<N>(outer, pointers, [&](const auto& at) { f(row++, at); });
}

/// Calls f(offsets) for every vector along `axis` of N operands, whose sizes may differ there, in row-major order.
/// Without a vector, or when one is empty, nothing is called.
template <int N, class F>
void for_each_lane(int axis, const std::array<const Tensor*, N>& operands, F&& f) {
  std::array<Tensor, N> first;
  std::array<const Tensor*, N> pointers;
  for (int k = 0; k < N; ++k) {
    if (operands[k]->count() == 0) return;
    Shape shape = operands[k]->shape();
    Strides strides = operands[k]->strides();
    shape.erase(axis);
    strides.erase(axis);
    first[k] = operands[k]->strided(shape, strides);
    pointers[k] = &first[k];
  }
  for_each_element<N>(first[0].shape(), pointers, f);
}

/// The vector along x's last axis at `offset`.
template <class T>
Row<T> row_of(const Tensor& x, int64_t offset = 0) {
  return {x.data<T>() + offset, x.strides().back()};
}

/// The vector along an axis of x that starts at `offset`.
template <class T>
Row<T> lane_of(const Tensor& x, int axis, int64_t offset) {
  return {x.data<T>() + offset, x.strides()[axis]};
}

}  // namespace gradus::ref
