#include "ops/shape.h"

#include "ops/elementwise.h"
#include "support/op_case.h"

using namespace gradus;
using namespace gradus::testing;

OP_CASE("reshape") {
  for (const Shape& to : {Shape{6, 5, 2}, {60}, {3, -1}, {1, 4, 15, 1}}) {
    check({.call = [to](const Tensors& in) { return reshape(in[0], to); }, .inputs = {normal({4, 3, 5})}});
    check({.call = [to](const Tensors& in) { return reshape(transpose(in[0], 0, 2), to); },
           .inputs = {normal({4, 3, 5})}});
    check({.call = [to](const Tensors& in) { return reshape(transpose(in[0], 0, 1), to); },
           .inputs = {normal({4, 3, 5})}});
  }
  check({.call = [](const Tensors& in) { return reshape(in[0], {0, 7}); }, .inputs = {normal({3, 0})}});
  CHECK_THROWS_AS(reshape(zeros({4}), {3}), ShapeError);
  CHECK_THROWS_AS(reshape(zeros({4}), {-1, 3}), ShapeError);
  // A view wherever the strides allow one.
  const Tensor x = zeros({4, 3, 5});
  CHECK(reshape(narrow(x, 2, 1, 3), {12, 3}).raw() == static_cast<char*>(x.raw()) + 4);
  CHECK(flatten(transpose(x, 0, 1), 0, 1).shape() == Shape{12, 5});
}

OP_CASE("transpose") {
  check({.call = [](const Tensors& in) { return transpose(in[0], 0, -1); }, .inputs = {normal({4, 3, 5})}});
  CHECK_THROWS_AS(transpose(zeros({4}), 0, 1), IndexError);
}

OP_CASE("permute") {
  check({.call = [](const Tensors& in) { return permute(in[0], {2, 0, 1}); }, .inputs = {normal({4, 3, 5})}});
  CHECK_THROWS_AS(permute(zeros({2, 3}), {0, 0}), IndexError);
}

OP_CASE("expand") {
  check({.call = [](const Tensors& in) { return expand(in[0], {4, 3, 5}); }, .inputs = {normal({3, 1})}});
  CHECK_THROWS_AS(expand(zeros({2}), {3}), ShapeError);
}

OP_CASE("narrow") {
  check({.call = [](const Tensors& in) { return mul(narrow(in[0], 1, 2, 3), narrow(in[0], 1, 0, 3)); },
         .inputs = {normal({4, 6})}});
  check({.call = [](const Tensors& in) { return select(in[0], -2, -1); }, .inputs = {normal({4, 3, 2})}});
  check({.call = [](const Tensors& in) { return split(in[0], {1, 4, 2})[1]; }, .inputs = {normal({3, 7})}});
  CHECK_THROWS_AS(narrow(zeros({4}), 0, 3, 2), IndexError);
  CHECK_THROWS_AS(narrow(zeros({4}), 0, -1, 2), IndexError);
  CHECK(narrow(zeros({4}), 0, 4, 0).count() == 0);
}

OP_CASE("concat") {
  check({.call =
             [](const Tensors& in) {
               return concat({in[0], in[1], in[0]}, 1);
             },
         .inputs = {normal({2, 3}, 1), normal({2, 4}, 2)}});
  CHECK_THROWS_AS(concat({zeros({2, 3}), zeros({3, 3})}, 1), ShapeError);
  CHECK_THROWS_AS(concat({}), ValueError);
}

OP_CASE("clone") {
  check({.call = [](const Tensors& in) { return clone(transpose(in[0])); }, .inputs = {normal({4, 9})}});
}
