// Every optimiser against the reference that its header names, and its state stored and read back.
#include "optim/optimizer.h"

#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "autograd/autograd.h"
#include "base/error.h"
#include "base/json.h"
#include "io/safetensors.h"
#include "kernels/table.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/linalg.h"
#include "ops/matmul.h"
#include "ops/shape.h"
#include "optim/average.h"
#include "optim/muon.h"
#include "optim/registry.h"
#include "optim/sam.h"

using namespace gradus;

namespace {

const Safetensors& golden() {
  static const Safetensors file(GRADUS_TEST_DIR "/golden/optim.safetensors");
  return file;
}

Json arguments() {
  for (const auto& [key, text] : golden().metadata())
    if (key == "arguments") return parse_json(text, "arguments");
  return {};
}

Tensor slice(const Tensor& x, int64_t i) {
  Shape shape = x.shape();
  Strides strides = x.strides();
  shape.erase(0), strides.erase(0);
  return x.strided(shape, strides, i * x.strides()[0]);
}

double largest_difference(const Tensor& a, const Tensor& b) {
  const auto x = a.to_vector<double>(), y = b.to_vector<double>();
  double most = 0;
  for (size_t i = 0; i < x.size(); ++i) most = std::max(most, std::abs(x[i] - y[i]));
  return most;
}

void assign(const Tensor& to, const Tensor& from) { kernels(to.device()).copy({.x = from, .y = to.detach()}); }

struct Model {
  Parameters store;
  Tensor w, b;
  explicit Model(Dtype dtype, bool vector = true) : store({.dtype = dtype, .seed = 3}) {
    w = store.make("w", {6, 10}, Init::normal_of(1));
    if (vector) b = store.make("b", {17}, Init::normal_of(1));
  }
  void start() {
    assign(w, golden().load("w0"));
    if (b.defined()) assign(b, golden().load("b0"));
  }
  void gradients(int64_t i) {
    set_grad(w, cast(slice(golden().load("w_grads"), i), w.dtype()));
    if (b.defined()) set_grad(b, cast(slice(golden().load("b_grads"), i), b.dtype()));
  }
};

OptimizerSettings settings_of(const std::string& name, Json args) {
  OptimizerSettings s;
  s.optim = name.rfind("sgd", 0) == 0         ? "sgd"
            : name.rfind("rmsprop", 0) == 0   ? "rmsprop"
            : name.rfind("adafactor", 0) == 0 ? "adafactor"
            : name.rfind("muon", 0) == 0      ? "muon"
            : name == "schedule_free"         ? "schedule_free_adamw"
                                              : name;
  s.options.weight_decay = args.value("weight_decay", 0.0);
  if (s.optim == "muon" && !args.contains("adjust_lr_fn")) args["adjust_lr_fn"] = "original";
  args.erase("weight_decay"), args.erase("lr");
  s.optim_args = dump_json(args);
  return s;
}

}  // namespace

TEST_CASE("every optimiser takes its reference's ten steps") {
  int cases = 0;
  const Json all = arguments();
  for (const auto& [name, args] : all.items()) {
    if (name.rfind("schedule.", 0) == 0) continue;
    CAPTURE(name);
    ++cases;
    Model model(Dtype::f64, name.rfind("muon", 0) != 0);
    model.start();
    const auto optimizer = make_optimizer(model.store, settings_of(name, args));
    const double rate = args["lr"].is_null() ? 1 : args["lr"].get<double>();
    const Tensor w = golden().load(name + ".w");
    const double tolerance = name == "muon_bf16" ? 0.02 * rate : 1e-12;
    for (int64_t i = 0; i < 10; ++i) {
      model.gradients(i);
      optimizer->step(rate);
      CHECK(largest_difference(model.w, slice(w, i)) < tolerance * static_cast<double>(i + 1));
      if (model.b.defined()) CHECK(largest_difference(model.b, slice(golden().load(name + ".b"), i)) < 1e-12);
    }
    if (name != "schedule_free") continue;
    const auto y = model.w.to_vector<double>();
    optimizer->show_evaluated();
    CHECK(largest_difference(model.w, golden().load(name + ".w.x")) < 1e-12);
    CHECK(largest_difference(model.b, golden().load(name + ".b.x")) < 1e-12);
    optimizer->show_trained();
    CHECK(model.w.to_vector<double>() == y);
  }
  CHECK(cases == 14);
}

TEST_CASE("the fast kernels of all rules equal the plain loops in f32") {
  const Json all = arguments();
  for (const auto& [name, args] : all.items()) {
    if (name.rfind("schedule.", 0) == 0) continue;
    CAPTURE(name);
    Model fast(Dtype::f32), plain(Dtype::f32);
    const auto one = make_optimizer(fast.store, settings_of(name, args));
    const auto two = make_optimizer(plain.store, settings_of(name, args));
    for (int64_t i = 0; i < 4; ++i) {
      fast.gradients(i), plain.gradients(i);
      one->step(1e-2, 0.5);
      const UseRefKernels ref;
      two->step(1e-2, 0.5);
    }
    CHECK(largest_difference(fast.w, plain.w) < 2e-6);
    CHECK(largest_difference(fast.b, plain.b) < 2e-6);
  }
}

