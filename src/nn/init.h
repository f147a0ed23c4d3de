#pragma once
#include <cstdint>
#include <string>

#include "base/random.h"
#include "tensor/tensor.h"

namespace gradus {

/// How a parameter starts when no checkpoint gives it.
struct Init {
  enum Kind : uint8_t { constant, normal, uniform, truncated_normal, orthogonal } kind = constant;
  /// constant: value a; normal: mean a, deviation b; uniform: [a, b); truncated_normal: cut at a deviations of the
  /// normal distribution, whose deviation is b; orthogonal: gain a.
  double a = 0, b = 0;
  /// Factor of the learning rate of this parameter (see width_scaling() in nn/parametrization.h).
  double learning_rate_scale = 1;

  static Init zeros() { return {constant, 0, 0}; }
  static Init ones() { return {constant, 1, 0}; }
  static Init normal_of(double deviation) { return {normal, 0, deviation}; }
  static Init uniform_of(double bound) { return {uniform, -bound, bound}; }
  /// The same distribution, `factor` times as wide.
  Init times(double factor) const;
};

/// The deviation of what makes it: 0 for a constant, and for an orthogonal matrix (r, c) gain / sqrt(max(r, c)).
double deviation_of(const Init& init, const Shape& shape);

/// Numbers drawn by `init`; element i of the stream `key` decides element i, whatever the number of threads. An
/// orthogonal weight is seen as a matrix of its first axis by all others (Saxe et al. 2014): rows or columns,
/// whichever are fewer, are orthonormal, times the gain. Throws ShapeError when it has fewer than two axes.
Tensor initial_value(const Shape& shape, const Init& init, RandomKey key, Dtype dtype = Dtype::f32,
                     Device device = Device::cpu);

/// What a normal distribution cut at +-`cut` deviations keeps of its deviation: sqrt(1 - 2c phi(c) / (2 Phi(c) - 1)),
/// 0.87962566 for 2. Throws ValueError unless cut > 0.
double truncated_deviation(double cut);
/// Truncated at +-`cut` deviations of the uncut distribution, which is widened so that `deviation` is that of the
/// numbers drawn (as in JAX and TensorFlow).
Init truncated_normal(double deviation, double cut = 2);
/// The same without the correction: the deviation drawn is truncated_deviation(cut) times smaller. This is
/// torch.nn.init.trunc_normal_ with a, b = -+cut deviation.
Init truncated_normal_uncorrected(double deviation, double cut = 2);

/// Numbers that flow into and out of a unit.
struct Fans {
  double in = 1, out = 1;
};
/// Of a weight (out, in, *kernel), as Linear and Conv have it. Throws ShapeError for fewer than two axes.
Fans fans_of(const Shape& weight);

/// By which factor a weight must be wider to make up for what a nonlinearity takes from the variance, by PyTorch's
/// names (torch.nn.init.calculate_gain): linear, sigmoid 1; tanh 5/3; relu sqrt 2; leaky_relu sqrt(2 / (1 + slope^2));
/// selu 3/4. Beyond these, from E[phi(z)^2] = 1/gain^2 for z ~ N(0, 1): gelu, gelu_new, silu.
/// Throws ValueError listing them for any other.
double init_gain(const std::string& nonlinearity, double slope = 0.01);

// Weights whose variance is a function of the fans. Gains as of init_gain().

Init lecun_normal(Fans fans);                                  ///< variance 1/in (LeCun et al. 1998)
Init lecun_uniform(Fans fans);                                 ///< the same in +-sqrt(3/in)
Init glorot_normal(Fans fans, double gain = 1);                ///< variance gain^2 2/(in + out) (Glorot & Bengio 2010)
Init glorot_uniform(Fans fans, double gain = 1);               ///< the same in +-gain sqrt(6/(in + out)) (eq. 16)
Init he_normal(Fans fans, double gain = 1.4142135623730951);   ///< variance gain^2/in (He et al. 2015, eq. 10)
Init he_uniform(Fans fans, double gain = 1.4142135623730951);  ///< the same in +-gain sqrt(3/in)
Init orthogonal(double gain = 1);

/// By name: lecun_normal, lecun_uniform, glorot_normal, glorot_uniform, he_normal, he_uniform, orthogonal. A gain is
/// that of the branch; LeCun's takes it too. Throws ValueError listing them for any other.
Init init_named(const std::string& name, Fans fans, double gain = 1);

// Transformers.

/// GPT-2's residual projections: deviation / sqrt(2 layers), for the 2 `layers` branches that are added up (Radford et
/// al. 2019, section 2.3).
Init gpt2_residual(double deviation, int64_t layers);

/// T5's deviations (Raffel et al. 2020; Mesh TensorFlow): queries carry the 1/sqrt(d_kv) that its attention lacks.
struct T5Deviations {
  double query, key_value, attention_out, feed_forward_in, feed_forward_out, embedding;
};
T5Deviations t5_deviations(int64_t d_model, int64_t d_kv, int64_t heads, int64_t d_ff);

/// DeepNorm, x <- N(alpha x + F(x)), for a decoder (Wang et al. 2022, table 1): alpha = (2L)^(1/4) and beta =
/// (8L)^(-1/4), the gain of the Glorot weights of values, output projection and feed-forward.
struct DeepNormConstants {
  double alpha, beta;
};
DeepNormConstants deepnorm_constants(int64_t layers);

}  // namespace gradus
