#pragma once
#include <string>
#include <utility>
#include <vector>

#include "lab/formula.h"

namespace gradus {

/// What happens to a formula near one point. Vectors follow the order of `formula.variables()`.
struct GradientReport {
  std::vector<std::string> variables;
  std::vector<double> point;
  double value = 0;
  std::vector<double> gradient;
  double gradient_norm = 0;          ///< the steepest slope: the directional derivative along the gradient
  std::vector<double> direction;     ///< of length 1: the one asked for, or the gradient's; empty when that is 0
  double along = 0;                  ///< directional derivative D_u f = gradient . u
  double curvature_along = 0;        ///< second derivative along u: u^T H u
  double forward = 0, backward = 0;  ///< difference quotients along u from either side: they equal `along`
                                     ///< where f is differentiable
  bool smooth = true;                ///< they do
  std::vector<std::vector<double>> hessian;
  std::vector<double> eigenvalues;  ///< of the Hessian, rising
  std::string kind;                 ///< where the gradient is 0: "minimum", "maximum", "saddle point", "flat"
};

/// `at` gives every variable its value; `direction` is empty or has one number a variable, in the formula's order.
/// Throws ValueError for a name or number that is missing or too many, a direction of length 0, and a point where the
/// formula has no finite value.
GradientReport examine_gradient(const Formula& f, const std::vector<std::pair<std::string, double>>& at,
                                const std::vector<double>& direction = {});

/// Values and gradient at many points at once: values[i] holds variable i's numbers. gradients[i] is df/d(variable i).
struct GradientField {
  std::vector<double> value;
  std::vector<std::vector<double>> gradients;
};
GradientField gradient_field(const Formula& f, const std::vector<std::vector<double>>& values);

/// Eigenvalues of a symmetric matrix, rising (cyclic Jacobi rotations).
std::vector<double> symmetric_eigenvalues(std::vector<std::vector<double>> a);

}  // namespace gradus
