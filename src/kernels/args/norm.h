#pragma once
#include "tensor/tensor.h"

// Kernel arguments: normalisation. See kernels/table.h.
namespace gradus {

/// y = (x - mean) * rstd * weight + bias over the last axis, rstd = 1/sqrt(var + eps), biased variance.
/// weight and bias may be undefined. mean, rstd (rows) in the accumulator dtype.
struct LayerNormArgs {
  const Tensor& x;
  const Tensor& weight;
  const Tensor& bias;
  double eps;
  const Tensor& y;
  const Tensor& mean;
  const Tensor& rstd;
};
/// Undefined outputs are not computed.
struct LayerNormBackwardArgs {
  const Tensor& x;
  const Tensor& weight;
  const Tensor& mean;
  const Tensor& rstd;
  const Tensor& dy;
  const Tensor& dx;
  const Tensor& dweight;
  const Tensor& dbias;
};
/// y = x * rstd * weight, rstd = 1/sqrt(mean(x^2) + eps); x*rstd is rounded to x's dtype before the weight.
struct RmsNormArgs {
  const Tensor& x;
  const Tensor& weight;
  double eps;
  const Tensor& y;
  const Tensor& rstd;
};
struct RmsNormBackwardArgs {
  const Tensor& x;
  const Tensor& weight;
  const Tensor& rstd;
  const Tensor& dy;
  const Tensor& dx;
  const Tensor& dweight;
};
/// y = (x - mean) * weight / sqrt(variance + eps) + bias for each channel of x (B, C, S), over B and S, biased
/// variance. weight and bias (C) may be undefined. mean, variance (C) in the accumulator dtype: computed, or used when
/// `given`.
struct BatchNormArgs {
  const Tensor& x;
  const Tensor& weight;
  const Tensor& bias;
  double eps;
  bool given;
  const Tensor& y;
  const Tensor& mean;
  const Tensor& variance;
};
/// Undefined outputs are not computed. When `given`, mean and variance do not depend on x.
struct BatchNormBackwardArgs {
  const Tensor& x;
  const Tensor& weight;
  double eps;
  bool given;
  const Tensor& mean;
  const Tensor& variance;
  const Tensor& dy;
  const Tensor& dx;
  const Tensor& dweight;
  const Tensor& dbias;
};
/// The same over `groups` groups of neighbouring channels (and S) of each entry of B: mean, rstd (B, groups) in the
/// accumulator dtype. x is not empty and `groups` divides C.
struct GroupNormArgs {
  const Tensor& x;
  const Tensor& weight;
  const Tensor& bias;
  int64_t groups;
  double eps;
  const Tensor& y;
  const Tensor& mean;
  const Tensor& rstd;
};
struct GroupNormBackwardArgs {
  const Tensor& x;
  const Tensor& weight;
  int64_t groups;
  const Tensor& mean;
  const Tensor& rstd;
  const Tensor& dy;
  const Tensor& dx;
  const Tensor& dweight;
  const Tensor& dbias;
};

#define GRADUS_NORM_KERNELS(X)                  \
  X(layer_norm, LayerNormArgs)                  \
  X(layer_norm_backward, LayerNormBackwardArgs) \
  X(rms_norm, RmsNormArgs)                      \
  X(rms_norm_backward, RmsNormBackwardArgs)     \
  X(batch_norm, BatchNormArgs)                  \
  X(batch_norm_backward, BatchNormBackwardArgs) \
  X(group_norm, GroupNormArgs)                  \
  X(group_norm_backward, GroupNormBackwardArgs)

}  // namespace gradus
