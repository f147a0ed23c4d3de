#include "optim/minimise.h"

#include <cmath>
#include <deque>
#include <string>

#include "autograd/autograd.h"
#include "autograd/functional.h"
#include "base/error.h"
#include "ops/elementwise.h"
#include "ops/shape.h"
#include "optim/line_search.h"
#include "optim/vector_math.h"

namespace gradus {

namespace {

using Vector = std::vector<double>;

void require_setting(bool good, const std::string& message) {
  if (!good) throw ValueError("minimise", message);
}

// What all methods share: the place, the count, and the reasons to end.
class DescentWalk {
 public:
  DescentWalk(const Objective& f, Vector x, const MinimiseOptions& options) : f_(f), options_(options) {
    require_setting(options.max_iterations >= 0, "max_iterations must not be negative.");
    require_setting(options.gradient_tolerance >= 0, "gradient_tolerance must not be negative.");
    gradient.resize(x.size());
    m.x = std::move(x);
    evaluate();
    require_setting(std::isfinite(m.value), "the value at the start is not finite.");
    ended_ = due();
  }

  bool ended() const { return ended_; }
  /// At m.x.
  void evaluate() {
    m.value = f_(m.x, gradient);
    ++m.evaluations;
    m.gradient_norm = norm2(gradient);
  }
  void count() {
    ++m.iterations;
    ended_ = due();
  }
  /// Goes along a direction; false (and the end) where that leads nowhere.
  bool along(const Vector& direction, double first, double curvature) {
    if (options_.step_length) {
      const double t = options_.step_length(m.x, gradient, direction);
      if (!std::isfinite(t)) return stuck();
      add_scaled(m.x, t, direction);
      evaluate();
    } else {
      LineStep step = strong_wolfe(f_, m.x, m.value, gradient, direction, first, curvature);
      m.evaluations += step.evaluations;
      if (!step.found) return stuck();
      m.x = std::move(step.x);
      gradient = std::move(step.gradient);
      m.value = step.value;
      m.gradient_norm = norm2(gradient);
    }
    count();
    return true;
  }

  Minimum m;
  Vector gradient;

 private:
  bool stuck() {
    m.end = MinimiseEnd::stuck;
    return !(ended_ = true);
  }
  bool due() {
    const bool stop = options_.watch && options_.watch({m.iterations, m.value, m.gradient_norm, m.x});
    if (!std::isfinite(m.value) || !std::isfinite(m.gradient_norm))
      m.end = MinimiseEnd::diverged;
    else if (m.gradient_norm <= options_.gradient_tolerance)
      m.end = MinimiseEnd::converged;
    else if (stop)
      m.end = MinimiseEnd::stopped;
    else if (m.iterations >= options_.max_iterations)
      m.end = MinimiseEnd::limit;
    else
      return false;
    return true;
  }

