#include "optim/adamw.h"

#include <doctest/doctest.h>

#include <cmath>

#include "autograd/autograd.h"
#include "base/error.h"
#include "io/safetensors.h"
#include "ops/create.h"
#include "ops/shape.h"

using namespace gradus;

namespace {

void set_values(const Tensor& to, const Tensor& from) {
  const auto values = from.to_vector<double>();
  for (int64_t i = 0; i < to.count(); ++i) to.data<double>()[i] = values[static_cast<size_t>(i)];
}

double largest_difference(const Tensor& a, const Tensor& b) {
  const auto x = a.to_vector<double>(), y = b.to_vector<double>();
  double most = 0;
  for (size_t i = 0; i < x.size(); ++i) most = std::max(most, std::abs(x[i] - y[i]));
  return most;
}

Tensor row(const Tensor& x, int64_t i) { return x.strided({x.size(1)}, {1}, i * x.size(1)); }

}  // namespace

TEST_CASE("AdamW takes PyTorch's ten steps") {
  const Safetensors golden(GRADUS_TEST_DIR "/golden/ops.safetensors");
  const Tensor start = golden.load("adamw.p0"), grads = golden.load("adamw.grads");
  for (const bool decayed : {false, true}) {
    const Tensor expected = golden.load(decayed ? "adamw.decayed.p" : "adamw.plain.p");
    Parameters store({.dtype = Dtype::f64});
    const Tensor p = store.make("p", start.shape(), Init::zeros());
    set_values(p, start);
    AdamW::Options options;
    if (decayed) options = {0.9, 0.95, 1e-6, 0.1, {}};
    AdamW optimizer(store, options);
    for (int64_t i = 0; i < grads.size(0); ++i) {
      set_grad(p, row(grads, i));
      optimizer.step(decayed ? 3e-3 : 1e-2);
      CHECK(largest_difference(p, row(expected, i)) < 1e-12);
    }
  }
}

TEST_CASE("the gradient scale of AdamW equals scaled gradients") {
  const auto run = [](double scale, double factor) {
    Parameters store({.dtype = Dtype::f64, .seed = 3});
    const Tensor p = store.make("p", {17}, Init::normal_of(1));
    AdamW optimizer(store, {});
    for (int i = 0; i < 3; ++i) {
      set_grad(p, full({17}, factor * (i + 1), Dtype::f64));
      optimizer.step(1e-2, scale);
    }
    return p.to_vector<double>();
  };
  CHECK(run(0.25, 4.0) == run(1.0, 1.0));
}

TEST_CASE("rules decide decay and rate; biases and norms are spared") {
  Parameters store({});
  for (const char* name : {"h.0.ln_1.weight", "h.0.ln_1.bias", "h.0.mlp.weight", "model.norm.weight",
                           "layers.0.input_layernorm.weight", "wte.weight", "scaled.weight"})
    store.make(name, {2}, Init::ones());
  auto rules = undecayed_biases_and_norms();
  rules.push_back({"scaled.*", 0.5, 2.0});
  AdamW optimizer(store, {.weight_decay = 0.5, .rules = rules});
  for (const Parameter& p : store.all()) set_grad(p.value, zeros({2}));
  optimizer.step(0.1);
  const auto value = [&](const char* name) { return store.find(name).to_vector<double>()[0]; };
  CHECK(value("h.0.ln_1.weight") == 1);
  CHECK(value("h.0.ln_1.bias") == 1);
  CHECK(value("model.norm.weight") == 1);
  CHECK(value("layers.0.input_layernorm.weight") == 1);
  CHECK(value("h.0.mlp.weight") == doctest::Approx(0.95));
  CHECK(value("wte.weight") == doctest::Approx(0.95));
  CHECK(value("scaled.weight") == doctest::Approx(0.9));
}

TEST_CASE("a stored state continues bit for bit") {
  const auto gradient = [](int i) { return full({5}, 0.1 * (i + 1)); };
  Parameters whole({.seed = 1}), half({.seed = 1});
  const Tensor a = whole.make("p", {5}, Init::normal_of(1)), b = half.make("p", {5}, Init::normal_of(1));
  AdamW one(whole, {}), two(half, {});
  for (int i = 0; i < 2; ++i) set_grad(a, gradient(i)), one.step(1e-2), set_grad(b, gradient(i)), two.step(1e-2);
  std::vector<std::pair<std::string, Tensor>> kept;
  for (const auto& [name, t] : two.state()) kept.emplace_back(name, clone(t));
  AdamW resumed(half, {});
  resumed.load_state(kept);
  CHECK(resumed.steps() == 2);
  set_grad(a, gradient(2)), one.step(1e-2), set_grad(b, gradient(2)), resumed.step(1e-2);
  CHECK(a.to_vector<float>() == b.to_vector<float>());

  kept.erase(kept.begin());
  CHECK_THROWS_AS(resumed.load_state(kept), ValueError);
}

TEST_CASE("the gradient norm and its clipping are torch's") {
  const Safetensors golden(GRADUS_TEST_DIR "/golden/ops.safetensors");
  Parameters store({.dtype = Dtype::f64});
  for (const char* name : {"a", "b"}) {
    const Tensor g = golden.load(std::string("clip.") + name);
    set_grad(store.make(name, g.shape(), Init::zeros()), g);
  }
  const double norm = gradient_norm(store);
  CHECK(norm == doctest::Approx(golden.load("clip.norm").item()).epsilon(1e-12));
  const double factor = clip_factor(norm, 1.0);
  const auto before = golden.load("clip.a").to_vector<double>();
  const auto after = golden.load("clip.clipped.a").to_vector<double>();
  for (size_t i = 0; i < before.size(); ++i) CHECK(before[i] * factor == doctest::Approx(after[i]).epsilon(1e-12));
  CHECK(clip_factor(0.5, 1.0) == 1);
  CHECK(clip_factor(5, 0) == 1);
}

TEST_CASE("nothing trainable is an error") {
  Parameters store({.trainable = false});
  store.make("p", {2}, Init::ones());
  CHECK_THROWS_AS(AdamW(store, {}), ValueError);
}
