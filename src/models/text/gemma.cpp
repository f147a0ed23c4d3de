#include "models/text/gemma.h"

#include <cmath>

#include "models/text/rope_fields.h"

namespace gradus {

GemmaConfig::GemmaConfig() {
  vocab_size = 256000;
  hidden_size = 3072;
  intermediate_size = 24576;
  num_hidden_layers = 28;
  num_attention_heads = num_key_value_heads = 16;
  head_dim = 256;
  hidden_act = "gelu_pytorch_tanh";
  max_position_embeddings = 8192;
  pad_token_id = 0;
  tie_word_embeddings = true;
  norms_from_one = scale_embeddings = true;
}

Gemma2Config::Gemma2Config() {
  hidden_size = 2304;
  intermediate_size = 9216;
  num_hidden_layers = 26;
  num_attention_heads = 8;
  num_key_value_heads = 4;
  norms_around = true;
  attention_softcap = 50;
  final_softcap = 30;
}

Gemma3Config::Gemma3Config() {
  vocab_size = 262208;
  max_position_embeddings = 131072;
  head_norms = true;
  attention_softcap = final_softcap = 0;
}

void fields(Fields& f, GemmaConfig& c) {
  decoder_fields(f, c, {.qkv_bias = "attention_bias", .o_bias_too = true});
  if (c.hidden_act == "gelu") c.hidden_act = "gelu_pytorch_tanh";  // what the first releases meant by it
  f.fixed("use_bidirectional_attention", false);
  c.ropes = {rope_fields(f, {c.head_dim, c.max_position_embeddings})};
  finish_decoder(f, c, {});
}

// What Gemma 2 and 3 share, without their positions.
static void gemma2_fields(Fields& f, Gemma2Config& c) {
  decoder_fields(f, c, {.act = "hidden_activation", .qkv_bias = "attention_bias", .o_bias_too = true});
  f.fixed("use_bidirectional_attention", false);
  f.number("query_pre_attn_scalar", c.query_pre_attn_scalar, {.min = 1e-9});
  c.attention_scale = 1 / std::sqrt(c.query_pre_attn_scalar);
  f.integer_or_off("sliding_window", c.sliding_window, {.min = 1});
  f.number_or_off("final_logit_softcapping", c.final_softcap, {.min = 0});
  f.number_or_off("attn_logit_softcapping", c.attention_softcap, {.min = 0});
}

// Without `layer_types` every `pattern`-th layer is a full one.
static void pattern_fields(Fields& f, Gemma2Config& c, int64_t pattern) {
  if (!f.has("layer_types"))
    for (int64_t i = 0; i < c.num_hidden_layers; ++i)
      c.layer_types.emplace_back((i + 1) % pattern != 0 ? "sliding_attention" : "full_attention");
  layer_type_fields(f, c, c.layer_types, c.sliding_window);
  finish_decoder(f, c, {});
}

void fields(Fields& f, Gemma2Config& c) {
  gemma2_fields(f, c);
  c.ropes = {rope_fields(f, {c.head_dim, c.max_position_embeddings})};
  pattern_fields(f, c, 2);
}

void fields(Fields& f, Gemma3Config& c) {
  gemma2_fields(f, c);
  c.attention_softcap = 0;  // transformers reads attn_logit_softcapping and computes without it
  const LayeredRope ropes = layered_rope_fields(f, {c.head_dim, c.max_position_embeddings, 1e6},
                                                {c.head_dim, c.max_position_embeddings, 1e4});
  c.ropes = {ropes.full, ropes.sliding};
  f.optional_integer("sliding_window_pattern", c.sliding_window_pattern, {.min = 1});
  pattern_fields(f, c, c.sliding_window_pattern);
  for (DecoderLayerKind& layer : c.layers) layer.rope = layer.window > 0 ? 1 : 0;
}

}  // namespace gradus
