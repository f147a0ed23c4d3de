#include "optim/average.h"

#include <algorithm>

#include "autograd/autograd.h"
#include "base/error.h"
#include "kernels/table.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/math.h"
#include "ops/shape.h"

namespace gradus {

WeightAverage::WeightAverage(const Parameters& parameters, const Options& options) : options_(options) {
  if (!(options.ema_decay >= 0 && options.ema_decay < 1))
    throw ValueError("average", "ema_decay must lie in [0, 1), got " + std::to_string(options.ema_decay) + ".");
  if (options.every < 1 || options.start < 0)
    throw ValueError("average", "the average's start must not be negative, and its steps at least one apart.");
  for (const Parameter& p : parameters.all())
    if (requires_grad(p.value))
      slots_.push_back(
          {p.name, p.value, zeros(p.value.shape(), accumulator_of(p.value.dtype()), p.value.device()), {}});
}

void WeightAverage::update(int64_t step) {
  if (!slots_.empty() && slots_[0].training.defined())
    throw ValueError("average", "the average is shown; hide() comes first.");
  if (step < options_.start || (step - options_.start) % options_.every != 0) return;
  const NoGrad no_grad;
  // average += (parameter - average) share
  const double share = updates_ == 0            ? 1
                       : options_.ema_decay > 0 ? 1 - options_.ema_decay
                                                : 1 / static_cast<double>(updates_ + 1);
  for (const Slot& s : slots_) {
    const Tensor value = cast(s.value.detach(), s.average.dtype());
    kernels(value.device()).copy({.x = share == 1 ? value : lerp(s.average, value, share), .y = s.average});
  }
  ++updates_;
}

void WeightAverage::show() {
  if (updates_ == 0) return;
  for (Slot& s : slots_) {
    if (s.training.defined()) continue;
    s.training = clone(s.value.detach());
    kernels(s.value.device()).copy({.x = s.average, .y = s.value.detach()});
    s.value.bump_version();
  }
}

void WeightAverage::hide() {
  for (Slot& s : slots_) {
    if (!s.training.defined()) continue;
    kernels(s.value.device()).copy({.x = s.training, .y = s.value.detach()});
    s.value.bump_version();
    s.training = {};
  }
}

NamedState WeightAverage::state() const {
  NamedState all;
  for (const Slot& s : slots_) {
    all.emplace_back(s.name + kind(), s.average);
    if (s.training.defined()) all.emplace_back(s.name + ".training", s.training);
  }
  all.emplace_back("n_averaged", from_vector(std::vector<int64_t>{updates_}));
  return all;
}

void WeightAverage::load_state(const NamedState& state) {
  const Tensor updates = zeros({1}, Dtype::i64);
  copy_state("average", state, "n_averaged", updates);
  updates_ = static_cast<int64_t>(updates.item());
  for (Slot& s : slots_) {
    copy_state("average", state, s.name + kind(), s.average);
    s.training = {};
    const std::string kept = s.name + ".training";
    if (std::none_of(state.begin(), state.end(), [&](const auto& t) { return t.first == kept; })) continue;
    copy_state("average", state, kept, s.value.detach());
    s.value.bump_version();
  }
}

}  // namespace gradus
