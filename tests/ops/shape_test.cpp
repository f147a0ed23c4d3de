#include "ops/shape.h"

#include <array>

#include "autograd/autograd.h"
#include "ops/elementwise.h"
#include "ops/reduce.h"
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
  CHECK_THROWS_AS(reshape(zeros({4}), {-1, 0}), ShapeError);
  CHECK_THROWS_AS(reshape(zeros({4}), {-2, -2}), ShapeError);
  CHECK_THROWS_AS(reshape(zeros({4}), {int64_t{1} << 40, int64_t{1} << 40}), ShapeError);
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

OP_CASE("movedim") {
  check({.call = [](const Tensors& in) { return movedim(in[0], {0, 1}, {-1, 0}); }, .inputs = {normal({4, 3, 5})}});
  CHECK(movedim(zeros({2, 3, 4, 5}), 1, 3).shape() == Shape{2, 4, 5, 3});
  CHECK(movedim(zeros({2, 3, 4, 5}), {3, 0}, {0, 1}).shape() == Shape{5, 2, 3, 4});
  CHECK_THROWS_AS(movedim(zeros({2, 3}), {0, 1}, 0), IndexError);
  CHECK_THROWS_AS(movedim(zeros({2, 3}), {0, 0}, {0, 1}), IndexError);
}

OP_CASE("flatten") {
  check(
      {.call = [](const Tensors& in) { return flatten(transpose(in[0], 0, 1), 0, 1); }, .inputs = {normal({4, 3, 5})}});
  CHECK(flatten(scalar(3)).shape() == Shape{1});
  CHECK_THROWS_AS(flatten(zeros({2, 3}), 1, 0), IndexError);
}

OP_CASE("unflatten") {
  check({.call = [](const Tensors& in) { return unflatten(in[0], 1, {3, -1}); }, .inputs = {normal({4, 6, 5})}});
  CHECK(unflatten(zeros({0, 6}), 1, {2, -1}).shape() == Shape{0, 2, 3});
  CHECK_THROWS_AS(unflatten(zeros({4, 6}), 1, {4, -1}), ShapeError);
}

OP_CASE("broadcast_tensors") {
  check({.call =
             [](const Tensors& in) {
               const Tensors ys = broadcast_tensors({in[0], in[1]});
               return mul(ys[0], ys[1]);
             },
         .inputs = {normal({4, 1}, 1), normal({3}, 2)}});
  CHECK(broadcast_tensors({}).empty());
  CHECK_THROWS_AS(broadcast_tensors({zeros({2}), zeros({3})}), ShapeError);
  CHECK(broadcast_to(zeros({3}), {2, 3}).shape() == Shape{2, 3});
}

OP_CASE("unsqueeze") {
  check({.call = [](const Tensors& in) { return unsqueeze(in[0], {0, -2}); }, .inputs = {normal({4, 3})}});
  CHECK(unsqueeze(zeros({2, 3}), {0, -2}).shape() == Shape{1, 2, 1, 3});
  CHECK_THROWS_AS(unsqueeze(zeros({2}), 2), IndexError);
  CHECK_THROWS_AS(unsqueeze(zeros({2}), {0, -3}), IndexError);
}

OP_CASE("squeeze") {
  check({.call = [](const Tensors& in) { return squeeze(in[0], {0, -2}); }, .inputs = {normal({1, 4, 1, 3})}});
  CHECK(squeeze(zeros({1, 2, 1})).shape() == Shape{2});
  CHECK_THROWS_AS(squeeze(zeros({2, 1}), {0, 1}), ShapeError);
}

OP_CASE("expand") {
  check({.call = [](const Tensors& in) { return expand(in[0], {4, 3, 5}); }, .inputs = {normal({3, 1})}});
  CHECK_THROWS_AS(expand(zeros({2}), {3}), ShapeError);
}

OP_CASE("narrow") {
  check({.call = [](const Tensors& in) { return mul(narrow(in[0], 1, 2, 3), narrow(in[0], 1, 0, 3)); },
         .inputs = {normal({4, 6})}});
  check({.call = [](const Tensors& in) { return select(in[0], -2, -1); }, .inputs = {normal({4, 3, 2})}});
  CHECK_THROWS_AS(narrow(zeros({4}), 0, 3, 2), IndexError);
  CHECK_THROWS_AS(narrow(zeros({4}), 0, -1, 2), IndexError);
  CHECK(narrow(zeros({4}), 0, 4, 0).count() == 0);
}

OP_CASE("slice") {
  for (auto [start, stop, step] :
       {std::array<int64_t, 3>{1, kEnd, 2}, {-5, -1, 3}, {6, 1, -2}, {kEnd, kEnd, -1}, {3, 3, 1}})
    check(
        {.call = [=](const Tensors& in) { return slice(in[0], 1, start, stop, step); }, .inputs = {normal({2, 7, 3})}});
  const Tensor x = arange(7);
  const auto values = [&](int64_t start, int64_t stop, int64_t step) {
    return slice(x, 0, start, stop, step).to_vector<int64_t>();
  };
  using List = std::vector<int64_t>;
  CHECK(values(1, 6, 2) == List{1, 3, 5});
  CHECK(values(-100, 100, 3) == List{0, 3, 6});
  CHECK(values(5, 1, -2) == List{5, 3});
  CHECK(values(kEnd, kEnd, -3) == List{6, 3, 0});
  CHECK(values(2, -100, -1) == List{2, 1, 0});
  CHECK(values(4, 2, 1).empty());
  CHECK(values(0, kEnd, INT64_MAX) == List{0});
  CHECK(values(-1, kEnd, INT64_MIN) == List{6});
  CHECK(slice(zeros({0}), 0, 0, kEnd, -1).count() == 0);
  CHECK_THROWS_AS(slice(x, 0, 0, 1, 0), ValueError);
}

