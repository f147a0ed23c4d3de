#pragma once
#include <concepts>

#include "ops/reduce.h"

namespace gradus {

// Over all elements (result of rank 0), or over the axes given, as in ops/reduce.h. Floating types (DtypeError).

struct VarOptions {
  /// What is taken from the number of elements before dividing by it: 1 estimates the variance of what the elements
  /// were drawn from, 0 gives that of the elements themselves.
  double correction = 1;
  KeepAxis keep = drop_axis;
};

struct VarMean {
  Tensor var, mean;
};

namespace detail {
Tensor var_axes(const Tensor& x, const Axes& axes, VarOptions options);
VarMean var_mean_axes(const Tensor& x, const Axes& axes, VarOptions options);
Tensor stddev_axes(const Tensor& x, const Axes& axes, VarOptions options);
}  // namespace detail

/// What names axes: 0, {0, -1}, a list that the program computed. A template's parameter, because GCC takes the braces
/// of `var(x, {.correction = 0})` for axes as well as for options, and then prefers what is no template.
template <class A>
concept NamesAxes = std::convertible_to<A, Axes>;

/// sum (x - mean)^2 / max(0, n - correction), in two passes: safe far from 0. NaN or infinite where n <= correction.
Tensor var(const Tensor& x, VarOptions options = {});
template <NamesAxes A = std::initializer_list<int>>
Tensor var(const Tensor& x, const A& axes, VarOptions options = {}) {
  return detail::var_axes(x, axes, options);
}
VarMean var_mean(const Tensor& x, VarOptions options = {});
template <NamesAxes A = std::initializer_list<int>>
VarMean var_mean(const Tensor& x, const A& axes, VarOptions options = {}) {
  return detail::var_mean_axes(x, axes, options);
}
/// The standard deviation, sqrt(var). Where it is 0, so is its gradient.
Tensor stddev(const Tensor& x, VarOptions options = {});
template <NamesAxes A = std::initializer_list<int>>
Tensor stddev(const Tensor& x, const A& axes, VarOptions options = {}) {
  return detail::stddev_axes(x, axes, options);
}

/// log sum exp x, without overflow. Of nothing, and of -inf alone: -inf (with gradient 0).
Tensor logsumexp(const Tensor& x);
Tensor logsumexp(const Tensor& x, const Axes& axes, KeepAxis keep = drop_axis);

/// (sum |x|^p)^(1/p); p = 0 counts what is not 0, p = inf is the largest |x| and -inf the smallest (ShapeError when
/// there is none). The gradient is 0 where the norm has a corner: at x = 0 for p <= 1, where the norm is 0 for the
/// others; equal winners share it for infinite p. f16 and bf16 compute in f32. Throws ValueError when p is NaN.
Tensor vector_norm(const Tensor& x, double p = 2);
Tensor vector_norm(const Tensor& x, const Axes& axes, double p = 2, KeepAxis keep = drop_axis);

}  // namespace gradus
