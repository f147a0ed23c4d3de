#include "ops/matmul.h"

#include "base/parallel.h"
#include "ops/elementwise.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "support/op_case.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

// sum_k a_ik b_kj, spelled out.
Tensor product(const Tensor& a, const Tensor& b) { return sum(mul(unsqueeze(a, -1), unsqueeze(b, -3)), -2); }

}  // namespace

OP_CASE("matmul") {
  struct Sizes {
    Shape a, b;
  };
  for (const auto& [a, b] : {Sizes{{3, 4}, {4, 5}},
                             {{1, 17}, {17, 1}},
                             {{2, 3, 9}, {9, 5}},
                             {{2, 3, 9}, {2, 9, 5}},
                             {{4, 1, 3, 7}, {2, 7, 3}},
                             {{3, 0}, {0, 2}},
                             {{0, 3}, {3, 2}},
                             {{33, 65}, {65, 31}}})
    check({.call = [](const Tensors& in) { return matmul(in[0], in[1]); },
           .composed = [](const Tensors& in) { return product(in[0], in[1]); },
           .inputs = {normal(a, 1), normal(b, 2)},
           .tolerance = 4});
  check({.call = [](const Tensors& in) { return matmul(transpose(in[0]), transpose(in[1])); },
         .inputs = {normal({7, 3}, 1), normal({5, 7}, 2)}});
  CHECK_THROWS_WITH_AS(matmul(zeros({2, 3}), zeros({4, 5})),
                       doctest::Contains("inner sizes differ: a (2, 3) f32 cpu, b (4, 5) f32 cpu"), ShapeError);
  CHECK_THROWS_AS(matmul(zeros({2, 3}), zeros({3, 5}, Dtype::f64)), DtypeError);
}

OP_CASE("affine") {
  for (const Shape& x : {Shape{6}, {5, 6}, {2, 3, 6}, {0, 6}})
    check({.call = [](const Tensors& in) { return affine(in[0], in[1], in[2]); },
           .composed =
               [](const Tensors& in) {
                 const Tensor x = in[0].rank() == 1 ? unsqueeze(in[0], 0) : in[0];
                 const Tensor y = add(matmul(x, in[1]), in[2]);
                 return in[0].rank() == 1 ? squeeze(y, 0) : y;
               },
           .inputs = {normal(x, 1), normal({6, 9}, 2), normal({9}, 3)},
           .tolerance = 4});
  check({.call = [](const Tensors& in) { return affine(in[0], transpose(in[1])); },
         .inputs = {normal({4, 6}, 1), normal({9, 6}, 2)},
         .tolerance = 4});
}

TEST_CASE("a product does not depend on the number of threads") {
  const Tensor a = random_normal({600, 300}, {1, 1}), b = random_normal({300, 500}, {1, 2});
  const int before = threads();
  set_threads(1);
  const Tensor one = matmul(a, b), tall = matmul(transpose(a), matmul(a, b));
  set_threads(2);
  check_same_bits(matmul(a, b), one);
  check_same_bits(matmul(transpose(a), matmul(a, b)), tall);
  set_threads(before);
}
