#include "ops/pad.h"

#include "ops/fold.h"
#include "ops/shape.h"
#include "support/op_case.h"

using namespace gradus;
using namespace gradus::testing;

using List = std::vector<int64_t>;

OP_CASE("pad") {
  for (const List& pads : {List{1, 2}, {0, 3, 2, 0}, {2, 1, 0, 0, 1, 1}, {-1, 2, 1, -2}, {-1, -2}, {0, 0}})
    for (PadMode mode : {PadMode::constant, PadMode::reflect, PadMode::replicate, PadMode::circular})
      check({.call = [=](const Tensors& in) { return pad(in[0], pads, {.mode = mode, .value = -1.5}); },
             .inputs = {normal({3, 4, 5})}});
  check({.call = [](const Tensors& in) { return pad(in[0], {1, 1}); }, .inputs = {normal({2, 0})}});
  const Tensor x = arange(4);
  CHECK(pad(x, {1, 2}, {.value = 9}).to_vector<int64_t>() == List{9, 0, 1, 2, 3, 9, 9});
  CHECK(pad(x, {3, 2}, {.mode = PadMode::reflect}).to_vector<int64_t>() == List{3, 2, 1, 0, 1, 2, 3, 2, 1});
  CHECK(pad(x, {2, 1}, {.mode = PadMode::replicate}).to_vector<int64_t>() == List{0, 0, 0, 1, 2, 3, 3});
  CHECK(pad(x, {4, 1}, {.mode = PadMode::circular}).to_vector<int64_t>() == List{0, 1, 2, 3, 0, 1, 2, 3, 0});
  CHECK_THROWS_AS(pad(x, {4, 0}, {.mode = PadMode::reflect}), ShapeError);
  CHECK_THROWS_AS(pad(x, {5, 0}, {.mode = PadMode::circular}), ShapeError);
  CHECK_THROWS_AS(pad(x, {-3, -2}), ShapeError);
  CHECK_THROWS_AS(pad(x, {INT64_MAX, INT64_MAX}), ShapeError);
  CHECK_THROWS_AS(pad(x, {1}), ValueError);
  CHECK_THROWS_AS(pad(x, {1, 1, 1, 1}), ValueError);
  CHECK_THROWS_AS(pad(zeros({0}), {1, 0}, {.mode = PadMode::replicate}), ShapeError);
}

OP_CASE("unfold") {
  check({.call = [](const Tensors& in) { return unfold(in[0], 1, 3, 2); }, .inputs = {normal({2, 8, 3})}});
  check({.call = [](const Tensors& in) { return unfold(in[0], 0, 3, 1, 2); }, .inputs = {normal({7, 2})}});
  check({.call = [](const Tensors& in) { return unfold(in[0], -1, 1, 5); }, .inputs = {normal({2, 7})}});
  CHECK(unfold(arange(5), 0, 3, 2).to_vector<int64_t>() == List{0, 1, 2, 2, 3, 4});
  CHECK(unfold(arange(5), 0, 5, INT64_MAX, 1).shape() == Shape{1, 5});
  CHECK_THROWS_AS(unfold(arange(5), 0, 6, 1), ShapeError);
  CHECK_THROWS_AS(unfold(arange(5), 0, 3, 1, INT64_MAX), ShapeError);
  CHECK_THROWS_AS(unfold(arange(5), 0, 3, 0), ValueError);
}

OP_CASE("overlap_add") {
  check({.call = [](const Tensors& in) { return overlap_add(in[0], 1, 8, 2); }, .inputs = {normal({2, 3, 2, 3})}});
  check({.call = [](const Tensors& in) { return overlap_add(in[0], 0, 7, 1, 2); }, .inputs = {normal({3, 2, 3})}});
  CHECK(overlap_add(ones({3, 3}), 0, 5, 1).to_vector<double>() == std::vector<double>{1, 2, 3, 2, 1});
  CHECK_THROWS_AS(overlap_add(ones({3, 3}), 0, 6, 1), ShapeError);
}

OP_CASE("unfold2d") {
  check({.call = [](const Tensors& in) { return unfold2d(in[0], {2, 3}); }, .inputs = {normal({2, 3, 4, 5})}});
  check({.call =
             [](const Tensors& in) {
               return unfold2d(in[0], 3, {.dilation = {1, 2}, .padding = {1, 2}, .stride = {2, 1}});
             },
         .inputs = {normal({1, 2, 5, 6})}});
  CHECK_THROWS_AS(unfold2d(zeros({1, 1, 3, 3}), 4), ShapeError);
  CHECK_THROWS_AS(unfold2d(zeros({1, 3, 3}), 2), ShapeError);
  CHECK_THROWS_AS(unfold2d(zeros({1, 1, 3, 3}), 2, {.padding = -1}), ValueError);
}

OP_CASE("fold2d") {
  check({.call = [](const Tensors& in) { return fold2d(in[0], {4, 5}, {2, 3}); }, .inputs = {normal({2, 18, 9})}});
  check({.call =
             [](const Tensors& in) {
               return fold2d(in[0], {5, 6}, 3, {.dilation = {1, 2}, .padding = {1, 2}, .stride = {2, 1}});
             },
         .inputs = {normal({1, 18, 18})}});
  CHECK_THROWS_AS(fold2d(zeros({2, 18, 8}), {4, 5}, {2, 3}), ShapeError);
  CHECK_THROWS_AS(fold2d(zeros({2, 17, 9}), {4, 5}, {2, 3}), ShapeError);
}
