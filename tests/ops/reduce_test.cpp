#include "ops/reduce.h"

#include <cmath>
#include <limits>

#include "autograd/gradcheck.h"
#include "ops/elementwise.h"
#include "ops/shape.h"
#include "support/inputs.h"
#include "support/threads.h"

using namespace gradus;
using namespace gradus::testing;

namespace {
using Ints = std::vector<int64_t>;
using In = const Tensors&;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
}  // namespace

OP_CASE("sum") {
  for (const Shape& shape : {Shape{7}, {3, 33}, {2, 5, 17}, {4, 0, 3}, {64, 70}}) {
    check({.call = [](In in) { return sum(in[0]); }, .inputs = {normal(shape)}});
    check({.call = [](In in) { return sum(in[0], -1, keep_axis); }, .inputs = {normal(shape)}});
    check({.call = [](In in) { return sum(in[0], 0); }, .inputs = {normal(shape)}});
  }
  check({.call = [](In in) { return sum(in[0], {0, 2}); }, .inputs = {normal({3, 4, 5})}});
  CHECK_THROWS_AS(sum(zeros({2}), {0, 0}), IndexError);
  CHECK_THROWS_AS(sum(Tensor()), ValueError);
  CHECK(sum(full({300}, 1, Dtype::boolean)).to_vector<int64_t>() == Ints{300});
  CHECK(sum(full({300}, 255, Dtype::u8)).to_vector<int64_t>() == Ints{76500});
  CHECK(sum(full({2}, 9e18, Dtype::i64)).dtype() == Dtype::i64);  // wraps
}

OP_CASE("mean") {
  check({.call = [](In in) { return mean(in[0]); }, .inputs = {normal({3, 9})}});
  check({.call = [](In in) { return mean(square(in[0]), 1); }, .inputs = {normal({3, 9})}});
  check({.call = [](In in) { return mean(in[0], {0, -1}, keep_axis); }, .inputs = {normal({3, 2, 9})}});
  CHECK(std::isnan(mean(zeros({0})).item()));
}

OP_CASE("prod") {
  for (const Shape& shape : {Shape{7}, {3, 33}, {2, 5, 17}, {4, 0, 3}}) {
    check({.call = [](In in) { return prod(in[0]); }, .inputs = {uniform(shape, 0.8, 1.25)}});
    check({.call = [](In in) { return prod(in[0], -1, keep_axis); }, .inputs = {uniform(shape, 0.8, 1.25)}});
    check({.call = [](In in) { return prod(in[0], 0); }, .inputs = {uniform(shape, 0.5, 1.5)}});
  }
  check({.call = [](In in) { return prod(in[0], {0, 2}); }, .inputs = {uniform({3, 4, 5}, 0.5, 1.5)}});
  for (int zeros : {1, 2, 3}) {  // rows with one, two and three zeros
    std::vector<double> values{2, -1.5, 0, 3, 0.5, zeros > 1 ? 0 : 1.25, zeros > 2 ? 0 : -1.0, 4};
    check({.call = [](In in) { return prod(in[0]); }, .inputs = {from_vector(values)}});
  }
  CHECK(prod(zeros({0})).item() == 1);
  CHECK(prod(full({4}, 200, Dtype::u8)).to_vector<int64_t>() == Ints{1600000000});
  // Double precision inside: neither overflows nor vanishes on the way.
  CHECK(prod(from_vector<float>({1e30f, 1e30f, 1e-30f, 1e-30f})).item() == doctest::Approx(1));
}

OP_CASE("max") {
  check({.call = [](In in) { return max(in[0], 1); }, .inputs = {distinct({4, 33})}});
  check({.call = [](In in) { return max(in[0], 0); }, .inputs = {distinct({4, 33})}});
  check({.call = [](In in) { return max(in[0]); }, .inputs = {distinct({5, 3})}});
  check({.call = [](In in) { return max(in[0], {0, 2}, keep_axis); }, .inputs = {distinct({5, 3, 9})}});
  CHECK_THROWS_AS(max(zeros({3, 0}), 1), ShapeError);
  CHECK(std::isnan(max(from_vector<float>({1, static_cast<float>(kNan), 5}, {3, 1}), 0).item()));
}

OP_CASE("min") {
  check({.call = [](In in) { return min(in[0], 0, keep_axis); }, .inputs = {distinct({4, 33})}});
  check({.call = [](In in) { return min(in[0]); }, .inputs = {distinct({5, 3})}});
}

