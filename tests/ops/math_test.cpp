#include "ops/math.h"

#include <cmath>
#include <limits>

#include "autograd/autograd.h"
#include "ops/elementwise.h"
#include "support/op_case.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

void check_unary(Tensor (*f)(const Tensor&), double low, double high, double tolerance = 1) {
  for (const Shape& shape : {Shape{7}, {3, 33}, {4, 0, 3}, {}})
    check({.call = [f](const Tensors& in) { return f(in[0]); },
           .inputs = {uniform(shape, low, high)},
           .tolerance = tolerance});
  CHECK_THROWS_AS(f(zeros({2}, Dtype::i32)), DtypeError);
  CHECK_THROWS_AS(f(Tensor()), ValueError);
}

void check_binary(Tensor (*f)(const Tensor&, const Tensor&), double low, double high) {
  const std::vector<std::pair<Shape, Shape>> pairs{{{3, 33}, {3, 33}}, {{5, 1, 9}, {4, 1}}, {{6}, {}}, {{2, 0}, {1}}};
  for (const auto& [a, b] : pairs)
    check({.call = [f](const Tensors& in) { return f(in[0], in[1]); },
           .inputs = {uniform(a, low, high, 1), uniform(b, low, high, 2)}});
  CHECK_THROWS_AS(f(zeros({2}), Tensor()), ValueError);
}

std::vector<double> values(const Tensor& x) { return x.to_vector<double>(); }

// f in f32 and f64 at one point
void check_value(Tensor (*f)(const Tensor&), double x, double y) {
  CAPTURE(x);
  for (const Dtype dtype : {Dtype::f64, Dtype::f32}) {
    const double got = f(full({9}, x, dtype)).to_vector<double>()[4];
    if (std::isnan(y))
      CHECK(std::isnan(got));
    else
      CHECK((got == y || got == doctest::Approx(y).epsilon(dtype == Dtype::f64 ? 1e-12 : 1e-6)));
  }
}

}  // namespace

OP_CASE("exp2") { check_unary(exp2, -4, 4); }
OP_CASE("expm1") { check_unary(expm1, -4, 4); }
OP_CASE("log2") { check_unary(log2, 0.2, 4); }
OP_CASE("log10") { check_unary(log10, 0.2, 4); }
OP_CASE("log1p") { check_unary(log1p, -0.8, 4); }
OP_CASE("tan") { check_unary(tan, -1.2, 1.2, 4); }
OP_CASE("asin") { check_unary(asin, -0.9, 0.9, 4); }
OP_CASE("acos") { check_unary(acos, -0.9, 0.9, 4); }
OP_CASE("atan") { check_unary(atan, -4, 4); }
OP_CASE("sinh") { check_unary(sinh, -3, 3); }
OP_CASE("cosh") { check_unary(cosh, -3, 3); }
OP_CASE("asinh") { check_unary(asinh, -3, 3); }
OP_CASE("acosh") { check_unary(acosh, 1.3, 4, 4); }
OP_CASE("atanh") { check_unary(atanh, -0.9, 0.9, 8); }
OP_CASE("erfc") { check_unary(erfc, -2, 2); }
OP_CASE("erfinv") { check_unary(erfinv, -0.9, 0.9, 8); }
OP_CASE("lgamma") {
  check_unary(lgamma, 0.3, 6, 4);
  check_value(lgamma, -1.5, 0.8600470153764810);
  check_value(lgamma, 0, kInf);
}

OP_CASE("digamma") {
  check_unary(digamma, 0.5, 6, 8);
  check_value(digamma, 1, -0.57721566490153286061);
  check_value(digamma, -1.5, 0.70315664064524318723);
  check_value(digamma, 0, -kInf);
  check_value(digamma, -2, std::nan(""));
  check_value(digamma, kInf, kInf);
}

