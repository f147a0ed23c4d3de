#pragma once
#include <array>
#include <cstdint>

#include "tensor/tensor.h"

// Kernel arguments: convolutions. See kernels/table.h.
namespace gradus {

/// How the taps of a convolution meet its input; convolutions of fewer axes have leading axes of size 1.
struct ConvGeometry {
  std::array<int64_t, 3> stride{1, 1, 1}, padding{0, 0, 0}, dilation{1, 1, 1};  // padding: zeros before the first entry
  int64_t groups = 1;
};

/// y[b, o, p] = bias[o] + sum_{c, t} w[o, c, t] x[b, g*C/G + c, p*stride + t*dilation - padding], where entries outside
/// x are 0 and g = o / (O/G) is the group. x (B, C, D, H, W), w (O, C/G, d, h, w), y (B, O, D', H', W') of any size,
/// bias (O) or undefined. The three kernels are each other's derivatives.
struct ConvArgs {
  const Tensor& x;
  const Tensor& w;
  const Tensor& bias;
  const Tensor& y;
  const ConvGeometry& geometry;
};
/// dx[b, c, q] = sum over the o, p, t whose product above reads x[b, c, q] of w[o, c, t] dy[b, o, p].
struct ConvBackwardDataArgs {
  const Tensor& dy;
  const Tensor& w;
  const Tensor& dx;
  const ConvGeometry& geometry;
};
/// dw[o, c, t] = sum_{b, p} dy[b, o, p] x[b, c, p*stride + t*dilation - padding].
struct ConvBackwardWeightsArgs {
  const Tensor& x;
  const Tensor& dy;
  const Tensor& dw;
  const ConvGeometry& geometry;
};

#define GRADUS_CONV_KERNELS(X)                \
  X(conv, ConvArgs)                           \
  X(conv_backward_data, ConvBackwardDataArgs) \
  X(conv_backward_weights, ConvBackwardWeightsArgs)

}  // namespace gradus
