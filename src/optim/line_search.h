#pragma once
#include "optim/minimise.h"

namespace gradus {

struct LineStep {
  bool found = false;
  double step = 0, value = 0;
  std::vector<double> x, gradient;
  int64_t evaluations = 0;
};

/// A step t along `direction`, which falls, with f(x + t d) <= f(x) + 1e-4 t f'(0) and |f'(t)| <= curvature |f'(0)|;
/// where rounding hides the fall of the value, the slopes alone decide. `first` is tried first.
LineStep strong_wolfe(const Objective& f, const std::vector<double>& x, double value,
                      const std::vector<double>& gradient, const std::vector<double>& direction, double first,
                      double curvature);

}  // namespace gradus
