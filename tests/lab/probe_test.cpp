#include "lab/probe.h"

#include <doctest/doctest.h>

#include <cmath>

#include "autograd/autograd.h"
#include "base/error.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/reduce.h"
#include "ops/softmax.h"

using namespace gradus;

namespace {

Probe probe_of(const std::string& placement, const std::string& activation, const std::string& init, int64_t depth,
               int64_t width = 512, int64_t networks = 1) {
  ProbeOptions o;
  o.placement = placement, o.activation = activation, o.initializer = init;
  o.depth = depth, o.width = width, o.batch = 32, o.networks = networks;
  return probe_initialisation(o);
}

void within(double measured, double expected, double share) {
  CHECK_MESSAGE(std::abs(measured - expected) <= share * std::abs(expected), measured << " against " << expected);
}

}  // namespace

TEST_CASE("moments of activations in closed form") {
  const ActivationMoments relu = activation_moments("relu", 3);
  CHECK(relu.square == doctest::Approx(1.5).epsilon(1e-4));
  CHECK(relu.slope_square == doctest::Approx(0.5).epsilon(1e-4));
  const ActivationMoments linear = activation_moments("linear", 2);
  CHECK(linear.square == doctest::Approx(2));
  CHECK(linear.slope_square == doctest::Approx(1));
  // E[tanh^2] = v - 2 v^2 + 17/3 v^3 - … for small v
  CHECK(activation_moments("tanh", 1e-4).square == doctest::Approx(1e-4 - 2e-8).epsilon(1e-6));
}

TEST_CASE("a layer's gain is within 5 % of the closed form: chains of layers") {
  // He keeps ReLU's variance, Glorot halves it, LeCun keeps a linear layer's; a gain of 1.2 gives 1.44.
  struct Chain {
    const char *activation, *init;
    double gain;
  };
  for (const Chain& c : {Chain{"relu", "he_normal", 1},
                         {"relu", "glorot_uniform", 0.5},
                         {"linear", "lecun_normal", 1},
                         {"relu", "he_uniform", 1}}) {
    CAPTURE(c.init);
    const Probe p = probe_of("none", c.activation, c.init, 24);
    CHECK(p.forward_gain_expected == doctest::Approx(c.gain).epsilon(1e-3));
    within(p.forward_gain, p.forward_gain_expected, 0.05);
    within(p.backward_gain, p.backward_gain_expected, 0.05);
  }
  for (const char* activation : {"tanh", "gelu", "silu"}) {
    const Probe p = probe_of("none", activation, "lecun_normal", 8, 512, 4);
    for (const ProbeLayer& l : p.layers) {
      within(l.forward, l.forward_expected, 0.1);
      within(l.backward, l.backward_expected, 0.1);
    }
    within(p.forward_gain, p.forward_gain_expected, 0.05);
    within(p.backward_gain, p.backward_gain_expected, 0.05);
  }
  // orthogonal weights keep a linear chain exactly, at any depth
  const Probe exact = probe_of("none", "linear", "orthogonal", 16, 128);
  for (const ProbeLayer& l : exact.layers) {
    within(l.forward, 1, 1e-4);
    within(l.backward, 1, 1e-4);
  }
}

TEST_CASE("residual networks: states, gradients and the shortcut within 5 % of the closed forms") {
  for (const char* placement : {"pre", "post", "sandwich", "deepnorm", "rezero"}) {
    CAPTURE(std::string(placement));
    const Probe p = probe_of(placement, "relu", "lecun_normal", 8, 768, 12);
    for (const ProbeLayer& l : p.layers) {
      CAPTURE(l.depth);
      within(l.forward, l.forward_expected, 0.05);
      within(l.backward, l.backward_expected, 0.05);
      CHECK(std::abs(l.shortcut - l.shortcut_expected) < 0.03);
    }
  }
}

TEST_CASE("pre-norm's states grow with the depth, post-norm's shortcut fades as 2^(-L/2)") {
  // He weights make the branch's variance 2; sqrt(1/2) of each brings it to 1: unit variance
  ProbeOptions o;
  o.width = 512, o.depth = 12, o.batch = 32, o.initializer = "lecun_normal", o.gain = std::pow(2, 0.25);
  o.placement = "pre";
  const Probe pre = probe_initialisation(o);
  CHECK(pre.layers.back().forward_expected == doctest::Approx(13).epsilon(1e-3));
  within(pre.layers.back().forward, 13, 0.05);
  o.placement = "post";
  const Probe post = probe_initialisation(o);
  CHECK(post.layers.back().shortcut_expected == doctest::Approx(std::pow(2, -6)).epsilon(1e-3));
  CHECK(std::abs(post.layers.back().shortcut - std::pow(2, -6)) < 0.02);
}

TEST_CASE("probes refuse what they cannot do") {
  CHECK_THROWS_AS(probe_of("before", "relu", "he_normal", 2), ValueError);
  CHECK_THROWS_AS(probe_of("pre", "sine", "he_normal", 2), ValueError);
  CHECK_THROWS_AS(probe_of("pre", "relu", "kaiming", 2), ValueError);
  CHECK_THROWS_AS(probe_of("pre", "relu", "he_normal", 0), ValueError);
  CHECK_THROWS_AS(probe_of("pre", "relu", "he_normal", 2, 1), ValueError);
  CHECK_THROWS_AS(probe_attention_scale({.head_dim = 0}, {1}), ValueError);
  CHECK_THROWS_AS(probe_attention_scale({}, {-1}), ValueError);
  CHECK(figure_of_probes({probe_of("pre", "relu", "he_normal", 2, 8)}).panels.size() == 3);
}

TEST_CASE("attention scale: unit variance at 1/sqrt(d), entropy and gradient fall beyond") {
  ScaleOptions o;
  o.head_dim = 64, o.keys = 512, o.queries = 256;
  const auto points = probe_attention_scale(o, {0, 1.0 / 64, 0.0625, 0.125, 0.5, 1});
  CHECK(points[0].entropy == doctest::Approx(std::log(512.0)));
  within(points[3].deviation, 1, 0.05);
  for (size_t i = 1; i < 4; ++i) within(points[i].entropy, points[i].entropy_expected, 0.05);
  CHECK(points[5].entropy < 1);
  CHECK(points[5].largest > 0.7);
  for (size_t i = 1; i < points.size(); ++i) CHECK(points[i].entropy < points[i - 1].entropy);
  // the norm of the Jacobian by its formula and by the gradient rule
  const Tensor z = random_normal({1, 7}, {3, 4}, 0, 1, Dtype::f64);
  Tensor x = z;
  require_grad(x);
  double squared = 0;
  for (int64_t i = 0; i < 7; ++i) {
    const Tensor seed = equal(arange(7), full({}, static_cast<double>(i), Dtype::i64));
    squared += sum(square(grad({softmax(x)}, {x}, {cast(seed, Dtype::f64) * ones({1, 1}, Dtype::f64)})[0])).item();
  }
  const Tensor p = softmax(z.detach());
  const double s2 = sum(square(p)).item(), s3 = sum(mul(square(p), p)).item();
  CHECK(squared == doctest::Approx(s2 + s2 * s2 - 2 * s3));
}
