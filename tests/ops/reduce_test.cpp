#include "ops/reduce.h"

#include "ops/elementwise.h"
#include "support/op_case.h"

using namespace gradus;
using namespace gradus::testing;

OP_CASE("sum") {
  for (const Shape& shape : {Shape{7}, {3, 33}, {2, 5, 17}, {4, 0, 3}, {64, 70}}) {
    check({.call = [](const Tensors& in) { return sum(in[0]); }, .inputs = {normal(shape)}});
    check({.call = [](const Tensors& in) { return sum(in[0], -1, keep_axis); }, .inputs = {normal(shape)}});
    check({.call = [](const Tensors& in) { return sum(in[0], 0); }, .inputs = {normal(shape)}});
  }
  check({.call = [](const Tensors& in) { return sum(in[0], {0, 2}); }, .inputs = {normal({3, 4, 5})}});
  CHECK_THROWS_AS(sum(zeros({2}), {0, 0}), IndexError);
}

OP_CASE("mean") {
  check({.call = [](const Tensors& in) { return mean(in[0]); }, .inputs = {normal({3, 9})}});
  check({.call = [](const Tensors& in) { return mean(square(in[0]), 1); }, .inputs = {normal({3, 9})}});
}

OP_CASE("max") {
  check({.call = [](const Tensors& in) { return max(in[0], 1); }, .inputs = {normal({4, 33})}});
  check({.call = [](const Tensors& in) { return max(in[0]); }, .inputs = {normal({5, 3})}});
  CHECK_THROWS_AS(max(zeros({3, 0}), 1), ShapeError);
}

OP_CASE("min") {
  check({.call = [](const Tensors& in) { return min(in[0], 0, keep_axis); }, .inputs = {normal({4, 33})}});
  check({.call = [](const Tensors& in) { return min(in[0]); }, .inputs = {normal({5, 3})}});
}

OP_CASE("argmax") {
  CHECK(argmax(from_vector<float>({1, 5, 5, 0, 9, 2}, {2, 3})).to_vector<int64_t>() == std::vector<int64_t>{1, 1});
  CHECK(argmax(from_vector<float>({1, 5, 5, 0, 9, 2}, {2, 3}), 0).to_vector<int64_t>() ==
        std::vector<int64_t>{0, 1, 0});
}
