#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/precision.h"
#include "io/metrics.h"
#include "optim/average.h"
#include "optim/registry.h"
#include "optim/schedule.h"
#include "train/checkpoint.h"
#include "train/step.h"
#include "train/task.h"

namespace gradus {

/// The section [train] of a recipe; see recipe_keys() for what each means.
struct TrainSettings {
  int64_t max_steps = -1;
  double num_train_epochs = 3, max_time = 0;
  int64_t train_batch_size = 8, eval_batch_size = 8, accumulation = 1;
  double learning_rate = 5e-5, max_grad_norm = 1, warmup_steps = 0, warmup_ratio = 0;
  bool cut_short = false;  ///< a trial of a recipe for a few steps: its warm-up may be longer than the run
  OptimizerSettings optimizer;
  double sam_rho = 0, ema_decay = 0, swa_start = 0;
  ProductType products = ProductType::f32;                   ///< f16: with a loss scale that adapts itself
  int64_t memory_limit = 0;                                  ///< bytes of tensors; 0: none
  std::string schedule = "linear", schedule_options = "{}";  ///< the latter JSON
  int64_t logging_steps = 10, eval_steps = 0, save_steps = 500, save_total_limit = 0;
  std::string eval_strategy = "no", save_strategy = "steps";
  uint64_t seed = 42;
  bool log_update_ratio = false, log_activations = false, log_attention = false;  ///< see StepStatistics
  bool detect_anomaly = false;  ///< stop at the first op that makes a NaN or an infinity: see DetectAnomaly
};

/// Where a run stands after a step, for whoever watches it.
struct TrainProgress {
  int64_t step = 0, max_steps = 0;
  double max_time = 0;  ///< seconds; 0: the steps alone decide
  double done = 0;      ///< share of the run, in [0, 1]; by steps or by time, whichever is further
  double loss = 0, grad_norm = 0, learning_rate = 0, epoch = 0;
  double seconds = 0;            ///< since the beginning, earlier attempts included
  double tokens_per_second = 0;  ///< lately
  int64_t peak_bytes = 0;
};

/// Callbacks of a run; the defaults do nothing.
class TrainObserver {
 public:
  virtual ~TrainObserver() = default;
  virtual void begin(const TrainProgress&) {}
  virtual void step(const TrainProgress&) {}
  virtual void evaluated(int64_t /*step*/, const MetricsRow&) {}
  /// Something the user should know: a skipped step, a saved checkpoint.
  virtual void note(const std::string&) {}
  /// True: finish the step, save, and return.
  virtual bool stop() { return false; }
};

struct TrainRun {
  std::filesystem::path output_dir;
  std::optional<Checkpoint> resume;
  std::string recipe;  ///< TOML, kept beside each checkpoint; may be empty
  TrainObserver* observer = nullptr;
};

struct TrainOutcome {
  int64_t step = 0;
  bool interrupted = false;  ///< stopped by the observer; a checkpoint of this step was saved
  int64_t skipped_steps = 0;
  MetricsRow summary;     ///< the last row of metrics.jsonl
  MetricsRow evaluation;  ///< the last one; empty without held-out data
};

/// Trains until max_steps (or the epochs, or the time) are done. output_dir receives metrics.jsonl, tensorboard/,
/// checkpoint-N/ and at the end the model, all under the names of transformers' Trainer. Fields of metrics.jsonl that
/// depend on the clock end in _runtime or _per_second.
///
/// Equal task, settings and resume point give equal parameters, bit for bit, unless max_time decides: a run that
/// max_time does not hold back follows its steps alone.
/// With a memory limit, a step that would pass it ends the run: the state before it is saved as a checkpoint, and the
/// MemoryError thrown.
/// Throws ValueError for impossible settings, when the loss stays non-finite, and for what detect_anomaly finds,
/// GradError (see train_step), FileError.
/// Checks the settings that do not depend on data, and gives the number of optimiser steps.
int64_t optimizer_steps(const TrainTask& task, const TrainSettings& settings);

/// Throws ValueError for an impossible schedule.
Schedule learning_rate_schedule(const TrainSettings& settings, int64_t steps);

/// What a step takes out of the settings; the rate, the dropout's key and the loss scale are its own.
StepOptions step_options(const TrainSettings& settings);

/// The average that the settings ask for, if any. Throws ValueError for settings that contradict each other.
std::optional<WeightAverage> weight_average(const Parameters& parameters, const TrainSettings& settings, int64_t steps);

TrainOutcome train(TrainTask& task, const TrainSettings& settings, const TrainRun& run);

}  // namespace gradus
