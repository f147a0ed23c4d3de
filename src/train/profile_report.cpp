#include "train/profile_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>

#include "io/chrome_trace.h"

namespace gradus {

namespace {

struct Kind {
  const char* name;
  Color color;
  std::string_view slots[6];  // parts of a slot's name
};
constexpr Kind kKinds[] = {
    {"products", Color::hex(0x2b6cb0), {"matmul", "gemm", "conv"}},
    {"attention", Color::hex(0xd9531e), {"attention", "rope"}},
    {"loss", Color::hex(0xb8336a), {"cross_entropy", "loss"}},
    {"norms, softmax", Color::hex(0x1a936f), {"norm", "softmax"}},
    {"optimizer", Color::hex(0x5c6770), {"adamw", "optim", "sum_squares", "round_stochastic"}},
    {"element-wise, copies and others", Color::hex(0xe9b949), {}},
};
constexpr size_t kOthers = std::size(kKinds) - 1;

size_t kind_of(const ProfileEvent& event) {
  for (size_t i = 0; i < kOthers; ++i)
    for (const std::string_view part : kKinds[i].slots)
      if (!part.empty() && std::string_view(event.slot).find(part) != std::string_view::npos) return i;
  return kOthers;
}

std::vector<FlameSpan> spans_of(const std::vector<ProfileEvent>& events) {
  std::vector<FlameSpan> spans;
  for (const ProfileEvent& e : events)
    spans.push_back({e.begin, e.begin + e.seconds, profile_path(e), kKinds[kind_of(e)].color});
  return spans;
}

std::string duration(double seconds) {
  return seconds < 10 ? fmt::format("{:.1f} ms", seconds * 1e3) : fmt::format("{:.1f} s", seconds);
}

bool is_number(const std::string& part) {
  return !part.empty() && std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::vector<std::string> profile_path(const ProfileEvent& event) {
  std::vector<std::string> path{name_of(event.phase)};
  std::string_view scope = event.scope;
  if (event.phase == Phase::optimizer) scope = {};  // its name is the phase's
  while (!scope.empty()) {
    const size_t dot = std::min(scope.find('.'), scope.size());
    const std::string part(scope.substr(0, dot));
    if (is_number(part) && path.size() > 1)
      path.back() += "." + part;  // the list and the place in it are one level
    else
      path.push_back(part);
    scope.remove_prefix(std::min(dot + 1, scope.size()));
  }
  path.push_back(event.op);
  return path;
}

FlameChart flame_chart(const std::vector<ProfileEvent>& events, const std::string& title) {
  FlameChart chart;
  chart.title = title;
  double seconds[std::size(kKinds)] = {}, total = 0, phases[3] = {};
  for (const ProfileEvent& e : events) {
    seconds[kind_of(e)] += e.seconds;
    phases[static_cast<size_t>(e.phase)] += e.seconds;
    total += e.seconds;
    chart.memory_time.push_back(e.begin + e.seconds);
    chart.memory_bytes.push_back(static_cast<double>(e.live));
  }
  if (events.empty()) return chart;
  const double wall = events.back().begin + events.back().seconds - events.front().begin;
  chart.spans = spans_of(events);
  for (const Phase p : {Phase::forward, Phase::backward, Phase::optimizer})
    chart.subtitle += fmt::format("{} {} · ", name_of(p), duration(phases[static_cast<size_t>(p)]));
  chart.subtitle += fmt::format("outside kernels {} · {} kernel calls", duration(wall - total), events.size());
  for (size_t i = 0; i < std::size(kKinds); ++i)
    if (seconds[i] > 0)
      chart.legend.push_back({fmt::format("{} {:.1f} %", kKinds[i].name, 100 * seconds[i] / total), kKinds[i].color});
  return chart;
}

void write_chrome_trace(const std::filesystem::path& path, const std::vector<ProfileEvent>& events,
                        const std::string& process) {
  ChromeTrace trace(process);
  for (const FlameBox& box : flame_boxes(spans_of(events))) {
    const ProfileEvent& e = events[box.first];
    Json args;
    if (box.leaf) {
      args = {{"kernel", e.kernel}, {"module", e.scope}, {"operand_bytes", e.bytes}, {"allocated_bytes", e.allocated}};
      if (e.flops > 0) args["gflops_per_s"] = e.flops / e.seconds / 1e9;
    }
    trace.complete(box.name, box.leaf ? name_of(e.phase) : "module", box.begin, box.end - box.begin, args);
    if (box.leaf) trace.counter("memory in use", e.begin + e.seconds, "bytes", static_cast<double>(e.live));
  }
  trace.write(path);
}

}  // namespace gradus
