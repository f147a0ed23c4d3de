#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/random.h"
#include "train/sweep.h"

namespace gradus {

namespace {

constexpr int64_t kMostTrials = 10000;
constexpr const char* kAxisHint =
    "write KEY=A,B,C or a range KEY=log:LOW:HIGH, KEY=uniform:LOW:HIGH, KEY=int:LOW:HIGH, on a grid with :POINTS.";

[[noreturn]] void refuse_axis(const std::string& text, const std::string& why) {
  throw ValueError("sweep", "\"" + text + "\": " + why + ".", kAxisHint);
}

// Pieces between commas that stand outside of quotes and brackets.
std::vector<std::string> listed(const std::string& text) {
  std::vector<std::string> values{""};
  int depth = 0;
  char quote = 0;
  for (const char c : text) {
    if (quote) {
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if (c == ']' || c == '}') {
      --depth;
    } else if (c == ',' && depth == 0) {
      values.emplace_back();
      continue;
    }
    values.back() += c;
  }
  return values;
}

bool read_number(const std::string& text, double& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && std::isfinite(value);
}

// Four digits say enough of a number that was drawn; the trial runs with what is written.
std::string written_value(const SweepAxis& axis, double value) {
  if (axis.kind == SweepAxis::integer) return fmt::format("{}", static_cast<int64_t>(std::llround(value)));
  std::string text = fmt::format("{:.4g}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

// The value at a share of the range.
std::string value_at(const SweepAxis& axis, double share) {
  if (axis.kind == SweepAxis::log) return written_value(axis, axis.low * std::pow(axis.high / axis.low, share));
  return written_value(axis, axis.low + (axis.high - axis.low) * share);
}

std::vector<std::string> grid_values(const SweepAxis& axis) {
  if (axis.kind == SweepAxis::list) return axis.values;
  int64_t count = axis.count;
  if (count == 0 && axis.kind == SweepAxis::integer && axis.high - axis.low < 1000)
    count = std::llround(axis.high - axis.low) + 1;
  if (count == 0)
    throw ValueError("sweep", "a grid over the range of " + axis.key + " needs a number of points.",
                     fmt::format("write {}={}:{}:{}:5, or take --strategy random.", axis.key,
                                 axis.kind == SweepAxis::log       ? "log"
                                 : axis.kind == SweepAxis::integer ? "int"
                                                                   : "uniform",
                                 axis.low, axis.high));
  std::vector<std::string> values;
  for (int64_t i = 0; i < count; ++i) {
    const double share = count > 1 ? static_cast<double>(i) / static_cast<double>(count - 1) : 0;
    const std::string value = value_at(axis, share);
    if (values.empty() || values.back() != value) values.push_back(value);
  }
  return values;
}

std::vector<SweepSettings> grid_trials(const SweepSpec& spec) {
  std::vector<SweepSettings> trials{{}};
  for (const SweepAxis& axis : spec.axes) {
    const std::vector<std::string> values = grid_values(axis);
    if (static_cast<int64_t>(trials.size() * values.size()) > kMostTrials)
      throw ValueError("sweep", fmt::format("the grid has more than {} trials.", kMostTrials),
                       "fewer values, or --strategy random --trials N.");
    std::vector<SweepSettings> longer;
    for (const SweepSettings& t : trials)
      for (const std::string& value : values) {
        longer.push_back(t);
        longer.back().emplace_back(axis.key, value);
      }
    trials = std::move(longer);
  }
  return trials;
}

// Trial i draws number i of each axis' own stream: more trials leave the first ones as they are.
std::vector<SweepSettings> random_trials(const SweepSpec& spec) {
  std::vector<SweepSettings> trials(static_cast<size_t>(spec.trials));
  for (const SweepAxis& axis : spec.axes) {
    const RandomKey key = RandomKey{spec.seed, stream_name("sweep")}.fold(stream_name(axis.key.c_str()));
    for (size_t i = 0; i < trials.size(); ++i) {
      std::string value;
      if (axis.kind == SweepAxis::list)
        value = axis.values[key.below(axis.values.size(), i)];
      else if (axis.kind == SweepAxis::integer)
        value = written_value(
            axis, axis.low + static_cast<double>(key.below(static_cast<uint64_t>(axis.high - axis.low) + 1, i)));
      else
        value = value_at(axis, key.uniform(i));
      trials[i].emplace_back(axis.key, value);
    }
  }
  return trials;
}

}  // namespace

SweepAxis parse_sweep_axis(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) refuse_axis(text, "this is not KEY=VALUES");
  SweepAxis axis;
  axis.key = text.substr(0, equals);
  const std::string values = text.substr(equals + 1);
  if (values.empty()) refuse_axis(text, "it has no values");
  for (const auto& [name, kind] :
       {std::pair{"log:", SweepAxis::log}, {"uniform:", SweepAxis::uniform}, {"int:", SweepAxis::integer}})
    if (values.rfind(name, 0) == 0) axis.kind = kind;
  if (axis.kind == SweepAxis::list) {
    axis.values = listed(values);
    for (size_t i = 0; i < axis.values.size(); ++i) {
      if (axis.values[i].empty()) refuse_axis(text, "a value is empty");
      if (std::count(axis.values.begin(), axis.values.end(), axis.values[i]) > 1)
        refuse_axis(text, "the value " + axis.values[i] + " stands there twice");
    }
    return axis;
  }
  std::vector<std::string> parts{""};
  for (const char c : values)
    if (c == ':')
      parts.emplace_back();
    else
      parts.back() += c;
  if (parts.size() < 3 || parts.size() > 4) refuse_axis(text, "a range has a low and a high end");
  double count = 0;
  if (!read_number(parts[1], axis.low) || !read_number(parts[2], axis.high))
    refuse_axis(text, "the ends of a range are numbers");
  if (!(axis.low < axis.high)) refuse_axis(text, "the range is empty");
  if (axis.kind == SweepAxis::log && !(axis.low > 0)) refuse_axis(text, "a logarithmic range lies above 0");
  if (axis.kind == SweepAxis::integer && (axis.low != std::floor(axis.low) || axis.high != std::floor(axis.high) ||
                                          std::abs(axis.low) > 1e15 || std::abs(axis.high) > 1e15))
    refuse_axis(text, "the ends are whole numbers");
  if (parts.size() == 4) {
    if (!read_number(parts[3], count) || count < 2 || count > kMostTrials || count != std::floor(count))
      refuse_axis(text, "the number of points is a whole one of at least 2");
    axis.count = static_cast<int64_t>(count);
  }
  return axis;
}

std::vector<SweepSettings> sweep_trials(const SweepSpec& spec) {
  if (spec.axes.empty()) throw ValueError("sweep", "there is nothing to vary.", "give --over KEY=A,B,C at least once.");
  for (size_t i = 0; i < spec.axes.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      if (spec.axes[i].key == spec.axes[j].key) throw ValueError("sweep", spec.axes[i].key + " is varied twice.");
  for (const std::string& change : spec.changes)
    for (const SweepAxis& axis : spec.axes)
      if (change.substr(0, change.find('=')) == axis.key)
        throw ValueError("sweep", axis.key + " is both set and varied.", "give it once.");
  if (spec.strategy != "grid" && spec.strategy != "random" && spec.strategy != "halving")
    throw ValueError("sweep", "there is no strategy \"" + spec.strategy + "\".", "there are grid, random, halving.");
  if (spec.trials < 0 || spec.trials > kMostTrials)
    throw ValueError("sweep", fmt::format("trials must lie in [1, {}], got {}.", kMostTrials, spec.trials));
  if (spec.strategy == "random" && spec.trials == 0)
    throw ValueError("sweep", "a random search needs a number of trials.", "give --trials N.");
  if (spec.strategy == "grid" && spec.trials > 0)
    throw ValueError("sweep", "a grid has as many trials as combinations; --trials contradicts it.",
                     "leave it out, or take --strategy random.");
  if (spec.eta < 2) throw ValueError("sweep", "eta must be at least 2.");
  return spec.trials > 0 ? random_trials(spec) : grid_trials(spec);
}

std::vector<int64_t> halving_rungs(int64_t trials, int64_t eta, int64_t max_steps) {
  // n trials are cut down to one in floor(log_eta n) cuts
  int64_t cuts = 0, factor = 1;
  for (int64_t n = trials; n >= eta; n /= eta) ++cuts, factor *= eta;
  if (max_steps < factor)
    throw ValueError("sweep",
                     fmt::format("successive halving of {} trials cuts {} times by {}: max_steps {} is too short.",
                                 trials, cuts, eta, max_steps),
                     fmt::format("at least {} steps, or fewer trials.", factor));
  std::vector<int64_t> rungs;
  int64_t steps = max_steps / factor;
  for (int64_t i = 0; i < cuts; ++i, steps *= eta) rungs.push_back(steps);
  rungs.push_back(max_steps);
  return rungs;
}

}  // namespace gradus
