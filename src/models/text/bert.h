#pragma once
#include "models/fields.h"
#include "models/heads.h"
#include "models/model.h"
#include "models/text/head_losses.h"

namespace gradus {

/// config.json of model_type "bert" (Devlin et al. 2018), with Hugging Face's names and defaults.
struct BertConfig {
  int64_t vocab_size = 30522, hidden_size = 768, num_hidden_layers = 12, num_attention_heads = 12;
  int64_t intermediate_size = 3072, max_position_embeddings = 512, type_vocab_size = 2;
  int64_t pad_token_id = 0;  ///< -1: none
  std::string hidden_act = "gelu";
  double hidden_dropout_prob = 0.1, attention_probs_dropout_prob = 0.1;
  double classifier_dropout = -1;  ///< < 0: hidden_dropout_prob
  double initializer_range = 0.02, layer_norm_eps = 1e-12;
  bool tie_word_embeddings = true;
  Labelling labelling;
};
void fields(Fields& f, BertConfig& c);

/// model_type "roberta" (Liu et al. 2019): BERT with positions counted from pad_token_id + 1 and heads of its own.
struct RobertaConfig : BertConfig {
  RobertaConfig() { vocab_size = 50265, pad_token_id = 1; }
};
void fields(Fields& f, RobertaConfig& c);

/// model_type "distilbert" (Sanh et al. 2019): BERT without segments and pooler.
struct DistilBertConfig {
  int64_t vocab_size = 30522, max_position_embeddings = 512, n_layers = 6, n_heads = 12, dim = 768, hidden_dim = 3072;
  int64_t pad_token_id = 0;  ///< -1: none
  std::string activation = "gelu";
  double dropout = 0.1, attention_dropout = 0.1, qa_dropout = 0.1, seq_classif_dropout = 0.2;
  double initializer_range = 0.02;
  bool sinusoidal_pos_embds = false, tie_word_embeddings = true;
  Labelling labelling;
};
void fields(Fields& f, DistilBertConfig& c);

std::unique_ptr<Model> make_bert(const BertConfig& config, Head head, std::shared_ptr<Parameters> parameters,
                                 std::string text);
std::unique_ptr<Model> make_roberta(const RobertaConfig& config, Head head, std::shared_ptr<Parameters> parameters,
                                    std::string text);
std::unique_ptr<Model> make_distilbert(const DistilBertConfig& config, Head head,
                                       std::shared_ptr<Parameters> parameters, std::string text);

}  // namespace gradus
