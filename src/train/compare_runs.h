#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/metrics.h"
#include "io/spikes.h"

namespace gradus {

/// What a run was and what came of it, as its folder tells.
struct RunFacts {
  std::filesystem::path path;
  std::string name;
  /// recipe.toml's keys ("train.learning_rate") and their values as JSON; empty when there is none.
  std::vector<std::pair<std::string, std::string>> settings;
  /// Those that the logs have, in this order: step, epoch, num_input_tokens_seen, loss, train_loss, eval_loss,
  /// best_eval_loss, best_eval_step, eval_perplexity, eval_bits_per_byte, grad_norm, skipped_steps, parameters,
  /// peak_bytes, train_runtime, train_tokens_per_second, loss_spikes. All but the best ones are the last in the logs.
  MetricsRow outcome;
  std::vector<LossSpike> spikes;
  bool finished = false;  ///< the logs end with the summary of a run
};
/// Throws FileError for what is no run.
RunFacts read_run(const std::filesystem::path& run);

struct RunComparison {
  std::vector<RunFacts> runs;
  struct Setting {
    std::string key;                  ///< "train.learning_rate"
    std::vector<std::string> values;  ///< one a run, JSON; empty where the run's recipe has no such key
  };
  std::vector<Setting> settings;  ///< that are not the same everywhere; the output folder does not count
  struct Outcome {
    std::string name;
    std::vector<std::optional<double>> values;  ///< one a run
    bool integer = false;
  };
  std::vector<Outcome> outcomes;
  /// The run with the lowest held-out loss (training loss where not all have one); -1 when no figure compares them.
  /// Bits per byte decide where the tokenizers differ.
  int best = -1;
  std::string judged_by;  ///< eval_loss, eval_bits_per_byte or train_loss
};
/// Throws FileError; ValueError for fewer than two runs.
RunComparison compare_runs(const std::vector<std::filesystem::path>& runs);

}  // namespace gradus
