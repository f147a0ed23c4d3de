#include "ops/statistics.h"

#include <cmath>
#include <limits>

#include "ops/elementwise.h"
#include "ops/shape.h"
#include "support/inputs.h"
#include "support/threads.h"

using namespace gradus;
using namespace gradus::testing;

namespace {
using In = const Tensors&;
constexpr double kInf = std::numeric_limits<double>::infinity();

Tensor composed_var(const Tensor& x, int axis, double correction) {
  const Tensor c = sub(x, mean(x, axis, keep_axis));
  return div(sum(square(c), axis), static_cast<double>(x.size(axis)) - correction);
}
}  // namespace

OP_CASE("var") {
  for (const Shape& shape : {Shape{7}, {3, 33}, {2, 5, 17}})
    for (int axis : {0, -1})
      check({.call = [axis](In in) { return var(in[0], axis); },
             .composed = [axis](In in) { return composed_var(in[0], axis, 1); },
             .inputs = {normal(shape)}});
  check({.call =
             [](In in) {
               return var(in[0], {0, 2}, {.correction = 0, .keep = keep_axis});
             },
         .inputs = {normal({3, 4, 5})}});
  check({.call = [](In in) { return var(in[0]); }, .inputs = {normal({3, 4})}});
  CHECK(std::isnan(var(zeros({1})).item()));
  CHECK(std::isnan(var(zeros({0})).item()));
  CHECK_THROWS_AS(var(zeros({2}), VarOptions{.correction = -1}), ValueError);
  CHECK_THROWS_AS(var(zeros({2}, Dtype::i64)), DtypeError);
}

OP_CASE("var_mean") {
  check({.call =
             [](In in) {
               const VarMean r = var_mean(in[0], 1);
               return add(mul(r.var, 2.0), mul(r.mean, r.mean));
             },
         .inputs = {normal({3, 33})}});
  check({.call = [](In in) { return var_mean(in[0], 0, {.keep = keep_axis}).mean; }, .inputs = {normal({3, 9})}});
}

OP_CASE("stddev") {
  check({.call = [](In in) { return stddev(in[0], 1); },
         .composed = [](In in) { return sqrt(composed_var(in[0], 1, 1)); },
         .inputs = {normal({3, 33})}});
  check({.call = [](In in) { return stddev(in[0]); }, .inputs = {normal({3, 5})}});
}

TEST_CASE("var: a number that is none, or infinite, is not hidden") {
  for (Dtype type : {Dtype::f64, Dtype::f32})
    for (double odd : {std::nan(""), kInf})
      for (int axis : {0, 1}) {
        Tensor x = zeros({3, 33}, type);
        x = where(equal(arange(33), scalar(7, Dtype::i64)), scalar(odd, type), x);
        const auto v = var(x, axis).to_vector<double>();
        for (size_t i = 0; i < v.size(); ++i) CHECK(std::isnan(v[i]) == (axis == 1 || i == 7));
        CHECK(std::isnan(var(x).item()));
      }
}

TEST_CASE("var: numbers far from 0 keep their digits, along either axis and in one long row") {
  for (int64_t n : {100, 200000}) {
    std::vector<float> values;
    for (int64_t i = 0; i < n; ++i) values.push_back(i % 2 ? 10001.0f : 9999.0f);
    const Tensor row = from_vector(values);
    CHECK(var(row, VarOptions{.correction = 0}).item() == doctest::Approx(1).epsilon(1e-6));
    CHECK(var(expand(row, {3, n}), 1, {.correction = 0}).to_vector<double>()[2] == doctest::Approx(1).epsilon(1e-6));
    const Tensor columns = contiguous(transpose(expand(row, {3, n})));
    CHECK(var(columns, 0, {.correction = 0}).to_vector<double>()[1] == doctest::Approx(1).epsilon(1e-6));
  }
}

