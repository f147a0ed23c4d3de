#include "lab/quadratic.h"

#include <doctest/doctest.h>

#include <cmath>

#include "base/error.h"

using namespace gradus;

namespace {

QuadraticPath run(const Quadratic& q, const char* method, QuadraticOptions options = {}) {
  return minimise_quadratic(q, examine(q), method, options);
}

std::string refusal(const std::string& formula) {
  try {
    quadratic_from(Formula(formula));
  } catch (const ValueError& e) {
    return e.what();
  }
  return "accepted";
}

void near(int64_t iterations, int64_t expected, double share = 0.07) {
  CHECK_MESSAGE(
      std::abs(static_cast<double>(iterations - expected)) <= std::max(2.0, share * static_cast<double>(expected)),
      iterations << " against " << expected);
}

}  // namespace

TEST_CASE("a form from coefficients and from a formula") {
  const Quadratic q = quadratic_from({{5, 4}, {0, 2}}, {-6, 0}, 1);
  CHECK(q.a == std::vector<double>{5, 2, 2, 2});  // made symmetric
  CHECK(q.value({1, -1}) == 5 - 4 + 2 - 6 + 1);
  CHECK(q.gradient({1, -1}) == std::vector<double>{10 - 4 - 6, 4 - 4});
  CHECK(q.text() == "5 x² + 4 x y + 2 y² - 6 x + 1");
  const Quadratic f = quadratic_from(Formula("5*x^2 + 4*x*y + 2*y^2 - 6*x + 1"));
  CHECK(f.a == q.a);
  CHECK(f.b == q.b);
  CHECK(f.c == q.c);
  CHECK(quadratic_from(Formula("(u - 3)^2/4 + v")).variables == std::vector<std::string>{"u", "v"});
  CHECK(refusal("x^3").find("is no quadratic form") != std::string::npos);
  CHECK(refusal("sqrt(x) + y^2").find("not finite") != std::string::npos);
  CHECK(refusal("abs(x)").find("is no quadratic form") != std::string::npos);
  CHECK(refusal("x^2 + 1e-3*sin(x)").find("is no quadratic form") != std::string::npos);
  CHECK_THROWS_AS(quadratic_from({{1, 2}, {3}}, {}), ShapeError);
  CHECK_THROWS_AS(quadratic_from({{1}}, {1, 2}), ShapeError);
  CHECK_THROWS_AS(quadratic_from({{NAN}}, {1}), ValueError);
  CHECK_THROWS_AS(quadratic_from({}, {}), ShapeError);
}

TEST_CASE("definiteness and the minimum") {
  const auto kind = [](const std::vector<std::vector<double>>& a, const std::vector<double>& b = {}) {
    return examine(quadratic_from(a, b));
  };
  CHECK(kind({{2, 0}, {0, 1}}).kind == "positive definite");
  CHECK(kind({{-2, 0}, {0, -1}}).kind == "negative definite");
  CHECK(kind({{0, 1}, {1, 0}}).kind == "indefinite");
  CHECK(kind({{0, 1}, {1, 0}}).condition == 0);
  CHECK(!kind({{0, 1}, {1, 0}}).bounded);
  CHECK(kind({{0, 0}, {0, 0}}).kind == "zero");
  CHECK(kind({{0, 0}, {0, 0}}).bounded);
  CHECK(kind({{-1, 0}, {0, 0}}).kind == "negative semidefinite");
  // singular: bounded when b lies in the range of A, and only then
  const QuadraticReport in_range = kind({{1, 1}, {1, 1}}, {-2, -2});
  CHECK(in_range.kind == "positive semidefinite");
  REQUIRE(in_range.bounded);
  CHECK(in_range.minimiser[0] == doctest::Approx(0.5));
  CHECK(in_range.minimiser[1] == doctest::Approx(0.5));
  CHECK(in_range.minimum == doctest::Approx(-1));
  CHECK(!kind({{1, 1}, {1, 1}}, {1, -1}).bounded);
  const QuadraticReport r = kind({{5, 2}, {2, 2}}, {-6, 0});
  CHECK(r.eigenvalues[0] == doctest::Approx(2));
  CHECK(r.condition == doctest::Approx(6));
  CHECK(r.minimiser[0] == doctest::Approx(1));
  CHECK(r.minimiser[1] == doctest::Approx(-1));
  CHECK(r.minimum == doctest::Approx(-3));
}

