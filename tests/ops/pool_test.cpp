#include "ops/pool.h"

#include <limits>

#include "autograd/autograd.h"
#include "ops/elementwise.h"
#include "ops/shape.h"
#include "support/threads.h"

using namespace gradus;
using namespace gradus::testing;

OP_CASE("max_pool") {
  const auto pooled = [](const Shape& shape, int axes, const MaxPoolOptions& options) {
    check({.call = [&](const Tensors& in) { return max_pool_with_indices(in[0], axes, options).values; },
           .inputs = {normal(shape)},
           .tolerance = 1});
  };
  pooled({2, 3, 9}, 1, {.kernel = 3});
  pooled({2, 20, 23}, 2, {.kernel = 2});
  pooled({3, 20, 39}, 2, {.kernel = 3, .stride = 2, .padding = 1});
  pooled({2, 11, 21}, 2, {.kernel = 3, .stride = 1, .padding = 1});
  pooled({2, 11, 12}, 2,
         {.kernel = {2, 3}, .stride = {1, 3}, .padding = {1, 0}, .dilation = {2, 2}, .ceil_mode = true});
  pooled({2, 5, 6, 7}, 3, {.kernel = {2, 3, 2}, .stride = 2, .padding = {0, 1, 1}});
  pooled({0, 4, 4}, 2, {.kernel = 2});
}

OP_CASE("max_unpool") {
  const Tensor x = normal({2, 3, 4, 5});
  const Tensor at = max_pool_with_indices(normal({2, 3, 8, 10}, 1), 2, {.kernel = 2}).indices;
  check({.call = [&](const Tensors& in) { return max_unpool(in[0], in[1], 2, {8, 10}); }, .inputs = {x, at}});
  CHECK_THROWS_AS(max_unpool(x, at, 2, {7, 9}), IndexError);
  CHECK_THROWS_AS(max_unpool(x, at, 2, {8, 10, 1}), ShapeError);
  CHECK_THROWS_AS(max_unpool(x, cast(at, Dtype::i32), 2, {8, 10}), DtypeError);
}

OP_CASE("avg_pool") {
  const auto pooled = [](const Shape& shape, const AvgPoolOptions& options) {
    const int axes = shape.rank() - 1;
    check({.call =
               [&](const Tensors& in) {
                 return axes == 1   ? avg_pool1d(in[0], options)
                        : axes == 2 ? avg_pool2d(in[0], options)
                                    : avg_pool3d(in[0], options);
               },
           .inputs = {normal(shape)}});
  };
  pooled({2, 9}, {.kernel = 3});
  pooled({2, 20, 37}, {.kernel = 2});
  pooled({3, 8, 9}, {.kernel = 3, .stride = 2, .padding = 1});
  pooled({3, 8, 9}, {.kernel = 3, .stride = 2, .padding = 1, .ceil_mode = true, .count_include_pad = false});
  pooled({3, 8, 9}, {.kernel = {2, 3}, .ceil_mode = true, .divisor = 5});
  pooled({2, 5, 6, 7}, {.kernel = {2, 3, 2}, .stride = 2, .padding = {0, 1, 1}});
}

OP_CASE("lp_pool") {
  for (const double p : {1.0, 2.0, 3.0})
    check({.call =
               [p](const Tensors& in) {
                 return lp_pool2d(in[0], {.p = p, .kernel = {2, 3}, .ceil_mode = true});
               },
           .inputs = {uniform({2, 5, 7}, 0.5, 2)}});
  CHECK_THROWS_AS(lp_pool1d(ones({3}), {.p = 0, .kernel = 2}), ValueError);
}

OP_CASE("adaptive_avg_pool") {
  check({.call = [](const Tensors& in) { return adaptive_avg_pool1d(in[0], 3); }, .inputs = {normal({2, 8})}});
  check({.call = [](const Tensors& in) { return adaptive_avg_pool2d(in[0], {3, 20}); }, .inputs = {normal({2, 7, 9})}});
  check({.call = [](const Tensors& in) { return adaptive_avg_pool2d(in[0], 1); }, .inputs = {normal({2, 7, 9})}});
  check({.call =
             [](const Tensors& in) {
               return adaptive_avg_pool3d(in[0], {2, 3, 2});
             },
         .inputs = {normal({2, 3, 4, 5})}});
}

OP_CASE("adaptive_max_pool") {
  check({.call = [](const Tensors& in) { return adaptive_max_pool2d(in[0], {3, 4}); }, .inputs = {normal({2, 7, 9})}});
  check({.call = [](const Tensors& in) { return adaptive_max_pool1d(in[0], 11); }, .inputs = {normal({2, 7})}});
  check({.call = [](const Tensors& in) { return adaptive_max_pool3d(in[0], 2); }, .inputs = {normal({2, 3, 4, 5})}});
}

TEST_CASE("pool: NaN wins, ties go to the first, padding never wins, refusals") {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  std::vector<float> values(64, -inf);
  values[5] = nan, values[40] = 3, values[41] = 3, values[57] = 3;
  const Tensor x = from_vector(values, {1, 4, 16});
  const MaxPooled p = max_pool_with_indices(x, 2, {.kernel = 3, .stride = 1, .padding = 1});
  const auto y = p.values.to_vector<float>();
  const auto at = p.indices.to_vector<int64_t>();
  CHECK(y[0] == -inf);
  CHECK(at[0] == 0);
  CHECK(y[4] != y[4]);
  CHECK(at[4] == 5);
  CHECK(y[40] == 3);
  CHECK(at[41] == 40);
  CHECK(at[57] == 40);

  CHECK_THROWS_AS(max_pool2d(x, {.kernel = 2, .padding = 2}), ValueError);
  CHECK_THROWS_AS(max_pool2d(x, {.kernel = 5}), ShapeError);
  CHECK_THROWS_AS(max_pool2d(x, {.kernel = 0}), ValueError);
  CHECK_THROWS_AS(max_pool2d(x, {}), ShapeError);
  CHECK_THROWS_AS(max_pool3d(zeros({2, 3}), {.kernel = 1}), ShapeError);
  CHECK_THROWS_AS(max_pool1d(zeros({2, 0}), {.kernel = 1}), ShapeError);
  CHECK_THROWS_AS(max_pool1d(zeros({1}), {.kernel = 2, .padding = 3, .dilation = 5}), ShapeError);
  CHECK_THROWS_AS(max_pool1d(zeros({4}, Dtype::i64), {.kernel = 2}), DtypeError);
  CHECK_THROWS_AS(avg_pool1d(zeros({4}), {.kernel = 2, .divisor = -1}), ValueError);
  CHECK_THROWS_AS(adaptive_avg_pool2d(x, 0), ValueError);
}

TEST_CASE("pool: the same bits on any number of threads") {
  Tensor x = cast(normal({40, 33, 47}), Dtype::f32);
  require_grad(x);
  const auto run = [&](auto&& pool) {
    check_threads(
        [&] {
          const Tensor y = pool();
          return Tensors{y.detach(), grad({y}, {x}, {cast(normal(y.shape(), 3), Dtype::f32)})[0]};
        },
        "pool");
  };
  run([&] { return max_pool2d(x, {.kernel = 3, .stride = 2, .padding = 1}); });
  run([&] { return avg_pool2d(x, {.kernel = 3, .stride = 2, .padding = 1}); });
}
