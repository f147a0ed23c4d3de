#pragma once
#include "nn/context.h"
#include "nn/parameters.h"
#include "ops/create.h"

// Layers compute inside a TraceScope of their `path`, so that profiles and errors can name them.
namespace gradus {

struct LinearOptions {
  bool bias = true;
  double init_std = 0.02;  ///< deviation of the normal initial weights; biases start at 0
  /// Instead of init_std: one, or one for each of equal blocks of outputs (a fused projection).
  std::vector<Init> init = {};
  double multiplier = 1;  ///< of the weight where it is used
};

/// y = multiplier x W^T + b: x (*, in) -> (*, out); weight (out, in), bias (out). A packed weight stands in `packed`.
struct Linear {
  QuantTensor packed;
  Tensor weight, bias;
  double multiplier;
  const char* path;
  Linear(const Scope& s, int64_t in, int64_t out, LinearOptions options = {});
  Tensor operator()(const Tensor& x) const;
};

/// Each of the layers of one x; packed ones go through the threads together.
std::vector<Tensor> linears(const Tensor& x, const std::vector<const Linear*>& layers);

/// GPT-2's transposed twin: y = multiplier x W + b, weight (in, out) as its checkpoints store it.
struct Conv1D {
  QuantTensor packed;  ///< (out, in)
  Tensor weight, bias;
  double multiplier;
  const char* path;
  Conv1D(const Scope& s, int64_t in, int64_t out, LinearOptions options = {});
  Tensor operator()(const Tensor& x) const;
};

/// Rows of weight (rows, width) by id.
struct Embedding {
  QuantTensor packed;
  Tensor weight;
  const char* path;
  Embedding(const Scope& s, int64_t rows, int64_t width, double init_std = 0.02);
  Embedding(const Scope& s, int64_t rows, int64_t width, const Init& init);
  Tensor operator()(const Tensor& ids) const;
};

/// Over the last axis; weight starts at 1, bias (which may be missing) at 0.
struct LayerNorm {
  Tensor weight, bias;
  double eps;
  const char* path;
  LayerNorm(const Scope& s, int64_t width, double eps, bool with_bias = true);
  Tensor operator()(const Tensor& x) const;
};
struct RmsNorm {
  Tensor weight;
  double eps;
  const char* path;
  RmsNorm(const Scope& s, int64_t width, double eps);
  Tensor operator()(const Tensor& x) const;
};

/// Zeroes entries with probability p while training; owns no parameter, its path names its random stream.
struct Dropout {
  double p;
  uint64_t stream;
  const char* path;
  Dropout(const Scope& s, double p);
  Tensor operator()(const Tensor& x, const Context& context) const;
};

}  // namespace gradus