TEST_CASE("iterations on 200 variables, eigenvalues at equal ratios, to 1e-6") {
  struct Row {
    double condition;
    int64_t conjugate, steepest, fixed, heavy, bound;
  };
  for (const Row& row : {Row{10, 22, 58, 61, 23, 23}, {100, 64, 591, 612, 73, 73}, {1000, 170, 5960, 6148, 232, 230}}) {
    CAPTURE(row.condition);
    const Quadratic q = quadratic_with_spectrum(200, row.condition);
    const QuadraticReport r = examine(q);
    CHECK(r.condition == doctest::Approx(row.condition).epsilon(1e-9));
    const auto count = [&](const char* method) { return minimise_quadratic(q, r, method).iterations; };
    near(count("conjugate_gradient"), row.conjugate);
    near(count("steepest_descent"), row.steepest);
    near(count("gradient_descent"), row.fixed);
    near(count("heavy_ball"), row.heavy);
    CHECK(minimise_quadratic(q, r, "conjugate_gradient").bound == row.bound);
    CHECK(count("newton") == 1);
    CHECK(count("conjugate_gradient") <= row.bound);
    CHECK(count("nesterov") < count("gradient_descent"));
    CHECK(count("lbfgs") < count("steepest_descent") / 2);
  }
}

TEST_CASE("conjugate gradients end in as many steps as there are different eigenvalues") {
  std::vector<std::vector<double>> a(40, std::vector<double>(40));
  for (size_t i = 0; i < 40; ++i) a[i][i] = std::vector<double>{0.5, 2, 7, 31}[i % 4];
  std::vector<double> b;
  for (size_t i = 0; i < 40; ++i) b.push_back(std::sin(static_cast<double>(i) + 1));
  const QuadraticPath path = run(quadratic_from(a, b), "conjugate_gradient", {.tolerance = 1e-9});
  CHECK(path.iterations == 4);
}

TEST_CASE("steepest descent zigzags at right angles; paths end at the minimum") {
  const Quadratic q = quadratic_from({{5, 2}, {2, 2}}, {-6, 0});
  const QuadraticPath path = run(q, "steepest_descent", {.start = {3, 3}});
  REQUIRE(path.points.size() > 4);
  for (size_t i = 0; i + 2 < 5; ++i) {
    const auto& p = path.points;
    const double dot =
        (p[i + 1][0] - p[i][0]) * (p[i + 2][0] - p[i + 1][0]) + (p[i + 1][1] - p[i][1]) * (p[i + 2][1] - p[i + 1][1]);
    CHECK(std::abs(dot) < 1e-9);
  }
  for (const std::string& method : quadratic_methods()) {
    CAPTURE(method);
    const QuadraticPath p = run(q, method.c_str(), {.start = {3, 3}, .tolerance = 1e-8});
    CHECK(p.end == MinimiseEnd::converged);
    CHECK(p.x[0] == doctest::Approx(1).epsilon(1e-6));
    CHECK(p.x[1] == doctest::Approx(-1).epsilon(1e-6));
  }
  CHECK(run(q, "conjugate_gradient", {.start = {3, 3}}).iterations == 2);
  CHECK(run(q, "newton", {.start = {1, -1}}).iterations == 0);
  CHECK(run(q, "gradient_descent", {.start = {3, 3}, .max_iterations = 3}).end == MinimiseEnd::limit);
  const Image picture = draw_quadratic(q, examine(q), {path}, {400, 300, 1});
  CHECK(picture.width == 400);
  CHECK_THROWS_AS(run(q, "magic"), ValueError);
  CHECK_THROWS_AS(run(q, "newton", {.start = {1}}), ValueError);
  CHECK_THROWS_AS(run(q, "newton", {.tolerance = 0}), ValueError);
  CHECK_THROWS_AS(run(quadratic_from({{-1}}, {}), "newton"), ValueError);
}

TEST_CASE("semidefinite and constant forms are minimised in their range") {
  const Quadratic q = quadratic_from({{1, 1}, {1, 1}}, {-2, -2});
  for (const std::string& method : quadratic_methods()) {
    CAPTURE(method);
    const QuadraticPath p = run(q, method.c_str(), {.start = {4, 0}});
    CHECK(p.end == MinimiseEnd::converged);
    CHECK(p.value == doctest::Approx(-1));
  }
  CHECK(run(quadratic_from({{0}}, {}), "newton").iterations == 0);
}
