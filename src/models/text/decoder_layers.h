#pragma once
#include <optional>

#include "models/text/decoder.h"
#include "nn/activation.h"
#include "nn/layers.h"
#include "ops/attention.h"

// The parts of models/text/decoder.h.
namespace gradus {

/// RMS norm with the weight as it stands, or with Gemma's 1 + weight, which is not rounded before it multiplies.
struct DecoderNorm {
  Tensor weight;
  double eps;
  bool from_one;
  const char* path;
  DecoderNorm(const Scope& s, int64_t width, const DecoderConfig& c);
  Tensor operator()(const Tensor& x) const;
};

/// Queries, keys and values of x, by three layers or by one (Phi-3), normed where the family wants it.
struct DecoderQkv {
  struct Heads {
    Tensor q, k, v;  ///< (B, T, heads, D)
  };
  std::optional<Linear> q_proj, k_proj, v_proj, qkv_proj;
  std::optional<DecoderNorm> q_norm, k_norm;
  int64_t heads, kv_heads, head_dim;
  DecoderQkv(const Scope& s, const DecoderConfig& c);
  Heads operator()(const Tensor& x) const;
};

struct DecoderAttention {
  DecoderQkv qkv;
  Linear o_proj;
  DecoderLayerKind kind;
  double scale, softcap, dropout;
  uint64_t dropout_stream;
  const char* path;
  DecoderAttention(const Scope& s, const DecoderConfig& c, const DecoderLayerKind& kind);
  Tensor operator()(const Tensor& x, const std::vector<RopeTables>& tables, const LmInput& in, size_t layer,
                    const Context& context) const;
};

/// down(act(gate x) * up x)
struct DecoderMlp {
  std::optional<Linear> gate_proj, up_proj, gate_up_proj;
  Linear down_proj;
  Activation act;
  const char* path;
  DecoderMlp(const Scope& s, const DecoderConfig& c);
  Tensor operator()(const Tensor& x) const;
};

struct DecoderBlock {
  DecoderNorm input_layernorm;
  DecoderAttention self_attn;
  DecoderNorm post_attention_layernorm;
  std::optional<DecoderNorm> pre_feedforward_layernorm;
  DecoderMlp mlp;
  std::optional<DecoderNorm> post_feedforward_layernorm;
  Dropout resid_attn_dropout, resid_mlp_dropout;
  const char* path;
  DecoderBlock(const Scope& s, const DecoderConfig& c, const DecoderLayerKind& kind);
  Tensor operator()(const Tensor& x, const std::vector<RopeTables>& tables, const LmInput& in, size_t layer,
                    const Context& context) const;
};

}  // namespace gradus
