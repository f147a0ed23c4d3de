#include <cmath>

#include "onnx/ops.h"
#include "ops/activation.h"
#include "ops/elementwise.h"
#include "ops/matmul.h"
#include "ops/reduce.h"
#include "ops/shape.h"

namespace gradus::testing::onnx {

namespace {

Dtype dtype_of_number(int64_t type) {
  switch (type) {
    case 1: return Dtype::f32;
    case 2: return Dtype::u8;
    case 6: return Dtype::i32;
    case 7: return Dtype::i64;
    case 9: return Dtype::boolean;
    case 10: return Dtype::f16;
    case 11: return Dtype::f64;
    case 16: return Dtype::bf16;
    default: throw NotCovered("Cast to a type that Gradus does not have");
  }
}

// The result keeps the first operand's type.
Tensors power(const Node& n) { return {cast(pow(n.in[0], n.in[1]), n.in[0].dtype())}; }

Tensors gemm(const Node& n) {
  const Tensor a = n.integer("transA", 0) ? transpose(n.in[0]) : n.in[0];
  const Tensor b = n.integer("transB", 0) ? transpose(n.in[1]) : n.in[1];
  const Tensor y = mul(matmul(a, b), n.number("alpha", 1));
  return {n.input(2).defined() ? add(y, mul(n.in[2], n.number("beta", 1))) : y};
}

Tensors matrix_product(const Node& n) {
  covered_if(is_floating(n.in[0].dtype()), "MatMul of integers");
  Tensor a = n.in[0], b = n.in[1];
  const bool row = a.rank() == 1, column = b.rank() == 1;
  if (row) a = unsqueeze(a, 0);
  if (column) b = unsqueeze(b, 1);
  Tensor y = matmul(a, b);
  if (column) y = squeeze(y, -1);
  return {row ? squeeze(y, column ? -1 : -2) : y};
}

Tensors mean_of(const Node& n) { return {div(variadic<add>(n)[0], static_cast<double>(n.in.size()))}; }

}  // namespace

std::vector<Entry> math_ops() {
  return {
      {"Add", binary<add>},
      {"Sub", binary<sub>},
      {"Mul", binary<mul>},
      {"Div", binary<div>},
      {"Pow", power},
      {"Sum", variadic<add>},
      {"Mean", mean_of},
      {"Max", variadic<maximum>},
      {"Min", variadic<minimum>},
      {"Abs", unary<abs>},
      {"Neg", unary<neg>},
      {"Sign", unary<sign>},
      {"Exp", unary<exp>},
      {"Log", unary<log>},
      {"Sqrt", unary<sqrt>},
      {"Reciprocal", unary<reciprocal>},
      {"Sin", unary<sin>},
      {"Cos", unary<cos>},
      {"Erf", unary<erf>},
      {"Tanh", unary<tanh>},
      {"Sigmoid", unary<sigmoid>},
      {"Relu", unary<relu>},
      {"Equal", binary<equal>},
      {"Less", binary<less>},
      {"LessOrEqual", binary<less_equal>},
      {"Greater", binary<greater>},
      {"GreaterOrEqual", binary<greater_equal>},
      {"Where", [](const Node& n) -> Tensors { return {where(n.in[0], n.in[1], n.in[2])}; }},
      {"Cast", [](const Node& n) -> Tensors { return {cast(n.in[0], dtype_of_number(n.integer("to", 0)))}; }},
      {"CastLike", [](const Node& n) -> Tensors { return {cast(n.in[0], n.in[1].dtype())}; }},
      {"Gemm", gemm},
      {"MatMul", matrix_product},
  };
}

}  // namespace gradus::testing::onnx
