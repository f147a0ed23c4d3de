// The samples of docs/differentiation.md, as they stand there.
#include <doctest/doctest.h>

#include <cctype>
#include <cmath>
#include <string>

#include "autograd/autograd.h"
#include "autograd/checkpoint.h"
#include "autograd/functional.h"
#include "autograd/gradcheck.h"
#include "autograd/hooks.h"
#include "autograd/record.h"
#include "base/error.h"
#include "base/file.h"
#include "ops/create.h"
#include "ops/dropout.h"
#include "ops/elementwise.h"
#include "ops/matmul.h"
#include "ops/reduce.h"

using namespace gradus;

namespace {

/// log(1 + e^x), with the gradient sigmoid(x) instead of e^x / (1 + e^x), which overflows.
Tensor soft_plus(const Tensor& x) {
  Tensor y;
  {
    const NoGrad plain;
    y = add(maximum(x, 0.0), log(add(exp(neg(abs(x))), 1.0)));
  }
  record("soft_plus", {x}, y, [x = save(x)](const Tensor& dy) { return mul(dy, sigmoid(x.get())); });
  return y;
}

// Without spaces: the page is not formatted as this file is.
std::string squeezed(const std::string& text) {
  std::string out;
  for (const char c : text)
    if (!std::isspace(static_cast<unsigned char>(c))) out += c;
  return out;
}

}  // namespace

TEST_CASE("the page on differentiation: gradients") {
  Tensor w = from_vector<double>({1, 2, 3});
  require_grad(w);
  const Tensor loss = sum(square(w));
  backward(loss);
  CHECK(grad_of(w).to_vector<double>() == std::vector<double>{2, 4, 6});
}

TEST_CASE("the page on differentiation: gradients of gradients") {
  Tensor x = from_vector<double>({2});
  require_grad(x);
  const Tensor y = mul(square(x), x);
  const Tensor d1 = grad({y}, {x}, {}, {.create_graph = true})[0];   // 3 x^2
  const Tensor d2 = grad({d1}, {x}, {}, {.create_graph = true})[0];  // 6 x
  CHECK(grad({d2}, {x})[0].item() == 6);
}

TEST_CASE("the page on differentiation: derivatives of functions") {
  const auto f = [](const Tensor& p) { return sum(mul(exp(p), sin(p))); };
  const Tensor at = from_vector<double>({0.1, 0.2, 0.3}), v = from_vector<double>({1, 0, -1});
  const Tensor g = gradient(f, at);                       // (3)
  const Tensor slope = directional_derivative(f, at, v);  // one number: g . v
  const Tensor h = hessian(f, at);                        // (3, 3)
  const Tensor hv = hvp(f, at, v);                        // H v, without H
  const Tensor j = jacobian([](const Tensor& p) { return tanh(p); }, at);
  const TraceEstimate trace = hessian_trace([&](const Tensors& in) { return f(in[0]); }, {at}, {.samples = 8});
  CHECK(slope.item() == doctest::Approx(sum(mul(g, v)).item()));
  CHECK(h.shape() == Shape{3, 3});
  CHECK(j.shape() == Shape{3, 3});
  CHECK(hv.to_vector<double>()[0] == doctest::Approx(h.to_vector<double>()[0] - h.to_vector<double>()[2]));
  CHECK(std::isfinite(trace.trace));
  Tensor scale = from_vector<double>({3});
  require_grad(scale);
  const auto energy = [&](const Tensor& p) { return sum(mul(square(p), scale)); };
  backward(sum(square(gradient(energy, at))));  // (2 scale p)^2
  CHECK(grad_of(scale).item() == doctest::Approx(8 * 3 * (0.01 + 0.04 + 0.09)));
  {
    const NoGrad numbers_only;
    CHECK(!requires_grad(gradient(energy, at)));
  }
}

TEST_CASE("the page on differentiation: the gradient checker") {
  Tensor point = from_vector<double>({0.5, -0.5});
  require_grad(point);
  const GradCheckResult result =
      check_gradients([](const Tensors& in) { return tanh(mul(in[0], in[0])); }, {point}, {.second_order = true});
  CHECK_MESSAGE(result.ok, result.where);
}

