#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "io/png.h"
#include "lab/formula.h"
#include "optim/minimise.h"

namespace gradus {

/// f(x) = x^T A x + b^T x + c with a symmetric A: gradient 2 A x + b, Hessian H = 2 A.
struct Quadratic {
  std::vector<std::string> variables;
  std::vector<double> a;  ///< n x n, row by row
  std::vector<double> b;  ///< n
  double c = 0;

  size_t size() const { return b.size(); }
  double value(const std::vector<double>& x) const;
  std::vector<double> gradient(const std::vector<double>& x) const;
  /// H v
  std::vector<double> curvature(const std::vector<double>& v) const;
  /// "3 x^2 + 2 x y - y": as people write it; for many variables "a form in 200 variables".
  std::string text() const;
};

/// From coefficients; (A + A^T)/2 takes A's place, which is the same form. Names are x, y for two variables, else
/// x1, x2, … Throws ShapeError when the sizes do not fit, ValueError for what is not finite.
Quadratic quadratic_from(const std::vector<std::vector<double>>& a, const std::vector<double>& b, double c = 0);
/// From a formula, by its derivatives at 0. Throws ValueError when it is no quadratic form, saying where it is not.
Quadratic quadratic_from(const Formula& f);
/// n variables, Hessian with eigenvalues from 1 to `condition` at equal ratios in random directions, b random normal.
Quadratic quadratic_with_spectrum(int64_t n, double condition, uint64_t seed = 0);

/// What a quadratic form is.
struct QuadraticReport {
  std::vector<double> eigenvalues;   ///< of the Hessian, rising
  std::string kind;                  ///< positive definite, positive semidefinite, indefinite, negative …, zero
  bool bounded = false;              ///< below
  std::string why;                   ///< when it is not
  double largest = 0, smallest = 0;  ///< eigenvalues above 0: L and mu
  double condition = 0;              ///< L / mu where no eigenvalue is below 0, else 0
  std::vector<double> minimiser;     ///< the one of least norm; empty when it is not bounded
  double minimum = 0;
};
QuadraticReport examine(const Quadratic& q);

struct QuadraticPath {
  std::string method;
  int64_t iterations = 0;
  MinimiseEnd end = MinimiseEnd::limit;
  double value = 0;
  std::vector<double> x;
  /// sqrt((x - x*)^T H (x - x*)) over the same at the start: the error in the norm of H.
  double error = 1;
  /// The factor of the error that an iteration has in the worst case; conjugate gradients: within 2 rate^n. 0: done at
  /// once.
  double rate = 0;
  int64_t bound = 0;                        ///< iterations that are enough by it; -1: no such bound
  std::vector<double> errors;               ///< after each iteration, thinned to some thousand
  std::vector<std::vector<double>> points;  ///< of two variables: the places, likewise
};

/// steepest_descent (exact line search), gradient_descent (step 2/(L + mu)), heavy_ball, nesterov, conjugate_gradient,
/// newton, lbfgs.
const std::vector<std::string>& quadratic_methods();

struct QuadraticOptions {
  std::vector<double> start;  ///< empty: zeros
  double tolerance = 1e-6;    ///< of the relative error
  int64_t max_iterations = 100000;
};
/// Runs one method. Throws ValueError for an unknown name, a form without a minimum, and a start of another size.
QuadraticPath minimise_quadratic(const Quadratic& q, const QuadraticReport& report, const std::string& method,
                                 const QuadraticOptions& options = {});

struct QuadraticPictureOptions {
  double width = 860, height = 640, scale = 2;
};
/// Two variables: the paths over level sets; any other number: the errors against the iterations.
Image draw_quadratic(const Quadratic& q, const QuadraticReport& report, const std::vector<QuadraticPath>& paths,
                     const QuadraticPictureOptions& options = {});

}  // namespace gradus
