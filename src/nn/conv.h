#pragma once
#include "nn/parameters.h"
#include "ops/conv.h"

namespace gradus {

struct ConvLayerOptions {
  ConvOptions conv = {};  ///< stride, padding, dilation, groups
  bool bias = true;
};

/// y = conv(x, weight, bias): x (B, in, *spatial) -> (B, out, *spatial'); weight (out, in/groups, *kernel), bias (out).
/// Both start uniform in +-1/sqrt(in/groups * kernel entries), as in PyTorch. Throws ShapeError or ValueError when the
/// channels do not divide into the groups or the kernel is not positive.
template <int Axes>
struct ConvNd {
  Tensor weight, bias;
  ConvOptions options;
  const char* path;
  ConvNd(const Scope& s, int64_t in, int64_t out, const PerAxis& kernel, const ConvLayerOptions& options = {});
  Tensor operator()(const Tensor& x) const;
};
using Conv1d = ConvNd<1>;
using Conv2d = ConvNd<2>;
using Conv3d = ConvNd<3>;

struct ConvTransposeLayerOptions {
  ConvTransposeOptions conv = {};
  bool bias = true;
};

/// y = conv_transpose(x, weight, bias); weight (in, out/groups, *kernel), bias (out). They start uniform in
/// +-1/sqrt(out/groups * kernel entries), as in PyTorch.
template <int Axes>
struct ConvTransposeNd {
  Tensor weight, bias;
  ConvTransposeOptions options;
  const char* path;
  ConvTransposeNd(const Scope& s, int64_t in, int64_t out, const PerAxis& kernel,
                  const ConvTransposeLayerOptions& options = {});
  Tensor operator()(const Tensor& x) const;
};
using ConvTranspose1d = ConvTransposeNd<1>;
using ConvTranspose2d = ConvTransposeNd<2>;
using ConvTranspose3d = ConvTransposeNd<3>;

extern template struct ConvNd<1>;
extern template struct ConvNd<2>;
extern template struct ConvNd<3>;
extern template struct ConvTransposeNd<1>;
extern template struct ConvTransposeNd<2>;
extern template struct ConvTransposeNd<3>;

}  // namespace gradus
