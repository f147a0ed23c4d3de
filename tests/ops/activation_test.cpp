#include "ops/activation.h"

#include <cmath>
#include <limits>

#include "ops/elementwise.h"
#include "ops/math.h"
#include "ops/shape.h"
#include "ops/softmax.h"
#include "support/op_case.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

using V = std::vector<double>;
V values(const Tensor& x) { return x.to_vector<double>(); }

void check_activation(Tensor (*f)(const Tensor&), Tensor (*composed)(const Tensor&)) {
  for (int64_t n : {1, 7, 8, 9, 15, 16, 17, 31, 33})
    check({.call = [f](const Tensors& in) { return f(in[0]); },
           .composed = [composed](const Tensors& in) { return composed(in[0]); },
           .inputs = {mul(normal({3, n}), 2)}});
  check({.call = [f](const Tensors& in) { return f(in[0]); }, .inputs = {normal({2, 0})}});
  CHECK_THROWS_AS(f(zeros({2}, Dtype::i32)), DtypeError);
}

}  // namespace

OP_CASE("relu") {
  check_activation(relu, [](const Tensor& x) { return maximum(x, 0); });
  const auto y = relu(from_vector<float>({-1, std::numeric_limits<float>::quiet_NaN(), 2})).to_vector<double>();
  CHECK(y[0] == 0);
  CHECK(std::isnan(y[1]));
}

OP_CASE("silu") {
  check_activation(silu, [](const Tensor& x) { return mul(x, sigmoid(x)); });
  const auto y = silu(from_vector<float>({-200, 200})).to_vector<double>();
  CHECK(y[0] == 0);
  CHECK(y[1] == 200);
}

OP_CASE("gelu") {
  check_activation(gelu, [](const Tensor& x) { return mul(mul(x, 0.5), add(erf(mul(x, 0.70710678118654752440)), 1)); });
  // PyTorch 2.15
  check_close(gelu(from_vector<float>({-2, -0.5f, 0, 0.5f, 3})),
              from_vector<double>({-0.045500264, -0.154268769, 0, 0.345731231, 2.995950306}), 0x1p-23);
}

OP_CASE("gelu_tanh") {
  check_activation(gelu_tanh, [](const Tensor& x) {
    const Tensor u = mul(add(x, mul(mul(square(x), x), 0.044715)), 0.79788456080286535588);
    return mul(mul(x, 0.5), add(tanh(u), 1));
  });
  check_close(gelu_tanh(from_vector<float>({-2, -0.5f, 0, 0.5f, 3})),
              from_vector<double>({-0.045402306, -0.154285990, 0, 0.345714010, 2.996362608}), 0x1p-23);
}

OP_CASE("quick_gelu") {
  check_activation(quick_gelu, [](const Tensor& x) { return mul(x, sigmoid(mul(x, 1.702))); });
}

OP_CASE("mish") {
  check_activation(mish, [](const Tensor& x) { return mul(x, tanh(log1p(exp(x)))); });
  CHECK(values(mish(from_vector<float>({-200, 0, 25, 1e30f}))) == V{0, 0, 25, static_cast<double>(1e30f)});
}

OP_CASE("softplus") {
  check_activation([](const Tensor& x) { return softplus(x); }, [](const Tensor& x) { return log1p(exp(x)); });
  check({.call = [](const Tensors& in) { return softplus(in[0], 2.5, 3); },
         .composed =
             [](const Tensors& in) {
               const Tensor z = mul(in[0], 2.5);
               return where(greater(z, full({}, 3, z.dtype(), z.device())), in[0], div(log1p(exp(z)), 2.5));
             },
         .inputs = {normal({3, 33})}});
  CHECK(values(softplus(from_vector<float>({-200, 200, 1e38f}), 1, 1e9)) == V{0, 200, static_cast<double>(1e38f)});
  CHECK_THROWS_AS(softplus(ones({2}), 0), ValueError);
}

OP_CASE("log_sigmoid") {
  check_activation(log_sigmoid, [](const Tensor& x) { return log(sigmoid(x)); });
  CHECK(values(log_sigmoid(from_vector<float>({-1e30f, 0, 200}))) ==
        V{static_cast<double>(-1e30f), static_cast<double>(-0.69314718056f), 0});
}

OP_CASE("relu6") {
  check_activation(relu6, [](const Tensor& x) { return minimum(maximum(x, 0), 6); });
}
OP_CASE("relu_squared") {
  check_activation(relu_squared, [](const Tensor& x) { return square(maximum(x, 0)); });
}
OP_CASE("leaky_relu") {
  check_activation([](const Tensor& x) { return leaky_relu(x); },
                   [](const Tensor& x) { return add(maximum(x, 0), mul(minimum(x, 0), 0.01)); });
  check({.call = [](const Tensors& in) { return leaky_relu(in[0], -0.3); }, .inputs = {normal({3, 9})}});
}

OP_CASE("prelu") {
  for (const auto& [x, w] : std::vector<std::pair<Shape, Shape>>{{{3, 5, 7}, {5}}, {{3, 5}, {5}}, {{4}, {}}, {{}, {1}}})
    check({.call = [](const Tensors& in) { return prelu(in[0], in[1]); }, .inputs = {normal(x), uniform(w, 0.1, 0.5)}});
  CHECK_THROWS_AS(prelu(ones({2, 3}), ones({2})), ShapeError);
  CHECK_THROWS_AS(prelu(ones({2, 3}), ones({3, 1})), ShapeError);
  CHECK_THROWS_AS(prelu(ones({2, 3}), Tensor()), ValueError);
}

