#include "optim/elementwise.h"

#include <algorithm>
#include <cmath>

#include "autograd/autograd.h"
#include "base/error.h"
#include "kernels/table.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/math.h"
#include "ops/shape.h"

namespace gradus {

namespace {

void require_positive(const char* op, const char* name, double value, bool zero_too = true) {
  if (!(std::isfinite(value) && (value > 0 || (zero_too && value == 0))))
    throw ValueError(op, std::string(name) + " must be " + (zero_too ? "at least 0" : "positive") + ", got " +
                             std::to_string(value) + ".");
}

void apply(OptimRule f, const Tensor& p, const Tensor& g, const Tensor& a, const Tensor& b, const Tensor& c,
           const OptimNumbers& n) {
  kernels(p.device()).optim({.f = f, .p = p, .g = g, .a = a, .b = b, .c = c, .n = n});
}

}  // namespace

Sgd::Sgd(const Parameters& parameters, const Options& options)
    : Optimizer("sgd", parameters, options), options_(options) {
  require_positive("sgd", "momentum", options.momentum);
  if (options.nesterov && (options.momentum == 0 || options.dampening != 0))
    throw ValueError("sgd", "Nesterov's form needs momentum and no dampening.", "momentum = 0.9, dampening = 0.");
  if (options.momentum > 0)
    for (Slot& s : slots()) add_state(s, "momentum_buffer");
}

void Sgd::update(Slot& s, const Tensor& p, const Tensor& g, double learning_rate, double gradient_scale) {
  apply(OptimRule::sgd, p, g, options_.momentum > 0 ? s.of("momentum_buffer") : Tensor(), {}, {},
        {.lr = learning_rate,
         .weight_decay = s.weight_decay,
         .grad_scale = gradient_scale,
         .beta1 = options_.momentum,
         .dampening = options_.dampening,
         .nesterov = options_.nesterov,
         .step = steps()});
}

RmsProp::RmsProp(const Parameters& parameters, const Options& options)
    : Optimizer("rmsprop", parameters, options), options_(options) {
  in_unit("alpha", options.alpha);
  require_positive("rmsprop", "momentum", options.momentum);
  require_positive("rmsprop", "eps", options.eps);
  for (Slot& s : slots()) {
    add_state(s, "square_avg");
    if (options.momentum > 0) add_state(s, "momentum_buffer");
    if (options.centered) add_state(s, "grad_avg");
  }
}

void RmsProp::update(Slot& s, const Tensor& p, const Tensor& g, double learning_rate, double gradient_scale) {
  const auto state = [&](const char* name) { return s.has(name) ? s.of(name) : Tensor(); };
  apply(OptimRule::rmsprop, p, g, s.of("square_avg"), state("momentum_buffer"), state("grad_avg"),
        {.lr = learning_rate,
         .weight_decay = s.weight_decay,
         .grad_scale = gradient_scale,
         .beta1 = options_.momentum,
         .beta2 = options_.alpha,
         .eps = options_.eps,
         .step = steps()});
}

Adagrad::Adagrad(const Parameters& parameters, const Options& options)
    : Optimizer("adagrad", parameters, options), options_(options) {
  require_positive("adagrad", "lr_decay", options.lr_decay);
  require_positive("adagrad", "eps", options.eps);
  require_positive("adagrad", "initial_accumulator_value", options.initial_accumulator_value);
  for (Slot& s : slots()) {
    add_state(s, "sum");
    kernels(s.value.device()).fill({s.of("sum"), options.initial_accumulator_value});
  }
}

void Adagrad::update(Slot& s, const Tensor& p, const Tensor& g, double learning_rate, double gradient_scale) {
  const double rate = learning_rate / (1 + static_cast<double>(steps() - 1) * options_.lr_decay);
  apply(
      OptimRule::adagrad, p, g, s.of("sum"), {}, {},
      {.lr = rate, .weight_decay = s.weight_decay, .grad_scale = gradient_scale, .eps = options_.eps, .step = steps()});
}

Lion::Lion(const Parameters& parameters, const Options& options)
    : Optimizer("lion", parameters, options), options_(options) {
  in_unit("beta1", options.beta1);
  in_unit("beta2", options.beta2);
  for (Slot& s : slots()) add_state(s, "exp_avg");
}

void Lion::update(Slot& s, const Tensor& p, const Tensor& g, double learning_rate, double gradient_scale) {
  apply(OptimRule::lion, p, g, s.of("exp_avg"), {}, {},
        {.lr = learning_rate,
         .weight_decay = s.weight_decay,
         .grad_scale = gradient_scale,
         .beta1 = options_.beta1,
         .beta2 = options_.beta2,
         .step = steps()});
}

ScheduleFreeAdamW::ScheduleFreeAdamW(const Parameters& parameters, const Options& options)
    : Optimizer("schedule_free_adamw", parameters, options), options_(options) {
  in_unit("beta1", options.beta1);
  in_unit("beta2", options.beta2);
  if (options.beta1 == 0)
    throw ValueError("schedule_free_adamw", "beta1 must not be 0: it is the share of the average.");
  averaging_ = zeros({2}, Dtype::f64);
  for (Slot& s : slots()) {
    add_state(s, "z"), add_state(s, "exp_avg_sq");
    kernels(s.value.device()).copy({.x = s.master.defined() ? s.master : s.value.detach(), .y = s.of("z")});
  }
}

// c_k = w_k / sum w_i, w_k = k^r (max rate)^weight_lr_power
void ScheduleFreeAdamW::begin(double learning_rate) {
  const auto k = static_cast<double>(steps()), ramp = static_cast<double>(options_.warmup_steps);
  warmup_ = k - 1 < ramp ? k / ramp : 1;
  double *sum = averaging_.data<double>(), *largest = sum + 1;
  *largest = std::max(*largest, learning_rate * warmup_);
  const double weight = std::pow(k, options_.r) * std::pow(*largest, options_.weight_lr_power);
  *sum += weight;
  weight_ = *sum > 0 ? weight / *sum : 0;
}

void ScheduleFreeAdamW::update(Slot& s, const Tensor& p, const Tensor& g, double learning_rate, double gradient_scale) {
  if (!training_.empty()) throw ValueError("schedule_free_adamw", "the average is shown; show_trained() comes first.");
  apply(OptimRule::schedule_free, p, g, s.of("z"), s.of("exp_avg_sq"), {},
        {.lr = learning_rate * warmup_,
         .weight_decay = s.weight_decay,
         .grad_scale = gradient_scale,
         .beta1 = options_.beta1,
         .beta2 = options_.beta2,
         .eps = options_.eps,
         .weight = weight_,
         .step = steps()});
}

// x = y + (1 - 1 / beta1) (z - y)
void ScheduleFreeAdamW::show_evaluated() {
  if (!training_.empty()) return;
  const NoGrad no_grad;
  for (Slot& s : slots()) {
    const Tensor value = s.value.detach();
    training_.push_back(clone(value));
    const Tensor y = s.master.defined() ? s.master : value;
    kernels(value.device())
        .copy({.x = lerp(cast(y, s.of("z").dtype()), s.of("z"), 1 - 1 / options_.beta1), .y = value});
    s.value.bump_version();
  }
}

void ScheduleFreeAdamW::show_trained() {
  for (size_t i = 0; i < training_.size(); ++i) {
    const Tensor& value = slots()[i].value;
    kernels(value.device()).copy({.x = training_[i], .y = value.detach()});
    value.bump_version();
  }
  training_.clear();
}

NamedState ScheduleFreeAdamW::state() const {
  NamedState all = Optimizer::state();
  all.emplace_back("averaging", averaging_);
  for (size_t i = 0; i < training_.size(); ++i) all.emplace_back(slots()[i].name + ".training", training_[i]);
  return all;
}

void ScheduleFreeAdamW::load_state(const NamedState& state) {
  Optimizer::load_state(state);
  copy_state(name(), state, "averaging", averaging_);
  training_.clear();
  for (Slot& s : slots()) {
    const std::string kept = s.name + ".training";
    if (std::none_of(state.begin(), state.end(), [&](const auto& t) { return t.first == kept; })) continue;
    copy_state(name(), state, kept, s.value.detach());
    s.value.bump_version();
  }
}

}  // namespace gradus
