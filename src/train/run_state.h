#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/json.h"
#include "io/metrics.h"

namespace gradus {

/// What a run carries from step to step beside parameters, optimiser and data: it is stored in trainer_state.json.
struct RunState {
  int64_t step = 0;
  double window_loss = 0;    ///< sum over the applied steps since the last logged row
  int64_t window_steps = 0;  ///< how many these are
  double total_loss = 0;
  int64_t applied_steps = 0, skipped_steps = 0, skipped_in_a_row = 0;
  int64_t tokens_seen = 0;
  double seconds = 0;         ///< of all attempts together
  int64_t peak_bytes = 0;     ///< the largest of them
  double loss_scale = 65536;  ///< of f16 training, and the steps since it last changed
  int64_t scale_steps = 0;
  std::vector<MetricsRow> history;
};

/// trainer_state.json under the names of transformers' TrainerState; what is Gradus' own stands under "gradus".
void write_run_state(const std::filesystem::path& file, const RunState& state, double epoch, int64_t max_steps,
                     const Json& cursor);
/// Throws FileError naming file and key.
RunState read_run_state(const std::filesystem::path& file, Json& cursor);

}  // namespace gradus
