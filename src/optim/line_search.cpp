#include "optim/line_search.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace gradus {

namespace {

struct LinePlace {
  double t = 0, value = 0, slope = 0;
};

// The minimum of the cubic through two values with their slopes (Nocedal & Wright 2006, eq. 3.59), held away from the
// ends; the middle where there is none.
double cubic_minimum(const LinePlace& a, const LinePlace& b) {
  const double d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.t - b.t);
  const double root = d1 * d1 - a.slope * b.slope;
  const double low = std::min(a.t, b.t), high = std::max(a.t, b.t);
  const double middle = (low + high) / 2;
  if (!(root >= 0)) return middle;
  const double d2 = std::copysign(std::sqrt(root), b.t - a.t);
  const double t = b.t - (b.t - a.t) * (b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2);
  const double margin = 0.1 * (high - low);
  return std::isfinite(t) ? std::clamp(t, low + margin, high - margin) : middle;
}

class WolfeSearch {
 public:
  WolfeSearch(const Objective& f, const std::vector<double>& x, double value, const std::vector<double>& gradient,
              const std::vector<double>& direction, double curvature)
      : f_(f), x_(x), direction_(direction), curvature_(curvature) {
    start_ = {0, value, dot(gradient)};
    noise_ = 4 * std::numeric_limits<double>::epsilon() * std::abs(value);
  }

  LineStep run(double first) {
    constexpr int kMostSteps = 40;
    if (!(start_.slope < 0)) return std::move(step_);
    LinePlace before = start_;
    double t = first;
    for (int i = 0; i < kMostSteps; ++i) {
      const LinePlace here = at(t);
      if (!std::isfinite(here.value)) {  // gone too far
        t = (before.t + t) / 2;
        continue;
      }
      if (!falls(here) || (i > 0 && here.value >= before.value && here.value > start_.value + noise_))
        return zoom(before, here);
      if (flat(here)) return accept(here);
      if (here.slope >= 0) return zoom(here, before);
      before = here;
      t = here.t * 2;
    }
    return accept_if_lower(before);
  }

 private:
  double dot(const std::vector<double>& g) const {
    double total = 0;
    for (size_t i = 0; i < g.size(); ++i) total += g[i] * direction_[i];
    return total;
  }

  LinePlace at(double t) {
    step_.x.resize(x_.size());
    for (size_t i = 0; i < x_.size(); ++i) step_.x[i] = x_[i] + t * direction_[i];
    step_.gradient.resize(x_.size());
    const double value = f_(step_.x, step_.gradient);
    ++step_.evaluations;
    return {t, value, dot(step_.gradient)};
  }

  bool falls(const LinePlace& p) const { return p.value <= start_.value + 1e-4 * p.t * start_.slope + noise_; }
  bool flat(const LinePlace& p) const { return std::abs(p.slope) <= -curvature_ * start_.slope; }

  // Between `low`, which has the lower value of those that fall, and `high`.
  LineStep zoom(LinePlace low, LinePlace high) {
    for (int i = 0; i < 40; ++i) {
      const LinePlace here = at(cubic_minimum(low, high));
      if (!std::isfinite(here.value) || !falls(here) || (here.value >= low.value && here.value > low.value + noise_)) {
        high = here;
        if (!std::isfinite(here.value)) high.value = high.slope = std::numeric_limits<double>::infinity();
        continue;
      }
      if (flat(here)) return accept(here);
      if (here.slope * (high.t - low.t) >= 0) high = low;
      low = here;
    }
    return accept_if_lower(low);
  }

  LineStep accept(const LinePlace& p) {
    step_.found = true;
    step_.step = p.t;
    step_.value = p.value;
    return std::move(step_);
  }
  LineStep accept_if_lower(const LinePlace& p) {
    if (!(p.t > 0) || !(p.value < start_.value)) return std::move(step_);
    const LinePlace again = at(p.t);  // x and the gradient there
    return accept(again);
  }

  const Objective& f_;
  const std::vector<double>& x_;
  const std::vector<double>& direction_;
  double curvature_, noise_ = 0;
  LinePlace start_;
  LineStep step_;
};

}  // namespace

LineStep strong_wolfe(const Objective& f, const std::vector<double>& x, double value,
                      const std::vector<double>& gradient, const std::vector<double>& direction, double first,
                      double curvature) {
  return WolfeSearch(f, x, value, gradient, direction, curvature).run(first);
}

}  // namespace gradus