TEST_CASE("a stored state goes on bit for bit, whatever the optimiser and the parameters' type") {
  for (const Dtype dtype : {Dtype::f32, Dtype::bf16})
    for (const bool master : {true, false})
      for (const std::string& name : optimizer_names()) {
        CAPTURE(name);
        CAPTURE(master);
        Model whole(dtype), half(dtype);
        OptimizerSettings settings;
        settings.optim = name;
        settings.options.weight_decay = 0.1;
        settings.options.master_weights = master;
        if (name == "sgd") settings.optim_args = R"({"momentum": 0.9})";
        const auto one = make_optimizer(whole.store, settings), two = make_optimizer(half.store, settings);
        for (int64_t i = 0; i < 3; ++i) {
          whole.gradients(i), half.gradients(i);
          one->step(1e-2), two->step(1e-2);
        }
        two->show_evaluated();
        NamedState kept;
        for (const auto& [key, tensor] : two->state()) kept.emplace_back(key, clone(tensor));
        const auto resumed = make_optimizer(half.store, settings);
        resumed->load_state(kept);
        CHECK(resumed->steps() == 3);
        for (int64_t i = 3; i < 6; ++i) {
          whole.gradients(i), half.gradients(i);
          one->step(1e-2), resumed->step(1e-2);
        }
        CHECK(whole.w.to_vector<float>() == half.w.to_vector<float>());
        CHECK(whole.b.to_vector<float>() == half.b.to_vector<float>());
        kept.erase(kept.begin());
        CHECK_THROWS_AS(resumed->load_state(kept), ValueError);
      }
}

TEST_CASE("8-bit moments stay near those in f32") {
  Parameters a({.seed = 1}), b({.seed = 1});
  const Tensor p = a.make("p", {80, 70}, Init::normal_of(1)), q = b.make("p", {80, 70}, Init::normal_of(1));
  OptimizerSettings exact, coded;
  coded.optim = "adamw_8bit";
  const auto one = make_optimizer(a, exact), two = make_optimizer(b, coded);
  for (uint64_t i = 0; i < 10; ++i) {
    const Tensor g = random_normal({80, 70}, {7, i});
    set_grad(p, g), set_grad(q, clone(g));
    one->step(1e-3), two->step(1e-3);
  }
  // Ten steps move a number by at most about 1e-2; eight bits of the moments leave a few per cent of that open.
  CHECK(largest_difference(p, q) < 1.5e-3);
  int64_t bytes = 0;
  for (const auto& [name, tensor] : two->state()) bytes += static_cast<int64_t>(tensor.bytes());
  CHECK(bytes == 2 * 5600 + 2 * 22 * 4 + 8);
}

TEST_CASE("Newton-Schulz brings singular values near 1") {
  for (const Shape& shape : {Shape{12, 40}, {40, 12}, {1, 9}, {16, 16}}) {
    const Tensor x = random_normal(shape, {5, 1}, 0, 1, Dtype::f64);
    const auto values = svd(newton_schulz(x, 5)).s.to_vector<double>();
    int near = 0;
    for (const double s : values) near += s > 0.6 && s < 1.3;
    CHECK(near >= static_cast<int>(values.size()) - 2);  // the smallest of a square matrix take more steps
    CHECK(newton_schulz(x, 5).shape() == shape);
  }
  CHECK_THROWS_AS(newton_schulz(ones({3}), 5), ShapeError);
  CHECK(newton_schulz(zeros({3, 4}), 5).to_vector<double>() == std::vector<double>(12, 0));
}

TEST_CASE("averages are those of AveragedModel") {
  const Tensor path = golden().load("adam.w");
  for (const char* kind : {"ema", "swa"}) {
    Model model(Dtype::f64, false);
    WeightAverage average(model.store, {.ema_decay = std::string(kind) == "ema" ? 0.9 : 0});
    const Tensor expected = golden().load(std::string(kind) + ".w");
    for (int64_t i = 0; i < 10; ++i) {
      assign(model.w, slice(path, i));
      average.update(i + 1);
      average.show();
      CHECK(largest_difference(model.w, slice(expected, i)) < 1e-14);
      average.hide();
      CHECK(largest_difference(model.w, slice(path, i)) == 0);
    }
    average.show();
    NamedState kept;
    for (const auto& [key, tensor] : average.state()) kept.emplace_back(key, clone(tensor));
    Model other(Dtype::f64, false);
    WeightAverage again(other.store, {.ema_decay = std::string(kind) == "ema" ? 0.9 : 0});
    again.load_state(kept);
    CHECK(again.updates() == 10);
    CHECK(largest_difference(other.w, slice(path, 9)) == 0);
    again.show();
    CHECK(largest_difference(other.w, slice(expected, 9)) < 1e-14);
  }
  Model model(Dtype::f64, false);
  CHECK_THROWS_AS(WeightAverage(model.store, {.ema_decay = 1}), ValueError);
}

