#pragma once
#include "models/fields.h"
#include "models/model.h"
#include "nn/position/rope.h"

namespace gradus {

/// config.json of model_type "llama" (Touvron et al. 2023), with Hugging Face's names and defaults. Rotary settings are
/// read in both spellings: rope_theta + rope_scaling, and rope_parameters.
struct LlamaConfig {
  int64_t vocab_size = 32000, hidden_size = 4096, intermediate_size = 11008, num_hidden_layers = 32;
  int64_t num_attention_heads = 32, num_key_value_heads = 0, head_dim = 0;
  int64_t max_position_embeddings = 2048;
  std::string hidden_act = "silu";
  double rms_norm_eps = 1e-6, initializer_range = 0.02, attention_dropout = 0;
  bool attention_bias = false, mlp_bias = false, tie_word_embeddings = false;
  RopeConfig rope;
};
void fields(Fields& f, LlamaConfig& c);

/// LlamaForCausalLM: rotary positions, grouped-query heads, RMS norms, gated MLP.
std::unique_ptr<CausalLm> make_llama(const LlamaConfig& config, std::unique_ptr<Parameters> parameters,
                                     std::string text);

}  // namespace gradus
