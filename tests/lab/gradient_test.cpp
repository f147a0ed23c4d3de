#include "lab/gradient.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>

#include "base/error.h"
#include "lab/gradient_picture.h"

using namespace gradus;

namespace {

double value(const std::string& text, const std::vector<double>& at = {}) {
  Tensors xs;
  for (const double v : at) xs.push_back(from_vector(std::vector<double>{v}));
  return Formula(text)(xs).item();
}

std::string refusal(const std::string& text) {
  try {
    Formula f(text);
  } catch (const ValueError& e) {
    return e.what();
  }
  return "accepted";
}

std::string refusal(const std::string& text, const std::vector<std::pair<std::string, double>>& at,
                    const std::vector<double>& direction = {}) {
  try {
    examine_gradient(Formula(text), at, direction);
  } catch (const ValueError& e) {
    return e.what();
  }
  return "accepted";
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("formula: precedence, associativity, constants and functions") {
  CHECK(value("1+2*3") == 7);
  CHECK(value("(1+2)*3") == 9);
  CHECK(value("8-4-2") == 2);
  CHECK(value("8/4/2") == 1);
  CHECK(value("2^3^2") == 512);
  CHECK(value("-2^2") == -4);
  CHECK(value("2^-1") == 0.5);
  CHECK(value("2**3*2") == 16);
  CHECK(value("--3") == 3);
  CHECK(value("+3 - -2") == 5);
  CHECK(value("1e3 + .5 + 2.") == 1002.5);
  CHECK(value("sin(pi/2)") == doctest::Approx(1));
  CHECK(value("ln(e)") == doctest::Approx(1));
  CHECK(value("max(2, 3) - min(2, 3)") == 1);
  CHECK(value("tan(0.5)") == doctest::Approx(std::tan(0.5)));
  CHECK(value("atanh(0.5) + log1p(1)") == doctest::Approx(std::atanh(0.5) + std::log(2)));
  CHECK(value("softplus(0) - lgamma(4)") == doctest::Approx(std::log(2) - std::log(6)));
  CHECK(value("hypot(3, 4) + remainder(-1, 3)") == 7);
  CHECK(value("clamp(x, -1, 1)", {5}) == 1);
  CHECK(value("x*y_1^2", {3, 2}) == 12);
  CHECK(value("x^3 + x^0 + x^1 + x^0.5 + x^-1", {4}) == 64 + 1 + 4 + 2 + 0.25);
  CHECK(Formula("b + a*b + sin(c)").variables() == std::vector<std::string>{"b", "a", "c"});
  CHECK_THROWS_AS(Formula("x + y")({from_vector<double>({1})}), ValueError);
}

TEST_CASE("formula: every error names its column") {
  CHECK(has(refusal(""), "column 1, at the end: a number, a name or a ( is missing"));
  CHECK(has(refusal("1 +"), "column 4, at the end"));
  CHECK(has(refusal("2x"), "column 2, at \"x\": an operator is missing"));
  CHECK(has(refusal("2x"), "write 2*x"));
  CHECK(has(refusal("(1+2"), "a ) is missing for the ( at column 1"));
  CHECK(has(refusal("1+2)"), "column 4"));
  CHECK(has(refusal("foo(1)"), "column 1, at \"foo(1)\": there is no function \"foo\""));
  CHECK(has(refusal("foo(1)"), "sin(x)"));
  CHECK(has(refusal("sin"), "the function sin needs a ("));
  CHECK(has(refusal("max(1)"), "max takes 2 arguments, got 1"));
  CHECK(has(refusal("sin(1,2)"), "sin takes 1 arguments, got 2"));
  CHECK(has(refusal("1..2"), "column 3"));
  CHECK(has(refusal("."), "this is not a number"));
  CHECK(has(refusal("1e999"), "this is not a number"));
  CHECK(has(refusal("x $ y"), "column 3, at \"$ y\""));
  CHECK(has(refusal("1 +\n  x $ y"), "column 9"));
  CHECK(has(refusal(std::string(5000, '(')), "nests too deeply"));
  CHECK(has(refusal(std::string(5000, '-') + "1"), "nests too deeply"));
  CHECK(has(refusal(std::string(20000, '1')), "more than 10000"));
  std::string lengthy = "x";
  for (int i = 0; i < 4000; ++i) lengthy += "+1";
  CHECK(value(lengthy, {2}) == 4002);
}

TEST_CASE("gradient: x^2 + 3xy at (1, 2) along (1, 1)") {
  const GradientReport r = examine_gradient(Formula("x^2 + 3*x*y"), {{"y", 2}, {"x", 1}}, {1, 1});
  CHECK(r.value == 7);
  CHECK(r.gradient == std::vector<double>{8, 3});
  CHECK(r.gradient_norm == doctest::Approx(std::sqrt(73.0)));
  CHECK(r.along == doctest::Approx(11 / std::sqrt(2.0)));
  CHECK(r.curvature_along == doctest::Approx(4));  // (2 + 2*3)/2
  CHECK(r.hessian == std::vector<std::vector<double>>{{2, 3}, {3, 0}});
  CHECK(r.eigenvalues[0] == doctest::Approx(1 - std::sqrt(10.0)));
  CHECK(r.eigenvalues[1] == doctest::Approx(1 + std::sqrt(10.0)));
  CHECK(r.smooth);
  CHECK(r.forward == doctest::Approx(r.along).epsilon(1e-6));
  CHECK(r.kind.empty());
}

TEST_CASE("gradient: without a direction the steepest one is taken; no slope exceeds it") {
  const Formula f("exp(-x^2) * sin(y) + z*x");
  const GradientReport steepest = examine_gradient(f, {{"x", 0.3}, {"y", 0.7}, {"z", -1}});
  CHECK(steepest.along == doctest::Approx(steepest.gradient_norm));
  for (double angle = 0; angle < 6; angle += 0.5) {
    const GradientReport r =
        examine_gradient(f, {{"x", 0.3}, {"y", 0.7}, {"z", -1}}, {std::cos(angle), std::sin(angle), 0.5});
    CHECK(std::abs(r.along) <= steepest.gradient_norm * (1 + 1e-12));
    CHECK(r.smooth);
  }
}

TEST_CASE("gradient: critical points are named") {
  const auto kind = [](const char* text) { return examine_gradient(Formula(text), {{"x", 0}, {"y", 0}}).kind; };
  CHECK(kind("x^2 + y^2") == "minimum");
  CHECK(kind("-x^2 - 2*y^2") == "maximum");
  CHECK(kind("x*y") == "saddle point");
  CHECK(kind("x^2 + 0*y") == "flat");
  const GradientReport r = examine_gradient(Formula("x^2 + y^2"), {{"x", 0}, {"y", 0}});
  CHECK(r.direction.empty());
}

TEST_CASE("gradient: a kink and a pole are noticed") {
  const GradientReport kink = examine_gradient(Formula("abs(x) + y"), {{"x", 0}, {"y", 1}}, {1, 0});
  CHECK(!kink.smooth);
  CHECK(kink.forward == doctest::Approx(1));
  CHECK(kink.backward == doctest::Approx(-1));
  const GradientReport root = examine_gradient(Formula("sqrt(x)"), {{"x", 0}});
  CHECK(!root.smooth);
  CHECK(root.direction.empty());
  // Has every directional derivative at 0 and no value there.
  CHECK(has(refusal("x^2*y/(x^4 + y^2)", {{"x", 0}, {"y", 0}}), "choose a point where it has a finite value"));
}

TEST_CASE("gradient: what is asked must fit the formula") {
  CHECK(has(refusal("x*y", {{"x", 1}}), "give --at ...,y=1."));
  CHECK(has(refusal("x", {{"x", 1}, {"z", 1}}), "no variable \"z\""));
  CHECK(has(refusal("x", {{"x", 1}, {"x", 2}}), "\"x\" is given twice"));
  CHECK(has(refusal("x*y", {{"x", 1}, {"y", 1}}, {1}), "1 numbers for 2 variables"));
  CHECK(has(refusal("x", {{"x", 1}}, {0}), "length above 0"));
  CHECK(has(refusal("1+1", {}), "has no variable"));
  CHECK(has(refusal("log(x)", {{"x", -1}}), "is not a number at x = -1"));
}

TEST_CASE("eigenvalues of symmetric matrices") {
  CHECK(symmetric_eigenvalues({{5}}) == std::vector<double>{5});
  CHECK(symmetric_eigenvalues({{0, 0}, {0, 0}}) == std::vector<double>{0, 0});
  // The second difference matrix: 2 - 2 cos(k pi / (n + 1)).
  constexpr int n = 8;
  std::vector<std::vector<double>> a(n, std::vector<double>(n));
  for (int i = 0; i < n; ++i) {
    a[i][i] = 2;
    if (i + 1 < n) a[i][i + 1] = a[i + 1][i] = -1;
  }
  const std::vector<double> values = symmetric_eigenvalues(a);
  for (int k = 0; k < n; ++k)
    CHECK(values[k] == doctest::Approx(2 - 2 * std::cos((k + 1) * std::numbers::pi / (n + 1))));
}

TEST_CASE("gradient pictures: a plane, a curve, a section, and poles") {
  const auto draw = [](const char* text, const std::vector<std::pair<std::string, double>>& at,
                       const std::vector<double>& direction = {}, GradientPictureOptions options = {}) {
    options.width = 400, options.height = 300, options.scale = 1;
    const Formula f(text);
    return draw_gradient(f, examine_gradient(f, at, direction), options);
  };
  CHECK(draw("x^2 + y^2", {{"x", 1}, {"y", 1}}).width == 400);
  CHECK(draw("x^2 + y^2", {{"x", 0}, {"y", 0}}).height == 300);
  CHECK(draw("1/(x*y)", {{"x", 1}, {"y", 1}}, {1, 0}).width == 400);
  CHECK(draw("log(x) + 0*y", {{"x", 1}, {"y", 1}}).width == 400);
  CHECK(draw("0*x + 0*y", {{"x", 1}, {"y", 1}}).width == 400);
  CHECK(draw("sin(x)", {{"x", 1}}).width == 400);
  CHECK(draw("x*y*z", {{"x", 1}, {"y", 1}, {"z", 2}}).width == 400);
  CHECK_THROWS_AS(draw("x*x*y*z", {{"x", 0}, {"y", 0}, {"z", 0}}), ValueError);
  CHECK_THROWS_AS(draw("x*y", {{"x", 1}, {"y", 1}}, {}, {.ranges = {std::pair{1.0, 1.0}, std::nullopt}}), ValueError);
}
