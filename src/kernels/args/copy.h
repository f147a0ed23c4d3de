#pragma once
#include <cstdint>

#include "base/random.h"
#include "tensor/tensor.h"

// Kernel arguments: copy, fill and random numbers. See kernels/table.h.
namespace gradus {

enum class Distribution : uint8_t { uniform, normal };

/// y = x, converted to y's dtype. Both may have any strides and any dtype.
struct CopyArgs {
  const Tensor& x;
  const Tensor& y;
};
/// y = value; any dtype and strides.
struct FillArgs {
  const Tensor& y;
  double value;
};
/// y_i = start + i*step, any dtype.
struct IotaArgs {
  const Tensor& y;
  double start, step;
};
/// y_i is number i of the stream `key`: uniform in [a, b), or normal with mean a and deviation b.
struct RandomArgs {
  const Tensor& y;
  Distribution distribution;
  RandomKey key;
  double a, b;
};

#define GRADUS_COPY_KERNELS(X) \
  X(copy, CopyArgs)            \
  X(fill, FillArgs)            \
  X(iota, IotaArgs)            \
  X(random, RandomArgs)

}  // namespace gradus