OP_CASE("elu") {
  check_activation([](const Tensor& x) { return elu(x, 0.7); },
                   [](const Tensor& x) { return add(maximum(x, 0), mul(expm1(minimum(x, 0)), 0.7)); });
}
OP_CASE("celu") {
  check_activation([](const Tensor& x) { return celu(x, 0.7); },
                   [](const Tensor& x) { return add(maximum(x, 0), mul(expm1(div(minimum(x, 0), 0.7)), 0.7)); });
  CHECK_THROWS_AS(celu(ones({2}), 0), ValueError);
}
OP_CASE("selu") {
  check_activation(selu, [](const Tensor& x) {
    return mul(add(maximum(x, 0), mul(expm1(minimum(x, 0)), 1.6732632423543772)), 1.0507009873554805);
  });
}

OP_CASE("softsign") {
  check_activation(softsign, [](const Tensor& x) { return div(x, add(abs(x), 1)); });
}
OP_CASE("tanh_shrink") {
  check_activation(tanh_shrink, [](const Tensor& x) { return sub(x, tanh(x)); });
}
OP_CASE("hard_sigmoid") {
  check_activation(hard_sigmoid, [](const Tensor& x) { return div(minimum(maximum(add(x, 3), 0), 6), 6); });
}
OP_CASE("hard_swish") {
  check_activation(hard_swish, [](const Tensor& x) { return mul(x, div(minimum(maximum(add(x, 3), 0), 6), 6)); });
}
OP_CASE("hard_tanh") {
  check_activation([](const Tensor& x) { return hard_tanh(x); },
                   [](const Tensor& x) { return minimum(maximum(x, -1), 1); });
  CHECK_THROWS_AS(hard_tanh(ones({2}), 1, 1), ValueError);
}
OP_CASE("hard_shrink") {
  check({.call = [](const Tensors& in) { return hard_shrink(in[0]); }, .inputs = {uniform({3, 33}, -0.45, 0.45)}});
  check({.call = [](const Tensors& in) { return hard_shrink(in[0]); }, .inputs = {uniform({3, 33}, 0.55, 2)}});
  CHECK(values(hard_shrink(from_vector<float>({-0.5f, 0.5f, 0.6f}))) == V{0, 0, static_cast<double>(0.6f)});
  CHECK_THROWS_AS(hard_shrink(ones({2}), -1), ValueError);
}
OP_CASE("soft_shrink") {
  check_activation([](const Tensor& x) { return soft_shrink(x, 0.3); },
                   [](const Tensor& x) { return mul(sign(x), maximum(sub(abs(x), 0.3), 0)); });
}
OP_CASE("threshold") {
  check({.call = [](const Tensors& in) { return threshold(in[0], 0.2, -4); }, .inputs = {uniform({3, 33}, -2, 0.1)}});
  check({.call = [](const Tensors& in) { return threshold(in[0], 0.2, -4); }, .inputs = {uniform({3, 33}, 0.3, 2)}});
}

namespace {

void check_gated(Tensor (*f)(const Tensor&, const Tensor&), Tensor (*gate)(const Tensor&)) {
  for (const Shape& shape : {Shape{7}, {3, 16}, {2, 5, 33}, {2, 0}})
    check({.call = [f](const Tensors& in) { return f(in[0], in[1]); },
           .composed = [gate](const Tensors& in) { return mul(gate(in[0]), in[1]); },
           .inputs = {normal(shape), normal(shape, 1)}});
  CHECK_THROWS_AS(f(zeros({2, 3}), zeros({3})), ShapeError);
  CHECK_THROWS_AS(f(zeros({2, 3}), Tensor()), ValueError);
}

}  // namespace

OP_CASE("swiglu") { check_gated(swiglu, silu); }
OP_CASE("reglu") { check_gated(reglu, relu); }
OP_CASE("geglu") { check_gated(geglu, gelu); }
OP_CASE("geglu_tanh") { check_gated(geglu_tanh, gelu_tanh); }
OP_CASE("glu") {
  for (int axis : {0, 1, -1})
    check({.call = [axis](const Tensors& in) { return glu(in[0], axis); },
           .composed =
               [axis](const Tensors& in) {
                 const int64_t half = in[0].size(axis) / 2;
                 return mul(narrow(in[0], axis, 0, half), sigmoid(narrow(in[0], axis, half, half)));
               },
           .inputs = {normal({4, 6, 34})}});
  CHECK_THROWS_AS(glu(ones({2, 3})), ShapeError);
  CHECK_THROWS_AS(glu(ones({})), IndexError);
}

OP_CASE("softmin") {
  check({.call = [](const Tensors& in) { return softmin(in[0], 0); },
         .composed = [](const Tensors& in) { return softmax(neg(in[0]), 0); },
         .inputs = {normal({3, 17})}});
}

TEST_CASE("activations: NaN stays NaN, forward and in f32 as in f64") {
  Tensor (*const all[])(const Tensor&) = {
      relu,
      relu6,
      relu_squared,
      selu,
      silu,
      mish,
      gelu,
      gelu_tanh,
      quick_gelu,
      log_sigmoid,
      softsign,
      tanh_shrink,
      hard_sigmoid,
      hard_swish,
      [](const Tensor& x) { return softplus(x); },
      [](const Tensor& x) { return leaky_relu(x); },
      [](const Tensor& x) { return elu(x); },
      [](const Tensor& x) { return celu(x); },
      [](const Tensor& x) { return hard_tanh(x); },
      [](const Tensor& x) { return hard_shrink(x); },
      [](const Tensor& x) { return soft_shrink(x); },
      [](const Tensor& x) { return threshold(x, 0, 1); },
  };
  for (const auto f : all)
    for (const Dtype dtype : {Dtype::f32, Dtype::f64})
      for (double y : values(f(full({9}, NAN, dtype)))) CHECK(std::isnan(y));
}
