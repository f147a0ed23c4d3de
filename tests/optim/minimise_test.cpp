#include "optim/minimise.h"

#include <doctest/doctest.h>

#include <cmath>

#include "base/error.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/matmul.h"
#include "ops/reduce.h"
#include "ops/shape.h"

using namespace gradus;

namespace {

using Vector = std::vector<double>;

// sum 100 (x_(i+1) - x_i^2)^2 + (1 - x_i)^2: a bent valley with its minimum at (1, …, 1) (Rosenbrock 1960).
Tensor rosenbrock(const Tensors& in) {
  const Tensor& x = in[0];
  const int64_t n = x.size(0);
  const Tensor a = narrow(x, 0, 0, n - 1), b = narrow(x, 0, 1, n - 1);
  return sum(add(mul(square(sub(b, square(a))), 100), square(sub(ones_like(a), a))));
}

double distance_to_ones(const Vector& x) {
  double worst = 0;
  for (const double v : x) worst = std::max(worst, std::abs(v - 1));
  return worst;
}

}  // namespace

TEST_CASE("Rosenbrock's valley: every method finds the minimum") {
  const Tensors like{zeros({6}, Dtype::f64)};
  const Objective f = objective_of(rosenbrock, like);
  const Vector start{-1.2, 1, -1.2, 1, -1.2, 1};
  MinimiseOptions options;
  options.max_iterations = 2000;
  for (const Minimum& m : {lbfgs(f, start, options), conjugate_gradient(f, start, options),
                           newton_cg(f, hessian_product_of(rosenbrock, like), start, options)}) {
    CHECK(m.end == MinimiseEnd::converged);
    CHECK(m.gradient_norm <= 1e-8);
    CHECK(m.value < 4.5);  // this function has a second, local minimum near (-1, 1, …) with the value 3.97
    if (m.value < 1) CHECK(distance_to_ones(m.x) < 1e-6);
    CHECK(m.evaluations > m.iterations);
  }
  const Vector plane{-1.2, 1};
  const Objective two = objective_of(rosenbrock, {zeros({2}, Dtype::f64)});
  const Minimum quick = lbfgs(two, plane, options);
  CHECK(distance_to_ones(quick.x) < 1e-7);
  CHECK(quick.iterations < 50);
  const Minimum newton = newton_cg(two, hessian_product_of(rosenbrock, {zeros({2}, Dtype::f64)}), plane, options);
  CHECK(distance_to_ones(newton.x) < 1e-7);
  CHECK(newton.iterations < 80);
  options.max_iterations = 100000;
  CHECK(distance_to_ones(gradient_descent(two, plane, {}, options).x) < 1e-5);
  CHECK(distance_to_ones(gradient_descent(two, plane, {.step = 1e-3, .momentum = 0.9}, options).x) < 1e-5);
  CHECK(distance_to_ones(gradient_descent(two, plane, {.step = 1e-3, .momentum = 0.9, .nesterov = true}, options).x) <
        1e-5);
}

TEST_CASE("tensors of several shapes are packed and unpacked") {
  const Tensor a = random_normal({3, 2}, {1, 1}, 0, 1, Dtype::f64), t = random_normal({3, 1}, {1, 2}, 0, 1, Dtype::f64);
  const auto loss = [=](const Tensors& in) { return mean(square(sub(add(matmul(a, in[0]), in[1]), t))); };
  const Tensors like{zeros({2, 1}, Dtype::f64), zeros({1, 1}, Dtype::f64)};
  const Minimum m = lbfgs(objective_of(loss, like), packed(like));
  CHECK(m.end == MinimiseEnd::converged);
  CHECK(m.value == doctest::Approx(0).epsilon(1e-9));  // three equations, three numbers
  const Tensors parts = unpacked(m.x, like);
  CHECK(parts[0].shape() == Shape{2, 1});
  CHECK_THROWS_AS(unpacked({1, 2}, like), ShapeError);
  CHECK_THROWS_AS(unpacked({1, 2, 3, 4}, like), ShapeError);
}

TEST_CASE("ends that are no minimum are told apart") {
  const Objective falling = [](const Vector& x, Vector& g) { return g[0] = -std::exp(x[0]), -std::exp(x[0]); };
  CHECK(gradient_descent(falling, {0}, {.step = 1}).end == MinimiseEnd::diverged);
  const Objective wrong = [](const Vector& x, Vector& g) { return g[0] = -1, x[0] * x[0]; };
  CHECK(lbfgs(wrong, {0}).end == MinimiseEnd::stuck);
  const Objective bowl = [](const Vector& x, Vector& g) { return g[0] = 2 * x[0], x[0] * x[0]; };
  MinimiseOptions options;
  options.max_iterations = 2;
  CHECK(gradient_descent(bowl, {1}, {.step = 0.1}, options).end == MinimiseEnd::limit);
  options.watch = [](const MinimiseStep& s) { return s.iteration == 1; };
  CHECK(gradient_descent(bowl, {1}, {.step = 0.1}, options).end == MinimiseEnd::stopped);
  CHECK(lbfgs(bowl, {0}).iterations == 0);
  CHECK(std::string(name_of(MinimiseEnd::stuck)) == "stuck");
  const Objective nan = [](const Vector&, Vector& g) { return g[0] = NAN, NAN; };
  CHECK_THROWS_AS(lbfgs(nan, {0}), ValueError);
  CHECK_THROWS_AS(gradient_descent(bowl, {1}, {.momentum = 0.5}), ValueError);
  CHECK_THROWS_AS(gradient_descent(bowl, {1}, {.step = -1}), ValueError);
  CHECK_THROWS_AS(gradient_descent(bowl, {1}, {.step = 1, .momentum = 1}), ValueError);
  CHECK_THROWS_AS(lbfgs(bowl, {1}, {}, 0), ValueError);
  CHECK_THROWS_AS(newton_cg(bowl, {}, {1}, {}, 2), ValueError);
  CHECK_THROWS_AS(lbfgs(bowl, {1}, {.max_iterations = -1}), ValueError);
}
