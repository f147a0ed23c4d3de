#pragma once
#include "tensor/tensor.h"

namespace gradus {

/// y = (x - mean) / sqrt(var + eps) * weight + bias over the last axis, with the biased variance (Ba et al. 2016, eq.
/// 4). x (..., n) floating -> same shape and dtype; weight, bias (n) of x's dtype, each may be undefined. Sums in f32
/// (f64 for f64). Throws ShapeError, DtypeError or ValueError when the operands do not fit.
Tensor layer_norm(const Tensor& x, const Tensor& weight = {}, const Tensor& bias = {}, double eps = 1e-5);

/// y = x / sqrt(mean(x^2) + eps) * weight over the last axis (Zhang & Sennrich 2019, eq. 4). The quotient is rounded to
/// x's dtype before the weight, as Llama does. Otherwise as layer_norm().
Tensor rms_norm(const Tensor& x, const Tensor& weight = {}, double eps = 1e-6);

}  // namespace gradus
