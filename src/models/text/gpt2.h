#pragma once
#include "models/fields.h"
#include "models/model.h"

namespace gradus {

/// config.json of model_type "gpt2" (Radford et al. 2019), with Hugging Face's names and defaults.
struct Gpt2Config {
  int64_t vocab_size = 50257, n_positions = 1024, n_embd = 768, n_layer = 12, n_head = 12;
  int64_t n_inner = 0;  ///< 0: 4 n_embd
  std::string activation_function = "gelu_new";
  double layer_norm_epsilon = 1e-5, initializer_range = 0.02;
  double resid_pdrop = 0.1, embd_pdrop = 0.1, attn_pdrop = 0.1;
  bool scale_attn_weights = true, scale_attn_by_inverse_layer_idx = false, tie_word_embeddings = true;
};
void fields(Fields& f, Gpt2Config& c);

/// GPT2LMHeadModel: learned positions, pre-norm blocks, one fused projection for queries, keys and values.
std::unique_ptr<CausalLm> make_gpt2(const Gpt2Config& config, std::shared_ptr<Parameters> parameters, std::string text);

}  // namespace gradus
