#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>

#include "train/sweep.h"

namespace gradus {

namespace {

// The values of a key as places on an axis: numbers as they are, anything else counted.
struct SweepPlaces {
  std::vector<std::string> names;  // when they are no numbers
  bool numbers = true, log = false;

  SweepPlaces(const std::vector<SweepTrial>& trials, size_t axis) {
    double low = INFINITY, high = 0;
    for (const SweepTrial& t : trials) {
      const std::string& text = t.settings[axis].second;
      char* end = nullptr;
      const double v = std::strtod(text.c_str(), &end);
      if (text.empty() || *end != '\0') numbers = false;
      low = std::min(low, v), high = std::max(high, v);
      if (std::find(names.begin(), names.end(), text) == names.end()) names.push_back(text);
    }
    log = numbers && low > 0 && high / low >= 8;
  }
  double at(const std::string& text) const {
    if (numbers) return std::strtod(text.c_str(), nullptr);
    return static_cast<double>(std::find(names.begin(), names.end(), text) - names.begin());
  }
  std::string label(const std::string& key) const {
    if (numbers) return key;
    std::string text = key + ":";
    for (size_t i = 0; i < names.size(); ++i) text += fmt::format(" {} {}", i, names[i]);
    return text;
  }
};

// What the settings say but for one key.
std::string others(const SweepSettings& settings, size_t axis) {
  std::string text;
  for (size_t i = 0; i < settings.size(); ++i)
    if (i != axis) {
      const std::string& key = settings[i].first;
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", key.substr(key.rfind('.') + 1), settings[i].second);
    }
  return text;
}

}  // namespace

Figure figure_of_sweep(const SweepSpec& spec, const SweepResult& result) {
  Figure figure;
  figure.title = "Sweep of " + spec.recipe.filename().string();
  if (!result.order.empty() && result.trials[result.order[0]].metric) {
    const SweepTrial& best = result.trials[result.order[0]];
    figure.subtitle = fmt::format("{} trials; best {} {:.5g} with {}", result.trials.size(), spec.metric, *best.metric,
                                  others(best.settings, best.settings.size()));
  }
  const bool grid = spec.strategy == "grid";
  for (size_t axis = 0; axis < spec.axes.size(); ++axis) {
    const SweepPlaces places(result.trials, axis);
    Panel panel;
    panel.x = {places.label(spec.axes[axis].key), places.log};
    panel.y = {spec.metric};
    std::map<std::string, std::vector<std::pair<double, double>>> curves;
    std::vector<std::string> order;
    for (const SweepTrial& t : result.trials) {
      if (!t.metric) continue;
      const std::string name = grid ? others(t.settings, axis) : t.state == "dropped" ? "dropped early" : "to the end";
      if (curves.find(name) == curves.end()) order.push_back(name);
      curves[name].emplace_back(places.at(t.settings[axis].second), *t.metric);
    }
    const bool joined = grid && places.numbers && order.size() <= 10;
    for (size_t i = 0; i < order.size(); ++i) {
      auto points = curves[order[i]];
      std::sort(points.begin(), points.end());
      Series s{.label = axis == 0 && order.size() <= 10 ? order[i] : "", .color = series_color(i)};
      for (const auto& [x, y] : points) {
        s.x.push_back(x), s.y.push_back(y);
        if (!joined) s.x.push_back(NAN), s.y.push_back(NAN);  // a gap: points alone
      }
      s.markers = true;
      panel.series.push_back(std::move(s));
    }
    if (!panel.series.empty()) figure.panels.push_back(std::move(panel));
  }
  return figure;
}

}  // namespace gradus
