#pragma once
#include "nn/context.h"
#include "nn/parameters.h"

namespace gradus {

// Layers over the channels of x (B, C, …), and weights in other coordinates. Parameters and buffers have PyTorch's
// names. LayerNorm and RmsNorm stand in nn/layers.h.

struct BatchNormLayerOptions {
  double eps = 1e-5;
  double momentum = 0.1;    ///< the share of a batch's statistics in the running ones
  bool cumulative = false;  ///< the plain average of all batches instead (PyTorch's momentum None)
  bool affine = true;
};
/// While training: the batch's statistics, which also move running_mean and running_var; otherwise the running ones.
struct BatchNorm {
  Tensor weight, bias;  ///< 1 and 0 at first; undefined when not affine
  Tensor running_mean, running_var, num_batches_tracked;
  BatchNormLayerOptions options;
  const char* path;
  BatchNorm(const Scope& s, int64_t channels, BatchNormLayerOptions options = {});
  Tensor operator()(const Tensor& x, const Context& context) const;
};

struct GroupNorm {
  Tensor weight, bias;
  int64_t groups;
  double eps;
  const char* path;
  GroupNorm(const Scope& s, int64_t groups, int64_t channels, double eps = 1e-5, bool affine = true);
  Tensor operator()(const Tensor& x) const;
};

struct InstanceNorm {
  Tensor weight, bias;
  double eps;
  const char* path;
  InstanceNorm(const Scope& s, int64_t channels, double eps = 1e-5, bool affine = false);
  Tensor operator()(const Tensor& x) const;
};

/// The weight w = g v / |v|: parameters parametrizations.weight.original0 (g) and original1 (v, w's shape).
/// g starts as |v|.
struct WeightNorm {
  Tensor g, v;
  int axis;
  const char* path;
  WeightNorm(const Scope& s, const Shape& shape, const Init& init, int axis = 0);
  Tensor operator()() const;
};

/// The weight w / sigma(w): parameter parametrizations.weight.original, buffers parametrizations.weight.0._u and _v.
/// Each call while training makes one step of the power method; a new layer starts with fifteen.
struct SpectralNorm {
  Tensor original, u, v;
  int axis;
  const char* path;
  SpectralNorm(const Scope& s, const Shape& shape, const Init& init, int axis = 0);
  Tensor operator()(const Context& context) const;
};

}  // namespace gradus
