#pragma once
#include "models/text/decoder.h"

namespace gradus {

/// config.json of model_type "gemma" (Gemma team 2024): embeddings times sqrt(hidden_size), norms that multiply by
/// 1 + weight, GeGLU, wide heads. GemmaForCausalLM.
struct GemmaConfig : DecoderConfig {
  GemmaConfig();
};
void fields(Fields& f, GemmaConfig& c);

/// "gemma2": norms on both sides of attention and MLP, capped scores and logits, every other layer a window, scores
/// divided by sqrt(query_pre_attn_scalar). Gemma2ForCausalLM.
struct Gemma2Config : GemmaConfig {
  int64_t sliding_window = 4096;
  double query_pre_attn_scalar = 256;
  std::vector<std::string> layer_types;
  Gemma2Config();
};
void fields(Fields& f, Gemma2Config& c);

/// "gemma3_text": norms of queries and keys instead of capped scores, five windows to one full layer, and rotary bases
/// of their own for the two. Gemma3ForCausalLM.
struct Gemma3Config : Gemma2Config {
  int64_t sliding_window_pattern = 6;
  Gemma3Config();
};
void fields(Fields& f, Gemma3Config& c);

}  // namespace gradus
