#pragma once
#include <cstdint>

#include "tensor/tensor.h"

// Kernel arguments: padding, and sums of pieces that overlap. See kernels/table.h.
namespace gradus {

enum class PadMode : uint8_t { constant, reflect, replicate, circular };

/// y[i] = x[i - before], axis by axis; what lies outside x is `value`, or the entry of x that the mode names. Any
/// dtype. before >= 0, and y's sizes are at least before + x's. One reflection or turn suffices (checked).
struct PadArgs {
  const Tensor& x;
  const Tensor& y;
  const Shape& before;
  PadMode mode;
  double value;
};
/// y += x, of one shape. y may have any strides that meet no element twice.
struct AccumulateArgs {
  const Tensor& x;
  const Tensor& y;
};

#define GRADUS_SHAPE_KERNELS(X) \
  X(pad, PadArgs)               \
  X(accumulate, AccumulateArgs)

}  // namespace gradus