OP_CASE("polygamma") {
  for (int n : {1, 2, 3})
    check({.call = [n](const Tensors& in) { return polygamma(n, in[0]); },
           .inputs = {uniform({3, 9}, 0.8, 5)},
           .tolerance = 16});
  // psi_1(1) = pi^2/6, psi_1(-1/2) = pi^2/2 + 4, psi_2(1) = -2 zeta(3), psi_3(-1/2) = pi^4 + 96
  check_value([](const Tensor& x) { return polygamma(1, x); }, 1, 1.64493406684822643647);
  check_value([](const Tensor& x) { return polygamma(1, x); }, -0.5, 8.93480220054467930942);
  check_value([](const Tensor& x) { return polygamma(2, x); }, 1, -2.40411380631918857080);
  check_value([](const Tensor& x) { return polygamma(3, x); }, -0.5, 193.40909103400243723644);
  CHECK_THROWS_AS(polygamma(-1, ones({2})), ValueError);
  CHECK_THROWS_AS(polygamma(101, ones({2})), ValueError);
}

OP_CASE("sinc") {
  check_unary(sinc, -4, 4, 8);
  check({.call = [](const Tensors& in) { return sinc(in[0]); },
         .inputs = {from_vector<double>({0, 1e-5, -1e-3, 0.3, 1, -2.5})},
         .tolerance = 8});
  Tensor x = from_vector<double>({0});
  require_grad(x);
  const Tensor dx = grad({sinc(x)}, {x}, {}, {.create_graph = true})[0];
  CHECK(dx.item() == 0);
  CHECK(grad({dx}, {x})[0].item() == doctest::Approx(-M_PI * M_PI / 3));  // PyTorch gives 0 here
}

OP_CASE("logit") {
  check_unary([](const Tensor& x) { return logit(x); }, 0.1, 0.9, 4);
  CHECK(values(logit(from_vector<double>({-1, 0, 1, 2}), 0.1))[0] == doctest::Approx(std::log(0.1 / 0.9)));
  CHECK(std::isnan(values(logit(from_vector<double>({-1})))[0]));
  CHECK_THROWS_AS(logit(ones({2}), 0.6), ValueError);
}

OP_CASE("atan2") { check_binary(atan2, 0.3, 2); }
OP_CASE("hypot") {
  check_binary(hypot, 0.3, 2);
  CHECK(values(hypot(from_vector<float>({3e38f}), from_vector<float>({1e38f})))[0] > 3.1e38);
}
OP_CASE("copysign") { check_binary(copysign, -2, 2); }
OP_CASE("logaddexp") {
  check_binary(logaddexp, -3, 3);
  const Tensor y = logaddexp(from_vector<float>({-INFINITY, INFINITY, 1000, -INFINITY}),
                             from_vector<float>({-INFINITY, INFINITY, 0, 1}));
  CHECK(values(y) == std::vector<double>{-kInf, kInf, 1000, 1});
}
OP_CASE("xlogy") {
  check_binary(xlogy, 0.3, 2);
  const auto y = values(xlogy(from_vector<float>({0, 0, 1}), from_vector<float>({0, NAN, 0})));
  CHECK(y[0] == 0);
  CHECK(std::isnan(y[1]));
  CHECK(y[2] == -kInf);
}

OP_CASE("lerp") {
  check({.call = [](const Tensors& in) { return lerp(in[0], in[1], in[2]); },
         .inputs = {normal({3, 9}, 1), normal({9}, 2), uniform({3, 1}, -0.5, 1.5, 3)}});
  for (double weight : {0.0, 0.3, 0.7, 1.0})
    check({.call = [weight](const Tensors& in) { return lerp(in[0], in[1], weight); },
           .inputs = {normal({3, 9}, 1), normal({9}, 2)}});
}

OP_CASE("fmod") {
  check({.call = [](const Tensors& in) { return fmod(in[0], in[1]); },
         .inputs = {from_vector<double>({5.25, -5.25, 7.5, -0.5}), from_vector<double>({2, 2, -2, 4})}});
  CHECK(values(fmod(from_vector<int64_t>({7, -7, 7, 7}), from_vector<int64_t>({3, 3, -3, 0}))) ==
        std::vector<double>{1, -1, 1, 7});
}
OP_CASE("remainder") {
  check({.call = [](const Tensors& in) { return remainder(in[0], in[1]); },
         .inputs = {from_vector<double>({5.25, -5.25, 7.5, -0.5}), from_vector<double>({2, 2, -2, 4})}});
  CHECK(values(remainder(from_vector<int64_t>({7, -7, 7, 7}), from_vector<int64_t>({3, 3, -3, 0}))) ==
        std::vector<double>{1, 2, -2, 7});
}
OP_CASE("floor_divide") {
  check({.call = [](const Tensors& in) { return floor_divide(in[0], in[1]); },
         .inputs = {from_vector<double>({5.25, -5.25, 7.5, -0.5}), from_vector<double>({2, 2, -2, 4})}});
  CHECK(values(floor_divide(from_vector<int64_t>({7, -7, 7, 7}), from_vector<int64_t>({3, 3, -3, 0}))) ==
        std::vector<double>{2, -3, -3, 0});
  CHECK(values(floor_divide(from_vector<double>({1}), from_vector<double>({0.1}))) == std::vector<double>{9});
}

