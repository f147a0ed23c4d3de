#include "nn/init.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "autograd/autograd.h"
#include "base/error.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/linalg.h"
#include "ops/math.h"
#include "ops/shape.h"

namespace gradus {

namespace {

// sqrt(2) erfinv(u) for u uniform between the truncated ends: what lies outside is never drawn.
Tensor truncated_value(const Shape& shape, const Init& init, RandomKey key, Dtype dtype, Device device) {
  const Dtype wide = accumulator_of(dtype);
  const double end = std::erf(init.a / std::numbers::sqrt2);
  const Tensor u = random_uniform(shape, key, -end, end, wide, device);
  const Tensor z = mul(erfinv(u), std::numbers::sqrt2);
  // the last unit of u in f32 may lie a hair outside
  return cast(mul(minimum(maximum(z, -init.a), init.a), init.b), dtype);
}

// Q of a normal matrix's Q R, columns turned so that R's diagonal is positive: uniform among orthogonal matrices.
Tensor orthogonal_value(const Shape& shape, const Init& init, RandomKey key, Dtype dtype, Device device) {
  if (shape.rank() < 2) throw ShapeError("init", "an orthogonal weight needs two axes, got " + shape.str() + ".");
  const int64_t rows = shape[0];
  if (shape.count() == 0 || device != Device::cpu) return empty(shape, dtype, device);
  const int64_t columns = shape.count() / rows, large = std::max(rows, columns), small = std::min(rows, columns);
  const Qr f = qr(random_normal({large, small}, key, 0, 1, accumulator_of(dtype)));
  const Tensor turns = sign(diagonal(f.r));  // (small)
  Tensor q = mul(mul(f.q, turns), init.a);
  if (rows < columns) q = transpose(q);
  return contiguous(cast(reshape(q, shape), dtype));
}

Init scaled_uniform(double deviation) { return Init::uniform_of(std::sqrt(3.0) * deviation); }
double glorot_deviation(Fans fans, double gain) { return gain * std::sqrt(2 / (fans.in + fans.out)); }

}  // namespace

Init Init::times(double factor) const {
  Init scaled = *this;
  if (kind == truncated_normal) {
    scaled.b *= factor;
  } else {
    scaled.a *= factor;
    scaled.b *= factor;
  }
  return scaled;
}

double deviation_of(const Init& init, const Shape& shape) {
  switch (init.kind) {
    case Init::normal: return init.b;
    case Init::uniform: return (init.b - init.a) / std::sqrt(12.0);
    case Init::truncated_normal: return init.b * truncated_deviation(init.a);
    case Init::orthogonal: {
      const auto rows = static_cast<double>(shape.rank() > 0 ? shape[0] : 1);
      const double columns = static_cast<double>(shape.count()) / std::max(rows, 1.0);
      return init.a / std::sqrt(std::max({rows, columns, 1.0}));
    }
    case Init::constant: break;
  }
  return 0;
}

Tensor initial_value(const Shape& shape, const Init& init, RandomKey key, Dtype dtype, Device device) {
  const NoGrad off;
  switch (init.kind) {
    case Init::normal: return random_normal(shape, key, init.a, init.b, dtype, device);
    case Init::uniform: return random_uniform(shape, key, init.a, init.b, dtype, device);
    case Init::truncated_normal: return truncated_value(shape, init, key, dtype, device);
    case Init::orthogonal: return orthogonal_value(shape, init, key, dtype, device);
    case Init::constant: break;
  }
  return full(shape, init.a, dtype, device);
}

double truncated_deviation(double cut) {
  if (!(cut > 0))
    throw ValueError("init", "a normal distribution is cut above 0 deviations, got " + std::to_string(cut) + ".");
  const double density = std::exp(-cut * cut / 2) / std::sqrt(2 * std::numbers::pi);
  const double inside = std::erf(cut / std::numbers::sqrt2);
  return std::sqrt(1 - 2 * cut * density / inside);
}

Init truncated_normal(double deviation, double cut) {
  return {Init::truncated_normal, cut, deviation / truncated_deviation(cut)};
}
Init truncated_normal_uncorrected(double deviation, double cut) {
  truncated_deviation(cut);  // checks it
  return {Init::truncated_normal, cut, deviation};
}

Fans fans_of(const Shape& weight) {
  if (weight.rank() < 2) throw ShapeError("init", "a weight has fans from two axes on, got " + weight.str() + ".");
  double kernel = 1;
  for (int i = 2; i < weight.rank(); ++i) kernel *= static_cast<double>(weight[i]);
  return {static_cast<double>(weight[1]) * kernel, static_cast<double>(weight[0]) * kernel};
}

double init_gain(const std::string& nonlinearity, double slope) {
  struct Named {
    const char* name;
    double gain;
  };
  // The last four are 1/sqrt(E[phi(z)^2]), by quadrature.
  const Named gains[] = {{"linear", 1},
                         {"identity", 1},
                         {"sigmoid", 1},
                         {"tanh", 5.0 / 3},
                         {"relu", std::numbers::sqrt2},
                         {"leaky_relu", std::sqrt(2 / (1 + slope * slope))},
                         {"selu", 0.75},
                         {"gelu", 1.5335304411956476},
                         {"gelu_new", 1.5335805216662612},
                         {"silu", 1.6765324703311668},
                         {"swish", 1.6765324703311668}};
  std::string names;
  for (const Named& g : gains) {
    if (nonlinearity == g.name) return g.gain;
    names += (names.empty() ? "" : ", ") + std::string(g.name);
  }
  throw ValueError("init", "there is no gain for \"" + nonlinearity + "\".", "there are " + names + ".");
}

Init lecun_normal(Fans fans) { return Init::normal_of(std::sqrt(1 / fans.in)); }
Init lecun_uniform(Fans fans) { return scaled_uniform(std::sqrt(1 / fans.in)); }
Init glorot_normal(Fans fans, double gain) { return Init::normal_of(glorot_deviation(fans, gain)); }
Init glorot_uniform(Fans fans, double gain) { return scaled_uniform(glorot_deviation(fans, gain)); }
Init he_normal(Fans fans, double gain) { return Init::normal_of(gain / std::sqrt(fans.in)); }
Init he_uniform(Fans fans, double gain) { return scaled_uniform(gain / std::sqrt(fans.in)); }
Init orthogonal(double gain) { return {Init::orthogonal, gain, 0}; }

Init init_named(const std::string& name, Fans fans, double gain) {
  if (name == "lecun_normal") return lecun_normal(fans).times(gain);
  if (name == "lecun_uniform") return lecun_uniform(fans).times(gain);
  if (name == "glorot_normal") return glorot_normal(fans, gain);
  if (name == "glorot_uniform") return glorot_uniform(fans, gain);
  if (name == "he_normal") return he_normal(fans, gain * std::numbers::sqrt2);
  if (name == "he_uniform") return he_uniform(fans, gain * std::numbers::sqrt2);
  if (name == "orthogonal") return orthogonal(gain);
  throw ValueError("init", "there is no initialiser \"" + name + "\".",
                   "there are lecun_normal, lecun_uniform, glorot_normal, glorot_uniform, he_normal, he_uniform, "
                   "orthogonal.");
}

Init gpt2_residual(double deviation, int64_t layers) {
  return Init::normal_of(deviation / std::sqrt(2.0 * static_cast<double>(layers)));
}

T5Deviations t5_deviations(int64_t d_model, int64_t d_kv, int64_t heads, int64_t d_ff) {
  const auto d = static_cast<double>(d_model), dk = static_cast<double>(d_kv);
  return {1 / std::sqrt(d * dk),
          1 / std::sqrt(d),
          1 / std::sqrt(static_cast<double>(heads) * dk),
          1 / std::sqrt(d),
          1 / std::sqrt(static_cast<double>(d_ff)),
          1};
}

DeepNormConstants deepnorm_constants(int64_t layers) {
  const auto n = static_cast<double>(layers);
  return {std::pow(2 * n, 0.25), std::pow(8 * n, -0.25)};
}

}  // namespace gradus
