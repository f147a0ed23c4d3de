#pragma once
#include <cstdint>

#include "tensor/tensor.h"

// Kernel arguments: reductions. See kernels/table.h.
namespace gradus {

enum class Reduction : uint8_t { sum, prod, max, min };

/// y has x's rank, with size 1 at every reduced axis, and x's type or (sum and prod of integers, which wrap) i64.
/// An empty max or min was refused by the op.
struct ReduceArgs {
  Reduction f;
  const Tensor& x;
  const Tensor& y;
};
/// index (i64, shape of x without `axis`): of the first largest (or smallest) element along `axis`; NaN beats all.
/// Any dtype; the axis is not empty.
struct ArgExtremeArgs {
  bool largest;
  const Tensor& x;
  const Tensor& index;
  int axis;
};
/// mean and variance have x's rank, with size 1 at every reduced axis. Over the n elements that are reduced to one:
/// variance = sum (x - mean)^2 / max(0, n - correction).
struct MomentsArgs {
  const Tensor& x;
  double correction;
  const Tensor& mean;
  const Tensor& variance;
};
/// y (shape of x without the last axis) = log sum exp x along the last axis, without overflow; of nothing: -inf.
struct LogsumexpArgs {
  const Tensor& x;
  const Tensor& y;
};
/// The sum of squares of x, added in f64 in an order that does not depend on the threads, into result (1, f64).
struct SumSquaresArgs {
  const Tensor& x;
  const Tensor& result;
};

#define GRADUS_REDUCE_KERNELS(X) \
  X(reduce, ReduceArgs)          \
  X(arg_extreme, ArgExtremeArgs) \
  X(moments, MomentsArgs)        \
  X(logsumexp, LogsumexpArgs)    \
  X(sum_squares, SumSquaresArgs)

}  // namespace gradus
