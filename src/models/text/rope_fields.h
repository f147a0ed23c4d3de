#pragma once
#include "models/fields.h"
#include "nn/position/rope.h"

namespace gradus {

/// What a family knows about its rotary settings before the configuration is read.
struct RopeDefaults {
  int64_t head_dim = 0, max_positions = 0;
  double theta = 10000;
  bool phi3 = false;  ///< heads may turn in part, and "yarn" once meant longrope
};

/// Reads rotary settings in both of Hugging Face's spellings: `rope_theta`, `partial_rotary_factor` and
/// `rope_scaling`, and (transformers 5) everything under `rope_parameters`. An `original_max_position_embeddings`
/// beside them goes before the one inside, as transformers has it.
RopeConfig rope_fields(Fields& f, const RopeDefaults& defaults);

/// Two of them, as in Gemma 3: `rope_parameters` with an object for `full_attention` and one for `sliding_attention`,
/// or the old `rope_theta` and `rope_scaling` for the former and `rope_local_base_freq` for the latter.
struct LayeredRope {
  RopeConfig full, sliding;
};
LayeredRope layered_rope_fields(Fields& f, const RopeDefaults& full, const RopeDefaults& sliding);

}  // namespace gradus