OP_CASE("argmax") {
  for (const Shape& shape : {Shape{7}, {3, 33}, {2, 5, 17}, {1, 1, 64}})
    for (int axis : {0, -1})
      check({.call = [axis](In in) { return argmax(in[0], axis); }, .inputs = {distinct(shape)}, .gradient = false});
  CHECK(argmax(from_vector<float>({1, 5, 5, 0, 9, 2}, {2, 3}), -1).to_vector<int64_t>() == Ints{1, 1});
  CHECK(argmax(from_vector<float>({1, 5, 5, 0, 9, 2}, {2, 3}), 0).to_vector<int64_t>() == Ints{0, 1, 0});
  CHECK(argmax(flatten(from_vector<float>({1, 5, 5, 0, 9, 2}, {2, 3}))).to_vector<int64_t>() == Ints{4});
  CHECK(argmax(zeros({3, 4}), 0, keep_axis).shape() == Shape{1, 4});
  CHECK(argmax(full({4}, 1, Dtype::boolean), 0).to_vector<int64_t>() == Ints{0});
  CHECK_THROWS_AS(argmax(zeros({3, 0}), 1), ShapeError);
  CHECK_THROWS_AS(argmax(zeros({0})), ShapeError);
  CHECK_THROWS_AS(argmax(scalar(1), 0), IndexError);
}

OP_CASE("argmin") {
  for (int axis : {0, -1})
    check({.call = [axis](In in) { return argmin(in[0], axis); }, .inputs = {distinct({3, 33})}, .gradient = false});
  CHECK(argmin(from_vector<float>({1, 0, 5, 0, 9, 2}, {2, 3})).to_vector<int64_t>() == Ints{1, 0});
}

TEST_CASE("argmax, argmin: NaN beats all, the first of equals wins, in short and long rows") {
  for (Dtype dtype : {Dtype::f32, Dtype::f64})
    for (int64_t n : {5, 40, 100000})
      for (int axis : {0, 1}) {
        std::vector<double> values(static_cast<size_t>(n), 1.0);
        values[3] = 7;
        values[4] = 7;
        const auto at = [&](auto op) {
          const Tensor row = cast(from_vector(values), dtype);
          const Tensor x = axis == 1 ? reshape(row, {1, n}) : contiguous(transpose(expand(row, {3, n})));
          return op(x, axis, drop_axis).template to_vector<int64_t>()[0];
        };
        CHECK(at([](auto... a) { return argmax(a...); }) == 3);
        CHECK(at([](auto... a) { return argmin(a...); }) == 0);
        values[static_cast<size_t>(n) - 1] = kNan;
        CHECK(at([](auto... a) { return argmax(a...); }) == n - 1);
        CHECK(at([](auto... a) { return argmin(a...); }) == n - 1);
      }
}

OP_CASE("max_with_index") {
  for (int axis : {0, 1})
    for (KeepAxis keep : {keep_axis, drop_axis})
      check({.call = [=](In in) { return max_with_index(in[0], axis, keep).values; }, .inputs = {distinct({4, 33})}});
  const ValuesIndices r = max_with_index(from_vector<float>({1, 5, 5, 0, 9, 2}, {2, 3}), 1);
  CHECK(r.values.to_vector<float>() == std::vector<float>{5, 9});
  CHECK(r.indices.to_vector<int64_t>() == Ints{1, 1});
}

OP_CASE("min_with_index") {
  check({.call = [](In in) { return min_with_index(in[0], 1).values; }, .inputs = {distinct({4, 33})}});
}

OP_CASE("any") {
  check({.call = [](In in) { return any(in[0], 1); }, .inputs = {distinct({4, 33})}, .gradient = false});
  const Tensor x = from_vector<double>({0, 0, kNan, 0}, {2, 2});
  CHECK(any(x, 1).to_vector<int64_t>() == Ints{0, 1});
  CHECK(any(zeros({0, 3})).to_vector<int64_t>() == Ints{0});
  CHECK(any(zeros({0, 3}), 0, keep_axis).shape() == Shape{1, 3});
}

OP_CASE("all") {
  check({.call = [](In in) { return all(in[0], {0, 1}); }, .inputs = {distinct({4, 33})}, .gradient = false});
  CHECK(all(from_vector<double>({1, 0, kNan, 2}, {2, 2}), 1).to_vector<int64_t>() == Ints{0, 1});
  CHECK(all(zeros({0, 3}), 0).to_vector<int64_t>() == Ints{1, 1, 1});
}

OP_CASE("count_nonzero") {
  check({.call = [](In in) { return count_nonzero(in[0], 1); }, .inputs = {distinct({4, 33})}, .gradient = false});
  CHECK(count_nonzero(from_vector<double>({0, 2, kNan, 0})).to_vector<int64_t>() == Ints{2});
}

TEST_CASE("reductions: the same bits on any number of threads") {
  const Tensor x = cast(uniform({300, 1111}, 0.99, 1.01), Dtype::f32);
  check_threads(
      [&] {
        return Tensors{sum(x),       sum(x, 0),    sum(x, 1),          prod(x),  prod(x, 0), prod(x, 1),
                       argmax(x, 0), argmax(x, 1), argmax(flatten(x)), max(x, 0)};
      },
      "reductions");
}

TEST_CASE("sum_to refuses a shape that x was not stretched from") {
  CHECK_THROWS_AS(sum_to(zeros({3}), {2, 3}), ShapeError);
  CHECK_THROWS_AS(sum_to(zeros({3, 4}), {3, 2}), ShapeError);
}
