#include "train/run_log.h"

#include <algorithm>
#include <system_error>

#include "base/file.h"

namespace gradus {

namespace {

namespace fs = std::filesystem;

// Called before the writers open their files. A finished run that goes on loses its summary, which is the last row.
fs::path prepared(const fs::path& run, bool resumed) {
  const fs::path metrics = run / "metrics.jsonl";
  std::error_code error;
  if (!resumed) {
    fs::remove_all(run / "tensorboard", error);
  } else if (fs::exists(metrics)) {
    const std::string bytes = read_file(metrics);
    std::string kept;
    for (size_t at = 0; at < bytes.size();) {
      const size_t end = std::min(bytes.find('\n', at), bytes.size() - 1) + 1;
      const std::string line = bytes.substr(at, end - at);
      if (line.find("\"train_runtime\"") == std::string::npos) kept += line;
      at = end;
    }
    if (kept != bytes) write_file_atomic(metrics, kept);
  }
  return metrics;
}

}  // namespace

RunLog::RunLog(const fs::path& run, std::optional<int64_t> resume_after)
    : metrics_(prepared(run, resume_after.has_value()), resume_after), events_(run / "tensorboard", resume_after) {}

void RunLog::write(const MetricsRow& row) {
  metrics_.write(row);
  const auto step = static_cast<int64_t>(find_metric(row, "step").value_or(0));
  for (const auto& [name, v] : row) {
    if (name == "step") continue;
    events_.scalar(name.rfind("eval_", 0) == 0 ? "eval/" + name.substr(5) : "train/" + name, step, v.value);
  }
  events_.flush();
}

void RunLog::text(const std::string& tag, const std::string& markdown) {
  events_.text(tag, 0, markdown);
  events_.flush();
}

}  // namespace gradus
