#include "nn/init.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>

#include "base/error.h"
#include "nn/layers.h"
#include "nn/parametrization.h"
#include "ops/elementwise.h"
#include "ops/matmul.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "ops/statistics.h"
#include "support/threads.h"

using namespace gradus;

namespace {

constexpr RandomKey kKey{5, 3};

double variance(const Tensor& x) { return var(cast(x, Dtype::f64), VarOptions{.correction = 0}).item(); }

// The sample's variance is within 2 % of the closed form, and deviation_of() says the same.
void check_variance(const Init& init, double expected, const Shape& shape = {400, 300}) {
  const Tensor w = initial_value(shape, init, kKey);
  CHECK(variance(w) == doctest::Approx(expected).epsilon(0.02));
  CHECK(std::pow(deviation_of(init, shape), 2) == doctest::Approx(expected).epsilon(1e-9));
  CHECK(std::abs(mean(cast(w, Dtype::f64)).item()) < 5 * std::sqrt(expected / static_cast<double>(shape.count())));
}

}  // namespace

TEST_CASE("initialisers have the variance of their formulas") {
  const Fans fans = fans_of({400, 300});
  CHECK(fans.in == 300);
  CHECK(fans.out == 400);
  check_variance(lecun_normal(fans), 1 / 300.0);
  check_variance(lecun_uniform(fans), 1 / 300.0);
  check_variance(glorot_normal(fans), 2 / 700.0);
  check_variance(glorot_uniform(fans, init_gain("tanh")), 25.0 / 9 * 2 / 700);
  check_variance(he_normal(fans), 2 / 300.0);
  check_variance(he_uniform(fans), 2 / 300.0);
  check_variance(he_normal(fans, init_gain("leaky_relu", 0.2)), 2 / (1 + 0.04) / 300);
  check_variance(orthogonal(1.5), 2.25 / 400);
  check_variance(gpt2_residual(0.02, 12), 0.0004 / 24);
  check_variance(truncated_normal(0.02), 0.0004);
  check_variance(truncated_normal(0.3, 1), 0.09);
  check_variance(truncated_normal_uncorrected(1), std::pow(0.87962566103423978, 2));
  const Fans conv = fans_of({8, 4, 3, 3});
  CHECK(conv.in == 36);
  CHECK(conv.out == 72);
  for (const char* name :
       {"lecun_normal", "lecun_uniform", "glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "orthogonal"})
    CHECK(deviation_of(init_named(name, fans, 2), {400, 300}) ==
          doctest::Approx(2 * deviation_of(init_named(name, fans), {400, 300})));
}

TEST_CASE("the truncated normal is cut, and its correction is the one that JAX has") {
  CHECK(truncated_deviation(2) == doctest::Approx(0.87962566103423978).epsilon(1e-12));
  const Init init = truncated_normal(1);
  CHECK(init.b == doctest::Approx(1 / 0.87962566103423978));
  const Tensor w = initial_value({100000}, init, kKey);
  const double end = 2 / 0.87962566103423978;
  CHECK(max(w).item() <= end * (1 + 1e-6));
  CHECK(min(w).item() >= -end * (1 + 1e-6));
  CHECK(max(w).item() > 0.99 * end);
  CHECK_THROWS_AS(truncated_normal(1, 0), ValueError);
  CHECK_THROWS_AS(truncated_normal_uncorrected(1, -1), ValueError);
}

TEST_CASE("orthogonal weights have orthonormal rows or columns, whichever are fewer") {
  for (const Shape& shape : {Shape{5, 8}, {8, 5}, {6, 6}, {4, 2, 3, 3}}) {
    const Tensor w = initial_value(shape, orthogonal(2), kKey, Dtype::f64);
    const Tensor m = reshape(w, {shape[0], -1});
    const bool wide = m.size(0) <= m.size(1);
    const Tensor gram = wide ? matmul(m, transpose(m)) : matmul(transpose(m), m);
    const Tensor off = sub(gram, mul(eye(gram.size(0), -1, Dtype::f64), 4));
    CHECK(max(abs(off)).item() < 1e-12);
    CHECK(w.shape() == shape);
  }
  CHECK(initial_value({3, 3}, orthogonal(), kKey, Dtype::f32, Device::meta).shape() == Shape{3, 3});
  CHECK_THROWS_AS(initial_value({3}, orthogonal(), kKey), ShapeError);
}

TEST_CASE("initial values do not depend on the threads") {
  for (const Init& init : {truncated_normal(1), orthogonal(), he_normal({300, 300})})
    testing::check_threads([&] { return Tensors{initial_value({300, 300}, init, kKey)}; }, "initial value");
}

TEST_CASE("gains keep the second moment of what they name") {
  // PyTorch's calculate_gain, and E[phi(z)^2] gain^2 = 1 by the trapezium rule.
  CHECK(init_gain("relu") == doctest::Approx(std::sqrt(2.0)));
  CHECK(init_gain("tanh") == doctest::Approx(5.0 / 3));
  CHECK(init_gain("leaky_relu", 1) == doctest::Approx(1));
  CHECK(init_gain("selu") == 0.75);
  const auto moment = [](double (*phi)(double)) {
    double total = 0;
    for (int i = -8000; i <= 8000; ++i) total += std::pow(phi(i / 1000.0), 2) * std::exp(-i * i / 2e6);
    return total / 1000 / std::sqrt(2 * std::numbers::pi);
  };
  CHECK(moment([](double z) { return z * (1 + std::erf(z / std::numbers::sqrt2)) / 2; }) *
            std::pow(init_gain("gelu"), 2) ==
        doctest::Approx(1).epsilon(1e-9));
  CHECK(moment([](double z) { return z / (1 + std::exp(-z)); }) * std::pow(init_gain("silu"), 2) ==
        doctest::Approx(1).epsilon(1e-9));
  CHECK_THROWS_AS(init_gain("sine"), ValueError);
  CHECK_THROWS_AS(init_named("kaiming", {1, 1}), ValueError);
  CHECK_THROWS_AS(fans_of({3}), ShapeError);
}

TEST_CASE("transformers' constants") {
  const T5Deviations t5 = t5_deviations(512, 64, 8, 2048);
  CHECK(t5.query == doctest::Approx(1 / std::sqrt(512.0 * 64)));
  CHECK(t5.key_value == doctest::Approx(1 / std::sqrt(512.0)));
  CHECK(t5.attention_out == doctest::Approx(1 / std::sqrt(512.0)));
  CHECK(t5.feed_forward_in == doctest::Approx(1 / std::sqrt(512.0)));
  CHECK(t5.feed_forward_out == doctest::Approx(1 / std::sqrt(2048.0)));
  CHECK(t5.embedding == 1);
  CHECK(deepnorm_constants(100).alpha == doctest::Approx(std::pow(200, 0.25)));
  CHECK(deepnorm_constants(100).beta == doctest::Approx(std::pow(800, -0.25)));
  // q.k of queries and keys that T5's deviations make of states of variance 1 has variance 1 without a scale
  const int64_t d = 256, dk = 32, n = 200;
  const T5Deviations t = t5_deviations(d, dk, 8, d);
  const Tensor x = initial_value({n, d}, Init::normal_of(1), kKey);
  const Tensor q = matmul(x, initial_value({d, dk}, Init::normal_of(t.query), kKey.fold(1)));
  const Tensor k = matmul(initial_value({n, d}, Init::normal_of(1), kKey.fold(3)),
                          initial_value({d, dk}, Init::normal_of(t.key_value), kKey.fold(2)));
  CHECK(variance(matmul(q, transpose(k))) == doctest::Approx(1).epsilon(0.15));
}

TEST_CASE("a fused parameter has blocks of their own, and the learning rate's factor travels with it") {
  Parameters store({.seed = 3});
  Init slow = Init::normal_of(1);
  slow.learning_rate_scale = 0.25;
  const Tensor w = Scope(store).parameter("w", {200, 300}, 1, {slow, Init::normal_of(2), Init::normal_of(3)});
  for (int64_t i = 0; i < 3; ++i)
    CHECK(std::sqrt(variance(narrow(w.detach(), 1, 100 * i, 100))) == doctest::Approx(i + 1).epsilon(0.03));
  CHECK(store.all()[0].learning_rate_scale == 0.25);
  CHECK_THROWS_AS(Scope(store).parameter("v", {4, 4}, 1, {slow, slow, slow}), ShapeError);
  const Linear scaled(Scope(store) / "l", 4, 2, {.init = {Init::ones()}, .multiplier = 0.5});
  CHECK(scaled(ones({1, 4})).to_vector<double>()[0] == 2);
}

TEST_CASE("parametrisations: what follows the width") {
  using enum WeightRole;
  const auto same = [](WidthScaling s, double init, double multiplier, double rate) {
    CHECK(s.init == doctest::Approx(init));
    CHECK(s.multiplier == doctest::Approx(multiplier));
    CHECK(s.learning_rate == doctest::Approx(rate));
  };
  for (const WeightRole role : {input, hidden, output, vector}) {
    same(width_scaling(Parametrization::standard, role, 4), 1, 1, 1);
    same(width_scaling(Parametrization::mup, role, 1), 1, 1, 1);
    same(width_scaling(Parametrization::ntk, role, 1), 1, 1, 1);
  }
  same(width_scaling(Parametrization::mup, hidden, 4), 0.5, 1, 0.25);
  same(width_scaling(Parametrization::mup, output, 4), 1, 0.25, 1);
  same(width_scaling(Parametrization::mup, input, 4), 1, 1, 1);
  same(width_scaling(Parametrization::ntk, hidden, 4), 1, 0.5, 1);
  same(width_scaling(Parametrization::ntk, output, 4), 1, 0.5, 1);
  CHECK(attention_scale(Parametrization::standard, 64, 16) == 0.125);
  CHECK(attention_scale(Parametrization::mup, 64, 16) == 4.0 / 64);
  CHECK(attention_scale(Parametrization::mup, 16, 16) == 0.25);
  CHECK(parametrization_named("mup") == Parametrization::mup);
  CHECK_THROWS_AS(parametrization_named("sp"), ValueError);
  CHECK_THROWS_AS(width_scaling(Parametrization::mup, hidden, 0), ValueError);
}
