#pragma once
// Parts of a dense tensor and the whole, differentiable any number of times: what lies in autograd cannot use
// ops/shape.
#include <vector>

#include "tensor/tensor.h"

namespace gradus::detail {

/// A strided view of a dense tensor; `offset` in elements.
struct Window {
  Shape shape;
  Strides strides;
  int64_t offset = 0;
  /// `shape` laid out densely from `offset` on.
  static Window dense(const Shape& shape, int64_t offset) { return {shape, contiguous_strides(shape), offset}; }
  Tensor of(const Tensor& whole) const { return whole.strided(shape, strides, shape.count() ? offset : 0); }
};

/// A whole made of parts that do not overlap, zero where there is none.
class Assembly {
 public:
  /// With `differentiable`, the whole has a history that leads to the parts.
  Assembly(const Shape& shape, Dtype dtype, Device device, bool differentiable);
  void put(const Tensor& part, const Window& window);
  Tensor finish();

 private:
  Tensor whole_;
  bool differentiable_;
  Tensors parts_;
  std::vector<Window> windows_;
};

/// A dense copy of the numbers in a window of `whole`.
Tensor take(const Tensor& whole, const Window& window);

Tensor filled(const Shape& shape, double value, Dtype dtype, Device device);

}  // namespace gradus::detail
