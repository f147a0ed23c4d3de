#include "ops/complex.h"

#include "autograd/autograd.h"
#include "ops/elementwise.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "support/op_case.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

Tensor re(const Tensor& z) { return select(z, -1, 0); }
Tensor im(const Tensor& z) { return select(z, -1, 1); }

Tensor plain_product(const Tensor& a, const Tensor& b, double sign) {
  return stack(
      {sub(mul(re(a), re(b)), mul(mul(im(a), im(b)), sign)), add(mul(mul(re(a), im(b)), sign), mul(im(a), re(b)))}, -1);
}

}  // namespace

OP_CASE("complex") {
  check(
      {.call = [](const Tensors& in) { return complex(in[0], in[1]); }, .inputs = {normal({3, 4}, 1), normal({4}, 2)}});
  check({.call = [](const Tensors& in) { return complex(in[0]); }, .inputs = {normal({3})}});
  CHECK_THROWS_AS(complex(arange(3)), DtypeError);
  CHECK_THROWS_AS(complex_real(zeros({3})), ShapeError);
  CHECK_THROWS_AS(complex_real(scalar(1)), ShapeError);
}

OP_CASE("polar") {
  check({.call = [](const Tensors& in) { return polar(in[0], in[1]); },
         .inputs = {normal({3, 4}, 1), normal({3, 4}, 2)}});
}

OP_CASE("complex_mul") {
  for (const auto& [a, b] : {std::pair<Shape, Shape>{{7, 2}, {7, 2}},
                             {{3, 9, 2}, {9, 2}},
                             {{2, 1, 2}, {17, 2}},
                             {{2}, {4, 2}},
                             {{0, 2}, {2}},
                             {{3, 2}, {1}}})
    if (b.back() == 2)
      check({.call = [](const Tensors& in) { return complex_mul(in[0], in[1]); },
             .composed = [](const Tensors& in) { return plain_product(in[0], in[1], 1); },
             .inputs = {normal(a, 1), normal(b, 2)}});
  CHECK_THROWS_AS(complex_mul(zeros({3, 2}), zeros({3})), ShapeError);
  CHECK_THROWS_AS(complex_mul(zeros({3, 2}), zeros({4, 2})), ShapeError);
}

OP_CASE("complex_mul_conj") {
  check({.call = [](const Tensors& in) { return complex_mul_conj(in[0], in[1]); },
         .composed = [](const Tensors& in) { return plain_product(in[0], in[1], -1); },
         .inputs = {normal({3, 9, 2}, 1), normal({9, 2}, 2)}});
}

OP_CASE("complex_div") {
  check({.call = [](const Tensors& in) { return complex_div(in[0], in[1]); },
         .composed =
             [](const Tensors& in) { return div(plain_product(in[0], in[1], -1), sum(square(in[1]), -1, keep_axis)); },
         .inputs = {normal({3, 5, 2}, 1), add(normal({5, 2}, 2), 3)}});
  // Numbers whose squares f32 does not hold.
  const Tensor big = from_vector<float>({3e30f, 4e30f});
  check_close(complex_div(big, big), from_vector<float>({1, 0}), 0x1p-23);
}

OP_CASE("complex_conj") {
  check({.call = [](const Tensors& in) { return complex_conj(in[0]); }, .inputs = {normal({3, 2})}});
}

OP_CASE("complex_exp") {
  check({.call = [](const Tensors& in) { return complex_exp(in[0]); }, .inputs = {normal({5, 2})}});
}

OP_CASE("complex_abs") {
  check({.call = [](const Tensors& in) { return complex_abs(in[0]); },
         .composed = [](const Tensors& in) { return sqrt(sum(square(in[0]), -1)); },
         .inputs = {normal({3, 5, 2})}});
  check_close(complex_abs(from_vector<float>({3e30f, 4e30f})), scalar(5e30), 0x1p-23);
  Tensor zero = zeros({1, 2});
  require_grad(zero);
  backward(sum(complex_abs(zero)));
  CHECK(grad_of(zero).to_vector<double>() == std::vector<double>{0, 0});
}

OP_CASE("complex_angle") {
  check({.call = [](const Tensors& in) { return complex_angle(in[0]); }, .inputs = {add(normal({3, 5, 2}), 2)}});
  const Tensor z = from_vector<float>({1, 0, 0, 1, -1, 0, 0, -1}, {4, 2});
  check_close(complex_angle(z), from_vector<float>({0, 1.5707963f, 3.1415927f, -1.5707963f}), 0x1p-23);
}

OP_CASE("complex_matmul") {
  check({.call = [](const Tensors& in) { return complex_matmul(in[0], in[1]); },
         .composed =
             [](const Tensors& in) { return sum(plain_product(unsqueeze(in[0], -2), unsqueeze(in[1], -4), 1), -3); },
         .inputs = {normal({3, 4, 2}, 1), normal({4, 2, 2}, 2)}});
}
