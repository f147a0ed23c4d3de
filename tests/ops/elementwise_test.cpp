#include "ops/elementwise.h"

#include "kernels/table.h"
#include "ops/math.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "support/op_case.h"
#include "support/op_types.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

const std::vector<Shape> kShapes{{7}, {3, 33}, {2, 5, 17}, {4, 0, 3}, {}};

void check_unary(Tensor (*f)(const Tensor&), double low, double high) {
  for (const Shape& shape : kShapes)
    check({.call = [f](const Tensors& in) { return f(in[0]); }, .inputs = {uniform(shape, low, high)}});
}

void check_binary(Tensor (*f)(const Tensor&, const Tensor&), double low, double high) {
  const std::vector<std::pair<Shape, Shape>> pairs{
      {{3, 33}, {3, 33}}, {{3, 33}, {33}}, {{5, 1, 9}, {4, 1}}, {{6}, {}}, {{2, 0}, {1}}};
  for (const auto& [a, b] : pairs)
    check({.call = [f](const Tensors& in) { return f(in[0], in[1]); },
           .inputs = {uniform(a, low, high, 1), uniform(b, low, high, 2)}});
}

}  // namespace

OP_CASE("neg") { check_unary(neg, -3, 3); }
OP_CASE("abs") { check_unary(abs, 0.1, 3); }
OP_CASE("sign") { check_unary(sign, -3, -0.1); }
OP_CASE("exp") { check_unary(exp, -4, 4); }
OP_CASE("log") { check_unary(log, 0.2, 4); }
OP_CASE("sqrt") { check_unary(sqrt, 0.3, 4); }
OP_CASE("rsqrt") { check_unary(rsqrt, 0.3, 4); }
OP_CASE("square") { check_unary(square, -3, 3); }
OP_CASE("reciprocal") { check_unary(reciprocal, 0.4, 3); }
OP_CASE("sin") { check_unary(sin, -6, 6); }
OP_CASE("cos") { check_unary(cos, -6, 6); }
OP_CASE("tanh") { check_unary(tanh, -3, 3); }
OP_CASE("sigmoid") { check_unary(sigmoid, -5, 5); }
OP_CASE("erf") { check_unary(erf, -2, 2); }

OP_CASE("add") { check_binary(add, -3, 3); }
OP_CASE("sub") { check_binary(sub, -3, 3); }
OP_CASE("mul") { check_binary(mul, -3, 3); }
OP_CASE("div") { check_binary(div, 0.4, 3); }
OP_CASE("maximum") { check_binary(maximum, -3, 3); }
OP_CASE("minimum") { check_binary(minimum, -3, 3); }
OP_CASE("pow") { check_binary(pow, 0.5, 2); }

OP_CASE("where") {
  for (const Shape& shape : kShapes) {
    check({.call = [](const Tensors& in) { return where(greater(in[2], mul(in[2], 0.0)), in[0], in[1]); },
           .inputs = {normal(shape, 1), normal(shape, 2), normal(shape, 3)},
           .constant = {2}});
  }
}

OP_CASE("cast") {
  check({.call = [](const Tensors& in) { return cast(cast(in[0], Dtype::f64), in[0].dtype()); },
         .inputs = {normal({3, 17})}});
  CHECK(cast(from_vector<float>({-1.5f, 300, 1e30f}), Dtype::u8).to_vector<int64_t>() ==
        std::vector<int64_t>{0, 255, 255});
  CHECK(cast(from_vector<float>({0, 2}), Dtype::boolean).to_vector<int64_t>() == std::vector<int64_t>{0, 1});
}

OP_CASE("comparisons") {
  survey_types({.call = [](const Tensors& in) { return less(in[0], in[1]); }, .inputs = {normal({4}), normal({4})}});
  const Tensor a = from_vector<float>({1, 2, 3}), b = from_vector<int64_t>({2, 2, 2});
  using V = std::vector<int64_t>;
  CHECK(equal(a, b).to_vector<int64_t>() == V{0, 1, 0});
  CHECK(not_equal(a, b).to_vector<int64_t>() == V{1, 0, 1});
  CHECK(less(a, b).to_vector<int64_t>() == V{1, 0, 0});
  CHECK(less_equal(a, b).to_vector<int64_t>() == V{1, 1, 0});
  CHECK(greater(a, b).to_vector<int64_t>() == V{0, 0, 1});
  CHECK(greater_equal(a, b).to_vector<int64_t>() == V{0, 1, 1});
}

TEST_CASE("types promote and wrong operands are refused by name") {
  CHECK(add(from_vector<int32_t>({1}), from_vector<float>({1})).dtype() == Dtype::f32);
  CHECK(add(from_vector<f16>({f16(1)}), from_vector<bf16>({bf16(1)})).dtype() == Dtype::f32);
  CHECK(add(from_vector<int64_t>({7}), from_vector<uint8_t>({9})).dtype() == Dtype::i64);
  CHECK_THROWS_WITH_AS(add(zeros({2}), zeros({3})), doctest::Contains("[add] shapes (2,) and (3,)"), ShapeError);
  CHECK_THROWS_WITH_AS(exp(zeros({2}, Dtype::i64)), doctest::Contains("[exp]"), DtypeError);
  CHECK_THROWS_AS(add(zeros({2}), zeros({2}, Dtype::f32, Device::meta)), ValueError);
  CHECK_THROWS_AS(add(Tensor(), zeros({2})), ValueError);
  CHECK(div(from_vector<int64_t>({7, 1}), from_vector<int64_t>({2, 0})).to_vector<int64_t>() ==
        std::vector<int64_t>{3, 0});
}

TEST_CASE("element-wise loops of every floating type against the plain ones, also broadcast and turned") {
  for (Dtype dtype : {Dtype::f64, Dtype::f16, Dtype::bf16}) {
    const Tensor x = cast(uniform({37, 50}, 0.2, 2), dtype), y = cast(uniform({37, 50}, 0.2, 2, 1), dtype);
    const Tensor row = cast(uniform({50}, 0.2, 2, 2), dtype), column = cast(uniform({37, 1}, 0.2, 2, 3), dtype);
    const auto run = [&] {
      Tensors all{exp(x), tanh(transpose(x)), square(x), log(x)};
      for (const Tensor& other : {y, row, column, cast(scalar(1.25), dtype), transpose(transpose(y))})
        for (const Tensor& z : {add(x, other), div(other, x), pow(x, other), maximum(x, other), hypot(other, x)})
          all.push_back(z);
      all.push_back(cast(less(x, row), Dtype::f32));
      all.push_back(cast(equal(column, x), Dtype::f32));
      return all;
    };
    const Tensors fast = run();
    const UseRefKernels use;
    const Tensors plain = run();
    const double eps = dtype == Dtype::f64 ? 0x1p-52 : dtype == Dtype::f16 ? 0x1p-10 : 0x1p-7;
    for (size_t i = 0; i < fast.size(); ++i) check_close(fast[i], plain[i], eps);
  }
}
