#include "optim/optimizer.h"

#include <algorithm>
#include <cmath>

#include "autograd/autograd.h"
#include "base/error.h"
#include "base/nearest.h"
#include "kernels/table.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/shape.h"

namespace gradus {

std::vector<ParameterRule> undecayed_biases_and_norms() {
  return {{"*bias"}, {"*norm.weight"}, {"*ln_*.weight"}, {"*resweight_*"}};
}

namespace {

bool is_short(Dtype dtype) { return dtype == Dtype::f16 || dtype == Dtype::bf16; }

[[noreturn]] void refuse_pattern(const char* op, const std::string& pattern, const std::vector<std::string>& names) {
  std::string letters;
  for (const char c : pattern)
    if (c != '*') letters += c;
  std::string near = nearest_name(pattern, names);
  // Patterns name parts of a path: compare the letters with each part too.
  std::vector<std::string> parts;
  for (const std::string& name : names)
    for (size_t begin = 0; begin <= name.size();) {
      const size_t dot = std::min(name.find('.', begin), name.size());
      parts.push_back(name.substr(begin, dot - begin));
      parts.push_back(name.substr(begin));
      begin = dot + 1;
    }
  const size_t first = letters.find_first_not_of('.'), last = letters.find_last_not_of('.');
  if (near.empty() && first != std::string::npos)
    if (const std::string part = nearest_name(letters.substr(first, last - first + 1), parts); !part.empty())
      near = "*" + part + "*";
  throw ValueError(op, "the group \"" + pattern + "\" matches no trainable parameter.",
                   near.empty() ? "the first of them is " + names.front() + "; * stands for any text."
                                : "did you mean \"" + near + "\"?");
}

}  // namespace

Optimizer::Optimizer(const char* name, const Parameters& parameters, const OptimizerOptions& options)
    : name_(name), options_(options) {
  std::vector<std::string> names;
  for (const Parameter& p : parameters.all()) {
    if (!requires_grad(p.value)) continue;
    names.push_back(p.name);
    Slot slot{p.name, p.value, {}, options.weight_decay, p.learning_rate_scale, {}};
    if (is_short(p.value.dtype()) && options.master_weights) {
      const NoGrad no_grad;
      slot.master = cast(p.value.detach(), Dtype::f32);
    }
    for (const ParameterRule& rule : options.rules)
      if (matches_pattern(p.name, rule.pattern)) {
        slot.weight_decay = rule.weight_decay, slot.scale *= rule.learning_rate_scale;
        break;
      }
    slots_.push_back(std::move(slot));
  }
  if (slots_.empty()) throw ValueError(name, "no parameter is trainable.");
  const auto finite = [](double x) { return std::isfinite(x) && x >= 0; };
  if (!finite(options.weight_decay)) throw ValueError(name, "weight_decay must not be negative.");
  for (const ParameterRule& rule : options.rules) {
    if (!finite(rule.weight_decay) || !finite(rule.learning_rate_scale))
      throw ValueError(name, "the group \"" + rule.pattern +
                                 "\": weight_decay and learning_rate_scale must not be "
                                 "negative.");
    if (rule.must_match && std::none_of(names.begin(), names.end(),
                                        [&](const std::string& n) { return matches_pattern(n, rule.pattern); }))
      refuse_pattern(name, rule.pattern, names);
  }
}

Tensor& Optimizer::Slot::of(const char* wanted) {
  const auto it = std::find_if(state.begin(), state.end(), [&](const auto& s) { return s.first == wanted; });
  if (it == state.end()) throw ValueError("optimizer", name + " has no state \"" + wanted + "\".");
  return it->second;
}

bool Optimizer::Slot::has(const char* wanted) const {
  return std::any_of(state.begin(), state.end(), [&](const auto& s) { return s.first == wanted; });
}

void Optimizer::add_state(Slot& slot, const char* name) {
  add_state(slot, name, slot.value.shape(), accumulator_of(slot.value.dtype()));
}

void Optimizer::add_state(Slot& slot, const char* name, const Shape& shape, Dtype dtype) {
  slot.state.emplace_back(name, zeros(shape, dtype, slot.value.device()));
}

void Optimizer::in_unit(const char* option, double value) const {
  if (!(value >= 0 && value < 1))
    throw ValueError(name_, std::string(option) + " must lie in [0, 1), got " + std::to_string(value) + ".",
                     "it comes from train.optim_args, or from train.adam_beta1 and train.adam_beta2.");
}

void Optimizer::step(double learning_rate, double gradient_scale) {
  ++steps_;
  const NoGrad no_grad;
  begin(learning_rate);
  for (size_t i = 0; i < slots_.size(); ++i) {
    Slot& s = slots_[i];
    const Tensor grad = grad_of(s.value);
    if (!grad.defined()) continue;
    const Tensor value = s.value.detach(), g = contiguous(grad.detach());
    if (!is_short(value.dtype())) {
      update(s, value, g, learning_rate * s.scale, gradient_scale);
    } else {
      const Tensor p = s.master.defined() ? s.master : cast(value, Dtype::f32);
      update(s, p, cast(g, Dtype::f32), learning_rate * s.scale, gradient_scale);
      if (s.master.defined())
        kernels(value.device()).copy({.x = p, .y = value});
      else
        kernels(value.device())
            .round_stochastic(
                {.x = p,
                 .y = value,
                 .key = RandomKey{options_.seed, stream_name(s.name.c_str())}.fold(static_cast<uint64_t>(steps_))});
    }
    s.value.bump_version();
  }
}

NamedState Optimizer::state() const {
  NamedState all;
  for (const Slot& s : slots_) {
    for (const auto& [name, tensor] : s.state) all.emplace_back(s.name + "." + name, tensor);
    if (s.master.defined()) all.emplace_back(s.name + ".master", s.master);
  }
  all.emplace_back("step", from_vector(std::vector<int64_t>{steps_}));
  return all;
}

void copy_state(const char* op, const NamedState& state, const std::string& name, const Tensor& to) {
  const auto it = std::find_if(state.begin(), state.end(), [&](const auto& s) { return s.first == name; });
  if (it == state.end())
    throw ValueError(op, "the stored state has no \"" + name + "\".",
                     "it belongs to another optimiser or model, or to other trainable parameters.");
  const Tensor& from = it->second;
  if (!(from.shape() == to.shape()) || from.dtype() != to.dtype())
    throw ValueError(op,
                     "the stored state's \"" + name + "\" is " + from.describe() + ", expected " + to.describe() + ".");
  kernels(to.device()).copy({from, to});
}

void Optimizer::load_state(const NamedState& state) {
  for (const Slot& s : slots_) {
    for (const auto& [name, tensor] : s.state) copy_state(name_, state, s.name + "." + name, tensor);
    if (s.master.defined()) copy_state(name_, state, s.name + ".master", s.master);
  }
  const Tensor step = zeros({1}, Dtype::i64);
  copy_state(name_, state, "step", step);
  steps_ = static_cast<int64_t>(step.item());
}

double gradient_norm(const Parameters& parameters) {
  double total = 0;
  const Tensor result = empty({1}, Dtype::f64, parameters.device());
  for (const Parameter& p : parameters.all()) {
    const Tensor grad = grad_of(p.value);
    if (!grad.defined()) continue;
    kernels(grad.device()).sum_squares({contiguous(grad.detach()), result});
    if (result.device() != Device::meta) total += result.item();
  }
  return std::sqrt(total);
}

double clip_factor(double norm, double most) { return most <= 0 ? 1 : std::min(1.0, most / (norm + 1e-6)); }

}  // namespace gradus
