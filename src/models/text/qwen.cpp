#include "models/text/qwen.h"

#include "models/text/rope_fields.h"

namespace gradus {

Qwen2Config::Qwen2Config() {
  vocab_size = 151936;
  intermediate_size = 22016;
  num_key_value_heads = 32;
  max_position_embeddings = 32768;
  qkv_bias = true;
}

Qwen3Config::Qwen3Config() {
  head_dim = 128;
  qkv_bias = false;
  head_norms = true;
}

static void window_fields(Fields& f, Qwen2Config& c) {
  c.ropes = {rope_fields(f, {c.head_dim, c.max_position_embeddings})};
  f.flag("use_sliding_window", c.use_sliding_window);
  f.integer_or_off("sliding_window", c.sliding_window, {.min = 1});
  f.integer("max_window_layers", c.max_window_layers, {.min = 0});
  if (!c.use_sliding_window) c.sliding_window = 0;
  if (!f.has("layer_types"))
    for (int64_t i = 0; i < c.num_hidden_layers; ++i)
      c.layer_types.emplace_back(c.sliding_window > 0 && i >= c.max_window_layers ? "sliding_attention"
                                                                                  : "full_attention");
  layer_type_fields(f, c, c.layer_types, c.sliding_window);
  finish_decoder(f, c, {});
}

void fields(Fields& f, Qwen2Config& c) {
  decoder_fields(f, c, {});
  window_fields(f, c);
}

void fields(Fields& f, Qwen3Config& c) {
  decoder_fields(f, c, {.qkv_bias = "attention_bias", .o_bias_too = true});
  window_fields(f, c);
}

}  // namespace gradus
