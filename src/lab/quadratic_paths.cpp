#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "lab/quadratic.h"
#include "optim/vector_math.h"

namespace gradus {

namespace {

using Vector = std::vector<double>;

// Iterations after which c rate^n is at most the tolerance.
int64_t enough(double rate, double c, double tolerance) {
  if (rate <= 0) return 1;
  if (rate >= 1) return -1;
  return std::max<int64_t>(1, static_cast<int64_t>(std::ceil(std::log(tolerance / c) / std::log(rate))));
}

// Keeps every entry, later every second, fourth, …: some thousand of them.
class Thinned {
 public:
  bool take(int64_t i) {
    if (i % every_ != 0) return false;
    if (++kept_ > 4000) every_ *= 2, kept_ /= 2;
    return true;
  }

 private:
  int64_t every_ = 1, kept_ = 0;
};

}  // namespace

const std::vector<std::string>& quadratic_methods() {
  static const std::vector<std::string> methods = {"steepest_descent",   "gradient_descent", "heavy_ball", "nesterov",
                                                   "conjugate_gradient", "newton",           "lbfgs"};
  return methods;
}

QuadraticPath minimise_quadratic(const Quadratic& q, const QuadraticReport& report, const std::string& method,
                                 const QuadraticOptions& options) {
  if (!report.bounded) throw ValueError("quadratic", "the form has no minimum: " + report.why + ".");
  const Vector start = options.start.empty() ? Vector(q.size()) : options.start;
  if (start.size() != q.size())
    throw ValueError("quadratic", "the start has " + std::to_string(start.size()) + " numbers for " +
                                      std::to_string(q.size()) + " variables.");
  for (const double v : start)
    if (!std::isfinite(v)) throw ValueError("quadratic", "the start is not finite.");
  if (!(options.tolerance > 0 && options.tolerance < 1))
    throw ValueError("quadratic", "the tolerance must lie in (0, 1).");

  QuadraticPath path{.method = method};
  const auto error = [&](const Vector& x) {
    Vector away = x;
    for (size_t i = 0; i < away.size(); ++i) away[i] -= report.minimiser[i];
    return std::sqrt(std::max(0.0, inner(q.curvature(away), away)));
  };
  const double first = error(start);
  Thinned thinned;
  MinimiseOptions walk;
  walk.max_iterations = options.max_iterations;
  walk.gradient_tolerance = 0;
  walk.watch = [&](const MinimiseStep& step) {
    path.error = first > 0 ? error(step.x) / first : 0;
    if (thinned.take(step.iteration)) {
      path.errors.push_back(path.error);
      if (q.size() == 2) path.points.push_back(step.x);
    }
    return path.error <= options.tolerance || step.iteration >= options.max_iterations;
  };
  // along d, (f(x + t d))' = g.d + t d^T H d = 0
  const auto exact = [&](const Vector&, const Vector& g, const Vector& d) {
    return -inner(g, d) / inner(q.curvature(d), d);
  };
  const Objective f = [&](const Vector& x, Vector& g) {
    g = q.gradient(x);
    return (inner(g, x) + inner(q.b, x)) / 2 + q.c;  // x^T A x + b^T x = x.(2 A x + b)/2 + b.x/2
  };
  const double l = report.largest, mu = report.smallest, k = l > 0 ? report.condition : 1, root = std::sqrt(k);
  Minimum m;
  if (l == 0) {  // constant
    m = gradient_descent(f, start, {.step = 1}, walk);
  } else if (method == "steepest_descent") {
    walk.step_length = exact;
    path.rate = (k - 1) / (k + 1);
    m = gradient_descent(f, start, {}, walk);
  } else if (method == "gradient_descent") {
    path.rate = (k - 1) / (k + 1);
    m = gradient_descent(f, start, {.step = 2 / (l + mu)}, walk);
  } else if (method == "heavy_ball") {
    // Polak's constants; the rate holds in the long run only
    const double sum = std::sqrt(l) + std::sqrt(mu), beta = (root - 1) / (root + 1);
    path.rate = beta;
    m = gradient_descent(f, start, {.step = 4 / (sum * sum), .momentum = beta * beta}, walk);
  } else if (method == "nesterov") {
    const double beta = (root - 1) / (root + 1);
    path.rate = std::sqrt(1 - 1 / root);
    m = gradient_descent(f, start, {.step = 1 / l, .momentum = beta, .nesterov = beta > 0}, walk);
  } else if (method == "conjugate_gradient") {
    walk.step_length = exact;
    path.rate = (root - 1) / (root + 1);
    m = conjugate_gradient(f, start, walk, ConjugateRule::fletcher_reeves);
  } else if (method == "newton") {
    m = newton_cg(
        f, [&](const Vector&, const Vector& v) { return q.curvature(v); }, start, walk, 1e-9);
  } else if (method == "lbfgs") {
    m = lbfgs(f, start, walk);
  } else {
    std::string names;
    for (const std::string& name : quadratic_methods()) names += (names.empty() ? "" : ", ") + name;
    throw ValueError("quadratic", "there is no method \"" + method + "\".", "there are " + names + ".");
  }
  const bool twice = method == "conjugate_gradient",
             none = method == "lbfgs" || method == "nesterov" || method == "heavy_ball";
  path.bound = none ? -1 : enough(path.rate, twice ? 2 : 1, options.tolerance);
  path.iterations = m.iterations;
  path.value = m.value;
  path.x = m.x;
  path.end = path.error <= options.tolerance ? MinimiseEnd::converged : m.end;
  if (path.end == MinimiseEnd::stopped) path.end = MinimiseEnd::limit;
  return path;
}

}  // namespace gradus
