#include "nn/parametrization.h"

#include <cmath>

#include "base/error.h"

namespace gradus {

Parametrization parametrization_named(const std::string& name) {
  if (name == "standard") return Parametrization::standard;
  if (name == "ntk") return Parametrization::ntk;
  if (name == "mup") return Parametrization::mup;
  throw ValueError("parametrization", "there is no parametrization \"" + name + "\".", "there are standard, ntk, mup.");
}

WidthScaling width_scaling(Parametrization p, WeightRole role, double m) {
  if (!(m > 0)) throw ValueError("parametrization", "the ratio of widths must be positive.");
  const bool hidden = role == WeightRole::hidden, output = role == WeightRole::output;
  WidthScaling s;
  if (p == Parametrization::ntk && (hidden || output)) s.multiplier = 1 / std::sqrt(m);
  if (p == Parametrization::mup && hidden) s.init = 1 / std::sqrt(m), s.learning_rate = 1 / m;
  if (p == Parametrization::mup && output) s.multiplier = 1 / m;
  return s;
}

double attention_scale(Parametrization p, double head_dim, double base_head_dim) {
  return p == Parametrization::mup ? std::sqrt(base_head_dim) / head_dim : 1 / std::sqrt(head_dim);
}

}  // namespace gradus
