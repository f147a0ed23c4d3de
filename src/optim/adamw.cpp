#include "optim/adamw.h"

#include <algorithm>
#include <cmath>

#include "autograd/autograd.h"
#include "base/error.h"
#include "kernels/table.h"
#include "ops/create.h"
#include "ops/shape.h"

namespace gradus {

std::vector<ParameterRule> undecayed_biases_and_norms() {
  return {{"*bias"}, {"*norm.weight"}, {"*ln_*.weight"}, {"*resweight_*"}};
}

AdamW::AdamW(const Parameters& parameters, const Options& options) : options_(options) {
  const auto in_unit = [](const char* name, double value) {
    if (!(value >= 0 && value < 1))
      throw ValueError("adamw", std::string(name) + " must lie in [0, 1), got " + std::to_string(value) + ".");
  };
  in_unit("beta1", options.beta1);
  in_unit("beta2", options.beta2);
  for (const Parameter& p : parameters.all()) {
    if (!requires_grad(p.value)) continue;
    const Dtype dtype = accumulator_of(p.value.dtype());
    Slot slot{p.name,
              p.value,
              zeros(p.value.shape(), dtype, p.value.device()),
              zeros(p.value.shape(), dtype, p.value.device()),
              options.weight_decay,
              p.learning_rate_scale};
    for (const ParameterRule& rule : options.rules)
      if (matches_pattern(p.name, rule.pattern)) {
        slot.weight_decay = rule.weight_decay, slot.scale *= rule.learning_rate_scale;
        break;
      }
    slots_.push_back(std::move(slot));
  }
  if (slots_.empty()) throw ValueError("adamw", "no parameter is trainable.");
}

void AdamW::step(double learning_rate, double gradient_scale) {
  ++steps_;
  for (const Slot& s : slots_) {
    const Tensor grad = grad_of(s.value);
    if (!grad.defined()) continue;
    kernels(s.value.device())
        .adamw({s.value, contiguous(grad.detach()), s.m, s.v, learning_rate * s.scale, options_.beta1, options_.beta2,
                options_.eps, s.weight_decay, gradient_scale, steps_});
    s.value.bump_version();
  }
}

std::vector<std::pair<std::string, Tensor>> AdamW::state() const {
  std::vector<std::pair<std::string, Tensor>> all;
  for (const Slot& s : slots_) {
    all.emplace_back(s.name + ".exp_avg", s.m);
    all.emplace_back(s.name + ".exp_avg_sq", s.v);
  }
  all.emplace_back("step", from_vector(std::vector<int64_t>{steps_}));
  return all;
}

void AdamW::load_state(const std::vector<std::pair<std::string, Tensor>>& state) {
  const auto find = [&](const std::string& name) {
    for (const auto& [key, value] : state)
      if (key == name) return value;
    throw ValueError("adamw", "the stored state has no \"" + name + "\".",
                     "it belongs to another model, or to other trainable parameters.");
  };
  const auto copy = [&](const std::string& name, const Tensor& to) {
    const Tensor from = find(name);
    if (!(from.shape() == to.shape()) || from.dtype() != to.dtype())
      throw ValueError(
          "adamw", "the stored state's \"" + name + "\" is " + from.describe() + ", expected " + to.describe() + ".");
    kernels(to.device()).copy({from, to});
  };
  for (const Slot& s : slots_) {
    copy(s.name + ".exp_avg", s.m);
    copy(s.name + ".exp_avg_sq", s.v);
  }
  steps_ = static_cast<int64_t>(find("step").item());
}

double gradient_norm(const Parameters& parameters) {
  double total = 0;
  const Tensor result = empty({1}, Dtype::f64);
  for (const Parameter& p : parameters.all()) {
    const Tensor grad = grad_of(p.value);
    if (!grad.defined()) continue;
    kernels(grad.device()).sum_squares({contiguous(grad.detach()), result});
    total += result.item();
  }
  return std::sqrt(total);
}

double clip_factor(double norm, double most) { return most <= 0 ? 1 : std::min(1.0, most / (norm + 1e-6)); }

}  // namespace gradus
