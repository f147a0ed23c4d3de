#include "infer/stop_strings.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace gradus {

StopStrings::StopStrings(std::vector<std::string> stops) : stops_(std::move(stops)) {
  for (const std::string& stop : stops_)
    if (stop.empty()) throw ValueError("generate", "a stop string is empty.", "leave it out to generate to the end.");
}

std::string StopStrings::push(std::string_view text) {
  if (stopped()) return "";
  held_ += text;
  size_t begin = held_.npos, end = held_.npos;
  for (const std::string& stop : stops_) {
    const size_t at = held_.find(stop);
    if (at == held_.npos || std::pair(at + stop.size(), at) >= std::pair(end, begin)) continue;
    begin = at, end = at + stop.size();
    matched_ = stop;
  }
  if (begin == held_.npos)
    for (begin = 0; begin < held_.size(); ++begin) {
      const std::string_view rest = std::string_view(held_).substr(begin);
      if (std::any_of(stops_.begin(), stops_.end(),
                      [&](auto& stop) { return stop.compare(0, rest.size(), rest) == 0; }))
        break;
    }
  std::string certain = held_.substr(0, begin);
  held_.erase(0, stopped() ? held_.npos : begin);
  return certain;
}

std::string StopStrings::finish() { return stopped() ? "" : std::exchange(held_, ""); }

}  // namespace gradus
