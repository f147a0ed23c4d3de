#include "ops/rope.h"

#include "autograd/autograd.h"
#include "ops/elementwise.h"
#include "ops/shape.h"
#include "support/op_case.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

// The rotation written with whole axes.
Tensor turned(const Tensor& x, const Tensor& cos, const Tensor& sin, bool interleaved) {
  const int64_t half = cos.shape()[2];
  const Tensor c = unsqueeze(cos, 2), s = unsqueeze(sin, 2);
  const Tensor part = narrow(x, 3, 0, 2 * half), rest = narrow(x, 3, 2 * half, x.shape()[3] - 2 * half);
  Shape pairs = part.shape();
  pairs[3] = interleaved ? half : 2;
  pairs.push_back(interleaved ? 2 : half);
  const Tensor p = reshape(part, pairs);
  const int axis = interleaved ? 4 : 3;
  const Tensor a = select(p, axis, 0), b = select(p, axis, 1);
  const Tensor u = sub(mul(a, c), mul(b, s)), v = add(mul(b, c), mul(a, s));
  return concat({reshape(concat({unsqueeze(u, axis), unsqueeze(v, axis)}, axis), part.shape()), rest}, 3);
}

}  // namespace

OP_CASE("rope") {
  struct Sizes {
    Shape x, table;
  };
  for (const auto& [x, table] :
       {Sizes{{2, 3, 2, 8}, {2, 3, 4}}, Sizes{{2, 5, 1, 12}, {1, 5, 4}}, Sizes{{1, 4, 3, 70}, {1, 4, 35}},
        Sizes{{1, 2, 1, 66}, {1, 2, 16}}, Sizes{{2, 0, 2, 4}, {1, 0, 2}}})
    for (const bool interleaved : {false, true})
      check({.call = [=](const Tensors& in) { return rope(in[0], in[1], in[2], interleaved); },
             .composed = [=](const Tensors& in) { return turned(in[0], in[1], in[2], interleaved); },
             .inputs = {normal(x, 1), normal(table, 2), normal(table, 3)},
             .constant = {1, 2}});
}

TEST_CASE("rope refuses what does not fit") {
  const Tensor x = zeros({2, 3, 2, 8});
  CHECK_THROWS_AS(rope(x, zeros({1, 4, 4}), zeros({1, 4, 4})), ShapeError);
  CHECK_THROWS_AS(rope(x, zeros({1, 3, 5}), zeros({1, 3, 5})), ShapeError);
  CHECK_THROWS_AS(rope(x, zeros({1, 3, 4}), zeros({1, 3, 3})), ShapeError);
  CHECK_THROWS_AS(rope(zeros({2, 3, 8}), zeros({1, 3, 4}), zeros({1, 3, 4})), ShapeError);
  Tensor learned = zeros({1, 3, 4});
  require_grad(learned);
  CHECK_THROWS_AS(rope(x, learned, zeros({1, 3, 4})), GradError);
}
