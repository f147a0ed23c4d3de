#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace gradus {

/// Writes TensorBoard event files: records of (length, masked CRC-32C of it, protobuf Event, masked CRC-32C of that).
/// A run has one file. Opened with `resume_after`, the newest event file of the folder is continued: a record torn by a
/// crash is cut off, and TensorBoard is told to forget what the earlier attempt logged beyond that step.
class EventWriter {
 public:
  /// Makes the folder when missing. Throws FileError when it cannot be written.
  explicit EventWriter(const std::filesystem::path& folder, std::optional<int64_t> resume_after = std::nullopt);
  ~EventWriter();
  EventWriter(const EventWriter&) = delete;
  EventWriter& operator=(const EventWriter&) = delete;

  void scalar(const std::string& tag, int64_t step, double value);
  /// Markdown, shown on the TEXT page.
  void text(const std::string& tag, int64_t step, const std::string& markdown);
  /// Events wait in memory until here (or until there are many): call it once a logging step.
  void flush();

  const std::filesystem::path& path() const { return path_; }

 private:
  void append(const std::string& event);

  std::filesystem::path path_;
  std::string pending_;
  int fd_ = -1;
};

/// One scalar or text of an event file.
struct LoggedEvent {
  double wall_time = 0;
  int64_t step = 0;
  std::string tag;
  double value = 0;
  std::string text;
};

/// All scalars and texts of one file, in order, up to its end or the first torn record.
/// Throws FileError when a complete record has a wrong checksum.
std::vector<LoggedEvent> read_events(const std::filesystem::path& file);

}  // namespace gradus
