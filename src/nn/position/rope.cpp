#include "nn/position/rope.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "ops/check.h"
#include "ops/elementwise.h"

namespace gradus {

namespace {

constexpr double kTwoPi = 2 * 3.14159265358979323846;

// Llama 3.1: short wavelengths stay, long ones are stretched by `factor`, those between are blended.
float llama3_frequency(float frequency, const RopeConfig& c) {
  const double context = static_cast<double>(c.original_max_position_embeddings);
  const double wavelength = kTwoPi / static_cast<double>(frequency);
  const double low = context / c.low_freq_factor, high = context / c.high_freq_factor;
  if (wavelength < high) return frequency;
  if (wavelength > low) return static_cast<float>(frequency / c.factor);
  const double smooth = (context / wavelength - c.low_freq_factor) / (c.high_freq_factor - c.low_freq_factor);
  return static_cast<float>((1 - smooth) * frequency / c.factor + smooth * frequency);
}

// NTK-aware: theta (s L / L0 - (s - 1))^(d / (d - 2)), with L the longer of the text and L0.
double dynamic_theta(const RopeConfig& c, int64_t length) {
  const double context = static_cast<double>(c.max_position_embeddings);
  const double now = std::max(static_cast<double>(length), context), d = static_cast<double>(c.dim);
  return c.theta * std::pow(c.factor * now / context - (c.factor - 1), d / (d - 2));
}

// YaRN, eq. 17 to 23: entry i of the frequencies is kept (0), stretched (1), or between.
class YarnRamp {
 public:
  explicit YarnRamp(const RopeConfig& c) {
    low_ = entry(c, c.beta_fast), high_ = entry(c, c.beta_slow);
    if (c.truncate) low_ = std::floor(low_), high_ = std::ceil(high_);
    low_ = std::max(low_, 0.0), high_ = std::min(high_, static_cast<double>(c.dim) - 1);
    if (low_ == high_) high_ += 0.001;
  }
  float operator()(size_t i) const {
    return std::clamp((static_cast<float>(i) - static_cast<float>(low_)) / static_cast<float>(high_ - low_), 0.0f,
                      1.0f);
  }

 private:
  // the entry whose wave turns so many times within the original context
  static double entry(const RopeConfig& c, double turns) {
    return static_cast<double>(c.dim) *
           std::log(static_cast<double>(c.original_max_position_embeddings) / (turns * kTwoPi)) /
           (2 * std::log(c.theta));
  }
  double low_, high_;
};

}  // namespace

std::vector<float> rope_frequencies(const RopeConfig& c, int64_t length) {
  const double theta = c.type == "dynamic" ? dynamic_theta(c, length) : c.theta;
  std::vector<float> powers, frequencies;
  for (int64_t i = 0; i < c.dim; i += 2) {  // theta^(i/dim), and its inverse
    const float exponent = static_cast<float>(i) / static_cast<float>(c.dim);
    powers.push_back(static_cast<float>(std::pow(theta, static_cast<double>(exponent))));
    frequencies.push_back(1.0f / powers.back());
  }
  if (c.type == "default" || c.type == "dynamic") return frequencies;
  if (c.type == "linear") {
    for (float& f : frequencies) f = static_cast<float>(f / c.factor);
  } else if (c.type == "llama3") {
    for (float& f : frequencies) f = llama3_frequency(f, c);
  } else if (c.type == "yarn") {
    const YarnRamp ramp(c);
    for (size_t i = 0; i < frequencies.size(); ++i) {
      const float stretched = 1.0f / (static_cast<float>(c.factor) * powers[i]), t = ramp(i);
      frequencies[i] = stretched * t + frequencies[i] * (1 - t);
    }
  } else if (c.type == "longrope") {
    const std::vector<double>& by = length > c.original_max_position_embeddings ? c.long_factor : c.short_factor;
    if (by.size() != frequencies.size())
      throw ValueError("rope", "longrope has " + std::to_string(by.size()) + " factors for " +
                                   std::to_string(frequencies.size()) + " frequencies.");
    for (size_t i = 0; i < frequencies.size(); ++i) frequencies[i] = 1.0f / (static_cast<float>(by[i]) * powers[i]);
  } else {
    throw ValueError("rope", "unknown rope type \"" + c.type + "\".",
                     "default, linear, dynamic, yarn, longrope or llama3.");
  }
  return frequencies;
}

int64_t rope_changes_at(const RopeConfig& c) {
  return c.type == "longrope" && c.short_factor != c.long_factor ? c.original_max_position_embeddings + 1 : 0;
}

RopeTables rope_tables(const RopeConfig& config, const Tensor& positions, Dtype dtype, int64_t length) {
  require_index("rope", positions);
  const auto at = positions.device() == Device::meta ? std::vector<int64_t>() : positions.to_vector<int64_t>();
  for (int64_t position : at) length = std::max(length, position + 1);
  const std::vector<float> frequencies = rope_frequencies(config, length);
  Shape shape = positions.shape();
  shape.push_back(static_cast<int64_t>(frequencies.size()));
  if (positions.device() == Device::meta) return {empty(shape, dtype, Device::meta), empty(shape, dtype, Device::meta)};
  const Tensor cos = empty(shape), sin = empty(shape);
  float *c = cos.data<float>(), *s = sin.data<float>();
  const float factor = static_cast<float>(config.attention_factor);
  for (int64_t position : at)
    for (float f : frequencies) {
      const float angle = static_cast<float>(position) * f;
      *c++ = std::cos(angle) * factor;
      *s++ = std::sin(angle) * factor;
    }
  return {cast(cos, dtype), cast(sin, dtype)};
}

}  // namespace gradus
