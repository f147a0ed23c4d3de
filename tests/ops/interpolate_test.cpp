#include "ops/interpolate.h"

#include "ops/elementwise.h"
#include "ops/shape.h"
#include "support/op_case.h"
#include "support/op_types.h"

using namespace gradus;
using namespace gradus::testing;

OP_CASE("interpolate") {
  const auto resized = [](const Shape& shape, const InterpolateOptions& options) {
    check({.call = [&](const Tensors& in) { return interpolate(in[0], options); }, .inputs = {normal(shape)}});
  };
  for (const Interpolation mode : {Interpolation::nearest, Interpolation::nearest_exact, Interpolation::linear,
                                   Interpolation::cubic, Interpolation::area}) {
    resized({2, 1, 7}, {.size = 12, .mode = mode});
    resized({1, 2, 5, 7}, {.size = {11, 3}, .mode = mode});
    resized({1, 1, 5, 33}, {.scale = {2, 1.5}, .mode = mode});
    resized({1, 1, 3, 2, 4}, {.size = {2, 5, 4}, .mode = mode});
  }
  for (const Interpolation mode : {Interpolation::linear, Interpolation::cubic}) {
    resized({1, 2, 5, 7}, {.size = {11, 1}, .mode = mode, .align_corners = true});
    resized({1, 2, 15, 17}, {.size = {4, 20}, .mode = mode, .antialias = true});
  }
  resized({0, 2, 5}, {.size = 3});

  const Tensor x = zeros({1, 1, 4, 4});
  CHECK_THROWS_AS(interpolate(x, {}), ValueError);
  CHECK_THROWS_AS(interpolate(x, {.size = 2, .scale = 2}), ValueError);
  CHECK_THROWS_AS(interpolate(x, {.scale = {2, 2, 2}}), ShapeError);
  CHECK_THROWS_AS(interpolate(x, {.scale = 0.1}), ValueError);
  CHECK_THROWS_AS(interpolate(x, {.scale = -1}), ValueError);
  CHECK_THROWS_AS(interpolate(x, {.size = 0}), ValueError);
  CHECK_THROWS_AS(interpolate(x, {.size = 2, .align_corners = true}), ValueError);
  CHECK_THROWS_AS(interpolate(zeros({4, 4}), {.size = 2}), ShapeError);
  CHECK_THROWS_AS(interpolate(zeros({1, 1, 0}), {.size = 2}), ShapeError);
}

OP_CASE("resize_image") {
  survey_types({.call = [](const Tensors& in) { return resize_image(in[0], 5, 6); },
                .inputs = {cast(indices({7, 9, 3}, 256), Dtype::f64)}});
  const Tensor image = cast(indices({7, 9, 3}, 256), Dtype::u8);
  const Tensor same = resize_image(image, 7, 9, ResizeFilter::lanczos);
  check_same_bits(same, image);
  CHECK(resize_image(select(image, 2, 0), 3, 4).shape() == Shape{3, 4});
  CHECK(resize_image(empty({7, 9, 3}, Dtype::u8, Device::meta), 3, 4).shape() == Shape{3, 4, 3});
  const Tensor flat = full({5, 6, 2}, 255, Dtype::u8);
  check_same_bits(resize_image(flat, 11, 3), full({11, 3, 2}, 255, Dtype::u8));
  // A view gives what its copy gives.
  check_same_bits(resize_image(transpose(image, 0, 1), 5, 5), resize_image(clone(transpose(image, 0, 1)), 5, 5));
  CHECK_THROWS_AS(resize_image(image, 0, 4), ValueError);
  CHECK_THROWS_AS(resize_image(zeros({2, 2}, Dtype::f64), 4, 4), DtypeError);
  CHECK_THROWS_AS(resize_image(zeros({2}), 4, 4), ShapeError);
}
