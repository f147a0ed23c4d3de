#pragma once
#include "models/fields.h"
#include "models/model.h"
#include "nn/position/rope.h"

namespace gradus {

/// What one layer of a decoder sees and how it tells positions.
struct DecoderLayerKind {
  int64_t window = 0;  ///< the keys that a query sees, itself the last; 0: all before it
  int rope = 0;        ///< which of the decoder's ropes turns its queries and keys; -1: none does
};

/// The pre-norm decoder that Llama began and its relatives vary. A family's fields() reads its config.json into this;
/// the defaults are Llama's.
struct DecoderConfig {
  int64_t vocab_size = 32000, hidden_size = 4096, intermediate_size = 11008, num_hidden_layers = 32;
  int64_t num_attention_heads = 32, num_key_value_heads = 0, head_dim = 0;
  int64_t max_position_embeddings = 2048;
  int64_t pad_token_id = -1;  ///< looking this token up gives its embedding no gradient; -1: there is none
  std::string hidden_act = "silu";
  double rms_norm_eps = 1e-6, initializer_range = 0.02;
  double attention_dropout = 0, resid_dropout = 0;
  bool qkv_bias = false, o_bias = false, mlp_bias = false, tie_word_embeddings = false;

  bool fused_projections = false;        ///< Phi-3: qkv_proj and gate_up_proj
  bool head_norms = false;               ///< RMS norms of each head's queries and keys, before they turn
  bool norms_around = false;             ///< Gemma 2: a second norm behind attention and behind the MLP
  bool norms_from_one = false;           ///< Gemma: norms multiply by 1 + weight
  bool scale_embeddings = false;         ///< Gemma: embeddings times sqrt(hidden_size)
  double attention_scale = 0;            ///< on the scores; 0: 1 / sqrt(head_dim)
  double attention_softcap = 0;          ///< c: scores become c tanh(s / c); 0: off
  double final_softcap = 0;              ///< the same for logits
  std::vector<RopeConfig> ropes;         ///< at least one
  std::vector<DecoderLayerKind> layers;  ///< num_hidden_layers of them
};

/// What families leave to the common reading.
struct DecoderKeys {
  const char* act = "hidden_act";
  const char* qkv_bias = nullptr;  ///< the key of the bias of queries, keys and values, when there is one
  bool o_bias_too = false;         ///< that key is the output's as well
  const char* mlp_bias = nullptr;
};
/// The keys that all families share. num_key_value_heads and head_dim of 0 follow the others.
void decoder_fields(Fields& f, DecoderConfig& c, const DecoderKeys& keys);
/// Refuses sizes that do not fit each other; every layer like `kind`.
void finish_decoder(Fields& f, DecoderConfig& c, DecoderLayerKind kind);
/// `layer_types` (full_attention or sliding_attention), one a layer; left alone when the key is absent. A sliding layer
/// needs `window` above 0.
void layer_type_fields(Fields& f, DecoderConfig& c, std::vector<std::string>& types, int64_t window);

std::unique_ptr<CausalLm> make_decoder(const DecoderConfig& config, std::shared_ptr<Parameters> parameters,
                                       std::string text);

}  // namespace gradus
