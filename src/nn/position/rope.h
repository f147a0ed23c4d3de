#pragma once
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace gradus {

/// Rotary frequencies and how they are stretched for longer contexts, by Hugging Face's `rope_type`:
/// default (Su et al. 2021), linear (Chen et al. 2023), dynamic (NTK-aware), yarn (Peng et al. 2023), longrope (Ding et
/// al. 2024) and llama3.
struct RopeConfig {
  std::string type = "default";
  double theta = 10000;
  int64_t dim = 0;                                   ///< entries of a head that rotate
  double factor = 1;                                 ///< how much longer the context is; all types but default
  int64_t max_position_embeddings = 2048;            ///< dynamic: only a longer text changes the frequencies
  int64_t original_max_position_embeddings = 8192;   ///< yarn, longrope, llama3
  double low_freq_factor = 1, high_freq_factor = 4;  ///< llama3
  double beta_fast = 32, beta_slow = 1;              ///< yarn: turns within the original context, where the ramp ends
  bool truncate = true;                              ///< yarn: the ramp ends at whole entries
  double attention_factor = 1;                       ///< on cos and sin; yarn, longrope
  std::vector<double> short_factor, long_factor;     ///< longrope: one divisor a frequency
};

/// One frequency a pair, ceil(dim/2) of them, in f32 as the reference computes them, for a text of `length` positions
/// (dynamic and longrope ask; 0: short). Throws ValueError for an unknown type.
std::vector<float> rope_frequencies(const RopeConfig& config, int64_t length = 0);

/// From which length on all frequencies are others, so that rotated keys of a shorter text are of no more use; 0:
/// never.
int64_t rope_changes_at(const RopeConfig& config);

struct RopeTables {
  Tensor cos, sin;  ///< (B or 1, T, ceil(dim/2))
};
/// cos and sin of position times frequency, times the attention factor. positions (B or 1, T) i32 or i64; the text is
/// at least as long as they say, and at least `length`. Angles are f32 for every dtype, as the reference has them.
RopeTables rope_tables(const RopeConfig& config, const Tensor& positions, Dtype dtype, int64_t length = 0);

}  // namespace gradus
