#include "autograd/autograd.h"

#include <doctest/doctest.h>

#include <cmath>

#include "autograd/record.h"
#include "base/error.h"
#include "kernels/table.h"
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

}  // namespace

TEST_CASE("gradients add up over every path and over calls") {
  Tensor x = leaf({2, 3});
  const Tensor y = sum(mul(x, x) + x);
  backward(y);
  CHECK(grad_of(x).to_vector<double>() == std::vector<double>{5, 7});
  backward(sum(x));
  CHECK(grad_of(x).to_vector<double>() == std::vector<double>{6, 8});
  clear_grad(x);
  CHECK(!grad_of(x).defined());
}

TEST_CASE("two leaves never share the memory of their gradients") {
  Tensor a = leaf({1}), b = leaf({2});
  backward(sum(a + b));
  CHECK(grad_of(a).raw() != grad_of(b).raw());
}

TEST_CASE("gradients of gradients") {
  Tensor x = leaf({2});
  const Tensor y = mul(square(x), x);  // x^3
  const Tensor d1 = grad({y}, {x}, {}, {.create_graph = true})[0];
  const Tensor d2 = grad({d1}, {x}, {}, {.create_graph = true})[0];
  const Tensor d3 = grad({d2}, {x})[0];
  CHECK(d1.item() == 12);
  CHECK(d2.item() == 12);
  CHECK(d3.item() == 6);
  const Tensor e = exp(x);  // its rule saves its own output
  const Tensor e2 = grad({grad({e}, {x}, {}, {.create_graph = true})[0]}, {x})[0];
  CHECK(e2.item() == doctest::Approx(std::exp(2.0)));
}

TEST_CASE("nothing is recorded under NoGrad, and detach cuts") {
  Tensor x = leaf({1});
  {
    const NoGrad off;
    CHECK(!requires_grad(mul(x, 2.0)));
    const EnableGrad on;
    CHECK(requires_grad(mul(x, 2.0)));
  }
  CHECK(!requires_grad(mul(x, 2.0).detach()));
  CHECK_THROWS_AS(backward(sum(x).detach()), GradError);
}

TEST_CASE("a saved tensor that was changed in place is an error that names the operation") {
  Tensor x = leaf({1, 2}), w = from_vector<double>({3, 4});
  const Tensor y = sum(mul(x, w));
  kernels(Device::cpu).fill({.y = w, .value = 0});
  w.bump_version();
  CHECK_THROWS_WITH_AS(backward(y), doctest::Contains("[mul] a tensor of (2,) f64 cpu that was saved"), GradError);
}

TEST_CASE("an operation without a rule is an error that names it") {
  Tensor x = leaf({1, 2});
  const Tensor y = empty_like(x);
  record_no_rule("mystery", {x}, y);
  CHECK_THROWS_WITH_AS(backward(sum(y)), doctest::Contains("[mystery]"), GradError);
}

TEST_CASE("a rule that returns the wrong shape is caught where it happens") {
  Tensor x = leaf({1, 2});
  const Tensor y = clone(x.detach());
  record("crooked", {x}, y, [](const Tensor&) { return zeros({3}, Dtype::f64); });
  CHECK_THROWS_WITH_AS(backward(sum(y)), doctest::Contains("(3,)"), GradError);
}

TEST_CASE("a freed graph says so; retain_graph keeps it") {
  Tensor x = leaf({3});
  const Tensor y = square(x);
  backward(y, {}, {.retain_graph = true});
  backward(y);
  CHECK(grad_of(x).item() == 12);
  CHECK_THROWS_WITH_AS(backward(y), doctest::Contains("already freed"), GradError);
}

TEST_CASE("saved tensors are freed as the walk passes them") {
  Tensor x = zeros({1024});
  require_grad(x);
  const int64_t before = memory_stats().current;
  Tensor y = x;
  for (int i = 0; i < 50; ++i) y = sin(y);
  const Tensor loss = sum(y);
  y = Tensor();
  const int64_t recorded = memory_stats().current;
  reset_peak_memory();
  backward(loss);
  CHECK(recorded - before >= 49 * 4096);
  CHECK(memory_stats().peak - recorded < 6 * 4096);  // a few gradients at a time, not fifty
  CHECK(memory_stats().current - before < 3 * 4096);
}

TEST_CASE("a chain of 200,000 nodes neither recurses in backward nor when it is dropped") {
  Tensor x = leaf({1});
  Tensor y = x;
  for (int i = 0; i < 200000; ++i) y = add(y, 0.0);
  backward(y, {}, {.retain_graph = true});
  CHECK(grad_of(x).item() == 1);
  y = Tensor();
}

TEST_CASE("integers have no gradient, computed tensors are no leaves") {
  Tensor i = from_vector<int64_t>({1});
  CHECK_THROWS_AS(require_grad(i), GradError);
  Tensor x = leaf({1});
  Tensor y = mul(x, 2.0);
  CHECK_THROWS_AS(require_grad(y), GradError);
  CHECK(is_leaf(x));
  CHECK(!is_leaf(y));
}

TEST_CASE("autograd: an input beyond those that can be told apart counts as wanted") {
  const Needs first{1};
  CHECK(first[0]);
  CHECK_FALSE(first[1]);
  CHECK_FALSE(first[63]);
  CHECK(first[64]);
  CHECK(first[65]);
}
