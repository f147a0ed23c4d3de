#pragma once
#include <cstdint>

#include "tensor/tensor.h"

// Kernel arguments: reductions. See kernels/table.h.
namespace gradus {

enum class Reduction : uint8_t { sum, max, min };

/// y has x's rank, with size 1 at every reduced axis. Any dtype; sums of integers wrap.
/// An empty max or min was refused by the op.
struct ReduceArgs {
  Reduction f;
  const Tensor& x;
  const Tensor& y;
};
/// y (i64, shape of x without `axis`): index of the first largest element.
struct ArgmaxArgs {
  const Tensor& x;
  const Tensor& y;
  int axis;
};
/// The sum of squares of x, added in f64 in an order that does not depend on the threads, into result (1, f64).
struct SumSquaresArgs {
  const Tensor& x;
  const Tensor& result;
};

#define GRADUS_REDUCE_KERNELS(X) \
  X(reduce, ReduceArgs)          \
  X(argmax, ArgmaxArgs)          \
  X(sum_squares, SumSquaresArgs)

}  // namespace gradus
