#include <limits>

#include "onnx/ops.h"
#include "ops/activation.h"
#include "ops/clamp.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/logic.h"
#include "ops/math.h"
#include "ops/rounding.h"

namespace gradus::testing::onnx {

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

Tensors clip(const Node& n) {
  const Tensor low = n.input(1), high = n.input(2);
  if (low.defined() || high.defined()) return {clamp(n.in[0], low, high)};
  return {clamp(n.in[0], n.number("min", -kInf), n.number("max", kInf))};
}

Tensors modulus(const Node& n) { return {n.integer("fmod", 0) ? fmod(n.in[0], n.in[1]) : remainder(n.in[0], n.in[1])}; }

Tensors infinite(const Node& n) {
  const Tensor x = n.in[0], zero = scalar(0, x.dtype());
  Tensor y = is_inf(x);
  if (!n.integer("detect_positive", 1)) y = logical_and(y, less(x, zero));
  if (!n.integer("detect_negative", 1)) y = logical_and(y, greater(x, zero));
  return {y};
}

Tensors shrink(const Node& n) {
  const double lambda = n.number("lambd", 0.5), bias = n.number("bias", 0);
  covered_if(bias == 0 || bias == lambda, "Shrink that is neither hard nor soft");
  return {bias == 0 ? hard_shrink(n.in[0], lambda) : soft_shrink(n.in[0], lambda)};
}

Tensors scaled_elu(const Node& n) {
  if (!n.has("alpha") && !n.has("gamma")) return {selu(n.in[0])};
  return {mul(elu(n.in[0], n.number("alpha", 1.6732632423543772)), n.number("gamma", 1.0507009873554805))};
}

Tensors linear_sigmoid(const Node& n) {
  return {clamp(add(mul(n.in[0], n.number("alpha", 0.2)), n.number("beta", 0.5)), 0, 1)};
}

// Slopes broadcast as anything does since opset 7; before, there was one a channel.
Tensors sloped(const Node& n) {
  if (n.opset < 7) return {prelu(n.in[0], n.in[1])};
  return {where(greater(n.in[0], scalar(0, n.in[0].dtype())), n.in[0], mul(n.in[0], n.in[1]))};
}

}  // namespace

std::vector<Entry> pointwise_ops() {
  return {
      {"Tan", unary<tan>},
      {"Asin", unary<asin>},
      {"Acos", unary<acos>},
      {"Atan", unary<atan>},
      {"Sinh", unary<sinh>},
      {"Cosh", unary<cosh>},
      {"Asinh", unary<asinh>},
      {"Acosh", unary<acosh>},
      {"Atanh", unary<atanh>},
      {"Floor", unary<floor>},
      {"Ceil", unary<ceil>},
      {"Round", unary<round>},
      {"IsNaN", unary<is_nan>},
      {"IsInf", infinite},
      {"And", binary<logical_and>},
      {"Or", binary<logical_or>},
      {"Xor", binary<logical_xor>},
      {"Not", unary<logical_not>},
      {"Mod", modulus},
      {"Clip", clip},
      {"Elu", [](const Node& n) -> Tensors { return {elu(n.in[0], n.number("alpha", 1))}; }},
      {"Celu", [](const Node& n) -> Tensors { return {celu(n.in[0], n.number("alpha", 1))}; }},
      {"Selu", scaled_elu},
      {"LeakyRelu", [](const Node& n) -> Tensors { return {leaky_relu(n.in[0], n.number("alpha", 0.01))}; }},
      {"PRelu", sloped},
      {"ThresholdedRelu", [](const Node& n) -> Tensors { return {threshold(n.in[0], n.number("alpha", 1), 0)}; }},
      {"HardSigmoid", linear_sigmoid},
      {"HardSwish", unary<hard_swish>},
      {"Shrink", shrink},
      {"Softplus", [](const Node& n) -> Tensors { return {softplus(n.in[0])}; }},
      {"Softsign", unary<softsign>},
  };
}

}  // namespace gradus::testing::onnx
