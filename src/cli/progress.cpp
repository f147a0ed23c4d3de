#include "cli/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <string_view>

#include "cli/format.h"

namespace gradus::cli {

namespace {

constexpr double kRedrawSeconds = 0.1;
constexpr const char* kDim = "\x1b[2m";
constexpr const char* kBright = "\x1b[36m";
constexpr const char* kPlain = "\x1b[0m";

int columns_of(std::string_view utf8) {  // one a code point: enough for the text that stands here
  return static_cast<int>(std::count_if(utf8.begin(), utf8.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

int terminal_columns(int descriptor) {
  winsize size{};
  return ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

bool locale_is_unicode() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"})
    if (const char* value = std::getenv(name); value && *value) {
      const std::string_view v = value;
      return v.find("UTF-8") != v.npos || v.find("utf8") != v.npos || v.find("UTF8") != v.npos;
    }
  return false;
}

void print(const std::string& text) {
  for (size_t done = 0; done < text.size();) {
    const ssize_t put = ::write(STDERR_FILENO, text.data() + done, text.size() - done);
    if (put < 0 && errno != EINTR) return;  // a log that nobody can read must not stop the work
    if (put > 0) done += static_cast<size_t>(put);
  }
}

double fraction_of(const ProgressState& state) {
  return state.total > 0 ? std::clamp(static_cast<double>(state.done) / static_cast<double>(state.total), 0.0, 1.0) : 0;
}

std::string counter_of(const ProgressState& state) {
  return fmt::format("{} {}/{}", state.unit, state.done, state.total);
}

}  // namespace

std::string progress_bar_line(const ProgressState& state, int columns, bool color, bool unicode) {
  constexpr int kLongest = 30, kShortest = 6;
  const auto dim = [&](const std::string& text) { return color && !text.empty() ? kDim + text + kPlain : text; };
  const std::string percent = fmt::format("{:3.0f}%", std::floor(100 * fraction_of(state))),
                    counter = counter_of(state);
  const std::string eta = "ETA " + human_duration(state.eta_seconds);

  int width = columns_of(percent) + 2 + columns_of(counter) + 2 + columns_of(eta);
  std::string fields;
  for (const auto& [name, value] : state.fields) {
    const int more = 2 + columns_of(name) + (name.empty() ? 0 : 1) + columns_of(value);
    if (width + more > columns - 1) break;
    width += more;
    fields += "  " + (name.empty() ? value : dim(name) + " " + value);
  }
  std::string bar;
  if (const int length = std::min(kLongest, columns - 1 - width - 2); length >= kShortest) {
    const int full = static_cast<int>(std::floor(fraction_of(state) * length));
    std::string left, right;
    for (int i = 0; i < length; ++i)
      (i < full ? left : right) += i < full ? (unicode ? "━" : "=") : (unicode ? "─" : "-");
    bar = "  " + (color ? kBright + left + kPlain : left) + dim(right);
  }
  return percent + bar + "  " + counter + fields + "  " + dim(eta);
}

std::string progress_log_line(const ProgressState& state) {
  std::string line = counter_of(state);
  for (const auto& [name, value] : state.fields) line += "  " + (name.empty() ? value : name + " " + value);
  return line + "  ETA " + human_duration(state.eta_seconds);
}

bool is_terminal(int descriptor) {
  const char* kind = std::getenv("TERM");
  return ::isatty(descriptor) && kind && std::string_view(kind) != "dumb";
}

bool wants_color(int descriptor) {
  const char* refused = std::getenv("NO_COLOR");
  return is_terminal(descriptor) && !(refused && *refused);
}

Progress::Progress(int64_t total, int64_t start, std::string unit, double log_seconds)
    : start_(start),
      log_seconds_(log_seconds),
      terminal_(is_terminal(STDERR_FILENO)),
      color_(wants_color(STDERR_FILENO)),
      unicode_(locale_is_unicode()),
      began_(Clock::now()),
      shown_(began_) {
  state_.unit = std::move(unit);
  state_.total = total;
  state_.done = start;
}

Progress::~Progress() { finish(); }

void Progress::update(int64_t done, ProgressFields fields) {
  const Clock::time_point now = Clock::now();
  state_.done = done;
  state_.fields = std::move(fields);
  const double elapsed = std::chrono::duration<double>(now - began_).count();
  const auto since = static_cast<double>(done - start_);
  state_.eta_seconds =
      since > 0 ? elapsed / since * static_cast<double>(std::max<int64_t>(0, state_.total - done)) : NAN;
  unseen_ = true;
  const double age = std::chrono::duration<double>(now - shown_).count();
  if (!drawn_ || age >= (terminal_ ? kRedrawSeconds : log_seconds_)) draw(false);
}

void Progress::draw(bool last) {
  shown_ = Clock::now();
  drawn_ = true;
  unseen_ = false;
  if (!terminal_) return print(progress_log_line(state_) + "\n");
  // Overwrite, then clear what is left of the older, longer line: without a blank moment nothing flickers.
  print("\r" + progress_bar_line(state_, terminal_columns(STDERR_FILENO), color_, unicode_) + "\x1b[K" +
        (last ? "\n" : ""));
}

void Progress::note(const std::string& line) {
  print(terminal_ && drawn_ && !finished_ ? "\r" + line + "\x1b[K\n" : line + "\n");
  if (terminal_ && drawn_ && !finished_) draw(false);
}

void Progress::finish() {
  if (std::exchange(finished_, true) || !drawn_) return;
  if (terminal_ || unseen_) draw(true);
}

}  // namespace gradus::cli
