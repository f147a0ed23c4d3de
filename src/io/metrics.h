#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gradus {

/// A number that remembers whether it counts something: steps are written as 40, losses as 40.0.
struct MetricValue {
  double value = 0;
  bool integer = false;
  MetricValue() = default;
  MetricValue(double v) : value(v) {}
  MetricValue(float v) : value(v) {}
  MetricValue(int64_t v) : value(static_cast<double>(v)), integer(true) {}
  MetricValue(int v) : value(v), integer(true) {}
  operator double() const { return value; }
};

/// One line of metrics.jsonl, in order. Names are those of Hugging Face's log_history: step, epoch, loss, grad_norm,
/// learning_rate, eval_loss, num_input_tokens_seen, train_runtime, …
using MetricsRow = std::vector<std::pair<std::string, MetricValue>>;

/// The value called `name`, if the row has it.
std::optional<double> find_metric(const MetricsRow& row, std::string_view name);

/// Rows of a metrics.jsonl. A last line torn by a crash is ignored; null (how a non-finite value is stored) becomes
/// NaN; entries that are not numbers are skipped. Throws FileError naming the line when another line is malformed.
std::vector<MetricsRow> read_metrics(const std::filesystem::path& path);

/// Appends one JSON object a line; every write() reaches the operating system before it returns.
class MetricsWriter {
 public:
  /// Starts the file anew, or with `resume_after` keeps the rows whose step is at most that and continues behind them.
  explicit MetricsWriter(std::filesystem::path path, std::optional<int64_t> resume_after = std::nullopt);
  ~MetricsWriter();
  MetricsWriter(const MetricsWriter&) = delete;
  MetricsWriter& operator=(const MetricsWriter&) = delete;

  /// Throws FileError (full disk, …).
  void write(const MetricsRow& row);

 private:
  std::filesystem::path path_;
  int fd_ = -1;
};

}  // namespace gradus
