#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "tensor/tensor.h"

// Minimising a function of a few thousand numbers that can be asked for its value and gradient, in f64. The optimisers
// of training, which see a new batch at each step, stand beside this file.
namespace gradus {

/// The value at x; fills `gradient`, which has x's size.
using Objective = std::function<double(const std::vector<double>& x, std::vector<double>& gradient)>;
/// H v at x: the Hessian times a vector.
using HessianProduct = std::function<std::vector<double>(const std::vector<double>& x, const std::vector<double>& v)>;

/// An objective out of differentiable ops: `f` gets f64 tensors with the shapes of `like` and returns one number. x
/// holds their elements one after the other.
Objective objective_of(std::function<Tensor(const Tensors&)> f, const Tensors& like);
/// Its Hessian's products, by the gradient of the gradient.
HessianProduct hessian_product_of(std::function<Tensor(const Tensors&)> f, const Tensors& like);
/// Elements of tensors one after the other, and back into tensors (f64) of the shapes of `like`.
std::vector<double> packed(const Tensors& xs);
Tensors unpacked(const std::vector<double>& x, const Tensors& like);

struct MinimiseStep {
  int64_t iteration = 0;  ///< 0: the start
  double value = 0, gradient_norm = 0;
  const std::vector<double>& x;
};

struct MinimiseOptions {
  int64_t max_iterations = 1000;
  double gradient_tolerance = 1e-8;  ///< of the gradient's 2-norm
  /// Seen at the start and after each iteration; true stops.
  std::function<bool(const MinimiseStep&)> watch = {};
  /// How far to go from x along a direction that falls, for who knows better than a search: an exact minimiser.
  std::function<double(const std::vector<double>& x, const std::vector<double>& gradient,
                       const std::vector<double>& direction)>
      step_length = {};
};

enum class MinimiseEnd : uint8_t {
  converged,  ///< the gradient is within the tolerance
  stopped,    ///< by `watch`
  limit,      ///< max_iterations
  stuck,      ///< no step along the direction lowers the value: rounding, or a gradient that is wrong
  diverged,   ///< the value is no longer finite
};
const char* name_of(MinimiseEnd end);

struct Minimum {
  std::vector<double> x;
  double value = 0, gradient_norm = 0;
  int64_t iterations = 0, evaluations = 0;
  MinimiseEnd end = MinimiseEnd::limit;
};

// All throw ValueError where the value at the start is not finite, and for options out of range. Where nothing else is
// said, the length of a step is found by a search that ends in the strong Wolfe conditions (Nocedal & Wright 2006,
// algorithms 3.5 and 3.6).

struct DescentOptions {
  double step = 0;      ///< the same at every iteration; 0: searched, along the gradient (steepest descent)
  double momentum = 0;  ///< in [0, 1); wants a fixed step
  /// momentum: x' = x - step grad f(x) + momentum (x - x_before) (Polak 1964, the heavy ball), or with nesterov
  /// y = x + momentum (x - x_before), x' = y - step grad f(y) (Nesterov 1983).
  bool nesterov = false;
};
Minimum gradient_descent(const Objective& f, std::vector<double> x, const DescentOptions& descent,
                         const MinimiseOptions& options = {});

enum class ConjugateRule : uint8_t { polak_ribiere, fletcher_reeves };
/// Non-linear conjugate gradients; Polak and Ribiere's factor is held at 0 at least, which restarts. On a quadratic
/// with exact steps both are the method of Hestenes and Stiefel (1952).
Minimum conjugate_gradient(const Objective& f, std::vector<double> x, const MinimiseOptions& options = {},
                           ConjugateRule rule = ConjugateRule::polak_ribiere);

/// L-BFGS (Nocedal 1980; Liu & Nocedal 1989): the last `history` steps stand for the inverse Hessian.
Minimum lbfgs(const Objective& f, std::vector<double> x, const MinimiseOptions& options = {}, int64_t history = 10);

/// Newton's direction by conjugate gradients on the Hessian's products, broken off early far from the minimum and at
/// directions of negative curvature (Nocedal & Wright 2006, algorithm 7.1). The direction solves H d = -g to
/// `accuracy` min(1, sqrt |g|) |g|: a small one makes it one iteration on a convex quadratic.
Minimum newton_cg(const Objective& f, const HessianProduct& hessian, std::vector<double> x,
                  const MinimiseOptions& options = {}, double accuracy = 0.01);

}  // namespace gradus
