#pragma once
#include "ops/per_axis.h"
#include "tensor/tensor.h"

namespace gradus {

enum class ConvPadding : uint8_t {
  numbers,  ///< as `padding` says
  valid,    ///< none
  same,     ///< so that the output has the input's size; stride 1 only; an odd zero goes to the end
};

struct ConvOptions {
  PerAxis stride = 1;
  PerAxis padding = 0;         ///< zeros before the first entry, and after the last unless padding_after says otherwise
  PerAxis padding_after = {};  ///< zeros after the last entry
  PerAxis dilation = 1;
  int64_t groups = 1;
  ConvPadding mode = ConvPadding::numbers;
};

/// Convolution, as PyTorch defines it (a cross-correlation), in 1, 2 or 3 spatial axes:
/// y[b, o, p] = bias[o] + sum_{c, t} w[o, c, t] x[b, g C/G + c, p stride + t dilation - padding], g the group of o.
/// x (B, C, *spatial), w (O, C/groups, *kernel), bias (O) or undefined -> (B, O, *out), where
/// out = floor((in + padding + padding_after - dilation (kernel - 1) - 1) / stride) + 1.
/// Floating types; sums in f32 (f64 for f64). Throws ShapeError when sizes do not fit together, ValueError for an
/// option out of range, DtypeError.
Tensor conv(const Tensor& x, const Tensor& w, const Tensor& bias = {}, const ConvOptions& options = {});
/// The same for exactly 1, 2 or 3 spatial axes.
Tensor conv1d(const Tensor& x, const Tensor& w, const Tensor& bias = {}, const ConvOptions& options = {});
Tensor conv2d(const Tensor& x, const Tensor& w, const Tensor& bias = {}, const ConvOptions& options = {});
Tensor conv3d(const Tensor& x, const Tensor& w, const Tensor& bias = {}, const ConvOptions& options = {});

struct ConvTransposeOptions {
  PerAxis stride = 1;
  PerAxis padding = 0;         ///< entries cut off at both ends
  PerAxis output_padding = 0;  ///< entries more at the end; less than the stride or the dilation
  PerAxis dilation = 1;
  int64_t groups = 1;
};

/// The transposed map of a convolution with the same options: y[b, g O + o, p stride + t dilation - padding] +=
/// w[c, o, t] x[b, c, p]. x (B, C, *spatial), w (C, O/groups, *kernel), bias (O) or undefined -> (B, O, *out), where
/// out = (in - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1. Errors as conv().
Tensor conv_transpose(const Tensor& x, const Tensor& w, const Tensor& bias = {},
                      const ConvTransposeOptions& options = {});
Tensor conv_transpose1d(const Tensor& x, const Tensor& w, const Tensor& bias = {},
                        const ConvTransposeOptions& options = {});
Tensor conv_transpose2d(const Tensor& x, const Tensor& w, const Tensor& bias = {},
                        const ConvTransposeOptions& options = {});
Tensor conv_transpose3d(const Tensor& x, const Tensor& w, const Tensor& bias = {},
                        const ConvTransposeOptions& options = {});

}  // namespace gradus
