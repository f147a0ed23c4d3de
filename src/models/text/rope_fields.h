#pragma once
#include "models/fields.h"
#include "nn/position/rope.h"

namespace gradus {

/// Reads rotary settings in both of Hugging Face's spellings: `rope_theta` with `rope_scaling`, and (transformers 5)
/// everything under `rope_parameters`.
void rope_fields(Fields& f, RopeConfig& rope, int64_t head_dim, int64_t max_positions);

}  // namespace gradus
