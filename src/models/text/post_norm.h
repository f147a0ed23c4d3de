#pragma once
#include <optional>

#include "models/text/attention_layer.h"

namespace gradus {

/// Names of a post-norm block's parts below its scope; `cross` and `cross_norm` only in decoders.
struct PostNormNames {
  AttentionNames self;
  const char *self_norm, *up, *down, *output_norm;
  AttentionNames cross = {};
  const char* cross_norm = nullptr;
};
struct PostNormSizes {
  int64_t width, heads, inner;
  double eps, init_std;
  double dropout = 0, attention_dropout = 0, activation_dropout = 0;
  Activation act;
};

/// The block of the original Transformer (Vaswani et al. 2017, section 3.1) and of BERT, BART and their kin:
/// y = norm(x + attention(x)); in a decoder y = norm(y + attention(y, memory)); norm(y + down(act(up y))).
struct PostNormBlock {
  AttentionLayer self;
  LayerNorm self_norm;
  std::optional<AttentionLayer> cross;
  std::optional<LayerNorm> cross_norm;
  Linear up, down;
  LayerNorm output_norm;
  Dropout self_dropout, cross_dropout, activation_dropout, output_dropout;
  Activation act;
  const char* path;

  PostNormBlock(const Scope& s, const PostNormNames& names, const PostNormSizes& sizes);
  Tensor operator()(const Tensor& x, const Visibility& visible, const Tensor& memory, const Visibility& memory_visible,
                    const Context& context) const;
  /// An encoder's block on texts laid end to end (see AttentionLayer::packed); dropout is off.
  Tensor packed(const Tensor& x, const std::vector<int64_t>& lengths) const;
};

/// embedding(), but for a row of `weight` that stands for padding: looking it up gives it no gradient, as
/// torch.nn.Embedding(padding_idx) has it. Without such a row (-1) plain embedding().
Tensor padded_embedding(const Tensor& weight, const Tensor& ids, int64_t padding);

}  // namespace gradus