TEST_CASE("edges: f32 as f64") {
  Tensor (*const all[])(const Tensor&) = {exp,   exp2,  expm1,   log,  log2, log10,  log1p, sqrt,  rsqrt, reciprocal,
                                          sin,   cos,   tan,     asin, acos, atan,   sinh,  cosh,  tanh,  asinh,
                                          acosh, atanh, sigmoid, erf,  erfc, erfinv, sign,  square};
  std::vector<double> edge{0,   0.5,  1,    1.5, 2,    20,   25,   87,   88.5, 89.2,
                           104, 3000, 3001, 1e5, 1e10, 1e18, 2e18, 1e30, kInf};
  for (size_t i = 0, n = edge.size(); i < n; ++i) edge.push_back(-edge[i]);
  edge.push_back(std::nan(""));
  const Tensor x = cast(cast(from_vector(edge), Dtype::f32), Dtype::f64);
  for (size_t k = 0; k < std::size(all); ++k) {
    const auto wide = values(cast(all[k](x), Dtype::f32)), narrow = values(all[k](cast(x, Dtype::f32)));
    for (size_t i = 0; i < edge.size(); ++i) {
      INFO("function ", k, " at ", edge[i], ": ", narrow[i], " against ", wide[i]);
      // Results that are not normal numbers may be 0.
      const bool fine = narrow[i] == wide[i] || (std::isnan(narrow[i]) && std::isnan(wide[i])) ||
                        std::abs(narrow[i] - wide[i]) <= 4e-7 * std::abs(wide[i]) + 1.2e-38;
      CHECK(fine);
    }
  }
}

TEST_CASE("integers: no overflow is undefined") {
  const int64_t least = std::numeric_limits<int64_t>::min();
  const Tensor x = from_vector<int64_t>({least, least, 3});
  const Tensor y = from_vector<int64_t>({-1, least, -2});
  using V = std::vector<int64_t>;
  CHECK(neg(x).to_vector<int64_t>() == V{least, least, -3});
  CHECK(abs(x).to_vector<int64_t>() == V{least, least, 3});
  CHECK(div(x, y).to_vector<int64_t>() == V{least, 1, -1});
  CHECK(remainder(x, y).to_vector<int64_t>() == V{0, 0, -1});
  CHECK(mul(x, y).to_vector<int64_t>() == V{least, 0, -6});
  CHECK(pow(from_vector<int64_t>({3, -1, 2, 0}), from_vector<int64_t>({40, 3, -1, 0})).to_vector<int64_t>() ==
        V{static_cast<int64_t>(12157665459056928801ull), -1, 0, 1});
  CHECK(pow(x, 9e18).count() == 3);
  CHECK(sign(from_vector<int32_t>({-5, 0, 7})).to_vector<int64_t>() == V{-1, 0, 1});
  CHECK_THROWS_AS(neg(zeros({2}, Dtype::boolean)), DtypeError);
}

