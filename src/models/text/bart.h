#pragma once
#include "models/fields.h"
#include "models/heads.h"
#include "models/model.h"
#include "models/text/head_losses.h"

namespace gradus {

/// config.json of model_type "bart" (Lewis et al. 2019), with Hugging Face's names and defaults.
struct BartConfig {
  int64_t vocab_size = 50265, max_position_embeddings = 1024, d_model = 1024;
  int64_t encoder_layers = 12, encoder_attention_heads = 16, encoder_ffn_dim = 4096;
  int64_t decoder_layers = 12, decoder_attention_heads = 16, decoder_ffn_dim = 4096;
  int64_t pad_token_id = 1, eos_token_id = 2, decoder_start_token_id = 2;  ///< -1: none
  std::string activation_function = "gelu";
  double dropout = 0.1, attention_dropout = 0, activation_dropout = 0, classifier_dropout = 0, init_std = 0.02;
  bool scale_embedding = false, tie_word_embeddings = true;
  Labelling labelling;
};
void fields(Fields& f, BartConfig& c);

/// config.json of model_type "transformer": the model of Vaswani et al. 2017, with BART's names for its keys and its
/// parameters. Positions are sines and cosines, embeddings are multiplied by sqrt(d_model) and not normed, and the loss
/// is smoothed while training. The defaults are those of the base model of the paper.
struct TransformerConfig : BartConfig {
  double label_smoothing = 0.1;
  TransformerConfig() {
    vocab_size = 37000, max_position_embeddings = 512, d_model = 512;
    encoder_layers = decoder_layers = 6, encoder_attention_heads = decoder_attention_heads = 8;
    encoder_ffn_dim = decoder_ffn_dim = 2048;
    activation_function = "relu", scale_embedding = true;
    pad_token_id = 0, eos_token_id = 1, decoder_start_token_id = 0;
  }
};
void fields(Fields& f, TransformerConfig& c);

std::unique_ptr<Model> make_bart(const BartConfig& config, Head head, std::shared_ptr<Parameters> parameters,
                                 std::string text);
std::unique_ptr<Model> make_transformer(const TransformerConfig& config, Head head,
                                        std::shared_ptr<Parameters> parameters, std::string text);

}  // namespace gradus
