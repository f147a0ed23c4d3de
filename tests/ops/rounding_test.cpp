#include "ops/rounding.h"

#include <cmath>
#include <limits>

#include "autograd/autograd.h"
#include "ops/clamp.h"
#include "ops/elementwise.h"
#include "ops/logic.h"
#include "support/op_case.h"
#include "support/op_types.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

using V = std::vector<double>;
V values(const Tensor& x) { return x.to_vector<double>(); }

// Eighths that no rounding to 16 bits moves, and none of them whole.
Tensor eighths(const Shape& shape) { return add(mul(cast(indices(shape, 60), Dtype::f64), 0.25), -7.375); }

void check_rounding(Tensor (*f)(const Tensor&)) {
  for (const Shape& shape : {Shape{7}, {3, 33}, {4, 0, 3}, {}})
    check({.call = [f](const Tensors& in) { return f(in[0]); }, .inputs = {eighths(shape)}});
  CHECK(values(f(from_vector<int32_t>({-3, 5}))) == V{-3, 5});
  CHECK_THROWS_AS(f(zeros({2}, Dtype::boolean)), DtypeError);
}

const Tensor kHalves = from_vector<float>({-2.5f, -1.5f, -0.5f, 0.5f, 1.5f, 2.5f, 0.2f, -0.7f, 1e10f});

}  // namespace

OP_CASE("floor") {
  check_rounding(floor);
  CHECK(values(floor(kHalves)) == V{-3, -2, -1, 0, 1, 2, 0, -1, 1e10});
}
OP_CASE("ceil") {
  check_rounding(ceil);
  CHECK(values(ceil(kHalves)) == V{-2, -1, 0, 1, 2, 3, 1, 0, 1e10});
}
OP_CASE("trunc") {
  check_rounding(trunc);
  CHECK(values(trunc(kHalves)) == V{-2, -1, 0, 0, 1, 2, 0, 0, 1e10});
}
OP_CASE("round") {
  check_rounding(round);
  CHECK(values(round(kHalves)) == V{-2, -2, 0, 0, 2, 2, 0, -1, 1e10});
}
OP_CASE("frac") {
  check({.call = [](const Tensors& in) { return frac(in[0]); }, .inputs = {eighths({3, 9})}});
  CHECK_THROWS_AS(frac(zeros({2}, Dtype::i32)), DtypeError);
}

OP_CASE("straight_through") {
  survey_types(
      {.call = [](const Tensors& in) { return straight_through(in[0], in[1]); }, .inputs = {normal({4}), normal({4})}});
  Tensor x = from_vector<double>({0.4, 1.6}), y = from_vector<double>({7, 8});
  require_grad(x);
  require_grad(y);
  const Tensor out = straight_through(mul(y, 1), mul(x, 3));
  CHECK(values(out) == V{7, 8});
  const Tensors d = grad({out}, {x, y}, {from_vector<double>({1, 2})});
  CHECK(values(d[0]) == V{3, 6});
  CHECK(!d[1].defined());
  CHECK_THROWS_AS(straight_through(zeros({2}), zeros({3})), ShapeError);
  CHECK_THROWS_AS(straight_through(zeros({2}), zeros({2}, Dtype::f64)), DtypeError);
}

OP_CASE("round_ste") {
  survey_types({.call = [](const Tensors& in) { return round_ste(in[0]); }, .inputs = {normal({4})}});
  Tensor x = from_vector<double>({0.4, 1.6, 2.5});
  require_grad(x);
  const Tensor y = round_ste(x);
  CHECK(values(y) == V{0, 2, 2});
  CHECK(values(grad({y}, {x}, {from_vector<double>({1, 2, 3})})[0]) == V{1, 2, 3});
}

OP_CASE("heaviside") {
  Tensor x = from_vector<double>({-2, -0.0, 0, 3, NAN});
  require_grad(x);
  const Tensor y = heaviside(x);
  const V v = values(y);
  CHECK(V(v.begin(), v.begin() + 4) == V{0, 0.5, 0.5, 1});
  CHECK(std::isnan(v[4]));
  CHECK(values(grad({y}, {x}, {ones({5}, Dtype::f64)})[0]) == V{0, 0, 0, 0, 0});
  check({.call = [](const Tensors& in) { return heaviside(in[0], 1); }, .inputs = {eighths({3, 9})}});
}

OP_CASE("step") {
  survey_types({.call = [](const Tensors& in) { return step(in[0]); }, .inputs = {normal({4})}});
  Tensor x = from_vector<double>({-2, 0, 3});
  require_grad(x);
  const Tensor y = step(x);
  CHECK(values(y) == V{0, 0, 1});
  CHECK(values(grad({y}, {x}, {from_vector<double>({1, 2, 3})})[0]) == V{1, 2, 3});
}

