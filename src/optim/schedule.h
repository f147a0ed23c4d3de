#pragma once
#include <string>
#include <vector>

#include "base/json.h"

namespace gradus {

/// How the learning rate moves through a run, under the names and with the formulas of transformers' get_scheduler:
///   constant, constant_with_warmup, linear, cosine, cosine_with_restarts, cosine_with_min_lr, polynomial,
///   inverse_sqrt, warmup_stable_decay;
/// and two of torch's: one_cycle (OneCycleLR) and multi_step (MultiStepLR).
/// Steps are real numbers: a run that is bounded by time moves along the same curve in fractions of a step.
class Schedule {
 public:
  struct Settings {
    std::string type = "linear";
    double learning_rate = 1;  ///< of the factor 1; options given as rates (lr_end, min_lr) are relative to it
    double warmup_steps = 0;
    double total_steps = 0;
  };
  /// `options` is transformers' lr_scheduler_kwargs, an object or null:
  ///   cosine, cosine_with_restarts: num_cycles; cosine_with_min_lr: num_cycles, min_lr or min_lr_rate;
  ///   polynomial: lr_end, power; inverse_sqrt: timescale; warmup_stable_decay: num_decay_steps (or, where the number
  ///   of steps is not known, decay_ratio of the whole), num_stable_steps, warmup_type, decay_type, min_lr_ratio,
  ///   num_cycles; one_cycle: pct_start, anneal_strategy ("cos", "linear"), div_factor, final_div_factor, three_phase;
  ///   multi_step: milestones (steps), gamma.
  /// Throws ValueError for unknown names and impossible values, and for a schedule that is longer than the run.
  Schedule(const Settings& settings, const Json& options);

  /// Of the schedule: 0 for constant and one_cycle, which have none.
  double warmup_steps() const { return settings_.warmup_steps; }
  /// The learning rate of the optimiser step with this number, counted from 0, divided by settings.learning_rate.
  double factor(double step) const;

  static const std::vector<std::string>& types();

 private:
  enum class Curve {
    constant,
    linear,
    cosine,
    restarts,
    min_lr,
    polynomial,
    inverse_sqrt,
    stable_decay,
    one_cycle,
    multi_step
  };
  enum class Ramp { linear, cosine, one_minus_sqrt };
  double stable_decay(double step) const;
  double one_cycle(double step) const;

  Curve curve_ = Curve::linear;
  Settings settings_;
  double cycles_ = 0.5, least_ = 0, power_ = 1, timescale_ = 10000, stable_steps_ = 0, decay_steps_ = 0;
  double rise_ = 0.3, first_ = 0.04;  // of one_cycle: its first phase's share of the run, the factor it begins with
  bool three_phases_ = false;
  std::vector<double> milestones_;
  Ramp warmup_ = Ramp::linear, decay_ = Ramp::cosine;
};

}  // namespace gradus