OP_CASE("diagonal") {
  for (int64_t offset : {-3, -1, 0, 2})
    check({.call = [=](const Tensors& in) { return diagonal(in[0], offset, 0, 2); }, .inputs = {normal({3, 2, 5})}});
  CHECK(diagonal(zeros({3, 4}), 9).count() == 0);
  CHECK(diagonal(zeros({3, 4}), INT64_MIN).count() == 0);
  CHECK_THROWS_AS(diagonal(zeros({3, 4}), 0, 1, 1), IndexError);
}

OP_CASE("split") {
  check({.call = [](const Tensors& in) { return split(in[0], {1, 4, 2})[1]; }, .inputs = {normal({3, 7})}});
  check({.call = [](const Tensors& in) { return mul(chunk(in[0], 3, 1)[0], chunk(in[0], 3, 1)[1]); },
         .inputs = {normal({3, 7})}});
  check({.call = [](const Tensors& in) { return mul(unbind(in[0], 1)[0], unbind(in[0], -1)[2]); },
         .inputs = {normal({3, 3})}});
  const auto sizes = [](const Tensors& xs) {
    std::vector<int64_t> n;
    for (const Tensor& x : xs) n.push_back(x.shape()[0]);
    return n;
  };
  using List = std::vector<int64_t>;
  CHECK(sizes(chunk(zeros({7}), 3)) == List{3, 3, 1});
  CHECK(sizes(chunk(zeros({5}), 4)) == List{2, 2, 1});
  CHECK(sizes(chunk(zeros({0}), 4)) == List{0});
  CHECK(sizes(tensor_split(zeros({7}), 3)) == List{3, 2, 2});
  CHECK(sizes(tensor_split(zeros({2}), 3)) == List{1, 1, 0});
  CHECK_THROWS_AS(split(zeros({7}), {3, 3}), ShapeError);
  CHECK_THROWS_AS(split(zeros({7}), {8, -1}), ShapeError);
  CHECK_THROWS_AS(split(zeros({7}), {INT64_MAX, INT64_MAX, 9}), ShapeError);
  CHECK_THROWS_AS(chunk(zeros({7}), 0), ValueError);
}

OP_CASE("stack") {
  check({.call =
             [](const Tensors& in) {
               return stack({in[0], in[1], in[0]}, -1);
             },
         .inputs = {normal({2, 3}, 1), normal({2, 3}, 2)}});
  CHECK_THROWS_AS(stack({zeros({2}), zeros({3})}), ShapeError);
  CHECK_THROWS_AS(stack({}), ValueError);
  CHECK_THROWS_AS(stack({zeros({2}), Tensor()}), ValueError);
}

OP_CASE("concat") {
  check({.call =
             [](const Tensors& in) {
               return concat({in[0], in[1], in[0]}, 1);
             },
         .inputs = {normal({2, 3}, 1), normal({2, 4}, 2)}});
  CHECK_THROWS_AS(concat({zeros({2, 3}), zeros({3, 3})}, 1), ShapeError);
  CHECK_THROWS_AS(concat({}), ValueError);
  CHECK_THROWS_AS(concat({Tensor(), zeros({2})}), ValueError);
}

OP_CASE("clone") {
  check({.call = [](const Tensors& in) { return clone(transpose(in[0])); }, .inputs = {normal({4, 9})}});
}

TEST_CASE("concat, stack: more than 64 tensors keep their gradients; rows of any length") {
  Tensors xs;
  for (int i = 0; i < 70; ++i) {
    xs.push_back(full({1}, i, Dtype::f64));
    require_grad(xs.back());
  }
  const Tensor weights = normal({70});
  for (const Tensor& y : {concat(xs, 0), reshape(stack(xs, 0), {70})}) {
    const Tensors dx = grad({sum(mul(y, weights))}, xs);
    for (size_t i = 0; i < xs.size(); ++i) CHECK(dx[i].item() == weights.to_vector<double>()[i]);
  }
  for (int64_t n : {1, 9, 31, 33, 129, 700, 5000})
    for (Dtype dtype : {Dtype::u8, Dtype::bf16, Dtype::f32}) {
      const Tensor a = cast(indices({5, n}, 100), dtype), b = cast(indices({5, 3}, 100, 1), dtype);
      const Tensor y = concat({a, b}, 1);
      CHECK(contiguous(narrow(y, 1, 0, n)).to_vector<double>() == a.to_vector<double>());
      CHECK(contiguous(narrow(y, 1, n, 3)).to_vector<double>() == b.to_vector<double>());
    }
}
