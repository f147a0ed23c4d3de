#pragma once
#include <vector>

#include "nn/activation.h"
#include "nn/layers.h"
#include "ops/attention.h"

namespace gradus {

/// Names of the four projections below a layer's scope.
struct AttentionNames {
  const char *query, *key, *value, *out;
};
struct AttentionSizes {
  int64_t width, heads, head_dim;
  double init_std = 0.02, dropout = 0;
  bool bias = true;
  double scale = 0;                      ///< on the scores; 0 means 1/sqrt(head_dim)
  double query_std = 0, output_std = 0;  ///< initial deviations where they differ from init_std
};

/// What the queries of an attention layer may see, and what is added to their scores.
struct Visibility {
  Tensor mask = {};     ///< (B, Tk) bool: false hides a key
  bool causal = false;  ///< query i sees keys up to i
  int64_t window = -1;  ///< keys at most this far away; < 0: all
  Tensor bias = {};     ///< (1, H, Tq, Tk), added to the scores
};

/// softmax(scale q k^T + bias) v with q from x and k, v from `memory`, then the output projection.
struct AttentionLayer {
  Linear query, key, value, out;
  AttentionSizes sizes;
  uint64_t dropout_stream;
  const char* path;

  AttentionLayer(const Scope& s, const AttentionNames& names, const AttentionSizes& sizes);
  /// x (B, Tq, C), memory (B, Tk, C) -> (B, Tq, C)
  Tensor operator()(const Tensor& x, const Tensor& memory, const Visibility& visible, const Context& context) const;

  /// Self-attention of texts laid end to end, each seeing itself: x (N, C), `lengths` adding up to N -> (N, C). Uses
  /// the joined projections that fuse() made.
  Tensor packed(const Tensor& x, const std::vector<int64_t>& lengths) const;
  void fuse();
  Tensor fused_weight = {}, fused_bias = {};  ///< rows of queries, keys, values; undefined before fuse()
};

/// softmax over the visible keys of scale q k^T + bias, times v: q (B, Tq, H, D), k, v (B, Tk, H, D) -> (B, Tq, H, D).
/// A bias, and a window with a mask, go through the composition, which holds the scores whole; all else through the
/// fused op.
Tensor attend(const Tensor& q, const Tensor& k, const Tensor& v, const Visibility& visible, AttentionOptions options);

}  // namespace gradus
