#include "ops/rearrange.h"

#include "ops/elementwise.h"
#include "ops/shape.h"
#include "support/op_case.h"

using namespace gradus;
using namespace gradus::testing;

using List = std::vector<int64_t>;

OP_CASE("flip") {
  for (const Axes& axes : {Axes(0), Axes(-1), Axes{0, 2}, Axes{1, 2, 0}})
    check({.call = [=](const Tensors& in) { return flip(in[0], axes); }, .inputs = {normal({4, 3, 5})}});
  check({.call = [](const Tensors& in) { return flip(in[0], 0); }, .inputs = {normal({0, 3})}});
  CHECK(flip(arange(4), 0).to_vector<int64_t>() == List{3, 2, 1, 0});
  CHECK_THROWS_AS(flip(zeros({2}), {0, -1}), IndexError);
}

OP_CASE("roll") {
  check({.call = [](const Tensors& in) { return roll(in[0], 2, 1); }, .inputs = {normal({2, 5, 3})}});
  check({.call = [](const Tensors& in) { return roll(in[0], {-1, 7, 3}, {0, 2, 1}); }, .inputs = {normal({4, 3, 5})}});
  check({.call = [](const Tensors& in) { return roll(in[0], 3, 0); }, .inputs = {normal({0, 3})}});
  CHECK(roll(arange(5), 2, 0).to_vector<int64_t>() == List{3, 4, 0, 1, 2});
  CHECK(roll(arange(5), INT64_MIN, 0).count() == 5);
  CHECK_THROWS_AS(roll(zeros({2, 2}), {1}, {0, 1}), ValueError);
}

OP_CASE("rot90") {
  for (int times : {-1, 0, 1, 2, 3})
    check({.call = [=](const Tensors& in) { return rot90(in[0], times, 0, 2); }, .inputs = {normal({4, 3, 5})}});
  const Tensor x = reshape(arange(4), {2, 2});
  CHECK(rot90(x).to_vector<int64_t>() == List{1, 3, 0, 2});
  CHECK(rot90(x, -1).to_vector<int64_t>() == List{2, 0, 3, 1});
  CHECK_THROWS_AS(rot90(x, 1, 0, 0), IndexError);
}

OP_CASE("tile") {
  for (const List& counts : {List{2}, {1, 3}, {2, 1, 3}, {2, 3, 1, 2}, {0, 2}})
    check({.call = [=](const Tensors& in) { return tile(in[0], counts); }, .inputs = {normal({4, 3})}});
  CHECK(tile(arange(2), {2, 2}).to_vector<int64_t>() == List{0, 1, 0, 1, 0, 1, 0, 1});
  CHECK_THROWS_AS(tile(zeros({2}), {-1}), ValueError);
  CHECK_THROWS_AS(tile(zeros({2}), {INT64_MAX}), ShapeError);
}

OP_CASE("repeat_interleave") {
  check({.call = [](const Tensors& in) { return repeat_interleave(in[0], 3, 1); }, .inputs = {normal({2, 3, 4})}});
  check({.call =
             [](const Tensors& in) {
               return repeat_interleave(in[0], {2, 0, 1}, 1);
             },
         .inputs = {normal({2, 3, 4})}});
  CHECK(repeat_interleave(arange(2), 2, 0).to_vector<int64_t>() == List{0, 0, 1, 1});
  CHECK(repeat_interleave(arange(3), {0, 2, 1}, 0).to_vector<int64_t>() == List{1, 1, 2});
  CHECK_THROWS_AS(repeat_interleave(arange(3), {1, 2}, 0), ShapeError);
  CHECK_THROWS_AS(repeat_interleave(arange(3), -1, 0), ValueError);
}

OP_CASE("meshgrid") {
  check({.call =
             [](const Tensors& in) {
               const Tensors grids = meshgrid({in[0], in[1]});
               return mul(grids[0], grids[1]);
             },
         .inputs = {normal({4}, 1), normal({3}, 2)}});
  CHECK_THROWS_AS(meshgrid({zeros({2, 2})}), ShapeError);
}

OP_CASE("cartesian_product") {
  check({.call =
             [](const Tensors& in) {
               return cartesian_product({in[0], in[1]});
             },
         .inputs = {normal({4}, 1), normal({3}, 2)}});
  CHECK(cartesian_product({arange(2), arange(2)}).to_vector<int64_t>() == List{0, 0, 0, 1, 1, 0, 1, 1});
}

OP_CASE("pixel_shuffle") {
  check({.call = [](const Tensors& in) { return pixel_shuffle(in[0], 2); }, .inputs = {normal({2, 8, 3, 5})}});
  CHECK(pixel_shuffle(reshape(arange(4), {4, 1, 1}), 2).to_vector<int64_t>() == List{0, 1, 2, 3});
  CHECK(pixel_shuffle(zeros({0, 4, 1, 1}), 2).shape() == Shape{0, 1, 2, 2});
  CHECK_THROWS_AS(pixel_shuffle(zeros({3, 2, 2}), 2), ShapeError);
  CHECK_THROWS_AS(pixel_shuffle(zeros({4, 2, 2}), 0), ValueError);
}

OP_CASE("pixel_unshuffle") {
  check({.call = [](const Tensors& in) { return pixel_unshuffle(in[0], 2); }, .inputs = {normal({2, 3, 4, 6})}});
  const Tensor x = normal({2, 8, 3, 5});
  check_same_bits(pixel_unshuffle(pixel_shuffle(x, 2), 2), x);
  CHECK_THROWS_AS(pixel_unshuffle(zeros({1, 3, 2}), 2), ShapeError);
}