  const Objective& f_;
  const MinimiseOptions& options_;
  bool ended_ = false;
};

// A first step of length 1 at most, before anything is known about the scale.
double cautious_step(const Vector& gradient) { return std::min(1.0, 1 / norm2(gradient)); }

}  // namespace

const char* name_of(MinimiseEnd end) {
  switch (end) {
    case MinimiseEnd::converged: return "converged";
    case MinimiseEnd::stopped: return "stopped";
    case MinimiseEnd::limit: return "limit";
    case MinimiseEnd::stuck: return "stuck";
    case MinimiseEnd::diverged: break;
  }
  return "diverged";
}

std::vector<double> packed(const Tensors& xs) {
  Vector all;
  for (const Tensor& x : xs) {
    const Vector part = x.to_vector<double>();
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

Tensors unpacked(const std::vector<double>& x, const Tensors& like) {
  Tensors parts;
  size_t at = 0;
  for (const Tensor& l : like) {
    const auto n = static_cast<size_t>(l.count());
    if (at + n > x.size()) throw ShapeError("minimise", "there are fewer numbers than the tensors have elements.");
    parts.push_back(from_vector(
        Vector(x.begin() + static_cast<std::ptrdiff_t>(at), x.begin() + static_cast<std::ptrdiff_t>(at + n)),
        l.shape()));
    at += n;
  }
  if (at != x.size()) throw ShapeError("minimise", "there are more numbers than the tensors have elements.");
  return parts;
}

Objective objective_of(std::function<Tensor(const Tensors&)> f, const Tensors& like) {
  return [f = std::move(f), like](const Vector& x, Vector& gradient) {
    const NoGrad off;  // the gradient is a result, not to be differentiated again
    const ValueAndGradient both = value_and_gradient(f, unpacked(x, like));
    gradient = packed(both.gradient);
    return both.value.item();
  };
}

HessianProduct hessian_product_of(std::function<Tensor(const Tensors&)> f, const Tensors& like) {
  return [f = std::move(f), like](const Vector& x, const Vector& v) {
    const NoGrad off;
    return packed(hvp(f, unpacked(x, like), unpacked(v, like)));
  };
}

Minimum gradient_descent(const Objective& f, Vector x, const DescentOptions& descent, const MinimiseOptions& options) {
  require_setting(descent.step >= 0, "the step must not be negative.");
  require_setting(descent.momentum >= 0 && descent.momentum < 1, "the momentum must lie in [0, 1).");
  require_setting(descent.momentum == 0 || descent.step > 0, "momentum wants a fixed step.");
  require_setting(!descent.nesterov || descent.momentum > 0, "Nesterov's method wants a momentum.");
  DescentWalk walk(f, std::move(x), options);
  double step = cautious_step(walk.gradient);
  Vector before = walk.m.x, shifted_gradient(walk.m.x.size());
  while (!walk.ended()) {
    if (descent.step == 0) {
      const double last = inner(walk.gradient, walk.gradient);
      Vector moved = negated(walk.m.x);
      if (!walk.along(negated(walk.gradient), step, 0.1)) break;
      add_scaled(moved, 1, walk.m.x);
      // the next step falls as far, to first order (Nocedal & Wright 2006, eq. 3.60)
      const double now = inner(walk.gradient, walk.gradient);
      const double taken = norm2(moved) / std::sqrt(last);
      if (now > 0 && taken > 0) step = taken * last / now;
      continue;
    }
    Vector velocity = walk.m.x;
    add_scaled(velocity, -1, before);
    before = walk.m.x;
    add_scaled(walk.m.x, descent.momentum, velocity);
    if (descent.nesterov) {
      f(walk.m.x, shifted_gradient);
      ++walk.m.evaluations;
      add_scaled(walk.m.x, -descent.step, shifted_gradient);
    } else {
      add_scaled(walk.m.x, -descent.step, walk.gradient);
    }
    walk.evaluate();
    walk.count();
  }
  return walk.m;
}

Minimum conjugate_gradient(const Objective& f, Vector x, const MinimiseOptions& options, ConjugateRule rule) {
  DescentWalk walk(f, std::move(x), options);
  Vector direction = negated(walk.gradient);
  double step = cautious_step(walk.gradient);
  while (!walk.ended()) {
    const Vector last = walk.gradient;
    const Vector here = walk.m.x;
    if (!walk.along(direction, step, 0.1)) break;
    const double squared = inner(last, last), now = inner(walk.gradient, walk.gradient);
    const double beta = rule == ConjugateRule::fletcher_reeves
                            ? now / squared
                            : std::max(0.0, (now - inner(walk.gradient, last)) / squared);
    const double slope = inner(last, direction);
    for (size_t i = 0; i < direction.size(); ++i) direction[i] = -walk.gradient[i] + beta * direction[i];
    double falls = inner(walk.gradient, direction);
    if (!(falls < 0)) direction = negated(walk.gradient), falls = -now;
    // the first try falls as far as the last step did
    Vector moved = walk.m.x;
    add_scaled(moved, -1, here);
    const double length = norm2(moved) / std::max(1e-300, norm2(direction));
    step = std::isfinite(length) && length > 0 ? std::max(length, step * slope / falls) : 1;
  }
  return walk.m;
}

Minimum lbfgs(const Objective& f, Vector x, const MinimiseOptions& options, int64_t history) {
  require_setting(history >= 1 && history <= 1000, "L-BFGS keeps 1 to 1000 steps.");
  struct Pair {
    Vector s, y;
    double rho;
  };
  DescentWalk walk(f, std::move(x), options);
  std::deque<Pair> pairs;
  while (!walk.ended()) {
    // The two-loop recursion (Nocedal & Wright 2006, algorithm 7.4): direction = -H gradient
    Vector q = walk.gradient;
    Vector alpha(pairs.size());
    for (size_t i = pairs.size(); i-- > 0;) {
      alpha[i] = pairs[i].rho * inner(pairs[i].s, q);
      add_scaled(q, -alpha[i], pairs[i].y);
    }
    if (!pairs.empty()) {
      const double scale = 1 / (pairs.back().rho * inner(pairs.back().y, pairs.back().y));
      for (double& v : q) v *= scale;
    }
    for (size_t i = 0; i < pairs.size(); ++i) add_scaled(q, alpha[i] - pairs[i].rho * inner(pairs[i].y, q), pairs[i].s);
    const Vector direction = negated(q), x_before = walk.m.x, gradient_before = walk.gradient;
    if (!walk.along(direction, pairs.empty() ? cautious_step(walk.gradient) : 1, 0.9)) break;
    Pair pair{walk.m.x, walk.gradient, 0};
    add_scaled(pair.s, -1, x_before);
    add_scaled(pair.y, -1, gradient_before);
    const double curvature = inner(pair.s, pair.y);
    if (!(curvature > 1e-16 * inner(pair.y, pair.y))) continue;
    pair.rho = 1 / curvature;
    pairs.push_back(std::move(pair));
    if (pairs.size() > static_cast<size_t>(history)) pairs.pop_front();
  }
  return walk.m;
}

Minimum newton_cg(const Objective& f, const HessianProduct& hessian, Vector x, const MinimiseOptions& options,
                  double accuracy) {
  require_setting(accuracy > 0 && accuracy < 1, "the accuracy of Newton's direction must lie in (0, 1).");
  DescentWalk walk(f, std::move(x), options);
  while (!walk.ended()) {
    const Vector& g = walk.gradient;
    const double enough = accuracy * std::min(1.0, std::sqrt(walk.m.gradient_norm)) * walk.m.gradient_norm;
    Vector d(g.size(), 0.0), r = g, p = negated(g);
    double rr = inner(r, r);
    const size_t most = std::max<size_t>(50, 10 * g.size());
    for (size_t i = 0; i < most && std::sqrt(rr) > enough; ++i) {
      const Vector hp = hessian(walk.m.x, p);
      const double curvature = inner(p, hp);
      if (!(curvature > 1e-14 * inner(p, p))) {  // not convex along p: the first such direction is the gradient's
        if (i == 0) d = negated(g);
        break;
      }
      const double alpha = rr / curvature;
      add_scaled(d, alpha, p);
      add_scaled(r, alpha, hp);
      const double next = inner(r, r);
      for (size_t k = 0; k < p.size(); ++k) p[k] = -r[k] + next / rr * p[k];
      rr = next;
    }
    if (!walk.along(d, 1, 0.9)) break;
  }
  return walk.m;
}

}  // namespace gradus
