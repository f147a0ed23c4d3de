#pragma once
#include <cstdint>
#include <vector>

#include "io/metrics.h"

namespace gradus {

/// A stretch of a run in which the training loss stood out above what came before.
struct LossSpike {
  int64_t begin = 0;         ///< step of the first row above the threshold
  int64_t peak_step = 0;     ///< of the highest loss
  int64_t end = -1;          ///< step at which it was back; -1: not within the run
  double before = 0;         ///< the median of the rows before
  double peak = 0;           ///< highest loss; infinite where a row has none that is finite
  double score = 0;          ///< how many scatters the peak stands above `before`
  double grad_norm = 0;      ///< largest in the spike, or in the row before it; NaN without
  double learning_rate = 0;  ///< at its beginning; NaN without
};

struct SpikeOptions {
  int64_t window = 25;   ///< rows before a row that it is compared with; at least 5
  double threshold = 6;  ///< scatters
};

/// A row begins a spike when its loss is above the median of the rows of the window by more than `threshold` times
/// their scatter: 1.4826 times the median of the distances from their trend (the deviation, for normal numbers), and at
/// least 1 % of the median. It ends with the first row below half of that height. Rows of a spike do not count in later
/// windows. Rows are those of metrics.jsonl with step and loss; a loss that is not finite begins one at once. Throws
/// ValueError for options out of range.
std::vector<LossSpike> find_loss_spikes(const std::vector<MetricsRow>& rows, const SpikeOptions& options = {});

}  // namespace gradus
