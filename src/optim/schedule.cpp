#include "optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/nearest.h"
#include "optim/named_options.h"

namespace gradus {

namespace {

constexpr double kPi = 3.14159265358979323846;

}  // namespace

const std::vector<std::string>& Schedule::types() {
  static const std::vector<std::string> names = {"constant",
                                                 "constant_with_warmup",
                                                 "linear",
                                                 "cosine",
                                                 "cosine_with_restarts",
                                                 "cosine_with_min_lr",
                                                 "polynomial",
                                                 "inverse_sqrt",
                                                 "warmup_stable_decay",
                                                 "one_cycle",
                                                 "multi_step"};
  return names;
}

Schedule::Schedule(const Settings& settings, const Json& json) : settings_(settings) {
  const std::string& type = settings.type;
  const double total = settings.total_steps, warmup = settings.warmup_steps;
  if (warmup < 0) throw ValueError("schedule", "warmup_steps must not be negative.");
  NamedOptions options("schedule", "lr_scheduler_kwargs", "the schedule \"" + type + "\"", json);
  if (type == "constant" || type == "constant_with_warmup") {
    curve_ = Curve::constant;
    if (type == "constant") settings_.warmup_steps = 0;
  } else if (type == "linear") {
    curve_ = Curve::linear;
  } else if (type == "cosine" || type == "cosine_with_min_lr") {
    curve_ = Curve::cosine;
    cycles_ = options.number("num_cycles", 0.5);
    if (type == "cosine_with_min_lr") {
      if (options.has("min_lr") == options.has("min_lr_rate"))
        throw ValueError("schedule", "cosine_with_min_lr needs either min_lr or min_lr_rate in lr_scheduler_kwargs.");
      curve_ = Curve::min_lr;
      least_ = options.has("min_lr") ? options.number("min_lr", 0) / settings.learning_rate
                                     : options.number("min_lr_rate", 0);
    }
  } else if (type == "cosine_with_restarts") {
    curve_ = Curve::restarts;
    cycles_ = options.number("num_cycles", 1);
  } else if (type == "polynomial") {
    curve_ = Curve::polynomial;
    const double end = options.number("lr_end", 1e-7);
    power_ = options.number("power", 1);
    if (!(settings.learning_rate > end)) throw ValueError("schedule", "lr_end must be smaller than the learning rate.");
    least_ = end / settings.learning_rate;
  } else if (type == "inverse_sqrt") {
    curve_ = Curve::inverse_sqrt;
    timescale_ = options.number("timescale", warmup > 0 ? warmup : 10000, 1);
  } else if (type == "warmup_stable_decay") {
    curve_ = Curve::stable_decay;
    const std::vector<std::string> ramps = {"linear", "cosine", "1-sqrt"};
    const auto ramp = [](const std::string& name) {
      return name == "linear" ? Ramp::linear : name == "cosine" ? Ramp::cosine : Ramp::one_minus_sqrt;
    };
    if (options.has("num_decay_steps") == options.has("decay_ratio"))
      throw ValueError("schedule",
                       "warmup_stable_decay needs either num_decay_steps or decay_ratio in lr_scheduler_kwargs.");
    decay_steps_ =
        options.has("decay_ratio") ? options.number("decay_ratio", 0) * total : options.number("num_decay_steps", 0);
    stable_steps_ = options.number("num_stable_steps", total - warmup - decay_steps_, 0);
    warmup_ = ramp(options.word("warmup_type", "linear", ramps));
    decay_ = ramp(options.word("decay_type", "cosine", ramps));
    least_ = options.number("min_lr_ratio", 0);
    cycles_ = options.number("num_cycles", 0.5);
    const double asked = decay_steps_ + (json.contains("num_stable_steps") ? stable_steps_ : 0);
    if (asked > total + 1e-9)
      throw ValueError(
          "schedule",
          "warmup_stable_decay: num_stable_steps and num_decay_steps together are longer than the run of " +
              std::to_string(std::llround(total)) + " steps.",
          "lower them, or raise max_steps.");
  } else if (type == "one_cycle") {
    curve_ = Curve::one_cycle;
    settings_.warmup_steps = 0;  // it rises by itself
    rise_ = options.number("pct_start", 0.3, 0, 1);
    first_ = 1 / options.number("div_factor", 25, 1);
    least_ = first_ / options.number("final_div_factor", 1e4, 1);
    decay_ = options.word("anneal_strategy", "cos", {"cos", "linear"}) == "cos" ? Ramp::cosine : Ramp::linear;
    three_phases_ = options.flag("three_phase", false);
    if (three_phases_ && rise_ > 0.5)
      throw ValueError("schedule",
                       "one_cycle with three_phase needs pct_start of at most 0.5: it rises and falls alike.");
  } else if (type == "multi_step") {
    curve_ = Curve::multi_step;
    milestones_ = options.numbers("milestones", {});
    power_ = options.number("gamma", 0.1);
    if (milestones_.empty())
      throw ValueError("schedule", "multi_step needs milestones in lr_scheduler_kwargs.",
                       "{ milestones = [600, 900], gamma = 0.1 }");
    for (double at : milestones_)
      if (at < 0 || (total > 0 && at > total))
        throw ValueError("schedule",
                         "multi_step: the milestone " + std::to_string(std::llround(at)) + " lies outside the run of " +
                             std::to_string(std::llround(total)) + " steps.",
                         "raise max_steps, or lower the milestone.");
  } else {
    const std::string near = nearest_name(type, types());
    throw ValueError("schedule", "train.lr_scheduler_type: there is no schedule \"" + type + "\".",
                     (near.empty() ? "" : "did you mean " + near + "? ") + "There are " + joined_names(types()) + ".");
  }
  options.done();
}

double Schedule::factor(double step) const {
  const double warmup = settings_.warmup_steps, total = settings_.total_steps;
  if (curve_ == Curve::stable_decay) return stable_decay(step);
  if (curve_ == Curve::one_cycle) return one_cycle(step);
  if (step < warmup) return step / std::max(1.0, warmup);
  const double progress = (step - warmup) / std::max(1.0, total - warmup);
  switch (curve_) {
    case Curve::constant: return 1;
    case Curve::linear: return std::max(0.0, (total - step) / std::max(1.0, total - warmup));
    case Curve::cosine:
    case Curve::min_lr: {
      const double wave = 0.5 * (1 + std::cos(kPi * cycles_ * 2 * progress));
      return std::max(0.0, wave * (1 - least_) + least_);
    }
    case Curve::restarts:
      return progress >= 1 ? 0 : std::max(0.0, 0.5 * (1 + std::cos(kPi * std::fmod(cycles_ * progress, 1.0))));
    case Curve::polynomial: return step > total ? least_ : (1 - least_) * std::pow(1 - progress, power_) + least_;
    case Curve::inverse_sqrt: return 1 / std::sqrt((step + timescale_ - warmup) / timescale_);
    case Curve::multi_step: {
      const auto passed = std::count_if(milestones_.begin(), milestones_.end(), [&](double at) { return step >= at; });
      return std::pow(power_, static_cast<double>(passed));
    }
    case Curve::one_cycle:
    case Curve::stable_decay: break;
  }
  return 1;
}

double Schedule::stable_decay(double step) const {
  const double warmup = settings_.warmup_steps;
  double part = 1;
  if (step < warmup) {
    const double progress = step / std::max(1.0, warmup);
    part = warmup_ == Ramp::linear   ? progress
           : warmup_ == Ramp::cosine ? 0.5 * (1 - std::cos(kPi * progress))
                                     : 1 - std::sqrt(1 - progress);
  } else if (step < warmup + stable_steps_) {
    return 1;
  } else if (step < warmup + stable_steps_ + decay_steps_) {
    const double progress = (step - warmup - stable_steps_) / std::max(1.0, decay_steps_);
    part = decay_ == Ramp::linear   ? 1 - progress
           : decay_ == Ramp::cosine ? 0.5 * (1 + std::cos(kPi * cycles_ * 2 * progress))
                                    : 1 - std::sqrt(progress);
  } else {
    return least_;
  }
  return std::max(0.0, part * (1 - least_) + least_);
}

// Smith & Topin 2018, "Super-convergence", in the phases of torch.optim.lr_scheduler.OneCycleLR.
double Schedule::one_cycle(double step) const {
  struct Phase {
    double end, from, to;
  };
  const double total = std::max(settings_.total_steps, 2.0), rise = rise_ * total - 1;
  std::vector<Phase> phases = {{rise, first_, 1}};
  if (three_phases_) phases.push_back({2 * rise_ * total - 2, 1, first_});
  phases.push_back({total - 1, three_phases_ ? first_ : 1, least_});
  double begin = 0;
  for (const Phase& phase : phases) {
    if (step > phase.end && phase.end < total - 1) {
      begin = phase.end;
      continue;
    }
    const double part = std::min(1.0, (step - begin) / (phase.end - begin));
    if (decay_ == Ramp::linear) return phase.from + (phase.to - phase.from) * part;
    return phase.to + (phase.from - phase.to) / 2 * (1 + std::cos(kPi * part));
  }
  return least_;
}

}  // namespace gradus
