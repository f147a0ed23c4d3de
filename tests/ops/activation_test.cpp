#include "ops/activation.h"

#include <cmath>
#include <limits>

#include "ops/elementwise.h"
#include "support/op_case.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

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

OP_CASE("swiglu") {
  for (const Shape& shape : {Shape{7}, {3, 16}, {2, 5, 33}, {2, 0}})
    check({.call = [](const Tensors& in) { return swiglu(in[0], in[1]); },
           .composed = [](const Tensors& in) { return mul(mul(in[0], sigmoid(in[0])), in[1]); },
           .inputs = {normal(shape), normal(shape, 1)}});
  CHECK_THROWS_AS(swiglu(zeros({2, 3}), zeros({3})), ShapeError);
}
