#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace gradus::cli {

/// What stands beside the bar, in order of importance: {"loss", "3.41"}, {"", "19.7k tokens/s"}, {"peak", "412 MB"}.
using ProgressFields = std::vector<std::pair<std::string, std::string>>;

struct ProgressState {
  std::string unit = "step";
  int64_t done = 0, total = 0;
  double eta_seconds = 0;
  ProgressFields fields;
};

/// One line for a terminal of `columns`: percentage, bar, unit, fields, ETA. The bar shrinks first, then the fields go
/// from the last on. `unicode` chooses the bar's characters.
std::string progress_bar_line(const ProgressState& state, int columns, bool color, bool unicode);
/// The same for a log file: "step 504/1200  loss 3.41  ETA 1:12".
std::string progress_log_line(const ProgressState& state);

/// True when `descriptor` is a terminal that understands escape sequences.
bool is_terminal(int descriptor);
/// is_terminal, and the user has not set NO_COLOR.
bool wants_color(int descriptor);

/// A bar on stderr, redrawn at most ten times a second. When stderr is no terminal: a plain line every `log_seconds`.
class Progress {
 public:
  /// `start` is where a resumed run begins; the ETA counts only what was done since.
  explicit Progress(int64_t total, int64_t start = 0, std::string unit = "step", double log_seconds = 10);
  /// Leaves the last state standing as a line of its own.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void update(int64_t done, ProgressFields fields);
  /// A message on a line of its own, above the bar.
  void note(const std::string& line);
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  void draw(bool last);

  ProgressState state_;
  int64_t start_;
  double log_seconds_;
  bool terminal_, color_, unicode_, drawn_ = false, finished_ = false, unseen_ = false;
  Clock::time_point began_, shown_;
};

}  // namespace gradus::cli