TEST_CASE("the page on differentiation: hooks") {
  Tensor a = from_vector<double>({1, 2});
  require_grad(a);
  const Tensor b = mul(a, 3.0);
  HookHandle clip = add_grad_hook(b, [](const Tensor& gradient) { return minimum(gradient, 0.5); });
  retain_grad(b);
  backward(sum(b));
  CHECK(grad_of(b).to_vector<double>() == std::vector<double>{0.5, 0.5});
  CHECK(grad_of(a).to_vector<double>() == std::vector<double>{1.5, 1.5});
  clip.remove();
}

TEST_CASE("the page on differentiation: checkpoints") {
  const Tensor in = random_normal({8, 16}, {1, 1}), weight = random_normal({16, 16}, {1, 2});
  Tensor trained = weight;
  require_grad(trained);
  const auto block = [trained](const Tensor& p) { return dropout(tanh(affine(p, trained)), 0.1, {7, 0}); };
  const Tensor once = grad({sum(block(in))}, {trained})[0];
  const Tensor again = grad({sum(checkpoint(CheckpointBlock(block), in))}, {trained})[0];
  CHECK(once.to_vector<double>() == again.to_vector<double>());
  const std::vector<CheckpointBlock> chain(9, block);
  const Tensor by_root = checkpoint_sequential(chain, in);
  const auto plan = budget_segments(measure_blocks(chain, in), 12000);
  const Tensor within = checkpoint_sequential(chain, in, plan);
  CHECK(by_root.to_vector<double>() == within.to_vector<double>());
}

TEST_CASE("the page on differentiation: an operation of one's own, its gradients and its mistakes") {
  Tensor x = from_vector<double>({-800, -1, 0, 2, 800});
  require_grad(x);
  const Tensor y = soft_plus(x);
  CHECK(y.to_vector<double>()[1] == doctest::Approx(std::log1p(std::exp(-1.0))));
  CHECK(grad({sum(y)}, {x})[0].to_vector<double>()[4] == 1);
  Tensor mild = from_vector<double>({-1.5, 0.5, 2});
  require_grad(mild);
  const auto f = [](const Tensors& in) { return soft_plus(in[0]); };
  const GradCheckResult result = check_gradients(f, {mild}, {.second_order = true});
  CHECK_MESSAGE(result.ok, result.where);
  CHECK(jvp(soft_plus, mild, ones_like(mild)).to_vector<double>()[1] == doctest::Approx(1 / (1 + std::exp(-0.5))));
  const Tensor again = sum(checkpoint(CheckpointBlock(soft_plus), mild));
  CHECK(grad({again}, {mild})[0].to_vector<double>() == grad({sum(soft_plus(mild))}, {mild})[0].to_vector<double>());

  const auto recorded_twice = [&] {
    const Tensor z = exp(mild);
    record("twice", {mild}, z, [](const Tensor& dy) { return dy; });
  };
  CHECK_THROWS_WITH_AS(recorded_twice(), doctest::Contains("[twice] the output (3,) f64 cpu already has a history"),
                       GradError);
  CHECK_THROWS_AS(record("nothing", {mild}, Tensor(), [](const Tensor& dy) { return dy; }), GradError);
}

TEST_CASE("every sample of the page on differentiation is in this file") {
  const std::string page = read_file(std::string(GRADUS_TEST_DIR) + "/../docs/differentiation.md");
  const std::string here = squeezed(read_file(std::string(GRADUS_TEST_DIR) + "/autograd/documentation_test.cpp"));
  int samples = 0;
  for (size_t at = page.find("```cpp\n"); at != std::string::npos; at = page.find("```cpp\n", at)) {
    at += 7;
    const std::string sample = page.substr(at, page.find("```", at) - at);
    CHECK_MESSAGE(here.find(squeezed(sample)) != std::string::npos, sample);
    ++samples;
    at = page.find("```", at) + 3;
  }
  CHECK(samples == 9);
}
