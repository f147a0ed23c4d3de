#pragma once
#include "models/fields.h"
#include "models/heads.h"
#include "models/model.h"
#include "models/text/head_losses.h"
#include "nn/position/rope.h"

namespace gradus {

/// config.json of model_type "modernbert" (Warner et al. 2024), with Hugging Face's names and defaults. Layers see
/// everything or a window by `layer_types` (older: every global_attn_every_n_layers-th sees everything), each kind with
/// rotary settings of its own under `rope_parameters` (older: global_rope_theta, local_rope_theta).
struct ModernBertConfig {
  int64_t vocab_size = 50368, hidden_size = 768, intermediate_size = 1152, num_hidden_layers = 22;
  int64_t num_attention_heads = 12, max_position_embeddings = 8192, local_attention = 128;
  int64_t pad_token_id = 50283;  ///< -1: none
  std::string hidden_activation = "gelu", classifier_activation = "gelu", classifier_pooling = "cls";
  double norm_eps = 1e-5, initializer_range = 0.02;
  double embedding_dropout = 0, attention_dropout = 0, mlp_dropout = 0, classifier_dropout = 0;
  bool norm_bias = false, attention_bias = false, mlp_bias = false, decoder_bias = true, classifier_bias = false;
  bool sparse_prediction = false, tie_word_embeddings = true;
  int64_t sparse_pred_ignore_index = -100;
  std::vector<std::string> layer_types;
  RopeConfig global_rope, local_rope;
  Labelling labelling;
};
void fields(Fields& f, ModernBertConfig& c);

std::unique_ptr<Model> make_modernbert(const ModernBertConfig& config, Head head,
                                       std::shared_ptr<Parameters> parameters, std::string text);

}  // namespace gradus
