#pragma once
#include "models/fields.h"
#include "models/heads.h"
#include "models/model.h"
#include "models/text/head_losses.h"

namespace gradus {

/// config.json of model_type "t5" (Raffel et al. 2020), with Hugging Face's names and defaults.
struct T5Config {
  int64_t vocab_size = 32128, d_model = 512, d_kv = 64, d_ff = 2048;
  int64_t num_layers = 6, num_decoder_layers = 6, num_heads = 8;
  int64_t relative_attention_num_buckets = 32, relative_attention_max_distance = 128;
  int64_t pad_token_id = 0, eos_token_id = 1, decoder_start_token_id = -1;  ///< -1: none
  std::string feed_forward_proj = "relu";                                   ///< an activation, or gated-<activation>
  double dropout_rate = 0.1, classifier_dropout = 0, layer_norm_epsilon = 1e-6, initializer_factor = 1;
  bool scale_decoder_outputs = true;  ///< by d_model^-0.5; version 1.1, whose files say they are not tied, does not
  Labelling labelling;
};
void fields(Fields& f, T5Config& c);

/// Pre-norm blocks with RMS norms, scores without 1/sqrt(d) and with a learned bias by bucket of distance.
std::unique_ptr<Model> make_t5(const T5Config& config, Head head, std::shared_ptr<Parameters> parameters,
                               std::string text);

/// The bucket of the distance key - query: exact ones for short distances, then logarithmic ones up to `max_distance`,
/// the last for all beyond; in f32 as the reference has it. Bidirectional: half of them for keys behind the query;
/// else such keys share bucket 0. Raffel et al. 2020, section 2.1.
int64_t relative_position_bucket(int64_t distance, bool bidirectional, int64_t buckets, int64_t max_distance);

}  // namespace gradus