OP_CASE("clamp") {
  for (const Shape& shape : {Shape{7}, {3, 33}, {4, 0, 3}, {}}) {
    check({.call = [](const Tensors& in) { return clamp(in[0], -0.5, 1); },
           .composed = [](const Tensors& in) { return minimum(maximum(in[0], -0.5), 1); },
           .inputs = {normal(shape)}});
    check({.call = [](const Tensors& in) { return clamp_min(in[0], 0.1); }, .inputs = {normal(shape)}});
    check({.call = [](const Tensors& in) { return clamp(in[0], in[1], in[2]); },
           .inputs = {normal(shape, 1), uniform(shape, -1, -0.2, 2), uniform(shape, 0.1, 0.7, 3)}});
  }
  check({.call = [](const Tensors& in) { return clamp(in[0], in[1], Tensor()); },
         .inputs = {normal({3, 9}, 1), normal({9}, 2)}});
  // No gradient at a bound. The upper one wins when they cross; NaN stays.
  Tensor x = from_vector<double>({-1, -0.5, 0, 1, 2, NAN});
  require_grad(x);
  const Tensor y = clamp(x, -0.5, 1);
  CHECK(std::isnan(values(y)[5]));
  CHECK(values(grad({y}, {x}, {ones({6}, Dtype::f64)})[0]) == V{0, 0, 1, 0, 0, 0});
  CHECK(values(clamp(from_vector<float>({0, 5}), 3, 2)) == V{2, 2});
  CHECK(values(clamp(from_vector<int32_t>({-4, 2, 9}), -1, 5)) == V{-1, 2, 5});
  CHECK(values(clamp_max(from_vector<uint8_t>({0, 2, 9}), 5)) == V{0, 2, 5});
  CHECK_THROWS_AS(clamp(ones({2}), NAN, 1), ValueError);
  CHECK_THROWS_AS(clamp(ones({2}), Tensor(), Tensor()), ValueError);
  CHECK_THROWS_AS(clamp(Tensor(), 0, 1), ValueError);
}

OP_CASE("is_nan") {
  survey_types({.call = [](const Tensors& in) { return is_nan(in[0]); }, .inputs = {normal({4})}});
  CHECK(values(is_nan(from_vector<float>({NAN, 1, INFINITY}))) == V{1, 0, 0});
  CHECK(values(is_nan(from_vector<int32_t>({5}))) == V{0});
}
OP_CASE("is_inf") {
  survey_types({.call = [](const Tensors& in) { return is_inf(in[0]); }, .inputs = {normal({4})}});
  CHECK(values(is_inf(from_vector<float>({NAN, 1, INFINITY, -INFINITY}))) == V{0, 0, 1, 1});
  CHECK(values(is_inf(from_vector<int32_t>({std::numeric_limits<int32_t>::max()}))) == V{0});
}
OP_CASE("is_finite") {
  survey_types({.call = [](const Tensors& in) { return is_finite(in[0]); }, .inputs = {normal({4})}});
  CHECK(values(is_finite(from_vector<float>({NAN, 1, INFINITY, -INFINITY}))) == V{0, 1, 0, 0});
  CHECK(values(is_finite(from_vector<int32_t>({5}))) == V{1});
}

OP_CASE("logical") {
  survey_types(
      {.call = [](const Tensors& in) { return logical_and(in[0], in[1]); }, .inputs = {normal({4}), normal({4})}});
  const Tensor a = from_vector<float>({0, 2, NAN, 0}), b = from_vector<int64_t>({0, 0, 3, 1});
  CHECK(values(logical_and(a, b)) == V{0, 0, 1, 0});
  CHECK(values(logical_or(a, b)) == V{0, 1, 1, 1});
  CHECK(values(logical_xor(a, b)) == V{0, 1, 0, 1});
  CHECK(values(logical_not(a)) == V{1, 0, 0, 1});
  CHECK(logical_not(a).dtype() == Dtype::boolean);
}

OP_CASE("bitwise") {
  survey_types(
      {.call = [](const Tensors& in) { return bitwise_and(in[0], in[1]); }, .inputs = {normal({4}), normal({4})}});
  const Tensor a = from_vector<int32_t>({12, -1}), b = from_vector<int32_t>({10, 7});
  CHECK(values(bitwise_and(a, b)) == V{8, 7});
  CHECK(values(bitwise_or(a, b)) == V{14, -1});
  CHECK(values(bitwise_xor(a, b)) == V{6, -8});
  CHECK(values(bitwise_not(a)) == V{-13, 0});
  CHECK(values(bitwise_not(from_vector<uint8_t>({1, 255}))) == V{254, 0});
  CHECK(values(bitwise_not(equal(a, b))) == V{1, 1});
  CHECK_THROWS_AS(bitwise_and(ones({2}), b), DtypeError);
}

OP_CASE("nan_to_num") {
  check({.call = [](const Tensors& in) { return nan_to_num(in[0]); }, .inputs = {normal({3, 9})}});
  Tensor x = from_vector<float>({NAN, INFINITY, -INFINITY, 2});
  require_grad(x);
  const Tensor y = nan_to_num(x, {.nan = 7, .neginf = -3});
  CHECK(values(y) == V{7, static_cast<double>(std::numeric_limits<float>::max()), -3, 2});
  CHECK(values(grad({y}, {x}, {ones({4})})[0]) == V{0, 0, 0, 1});
  CHECK(values(nan_to_num(cast(x.detach(), Dtype::bf16)))[1] < 3.4e38);
}
