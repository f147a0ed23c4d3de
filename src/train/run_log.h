#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "io/metrics.h"
#include "io/tensorboard.h"

namespace gradus {

/// The logs of a run: metrics.jsonl and TensorBoard events in tensorboard/, with equal rows. Started anew, or continued
/// behind step `resume_after` with everything later forgotten.
class RunLog {
 public:
  RunLog(const std::filesystem::path& run, std::optional<int64_t> resume_after);
  /// Tags as transformers makes them: eval_loss becomes eval/loss, loss becomes train/loss.
  void write(const MetricsRow& row);
  void text(const std::string& tag, const std::string& markdown);

 private:
  MetricsWriter metrics_;
  EventWriter events_;
};

}  // namespace gradus
