#pragma once
#include "models/text/decoder.h"

namespace gradus {

/// config.json of model_type "phi3" (Abdin et al. 2024; Phi-3, Phi-3.5 and Phi-4-mini): one projection for queries,
/// keys and values, one for gate and up, heads that turn in part, longrope. Phi3ForCausalLM.
struct Phi3Config : DecoderConfig {
  int64_t sliding_window = 0, original_max_position_embeddings = 4096;
  double embd_pdrop = 0;  ///< read, and like in transformers without effect
  Phi3Config();
};
void fields(Fields& f, Phi3Config& c);

}  // namespace gradus
