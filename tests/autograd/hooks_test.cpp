#include "autograd/hooks.h"

#include <doctest/doctest.h>

#include "autograd/autograd.h"
#include "autograd/graph.h"
#include "base/error.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "tensor/allocator.h"

using namespace gradus;

namespace {

Tensor leaf(std::initializer_list<double> values) {
  Tensor x = from_vector(std::vector<double>(values));
  return require_grad(x);
}
using Numbers = std::vector<double>;

}  // namespace

TEST_CASE("a hook sees the whole gradient once, and may replace it") {
  Tensor x = leaf({1, 2});
  const Tensor y = mul(x, 3.0);
  std::vector<Numbers> seen;
  HookHandle look = add_grad_hook(y, [&](const Tensor& g) {
    seen.push_back(g.to_vector<double>());
    return Tensor();
  });
  add_grad_hook(y, [](const Tensor& g) { return mul(g, 10.0); });
  add_grad_hook(x, [&](const Tensor& g) {
    seen.push_back(g.to_vector<double>());
    return Tensor();
  });
  const Tensor loss = sum(add(y, mul(y, y)));  // two ways to y: 1 + 2 y
  backward(loss, {}, {.retain_graph = true});
  CHECK(seen == std::vector<Numbers>{{7, 13}, {210, 390}});
  CHECK(grad_of(x).to_vector<double>() == Numbers{210, 390});
  look.remove();
  look.remove();
  CHECK(grad({loss}, {x}, {}, {.retain_graph = true})[0].to_vector<double>() == Numbers{210, 390});
  CHECK(grad({loss}, {y})[0].to_vector<double>() == Numbers{70, 130});
  CHECK(seen.size() == 3);
}

TEST_CASE("what a hook computes is recorded with create_graph") {
  Tensor x = leaf({3});
  add_grad_hook(x, [](const Tensor& g) { return square(g); });
  const Tensor d = grad({sum(square(x))}, {x}, {}, {.create_graph = true})[0];  // (2 x)^2
  CHECK(d.item() == 36);
  // d/dx (2x)^2 = 8 x, and the hook squares that again
  CHECK(grad({d}, {x})[0].item() == 24 * 24);
}

TEST_CASE("hooks of one of several outputs, and a hook that takes itself off") {
  Tensor x = leaf({1, 2, 3});
  const Tensors parts = split(x, {1, 2});
  int calls = 0;
  HookHandle once;
  once = add_grad_hook(parts[1], [&](const Tensor& g) {
    ++calls;
    once.remove();
    return zeros_like(g);
  });
  const Tensor loss = add(sum(parts[0]), sum(parts[1]));
  backward(loss, {}, {.retain_graph = true});
  CHECK(grad_of(x).to_vector<double>() == Numbers{1, 0, 0});
  backward(loss);
  CHECK(grad_of(x).to_vector<double>() == Numbers{2, 1, 1});
  CHECK(calls == 1);
}

TEST_CASE("an accumulated gradient can be used and given back before the walk ends") {
  Tensor x = zeros({1024}), early = zeros({1024});
  require_grad(x);
  require_grad(early);
  std::vector<double> sums;
  add_accumulated_hook(x, [&](Tensor& g) {
    sums.push_back(g.to_vector<double>()[0]);
    if (sums.size() == 2) g = Tensor();
  });
  backward(sum(mul(x, 2.0)));
  backward(sum(mul(x, 3.0)));
  CHECK(sums == std::vector<double>{2, 5});
  CHECK(!grad_of(x).defined());
  // A leaf does not wait until the walk is over.
  Tensor u = zeros({1024}), v = zeros({1024});
  require_grad(u);
  require_grad(v);
  std::string order;
  const Tensor first = sin(u);
  add_grad_hook(first, [&](const Tensor&) { return order += "first ", Tensor(); });
  add_accumulated_hook(u, [&](Tensor&) { order += "u "; });
  add_accumulated_hook(v, [&](Tensor&) { order += "v "; });
  backward(sum(mul(mul(first, v), v)));
  CHECK(order == "v first u ");
  add_accumulated_hook(early, [](Tensor& g) { g = zeros({3}); });
  CHECK_THROWS_AS(backward(sum(early)), GradError);
}

TEST_CASE("retain_grad keeps and accumulates the gradient of a computed tensor") {
  Tensor x = leaf({1, 2});
  const Tensor y = square(x);
  CHECK(!grad_of(y).defined());
  retain_grad(y);
  retain_grad(y);
  const Tensor loss = sum(mul(y, y));
  backward(loss, {}, {.retain_graph = true});
  CHECK(grad_of(y).to_vector<double>() == Numbers{2, 8});
  grad({loss}, {x}, {}, {.retain_graph = true});
  backward(loss);
  CHECK(grad_of(y).to_vector<double>() == Numbers{4, 16});
  clear_grad(y);
  CHECK(!grad_of(y).defined());
  retain_grad(x);  // a leaf has its gradient anyway
  CHECK(grad_of(x).to_vector<double>() == Numbers{8, 64});
}

TEST_CASE("hooks refuse what has no gradient and gradients that do not fit") {
  const Tensor constant = zeros({2}, Dtype::f64);
  CHECK_THROWS_AS(add_grad_hook(constant, [](const Tensor&) { return Tensor(); }), GradError);
  CHECK_THROWS_AS(add_grad_hook(Tensor(), [](const Tensor&) { return Tensor(); }), GradError);
  CHECK_THROWS_AS(retain_grad(constant), GradError);
  CHECK_THROWS_AS(add_accumulated_hook(constant, [](Tensor&) {}), GradError);
  Tensor x = leaf({1, 2});
  CHECK_THROWS_AS(add_grad_hook(x, nullptr), ValueError);
  CHECK_THROWS_AS(add_accumulated_hook(square(x), [](Tensor&) {}), GradError);
  add_grad_hook(x, [](const Tensor&) { return zeros({3}, Dtype::f64); });
  CHECK_THROWS_WITH_AS(backward(sum(x)), doctest::Contains("[hook] returned (3,) f64"), GradError);
  HookHandle().remove();
}

TEST_CASE("a hook goes with its tensor") {
  const int64_t before = memory_stats().current;
  {
    Tensor x = zeros({4096});
    require_grad(x);
    const Tensor big = zeros({4096});
    add_grad_hook(x, [big](const Tensor&) { return Tensor(); });
    CHECK(memory_stats().current > before);
  }
  CHECK(memory_stats().current == before);
}

TEST_CASE("a graph as text and as a drawing") {
  Tensor x = zeros({2, 3});
  require_grad(x);
  const Tensor y = mul(x, ones({2, 3}));
  const Tensor loss = sum(add(y, y));
  CHECK(describe_graph(loss) ==
        "#5 reshape () f32 <- #4\n"
        "#4 sum (1, 1) f32 <- #3\n"
        "#3 add (2, 3) f32 <- #2 #2\n"
        "#2 mul (2, 3) f32 <- #1 -\n"
        "#1 leaf (2, 3) f32\n");
  const std::string dot = graph_dot(loss);
  CHECK(dot.find("n2 [label=\"mul (2, 3) f32\"]") != std::string::npos);
  CHECK(dot.find("n1 -> n2;") != std::string::npos);
  CHECK(describe_graph(zeros({1})).empty());
  CHECK_THROWS_AS(describe_graph(Tensor()), ValueError);
}
