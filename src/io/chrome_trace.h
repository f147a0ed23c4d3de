#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "base/json.h"

namespace gradus {

/// A file that chrome://tracing and Perfetto open ("Trace Event Format", JSON object form): nested stretches of time
/// (ph "X") and counters (ph "C"). Times are in seconds here, microseconds in the file.
class ChromeTrace {
 public:
  explicit ChromeTrace(const std::string& process);
  ~ChromeTrace();
  ChromeTrace(const ChromeTrace&) = delete;
  ChromeTrace& operator=(const ChromeTrace&) = delete;

  /// `args` (an object, or null) is what the viewer shows for a click. Stretches nest by their times.
  void complete(const std::string& name, const std::string& category, double begin, double seconds, const Json& args);
  void counter(const std::string& name, double at, const std::string& unit, double value);
  /// Atomic. Throws FileError.
  void write(const std::filesystem::path& path) const;

 private:
  std::unique_ptr<Json> events_;
};

}  // namespace gradus
