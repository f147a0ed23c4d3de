#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "io/plot.h"
#include "train/trainer.h"

namespace gradus {

/// What a sweep varies of one key of the recipe.
struct SweepAxis {
  enum Kind : uint8_t { list, uniform, log, integer } kind = list;
  std::string key;
  std::vector<std::string> values;  ///< list: as they stand behind KEY=
  double low = 0, high = 0;         ///< of a range, both ends included
  int64_t count = 0;                ///< of a range: points on a grid; 0: none was given
};
/// "train.learning_rate=1e-4,3e-4,1e-3", or a range "train.learning_rate=log:1e-4:1e-2[:5]", likewise uniform: and
/// int:. Throws ValueError saying what is wrong with it.
SweepAxis parse_sweep_axis(const std::string& text);

struct SweepSpec {
  std::filesystem::path recipe;      ///< a TOML file
  std::vector<std::string> changes;  ///< to the recipe, for all trials
  std::vector<SweepAxis> axes;
  /// grid: all combinations; random: `trials` draws; halving: the trials of the grid (or, with `trials`, draws) run for
  /// a short while, the best 1/eta of them for eta times as long, and so on (successive halving, Jamieson & Talwalkar
  /// 2016), each going on from where it was.
  std::string strategy = "grid";
  int64_t trials = 0, eta = 3;
  uint64_t seed = 0;
  std::string metric = "eval_loss";  ///< a column of metrics.jsonl: its last value counts
  bool maximise = false;
  std::filesystem::path output_dir;
};

using SweepSettings = std::vector<std::pair<std::string, std::string>>;  ///< key, value

/// The settings of every trial, in order; equal specs give equal lists. Throws ValueError for an impossible sweep: no
/// axis, a key twice, a range without a number of points on a grid, an unknown strategy, more than 10,000 trials.
std::vector<SweepSettings> sweep_trials(const SweepSpec& spec);
/// The steps after which successive halving compares, rising, the last being max_steps.
std::vector<int64_t> halving_rungs(int64_t trials, int64_t eta, int64_t max_steps);

struct SweepTrial {
  SweepSettings settings;
  std::string state = "waiting";  ///< waiting, done, dropped (by halving), failed
  int64_t step = 0;
  std::optional<double> metric;  ///< none: not reached, or not finite
  std::string error;             ///< of a failed trial
};

struct SweepResult {
  std::vector<SweepTrial> trials;
  std::vector<size_t> order;  ///< best first; trials without a metric last
  bool interrupted = false;
};

struct SweepHooks {
  /// Before a trial runs to `until` steps (-1: to its end): its number, the number of trials, its settings.
  std::function<void(int64_t, int64_t, const SweepSettings&, int64_t)> trial;
  std::function<void(int64_t, const SweepTrial&)> ended;
  std::function<void(const TrainProgress&)> step;
  std::function<bool()> stop;
};

/// Runs the sweep in this process, one trial after the other, each in output_dir/trial-NNN as `gradus train` would, and
/// keeps sweep.json there: what is done is not done again, so the same call goes on after an interruption or a kill,
/// inside a trial from its latest checkpoint. A trial that fails is noted, and the others go on. Every trial's recipe
/// is checked before the first one runs. Throws ValueError for an impossible sweep, and when output_dir holds another
/// one.
SweepResult run_sweep(const SweepSpec& spec, const SweepHooks& hooks);
/// Reads output_dir/sweep.json. Throws FileError.
SweepResult read_sweep(const std::filesystem::path& output_dir);

/// The metric against each key that varies: on a grid of numbers one curve for each combination of the others.
Figure figure_of_sweep(const SweepSpec& spec, const SweepResult& result);

}  // namespace gradus
