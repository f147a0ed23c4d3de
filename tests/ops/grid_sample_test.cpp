#include "ops/grid_sample.h"

#include <cmath>
#include <limits>

#include "autograd/autograd.h"
#include "ops/conv.h"
#include "ops/elementwise.h"
#include "ops/shape.h"
#include "support/threads.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

// Places at least 0.1 entries away from every kink (a whole entry, a border, a mirror), spread beyond the image.
Tensor places(const Shape& shape, const Shape& size, bool align_corners, uint64_t stream = 0) {
  const Tensor random = uniform(shape, 0, 1, stream);
  auto values = random.to_vector<double>();
  const auto axes = static_cast<size_t>(shape.back());
  for (size_t i = 0; i < values.size(); ++i) {
    const auto n = static_cast<double>(size[static_cast<int>(axes - 1 - i % axes)]);
    const double halves = std::floor(values[i] * (4 * n + 4)) - n - 2;  // of entries, from beyond to beyond
    const double at = halves / 2 + 0.1 + 0.3 * (values[i] * 997 - std::floor(values[i] * 997));
    values[i] = align_corners ? 2 * at / (n - 1) - 1 : (2 * at + 1) / n - 1;
  }
  return from_vector(values, shape);
}

}  // namespace

OP_CASE("grid_sample") {
  for (const bool corners : {false, true})
    for (const Outside outside : {Outside::zeros, Outside::border, Outside::reflection})
      for (const Sampling mode : {Sampling::bilinear, Sampling::nearest, Sampling::bicubic}) {
        const GridSampleOptions options{mode, outside, corners};
        check({.call = [&](const Tensors& in) { return grid_sample(in[0], in[1], options); },
               .inputs = {normal({2, 3, 5, 4}), places({2, 3, 2, 2}, {5, 4}, corners)},
               .tolerance = 20});
        if (mode == Sampling::bicubic) continue;
        check({.call = [&](const Tensors& in) { return grid_sample(in[0], in[1], options); },
               .inputs = {normal({1, 2, 3, 4, 3}), places({1, 1, 2, 2, 3}, {3, 4, 3}, corners)},
               .tolerance = 20});
      }
  check({.call = [&](const Tensors& in) { return grid_sample(in[0], in[1]); },
         .inputs = {normal({2, 37, 6, 7}), places({2, 3, 5, 2}, {6, 7}, false)},
         .second_order = false,
         .tolerance = 20});

  const Tensor x = zeros({2, 3, 5, 4}), grid = zeros({2, 3, 2, 2});
  CHECK_THROWS_AS(grid_sample(x, zeros({2, 3, 2, 3})), ShapeError);
  CHECK_THROWS_AS(grid_sample(x, zeros({1, 3, 2, 2})), ShapeError);
  CHECK_THROWS_AS(grid_sample(zeros({2, 3, 0, 4}), grid), ShapeError);
  CHECK_THROWS_AS(grid_sample(x, zeros({2, 3, 2, 2}, Dtype::f64)), DtypeError);
  CHECK_THROWS_AS(grid_sample(zeros({1, 1, 2, 2, 2}), zeros({1, 1, 1, 1, 3}), {.mode = Sampling::bicubic}), ValueError);
}

TEST_CASE("grid_sample: places far away, infinite and NaN read nothing") {
  constexpr double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  const Tensor grid = from_vector<double>({1e30, 0, -inf, 0, nan, nan, 3e9, -3e9}, {1, 1, 4, 2});
  for (const Dtype dtype : {Dtype::f32, Dtype::f64})
    for (const Sampling mode : {Sampling::bilinear, Sampling::nearest}) {
      const Tensor y = grid_sample(ones({1, 2, 3, 3}, dtype), cast(grid, dtype), {.mode = mode});
      for (double v : y.to_vector<double>()) CHECK((v == 0 || v != v));
      for (const Outside outside : {Outside::border, Outside::reflection})
        grid_sample(ones({1, 2, 3, 3}, dtype), cast(grid, dtype), {.mode = mode, .padding = outside});
    }
}

OP_CASE("bilinear_gather") {
  const auto away = [](const Shape& shape, double low, double high) {  // from whole entries, where the slope jumps
    auto values = uniform(shape, low, high).to_vector<double>();
    for (double& v : values) v = std::floor(v) + 0.1 + 0.8 * (v - std::floor(v));
    return from_vector(values, shape);
  };
  check({.call = [](const Tensors& in) { return bilinear_gather(in[0], in[1]); },
         .inputs = {normal({2, 3, 5, 4}), away({2, 9, 2}, -2, 6)},
         .tolerance = 4});

  // Half a row above the image: half of row 0.
  const Tensor x = from_vector<double>({1, 2, 3, 4}, {1, 1, 2, 2});
  const auto y = bilinear_gather(x, from_vector<double>({-0.5, 0, 0.5, 1, -1, 0, 2, 1}, {1, 4, 2})).to_vector<double>();
  CHECK(y[0] == 0.5);
  CHECK(y[1] == 3);
  CHECK(y[2] == 0);
  CHECK(y[3] == 0);
  CHECK_THROWS_AS(bilinear_gather(x, zeros({1, 4, 3}, Dtype::f64)), ShapeError);
}

OP_CASE("affine_grid") {
  for (const bool corners : {false, true}) {
    check({.call =
               [=](const Tensors& in) {
                 return affine_grid(in[0], {3, 4}, corners);
               },
           .inputs = {normal({2, 2, 3})}});
    check({.call =
               [=](const Tensors& in) {
                 return affine_grid(in[0], {3, 1, 2}, corners);
               },
           .inputs = {normal({1, 3, 4})}});
  }
  // The identity samples every entry at its centre.
  const Tensor x = normal({1, 2, 5, 6}), one = from_vector<double>({1, 0, 0, 0, 1, 0}, {1, 2, 3});
  for (const bool corners : {false, true})
    check_close(grid_sample(x, affine_grid(one, {5, 6}, corners), {.align_corners = corners}), x, 0x1p-50);
  CHECK_THROWS_AS(affine_grid(one, {3, 4, 5}), ShapeError);
  CHECK_THROWS_AS(affine_grid(one, {3, 0}), ShapeError);
}

TEST_CASE("grid_sample: the same bits on any number of threads") {
  Tensors leaves{cast(normal({2, 40, 9, 11}), Dtype::f32), cast(uniform({2, 13, 17, 2}, -1.2, 1.2), Dtype::f32)};
  for (Tensor& x : leaves) require_grad(x);
  check_threads(
      [&] {
        const Tensor y = grid_sample(leaves[0], leaves[1]);
        Tensors all = grad({y}, leaves, {cast(normal(y.shape(), 3), Dtype::f32)});
        all.push_back(y.detach());
        return all;
      },
      "grid_sample");
}
