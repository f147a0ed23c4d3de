#include "io/spikes.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"

namespace gradus {

namespace {

double median_of(std::vector<double> v) {
  const auto middle = v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2);
  std::nth_element(v.begin(), middle, v.end());
  if (v.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(v.begin(), middle)) / 2;
}

// The deviation of the rows from the line through their halves' medians, so that a falling loss has no large scatter.
double scatter_of(const std::vector<double>& v) {
  const size_t half = v.size() / 2;
  const double first = median_of({v.begin(), v.begin() + static_cast<std::ptrdiff_t>(half)});
  const double second = median_of({v.end() - static_cast<std::ptrdiff_t>(half), v.end()});
  const double slope = (second - first) / static_cast<double>(v.size() - half);
  std::vector<double> distances;
  const double centre = median_of(v), middle = (static_cast<double>(v.size()) - 1) / 2;
  for (size_t i = 0; i < v.size(); ++i)
    distances.push_back(std::abs(v[i] - centre - slope * (static_cast<double>(i) - middle)));
  return std::max(1.4826 * median_of(distances), 0.01 * std::abs(centre));
}

double metric(const MetricsRow& row, const char* name) {
  return find_metric(row, name).value_or(std::numeric_limits<double>::quiet_NaN());
}

double larger(double a, double b) { return std::isnan(a) ? b : std::isnan(b) ? a : std::max(a, b); }

}  // namespace

std::vector<LossSpike> find_loss_spikes(const std::vector<MetricsRow>& rows, const SpikeOptions& options) {
  if (options.window < 5 || options.window > 100000)
    throw ValueError("spikes", "a window has at least 5 rows, got " + std::to_string(options.window) + ".");
  if (!(options.threshold > 0)) throw ValueError("spikes", "the threshold must be positive.");
  std::vector<LossSpike> spikes;
  std::vector<double> calm;
  bool inside = false;
  double level = 0, last_norm = std::numeric_limits<double>::quiet_NaN();
  for (const MetricsRow& row : rows) {
    const auto step_value = find_metric(row, "step"), loss_value = find_metric(row, "loss");
    if (!step_value || !loss_value) continue;
    const auto step = static_cast<int64_t>(*step_value);
    const double loss = std::isfinite(*loss_value) ? *loss_value : std::numeric_limits<double>::infinity();
    const double norm = metric(row, "grad_norm");
    const auto extend = [&] {
      LossSpike& s = spikes.back();
      if (loss > s.peak) s.peak = loss, s.peak_step = step;
      s.grad_norm = larger(s.grad_norm, norm);
    };
    if (inside && loss > level) {
      extend();
    } else if (inside) {
      spikes.back().end = step;
      inside = false;
    } else if (calm.size() >= 5 || std::isinf(loss)) {
      const auto n = std::min(calm.size(), static_cast<size_t>(options.window));
      const std::vector<double> window(calm.end() - static_cast<std::ptrdiff_t>(n), calm.end());
      const double median = n > 0 ? median_of(window) : loss, scatter = n > 4 ? scatter_of(window) : 1;
      if (std::isinf(loss) || loss > median + options.threshold * scatter) {
        spikes.push_back({step, step, -1, median, loss, 0, larger(last_norm, norm), metric(row, "learning_rate")});
        spikes.back().score = scatter;  // until the peak is known
        level = median + options.threshold * scatter / 2;
        inside = true;
      }
    }
    if (!inside && std::isfinite(loss)) calm.push_back(loss);
    last_norm = norm;
  }
  for (LossSpike& s : spikes) s.score = (s.peak - s.before) / s.score;
  return spikes;
}

}  // namespace gradus
