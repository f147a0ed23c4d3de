#include "nn/position/rope.h"

#include <cmath>

#include "base/error.h"
#include "ops/check.h"
#include "ops/elementwise.h"

namespace gradus {

namespace {

// Llama 3.1: short wavelengths stay, long ones are stretched by `factor`, those between are blended.
float llama3_frequency(float frequency, const RopeConfig& c) {
  const double context = static_cast<double>(c.original_max_position_embeddings);
  const double wavelength = 2 * 3.14159265358979323846 / static_cast<double>(frequency);
  const double low = context / c.low_freq_factor, high = context / c.high_freq_factor;
  if (wavelength < high) return frequency;
  if (wavelength > low) return static_cast<float>(frequency / c.factor);
  const double smooth = (context / wavelength - c.low_freq_factor) / (c.high_freq_factor - c.low_freq_factor);
  return static_cast<float>((1 - smooth) * frequency / c.factor + smooth * frequency);
}

}  // namespace

std::vector<float> rope_frequencies(const RopeConfig& c) {
  std::vector<float> frequencies;
  for (int64_t i = 0; i + 1 < c.dim; i += 2) {
    const float exponent = static_cast<float>(i) / static_cast<float>(c.dim);
    float f = 1.0f / static_cast<float>(std::pow(c.theta, static_cast<double>(exponent)));
    if (c.type == "linear")
      f = static_cast<float>(f / c.factor);
    else if (c.type == "llama3")
      f = llama3_frequency(f, c);
    else if (c.type != "default")
      throw ValueError("rope", "unknown rope type \"" + c.type + "\".", "default, linear or llama3.");
    frequencies.push_back(f);
  }
  return frequencies;
}

RopeTables rope_tables(const RopeConfig& config, const Tensor& positions, Dtype dtype) {
  require_index("rope", positions);
  const std::vector<float> frequencies = rope_frequencies(config);
  Shape shape = positions.shape();
  shape.push_back(static_cast<int64_t>(frequencies.size()));
  if (positions.device() == Device::meta) return {empty(shape, dtype, Device::meta), empty(shape, dtype, Device::meta)};
  const Tensor cos = empty(shape), sin = empty(shape);
  float *c = cos.data<float>(), *s = sin.data<float>();
  for (int64_t position : positions.to_vector<int64_t>())
    for (float f : frequencies) {
      const float angle = static_cast<float>(position) * f;
      *c++ = std::cos(angle);
      *s++ = std::sin(angle);
    }
  return {cast(cos, dtype), cast(sin, dtype)};
}

}  // namespace gradus
