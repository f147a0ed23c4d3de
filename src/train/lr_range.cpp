#include "train/lr_range.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "train/step.h"

namespace gradus {

namespace {

void summarise(LrRange& range) {
  if (range.points.empty()) return;
  size_t lowest = 0;
  for (size_t i = 0; i < range.points.size(); ++i)
    if (range.points[i].smoothed < range.points[lowest].smoothed) lowest = i;
  range.lowest = range.points[lowest].learning_rate;
  // the slope over a tenth of the points about each, up to the lowest
  const size_t reach = std::max<size_t>(1, range.points.size() / 20);
  double steepest = 0;
  range.steepest = range.lowest;
  for (size_t i = reach; i + reach < range.points.size() && i <= lowest; ++i) {
    const LrRangePoint &a = range.points[i - reach], &b = range.points[i + reach];
    const double slope = (b.smoothed - a.smoothed) / std::log(b.learning_rate / a.learning_rate);
    if (slope < steepest) steepest = slope, range.steepest = range.points[i].learning_rate;
  }
  range.suggested = std::min(range.lowest / 10, range.steepest);
}

}  // namespace

LrRange lr_range_test(TrainTask& task, const TrainSettings& settings, const LrRangeOptions& o,
                      const std::function<bool(int64_t, const LrRangePoint&)>& watch) {
  if (!(o.low > 0 && o.low < o.high) || !std::isfinite(o.high))
    throw ValueError("lr-range", fmt::format("the range from {} to {} is empty.", o.low, o.high),
                     "the lower end lies above 0 and below the upper one.");
  if (o.steps < 10 || o.steps > 1000000)
    throw ValueError("lr-range", fmt::format("steps must lie in [10, 1000000], got {}.", o.steps));
  if (!(o.smoothing >= 0 && o.smoothing < 1)) throw ValueError("lr-range", "the smoothing must lie in [0, 1).");
  if (!(o.stop_factor > 0)) throw ValueError("lr-range", "the factor that ends the test must be positive.");
  const auto optimizer = make_optimizer(task.parameters(), settings.optimizer);
  StepOptions step = step_options(settings);
  LrRange range;
  double average = 0, weight = 0, first = 0, lowest = INFINITY;
  for (int64_t i = 0; i < o.steps; ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(o.steps - 1);
    step.learning_rate = o.low * std::pow(o.high / o.low, share);
    step.dropout = RandomKey{settings.seed, stream_name("dropout")}.fold(static_cast<uint64_t>(i));
    step.check_gradients = i == 0;
    const StepResult result = train_step(task, *optimizer, step);
    if (!result.applied) {
      range.diverged = step.learning_rate;
      break;
    }
    average = o.smoothing * average + (1 - o.smoothing) * result.loss;
    weight = o.smoothing * weight + (1 - o.smoothing);
    range.points.push_back({step.learning_rate, result.loss, average / weight});
    const double now = range.points.back().smoothed;
    if (i == 0) first = now;
    lowest = std::min(lowest, now);
    if (watch && watch(i + 1, range.points.back())) break;
    // a loss that only rises counts as fallen by a hundredth
    if (now > lowest + o.stop_factor * std::max(first - lowest, 0.01 * std::abs(first))) {
      range.diverged = step.learning_rate;
      break;
    }
  }
  summarise(range);
  return range;
}

Figure figure_of_lr_range(const LrRange& range, const std::string& title) {
  Panel panel;
  panel.x = {"learning rate", true};
  panel.y = {"loss"};
  Series loss{.label = "loss", .color = Color::hex(0xadb5bd), .width = 1},
      smoothed{.label = "smoothed", .color = series_color(0)};
  double low = INFINITY, high = -INFINITY;
  for (const LrRangePoint& p : range.points) {
    loss.x.push_back(p.learning_rate), loss.y.push_back(p.loss);
    smoothed.x.push_back(p.learning_rate), smoothed.y.push_back(p.smoothed);
    low = std::min(low, p.smoothed), high = std::max(high, p.smoothed);
  }
  panel.series = {loss, smoothed};
  const auto mark = [&](double rate, const char* name, size_t color) {
    if (rate > 0)
      panel.series.push_back({.label = fmt::format("{} {:.2g}", name, rate),
                              .x = {rate, rate},
                              .y = {low, high},
                              .color = series_color(color),
                              .dash = {5, 4}});
  };
  mark(range.suggested, "suggested", 2);
  mark(range.lowest, "lowest loss", 1);
  return {title, fmt::format("range test over {} steps", range.points.size()), {panel}};
}

}  // namespace gradus
