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

#define GRADUS_NORM_KERNELS(X)                  \
  X(layer_norm, LayerNormArgs)                  \
  X(layer_norm_backward, LayerNormBackwardArgs) \
  X(rms_norm, RmsNormArgs)                      \
  X(rms_norm_backward, RmsNormBackwardArgs)

}  // namespace gradus