TEST_CASE("powers: edges as std::pow has them, and the gradient at 0") {
  const std::vector<float> edge{0, -0.0f, 1, -1, 2, -2, 0.5f, INFINITY, -INFINITY, NAN, 1e-40f, 3e38f, -3};
  std::vector<float> a, b;
  for (float x : edge)
    for (float e : {0.f, -1.f, 1.f, 2.f, 3.f, 0.5f, -0.5f, 2.5f, 127.f, -150.f, INFINITY, -INFINITY, NAN, 1e-3f})
      a.push_back(x), b.push_back(e);
  const Tensor x = from_vector(a), e = from_vector(b);
  const auto y = pow(x, e).to_vector<double>();
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] == 1e-40f) continue;  // subnormal operands may count as zero
    const double truth = static_cast<double>(std::pow(a[i], b[i]));
    INFO(a[i], " to the ", b[i]);
    CHECK((y[i] == doctest::Approx(truth).epsilon(1e-6) || (std::isnan(truth) && std::isnan(y[i])) || y[i] == truth));
  }
  for (double p : {1.0, 2.0, 3.0, 0.5, -1.0, 1.7}) {
    const auto one = pow(x, p).to_vector<double>();
    for (size_t i = 0; i < a.size(); ++i) {
      const double truth = static_cast<double>(std::pow(a[i], static_cast<float>(p)));
      if (a[i] == 1e-40f) continue;
      INFO(a[i], " to the ", p);
      CHECK((one[i] == doctest::Approx(truth).epsilon(1e-6) || (std::isnan(truth) && std::isnan(one[i])) ||
             one[i] == truth));
    }
  }
  Tensor zero = zeros({1}, Dtype::f64), exponents = zeros({1}, Dtype::f64);
  require_grad(zero);
  CHECK(grad({pow(zero, exponents)}, {zero})[0].item() == 0);
  CHECK(grad({pow(zero, 0)}, {zero})[0].item() == 0);
  CHECK(grad({pow(zero, 1)}, {zero})[0].item() == 1);
}

TEST_CASE("functions of two numbers in vectors: the C library's values, also at the edges") {
  constexpr float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> a, b;
  for (float x : {0.f, -0.f, 1.f, -1.f, 2.5f, -7.f, 1e-20f, 3e38f, -3e38f, 16777215.f, inf, -inf, nan})
    for (float y : {0.f, -0.f, 1.f, -3.f, 0.1f, 1e-20f, 3e38f, inf, -inf, nan}) a.push_back(x), b.push_back(y);
  const auto xs = uniform({20000}, -50, 50).to_vector<double>(), ys = uniform({20000}, -3, 3, 1).to_vector<double>();
  for (size_t i = 0; i < xs.size(); ++i) {
    const float scale = i % 3 ? 1 : i % 2 ? 1e6f : 1e-6f;
    a.push_back(static_cast<float>(xs[i]) * scale), b.push_back(static_cast<float>(ys[i]));
  }
  for (int i = 0; i < 2000; ++i) a.push_back(static_cast<float>(i % 80) * 0.7f), b.push_back(0.7f);  // exact multiples
  const Tensor x = from_vector(a), y = from_vector(b);
  const auto floored = [](float p, float q) {
    const float r = std::fmod(p, q);
    return r != 0 && (r < 0) != (q < 0) ? r + q : r;
  };
  const auto compare = [&](const char* name, const Tensor& got, double ulps, auto truth) {
    const auto values = got.to_vector<float>();
    for (size_t i = 0; i < a.size(); ++i) {
      const double want = truth(a[i], b[i]), off = std::abs(static_cast<double>(values[i]) - want);
      const bool same = std::isnan(want) ? std::isnan(values[i])
                        : std::isinf(want) || want == 0
                            ? values[i] == static_cast<float>(want) && std::signbit(values[i]) == std::signbit(want)
                            : off <= ulps * 0x1p-23 * std::abs(want) + 1e-37;
      if (!same) FAIL_CHECK(name << "(" << a[i] << ", " << b[i] << ") = " << values[i] << ", expected " << want);
    }
  };
  compare("hypot", hypot(x, y), 2, [](double p, double q) { return static_cast<float>(std::hypot(p, q)); });
  compare("atan2", atan2(x, y), 3, [](double p, double q) { return std::atan2(p, q); });
  compare("fmod", fmod(x, y), 0, [](float p, float q) { return std::fmod(p, q); });
  compare("remainder", remainder(x, y), 0, floored);
  const auto whole = floor_divide(x, y).to_vector<float>(), rest = remainder(x, y).to_vector<float>();
  for (size_t i = 0; i < a.size(); ++i)
    if (std::isfinite(whole[i]) && std::isfinite(b[i]) && std::abs(whole[i]) < 4e6f) {
      const double again = static_cast<double>(whole[i]) * static_cast<double>(b[i]) + static_cast<double>(rest[i]);
      CHECK(std::abs(again - static_cast<double>(a[i])) <= 1e-6 * static_cast<double>(std::abs(a[i]) + std::abs(b[i])));
    }
}
