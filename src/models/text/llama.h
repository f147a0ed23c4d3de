#pragma once
#include "models/text/decoder.h"

namespace gradus {

/// config.json of model_type "llama" (Touvron et al. 2023; Llama 1 to 3, SmolLM2), with Hugging Face's names and
/// defaults: LlamaForCausalLM.
struct LlamaConfig : DecoderConfig {};
void fields(Fields& f, LlamaConfig& c);

/// "mistral" (Jiang et al. 2023): every layer looks back through `sliding_window`. MistralForCausalLM.
struct MistralConfig : DecoderConfig {
  int64_t sliding_window = 4096;
  MistralConfig();
};
void fields(Fields& f, MistralConfig& c);

/// "smollm3": some layers have no positions. SmolLM3ForCausalLM.
struct SmolLm3Config : DecoderConfig {
  int64_t sliding_window = 0, no_rope_layer_interval = 4;
  bool use_sliding_window = false;
  std::vector<int64_t> no_rope_layers;  ///< 1: the layer turns queries and keys
  std::vector<std::string> layer_types;
  SmolLm3Config();
};
void fields(Fields& f, SmolLm3Config& c);

}  // namespace gradus
