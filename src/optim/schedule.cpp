#include "optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace gradus {

namespace {

constexpr double kPi = 3.14159265358979323846;

// Takes the options it is asked for and complains about those that are left.
class Options {
 public:
  Options(const std::string& type, const Json& json) : type_(type) {
    if (json.is_null()) return;
    if (!json.is_object()) throw ValueError("schedule", "lr_scheduler_kwargs must be a table of options.");
    left_ = json;
  }
  double number(const char* key, double otherwise, double min = 0) {
    const auto it = left_.find(key);
    if (it == left_.end()) return otherwise;
    if (!it->is_number() || it->get<double>() < min) refuse(key, "a number of at least " + short_number(min), *it);
    const double value = it->get<double>();
    left_.erase(it);
    return value;
  }
  bool has(const char* key) const { return left_.contains(key); }
  std::string word(const char* key, const std::string& otherwise, const std::vector<std::string>& allowed) {
    const auto it = left_.find(key);
    if (it == left_.end()) return otherwise;
    if (!it->is_string() || std::count(allowed.begin(), allowed.end(), it->get<std::string>()) == 0) {
      std::string names;
      for (const std::string& a : allowed) names += (names.empty() ? "" : ", ") + a;
      refuse(key, "one of " + names, *it);
    }
    const std::string value = it->get<std::string>();
    left_.erase(it);
    return value;
  }
  void done() const {
    if (!left_.empty())
      throw ValueError("schedule", "lr_scheduler_kwargs." + left_.begin().key() + " is no option of the schedule \"" +
                                       type_ + "\".");
  }

 private:
  static std::string short_number(double value) { return dump_json(Json(value)); }
  [[noreturn]] static void refuse(const char* key, const std::string& expected, const Json& got) {
    throw ValueError("schedule", "lr_scheduler_kwargs." + std::string(key) + " must be " + expected + ", got " +
                                     dump_json(got) + ".");
  }
  std::string type_;
  Json left_ = Json::object();
};

}  // namespace

const std::vector<std::string>& Schedule::types() {
  static const std::vector<std::string> names = {"constant",   "constant_with_warmup", "linear",
                                                 "cosine",     "cosine_with_restarts", "cosine_with_min_lr",
                                                 "polynomial", "inverse_sqrt",         "warmup_stable_decay"};
  return names;
}

Schedule::Schedule(const Settings& settings, const Json& json) : settings_(settings) {
  const std::string& type = settings.type;
  const double total = settings.total_steps, warmup = settings.warmup_steps;
  if (warmup < 0) throw ValueError("schedule", "warmup_steps must not be negative.");
  Options options(type, json);
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
    stable_steps_ = options.number("num_stable_steps", total - warmup - decay_steps_);
    warmup_ = ramp(options.word("warmup_type", "linear", ramps));
    decay_ = ramp(options.word("decay_type", "cosine", ramps));
    least_ = options.number("min_lr_ratio", 0);
    cycles_ = options.number("num_cycles", 0.5);
  } else {
    std::string names;
    for (const std::string& name : types()) names += (names.empty() ? "" : ", ") + name;
    throw ValueError("schedule", "there is no lr_scheduler_type \"" + type + "\".", "there are " + names + ".");
  }
  options.done();
}

double Schedule::factor(double step) const {
  const double warmup = settings_.warmup_steps, total = settings_.total_steps;
  if (curve_ == Curve::stable_decay) return stable_decay(step);
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

}  // namespace gradus
