#include "models/text/llama.h"

#include "models/text/rope_fields.h"

namespace gradus {

void fields(Fields& f, LlamaConfig& c) {
  decoder_fields(f, c, {.qkv_bias = "attention_bias", .o_bias_too = true, .mlp_bias = "mlp_bias"});
  c.ropes = {rope_fields(f, {c.head_dim, c.max_position_embeddings})};
  finish_decoder(f, c, {});
}

MistralConfig::MistralConfig() {
  intermediate_size = 14336;
  num_key_value_heads = 8;
  max_position_embeddings = 4096 * 32;
}

void fields(Fields& f, MistralConfig& c) {
  decoder_fields(f, c, {});
  f.integer_or_off("sliding_window", c.sliding_window, {.min = 1});
  c.ropes = {rope_fields(f, {c.head_dim, c.max_position_embeddings})};
  finish_decoder(f, c, {.window = c.sliding_window});
}

SmolLm3Config::SmolLm3Config() {
  vocab_size = 128256;
  hidden_size = 2048;
  num_hidden_layers = 36;
  num_attention_heads = 16;
  num_key_value_heads = 4;
  max_position_embeddings = 32768;
  pad_token_id = 128004;
  tie_word_embeddings = true;
}

void fields(Fields& f, SmolLm3Config& c) {
  decoder_fields(f, c, {.qkv_bias = "attention_bias", .o_bias_too = true, .mlp_bias = "mlp_bias"});
  c.ropes = {rope_fields(f, {c.head_dim, c.max_position_embeddings, 2e6})};
  f.flag("use_sliding_window", c.use_sliding_window);
  f.optional_integer("sliding_window", c.sliding_window, {.min = 1});
  f.integer("no_rope_layer_interval", c.no_rope_layer_interval, {.min = 1});
  f.integers("no_rope_layers", c.no_rope_layers);
  const auto count = static_cast<size_t>(c.num_hidden_layers);
  if (!f.has("no_rope_layers"))  // every fourth has none
    for (int64_t i = 0; i < c.num_hidden_layers; ++i)
      c.no_rope_layers.push_back((i + 1) % c.no_rope_layer_interval != 0);
  if (c.no_rope_layers.size() < count)
    f.refuse("no_rope_layers", "must have an entry for each of the " + std::to_string(count) + " layers");
  if (!f.has("layer_types"))  // the layers without positions slide
    for (size_t i = 0; i < count; ++i)
      c.layer_types.emplace_back(c.use_sliding_window && c.sliding_window > 0 && c.no_rope_layers[i] == 0
                                     ? "sliding_attention"
                                     : "full_attention");
  layer_type_fields(f, c, c.layer_types, c.sliding_window);
  for (size_t i = 0; i < count; ++i)
    if (c.no_rope_layers[i] == 0) c.layers[i].rope = -1;
  finish_decoder(f, c, {});
}

}  // namespace gradus