TEST_CASE("sharpness-aware steps are the algorithm's") {
  Model model(Dtype::f64);
  model.start();
  const Tensor cw = golden().load("sam.w.c"), cb = golden().load("sam.b.c");
  const auto gradients = [&] {  // of c x^4 / 4
    set_grad(model.w, mul(cw, mul(model.w.detach(), square(model.w.detach()))));
    set_grad(model.b, mul(cb, mul(model.b.detach(), square(model.b.detach()))));
  };
  OptimizerSettings settings;
  settings.optim = "sgd";
  const auto optimizer = make_optimizer(model.store, settings);
  for (int64_t i = 0; i < 10; ++i) {
    gradients();
    {
      Sam sam(model.store);
      REQUIRE(sam.climb(0.05));
      gradients();
    }
    optimizer->step(1e-2);
    CHECK(largest_difference(model.w, slice(golden().load("sam.w"), i)) < 1e-12);
    CHECK(largest_difference(model.b, slice(golden().load("sam.b"), i)) < 1e-12);
  }
  set_grad(model.w, full({6, 10}, std::nan(""), Dtype::f64));
  Sam sam(model.store);
  CHECK(!sam.climb(0.05));
}

TEST_CASE("stochastic rounding has the right mean and only the two neighbours") {
  for (const Dtype dtype : {Dtype::bf16, Dtype::f16})
    for (const double value : {1.0 + 1.0 / 1024 + 1.0 / 4096, -0.300123, 3e-5, 1e-7}) {
      CAPTURE(value);
      const Tensor x = full({20000}, value), y = empty({20000}, dtype);
      kernels(Device::cpu).round_stochastic({.x = x, .y = y, .key = {1, 2}});
      const auto numbers = y.to_vector<double>();
      double sum = 0, low = numbers[0], high = numbers[0];
      for (const double v : numbers) sum += v, low = std::min(low, v), high = std::max(high, v);
      const double wanted = static_cast<double>(static_cast<float>(value));
      CHECK(low <= wanted);
      CHECK(high >= wanted);
      CHECK(std::abs(sum / 20000 - wanted) < 4 * (high - low) / std::sqrt(20000.0));
      for (const double v : numbers) CHECK((v == low || v == high));
    }
  const Tensor special = from_vector(std::vector<float>{INFINITY, -INFINITY, NAN, 0, 3.3e38f, 65504.0f});
  const Tensor y = empty({6}, Dtype::bf16);
  kernels(Device::cpu).round_stochastic({.x = special, .y = y, .key = {1, 2}});
  const auto v = y.to_vector<float>();
  CHECK((std::isinf(v[0]) && v[1] < 0 && std::isinf(v[1]) && std::isnan(v[2]) && v[3] == 0 && std::isfinite(v[4])));
}

TEST_CASE("bf16 parameters move by less than their spacing: in the master copy, or on average") {
  for (const bool master : {true, false}) {
    Parameters store({.dtype = Dtype::bf16});
    const Tensor p = store.make("p", {4000}, Init::ones());
    OptimizerSettings settings;
    settings.optim = "sgd";
    settings.options.master_weights = master;
    const auto optimizer = make_optimizer(store, settings);
    for (int i = 0; i < 16; ++i) {
      set_grad(p, ones({4000}, Dtype::bf16));
      optimizer->step(1.0 / 1024);  // a quarter of the spacing below 1
    }
    double sum = 0;
    for (const double v : p.to_vector<double>()) sum += v;
    CHECK(sum / 4000 == doctest::Approx(1 - 16.0 / 1024).epsilon(1e-3));
  }
}

TEST_CASE("impossible settings get a clear word") {
  Model model(Dtype::f32);
  const auto complaint = [&](const std::string& optim, const std::string& args,
                             const OptimizerOptions& options = {}) -> std::string {
    OptimizerSettings s;
    s.optim = optim, s.optim_args = args, s.options = options;
    try {
      make_optimizer(model.store, s);
    } catch (const ValueError& e) {
      return e.what();
    }
    return "";
  };
  const auto has = [](const std::string& text, const std::string& part) {
    CAPTURE(text);
    CHECK(text.find(part) != std::string::npos);
  };
  has(complaint("adamw_torchh", "{}"), "did you mean adamw_torch?");
  has(complaint("sgd", R"({"momentun": 0.9})"), "did you mean momentum?");
  has(complaint("sgd", R"({"nesterov": true})"), "Nesterov");
  has(complaint("sgd", R"({"momentum": "much"})"), "optim_args.momentum must be");
  has(complaint("adamw_torch", R"({"betas": [0.9]})"), "two numbers");
  has(complaint("adamw_torch", R"({"betas": [0.9, 1.5]})"), "beta2");
  has(complaint("muon", R"({"ns_steps": 0})"), "ns_steps");
  has(complaint("adafactor", R"({"warmup_init": true})"), "relative_step");
  has(complaint("adamw_torch", "{}", {.rules = {{"*ww*", 0, 1, true}}}), "did you mean");
  has(complaint("adamw_torch", "{}", {.rules = {{"w", -1, 1, true}}}), "negative");
}
