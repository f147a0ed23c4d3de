#pragma once
#include "optim/optimizer.h"

namespace gradus {

/// Averages of the weights over a run, as torch.optim.swa_utils.AveragedModel keeps them: exponential (Polyak &
/// Juditsky 1992) or equal (Izmailov et al. 2018, "Averaging Weights Leads to Wider Optima"). The first update copies.
class WeightAverage {
 public:
  struct Options {
    double ema_decay = 0;  ///< average = decay average + (1 - decay) parameter; 0: equal weights
    int64_t start = 0;     ///< updates before this optimiser step are left out
    int64_t every = 1;     ///< steps between updates, counted from `start`
  };
  /// Throws ValueError for a decay outside [0, 1) and for every < 1.
  WeightAverage(const Parameters& parameters, const Options& options);

  /// After optimiser step `step`, counted from 1.
  void update(int64_t step);
  int64_t updates() const { return updates_; }
  /// Puts the averages in the parameters' place, and the parameters back, bit for bit. Nothing before the first update.
  void show();
  void hide();

  /// "<parameter>.ema" or "<parameter>.swa", while shown also "<parameter>.training", and "n_averaged".
  NamedState state() const;
  /// Throws ValueError for what does not fit.
  void load_state(const NamedState& state);

 private:
  struct Slot {
    std::string name;
    Tensor value, average;
    Tensor training;  // while the average is shown
  };
  const char* kind() const { return options_.ema_decay > 0 ? ".ema" : ".swa"; }

  Options options_;
  std::vector<Slot> slots_;
  int64_t updates_ = 0;
};

}  // namespace gradus
