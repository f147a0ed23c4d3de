#pragma once
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace gradus {

/// Rotary frequencies and how they are stretched for longer contexts, by Hugging Face's `rope_type`.
struct RopeConfig {
  std::string type = "default";  ///< default, linear, llama3
  double theta = 10000;
  int64_t dim = 0;                                   ///< entries of a head that rotate, even
  double factor = 1;                                 ///< linear, llama3: how much longer the context is
  double low_freq_factor = 1, high_freq_factor = 4;  ///< llama3
  int64_t original_max_position_embeddings = 8192;   ///< llama3
};

/// One frequency a pair, dim/2 of them, in f32 as the reference computes them:
/// theta^(-2m/dim), divided by `factor` (linear), or only where its wavelength is long (llama3, smoothly).
std::vector<float> rope_frequencies(const RopeConfig& config);

struct RopeTables {
  Tensor cos, sin;  ///< (B or 1, T, dim/2)
};
/// cos and sin of position times frequency. positions (B or 1, T) i32 or i64. Angles are f32 for every dtype, as the
/// reference has them.
RopeTables rope_tables(const RopeConfig& config, const Tensor& positions, Dtype dtype);

}  // namespace gradus