OP_CASE("logsumexp") {
  for (const Shape& shape : {Shape{1}, {7}, {3, 33}, {2, 5, 17}, {4, 0}})
    check({.call = [](In in) { return logsumexp(in[0], -1); }, .inputs = {normal(shape)}});
  check({.call =
             [](In in) {
               return logsumexp(in[0], {0, 2}, keep_axis);
             },
         .composed =
             [](In in) {
               return log(sum(exp(in[0]), {0, 2}, keep_axis));
             },
         .inputs = {normal({3, 4, 5})}});
  check({.call = [](In in) { return logsumexp(in[0]); }, .inputs = {normal({3, 4})}});
}

TEST_CASE("logsumexp: infinities and NaN, in short and long rows") {
  for (Dtype dtype : {Dtype::f32, Dtype::f64})
    for (int64_t n : {3, 50000}) {
      std::vector<double> values(static_cast<size_t>(n), -kInf);
      const auto result = [&] { return logsumexp(cast(from_vector(values), dtype)).item(); };
      CHECK(result() == -kInf);
      values[1] = 1000;
      CHECK(result() == 1000);
      values[2] = kInf;
      CHECK(result() == kInf);
      values[0] = std::nan("");
      CHECK(std::isnan(result()));
    }
}

OP_CASE("vector_norm") {
  for (double p : {1.0, 2.0, 3.0, 0.5, -1.0, kInf, -kInf, 0.0})
    check({.call = [p](In in) { return vector_norm(in[0], 1, p); },
           .inputs = {add(distinct({3, 33}), 0.0625)},
           .tolerance = p == 0.5 ? 64.0 : 4.0});
  check({.call = [](In in) { return vector_norm(in[0]); }, .inputs = {normal({3, 4})}});
  check({.call = [](In in) { return vector_norm(in[0], {0, 1}, 3, keep_axis); }, .inputs = {normal({3, 4, 2})}});
  CHECK(vector_norm(full({4}, 300, Dtype::f16)).item() == 600);  // squares would not fit f16
  CHECK_THROWS_AS(vector_norm(zeros({2}), std::nan("")), ValueError);
}

TEST_CASE("statistics: the same bits on any number of threads") {
  const Tensor x = cast(normal({300, 1111}), Dtype::f32);
  check_threads([&] { return Tensors{var(x), var(x, 0), var(x, 1), logsumexp(x), logsumexp(x, 1)}; }, "statistics");
}

TEST_CASE("var and its kin: options or axes in braces") {
  const Tensor x = normal({3, 4, 5});
  CHECK(var(x, {.correction = 0}).item() == doctest::Approx(var(x).item() * 59 / 60));
  CHECK(stddev(x, {.correction = 0}).item() == doctest::Approx(std::sqrt(var(x, {.correction = 0}).item())));
  CHECK(var_mean(x, {.correction = 0}).var.item() == var(x, {.correction = 0}).item());
  CHECK(var(x, {.correction = 0, .keep = keep_axis}).shape() == Shape{1, 1, 1});
  CHECK(var(x, {0}).shape() == Shape{4, 5});
  CHECK(var(x, {0, 1}).shape() == Shape{5});
  CHECK(var(x, std::vector<int>{1}, {.correction = 0}).shape() == Shape{3, 5});
}

TEST_CASE("reductions over axes that do not lie together") {
  const Tensor x = cast(normal({6, 5, 7, 3, 4}), Dtype::f32);
  for (const Axes& axes : {Axes{0, 2}, {0, 2, 3, 4}, {1, 3}, {0, 2, 4}}) {
    const Tensor wide = cast(x, Dtype::f64);
    check_close(sum(x, axes), cast(sum(wide, axes), Dtype::f32), 0x1p-23, 4);
    check_close(prod(x, axes), cast(prod(wide, axes), Dtype::f32), 0x1p-23, 4);
    check_close(max(x, axes), cast(max(wide, axes), Dtype::f32), 0);
    check_close(min(x, axes), cast(min(wide, axes), Dtype::f32), 0);
    check_close(var(x, axes), cast(var(wide, axes), Dtype::f32), 0x1p-23, 4);
  }
}
