#pragma once
#include "models/text/decoder.h"

namespace gradus {

/// config.json of model_type "qwen2" (Yang et al. 2024; Qwen 1.5 to 2.5): biases on queries, keys and values; with
/// `use_sliding_window`, windows from layer `max_window_layers` on. Qwen2ForCausalLM.
struct Qwen2Config : DecoderConfig {
  int64_t sliding_window = 4096, max_window_layers = 28;
  bool use_sliding_window = false;
  std::vector<std::string> layer_types;
  Qwen2Config();
};
void fields(Fields& f, Qwen2Config& c);

/// "qwen3" (Yang et al. 2025): RMS norms of each head's queries and keys instead of the biases. Qwen3ForCausalLM.
struct Qwen3Config : Qwen2Config {
  Qwen3Config();
};
void fields(Fields& f, Qwen3Config& c);

}  // namespace gradus
