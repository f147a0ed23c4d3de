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

// Of x (B, C, …), floating, channels on the second axis; weight and bias (C) of x's dtype, each may be undefined.
// y = (x - mean) / sqrt(var + eps) * weight + bias with the biased variance, in x's shape and dtype. They differ in
// what shares a mean. Sums in f32 (f64 for f64). Throw ShapeError, DtypeError or ValueError when operands do not fit.

struct BatchNormOptions {
  bool training = false;  ///< use the batch's statistics, and update the running ones
  double momentum = 0.1;  ///< the share of the new statistics in the running ones
  double eps = 1e-5;
};
/// Each channel, over the batch and all further axes (Ioffe & Szegedy 2015, algorithm 1). running_mean and running_var
/// (C), of x's dtype or f32, stand for the statistics unless training; then they are updated in place, the variance
/// without bias, and may be undefined. Training wants more than one number a channel (ValueError).
Tensor batch_norm(const Tensor& x, const Tensor& running_mean, const Tensor& running_var, const Tensor& weight = {},
                  const Tensor& bias = {}, BatchNormOptions options = {});

/// Each group of neighbouring channels of each entry (Wu & He 2018, eq. 7); `groups` divides C.
Tensor group_norm(const Tensor& x, int64_t groups, const Tensor& weight = {}, const Tensor& bias = {},
                  double eps = 1e-5);

/// Each channel of each entry (Ulyanov et al. 2016), over at least one further axis with more than one number.
Tensor instance_norm(const Tensor& x, const Tensor& weight = {}, const Tensor& bias = {}, double eps = 1e-5);

/// layer_norm() over the channels at each place of each entry, as ConvNeXt has it.
Tensor channel_layer_norm(const Tensor& x, const Tensor& weight = {}, const Tensor& bias = {}, double eps = 1e-6);

struct LocalResponseOptions {
  double alpha = 1e-4, beta = 0.75, k = 1;
};
/// y_c = x_c / (k + alpha/size sum x_i^2)^beta over the `size` channels i around c (Krizhevsky et al. 2012,
/// section 3.3, with PyTorch's mean in place of the sum).
Tensor local_response_norm(const Tensor& x, int64_t size, LocalResponseOptions options = {});

// Weights in other coordinates.

/// w = g v / |v|, the norm over all axes but `axis` (Salimans & Kingma 2016, eq. 2); g has v's shape with size 1
/// elsewhere.
Tensor weight_norm(const Tensor& v, const Tensor& g, int axis = 0);
/// |v| over all axes but `axis`, which weight_norm() takes for g.
Tensor norm_except(const Tensor& v, int axis = 0);

struct SpectralNormOptions {
  int axis = 0;        ///< w is seen as a matrix with this axis as rows (h), all others as columns (n)
  int iterations = 1;  ///< of the power method; 0 leaves u and v as they are
  double eps = 1e-12;
};
/// w / sigma, sigma = u^T W v the largest singular value by the power method (Miyato et al. 2018, algorithm 1).
/// u (h) and v (n) are brought nearer to the singular vectors in place, u first; the gradient takes them for constants.
Tensor spectral_norm(const Tensor& w, const Tensor& u, const Tensor& v, SpectralNormOptions options = {});

}  // namespace gradus
