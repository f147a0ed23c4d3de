#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "io/plot.h"
#include "train/recipe.h"
#include "train/task.h"
#include "train/trainer.h"

namespace gradus {

struct LrRangeOptions {
  double low = 1e-6, high = 1;
  int64_t steps = 100;      ///< at equal ratios from low to high
  double stop_factor = 2;   ///< ends where the smoothed loss is above its lowest by so many times its fall until then
  double smoothing = 0.85;  ///< of the loss: exponential average with this weight of the past, bias corrected
};

struct LrRangePoint {
  double learning_rate = 0, loss = 0, smoothed = 0;
};

struct LrRange {
  std::vector<LrRangePoint> points;
  double steepest = 0;  ///< rate at which the smoothed loss falls fastest, per factor of the rate
  double lowest = 0;    ///< rate at which it is lowest
  double diverged = 0;  ///< rate at which the test ended before `high`; 0: it did not
  /// A tenth of `lowest`, or `steepest` when that is less: where to begin (Smith 2017, section 3.3).
  double suggested = 0;
};

/// Learning-rate range test (Smith 2017, "Cyclical learning rates"): trains `task` from where it is with the optimiser
/// of `settings` while the rate rises from step to step. `watch` sees each step; true ends the test. Throws ValueError
/// for an empty range and fewer than 10 steps.
LrRange lr_range_test(TrainTask& task, const TrainSettings& settings, const LrRangeOptions& options = {},
                      const std::function<bool(int64_t step, const LrRangePoint&)>& watch = {});

Figure figure_of_lr_range(const LrRange& range, const std::string& title);

}  // namespace gradus
