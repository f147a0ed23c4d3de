#include "io/chrome_trace.h"

#include <nlohmann/json.hpp>

#include "base/file.h"

namespace gradus {

namespace {
constexpr int kProcess = 1, kThread = 1;
}

ChromeTrace::ChromeTrace(const std::string& process) : events_(std::make_unique<Json>(Json::array())) {
  const auto name = [&](const char* what, const std::string& value) {
    events_->push_back({{"name", what}, {"ph", "M"}, {"pid", kProcess}, {"tid", kThread}, {"args", {{"name", value}}}});
  };
  name("process_name", process);
  name("thread_name", "ops");
}
ChromeTrace::~ChromeTrace() = default;

void ChromeTrace::complete(const std::string& name, const std::string& category, double begin, double seconds,
                           const Json& args) {
  Json event = {{"name", name},         {"cat", category}, {"ph", "X"},     {"ts", begin * 1e6},
                {"dur", seconds * 1e6}, {"pid", kProcess}, {"tid", kThread}};
  if (!args.is_null()) event["args"] = args;
  events_->push_back(std::move(event));
}

void ChromeTrace::counter(const std::string& name, double at, const std::string& unit, double value) {
  events_->push_back({{"name", name}, {"ph", "C"}, {"ts", at * 1e6}, {"pid", kProcess}, {"args", {{unit, value}}}});
}

void ChromeTrace::write(const std::filesystem::path& path) const {
  write_file_atomic(path, dump_json({{"displayTimeUnit", "ms"}, {"traceEvents", *events_}}) + "\n");
}

}  // namespace gradus
