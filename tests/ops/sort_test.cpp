#include "ops/sort.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/table.h"
#include "ops/elementwise.h"
#include "ops/shape.h"
#include "support/inputs.h"
#include "support/op_types.h"
#include "support/threads.h"

using namespace gradus;
using namespace gradus::testing;

namespace {
using In = const Tensors&;
using Ints = std::vector<int64_t>;
constexpr double kInf = std::numeric_limits<double>::infinity(), kNan = std::numeric_limits<double>::quiet_NaN();

// Few different numbers, so that there are ties, in any type.
Tensor with_ties(const Shape& shape, Dtype dtype) {
  const Tensor x = cast(indices(shape, 50, 3), Dtype::f64);
  return cast(dtype == Dtype::u8 || dtype == Dtype::boolean ? x : sub(x, 25.0), dtype);
}
}  // namespace

OP_CASE("sort") {
  for (const Shape& shape : {Shape{1}, {7}, {3, 33}, {2, 5, 17}, {4, 0, 3}, {2, 120}})
    for (int axis : {0, -1})
      for (bool descending : {false, true})
        check({.call = [=](In in) { return sort(in[0], axis, {.descending = descending}).values; },
               .inputs = {distinct(shape)}});
  CHECK_THROWS_AS(sort(scalar(1), 0), IndexError);
}

OP_CASE("argsort") {
  for (int axis : {0, -1})
    check({.call = [=](In in) { return argsort(in[0], axis); }, .inputs = {distinct({3, 33})}, .gradient = false});
  CHECK(argsort(from_vector<float>({3, 1, 2, 1})).to_vector<int64_t>() == Ints{1, 3, 2, 0});
  CHECK(argsort(from_vector<float>({3, 1, 2, 1}), 0, {.descending = true}).to_vector<int64_t>() == Ints{0, 2, 1, 3});
}

TEST_CASE("sort: stable in every type, in short, middle and long rows") {
  for (Dtype dtype :
       {Dtype::f64, Dtype::f32, Dtype::f16, Dtype::bf16, Dtype::i64, Dtype::i32, Dtype::u8, Dtype::boolean})
    for (const Shape& shape : {Shape{3, 20}, {2, 500}, {140000}})
      for (bool descending : {false, true}) {
        const Tensor x = with_ties(shape, dtype);
        const ValuesIndices fast = sort(x, -1, {.descending = descending});
        const UseRefKernels use;
        const ValuesIndices plain = sort(x, -1, {.descending = descending});
        check_same_bits(fast.values, plain.values, "values");
        check_same_bits(fast.indices, plain.indices, "indices");
      }
}

TEST_CASE("sort: NaN, infinities, zeros, denormal and huge numbers") {
  constexpr auto high = std::numeric_limits<int64_t>::max(), low = std::numeric_limits<int64_t>::min();
  CHECK(sort(from_vector<int64_t>({5, high, low, 0})).values.to_vector<int64_t>() == Ints{low, 0, 5, high});
  for (Dtype dtype : {Dtype::f32, Dtype::f64}) {
    const Tensor x =
        cast(from_vector<double>({3, -kNan, 0, -0.0, -kInf, kNan, 2e-39, 1e-39, kInf, -1e-39, -3e38}), dtype);
    CHECK(sort(x).indices.to_vector<int64_t>() == Ints{4, 10, 9, 2, 3, 7, 6, 0, 8, 1, 5});
    CHECK(sort(x, 0, {.descending = true}).indices.to_vector<int64_t>() == Ints{1, 5, 8, 0, 6, 7, 2, 3, 9, 10, 4});
    CHECK(std::signbit(sort(x).values.to_vector<double>()[4]));
    CHECK(topk(x, 4).indices.to_vector<int64_t>() == Ints{1, 5, 8, 0});
    CHECK(topk(x, 4, 0, {.largest = false}).indices.to_vector<int64_t>() == Ints{4, 10, 9, 2});
  }
}

OP_CASE("topk") {
  for (int axis : {0, -1})
    for (bool largest : {false, true})
      for (int64_t k : {0, 1, 3})
        check({.call = [=](In in) { return topk(in[0], k, axis, {.largest = largest}).values; },
               .inputs = {distinct({4, 33})}});
  CHECK_THROWS_AS(topk(zeros({3}), 4), ValueError);
  CHECK_THROWS_AS(topk(zeros({3}), -1), ValueError);
}

TEST_CASE("median, quantile: a NaN breaks its row, in every type and among many rows") {
  for (Dtype dtype : {Dtype::f32, Dtype::f64}) {
    const Tensor row = cast(from_vector<double>({3, kNan, 1, 2, 5}), dtype);
    const Tensor x = contiguous(expand(row, {40, 5}));
    for (double v : median(x, 1).values.to_vector<double>()) CHECK(std::isnan(v));
    for (double v : quantile(x, 0.5, 1).to_vector<double>()) CHECK(std::isnan(v));
    CHECK(median(x, 1).indices.to_vector<int64_t>() == Ints(40, 1));
  }
}

TEST_CASE("topk: the first of equals, for few and many of long rows") {
  for (int64_t k : {1, 8, 300, 1500, 4000})
    for (bool largest : {false, true})
      for (bool ties : {false, true}) {
        const Tensor x = ties ? with_ties({3, 4000}, Dtype::f32) : cast(normal({3, 4000}), Dtype::f32);
        const ValuesIndices fast = topk(x, k, -1, {.largest = largest});
        const ValuesIndices sorted = sort(x, -1, {.descending = largest});
        check_same_bits(fast.values, narrow(sorted.values, 1, 0, k), "values");
        check_same_bits(fast.indices, narrow(sorted.indices, 1, 0, k), "indices");
      }
}

OP_CASE("kthvalue") {
  for (int64_t k : {1, 5})
    check({.call = [=](In in) { return kthvalue(in[0], k, 1).values; }, .inputs = {distinct({4, 33})}});
  check({.call = [=](In in) { return kthvalue(in[0], 2, 0, keep_axis).values; }, .inputs = {distinct({4, 33})}});
  CHECK(kthvalue(from_vector<float>({4, 1, 3}), 2).indices.to_vector<int64_t>() == Ints{2});
  CHECK_THROWS_AS(kthvalue(zeros({3}), 0), ValueError);
}

OP_CASE("median") {
  for (int64_t n : {1, 8, 9})
    check({.call = [](In in) { return median(in[0], 1).values; }, .inputs = {distinct({3, n})}});
  check({.call = [](In in) { return median(in[0]); }, .inputs = {distinct({3, 4})}});
  CHECK_THROWS_AS(median(zeros({0})), ShapeError);
}

OP_CASE("quantile") {
  for (QuantileMethod how : {QuantileMethod::linear, QuantileMethod::lower, QuantileMethod::higher,
                             QuantileMethod::nearest, QuantileMethod::midpoint})
    CHECK(quantile(from_vector<double>({3, 1, 2}), 0.5, {.interpolation = how}).item() == 2);
  const auto wide = [](const Tensor& x) { return size_of(x.dtype()) == 2 ? cast(x, Dtype::f32) : x; };
  check({.call =
             [=](In in) {
               return cast(quantile(wide(in[0]), {0.0, 0.3, 1.0}, 0), in[0].dtype());
             },
         .inputs = {distinct({9, 4})}});
  check({.call = [=](In in) { return cast(quantile(wide(in[0]), 0.3, {.keep = keep_axis}), in[0].dtype()); },
         .inputs = {distinct({9, 4})}});
  CHECK(quantile(zeros({2, 3}), {0.1, 0.2}, {.keep = keep_axis}).shape() == Shape{2, 1, 1});
  CHECK(std::isnan(quantile(from_vector<double>({1, kNan, 2}), 0).item()));
  CHECK_THROWS_AS(quantile(zeros({2}), 1.5), ValueError);
  CHECK_THROWS_AS(quantile(zeros({0}), 0.5), ShapeError);
  CHECK_THROWS_AS(quantile(zeros({2}, Dtype::i64), 0.5), DtypeError);
}

OP_CASE("unique") {
  survey_types({.call = [](const Tensors& in) { return unique(in[0]).values; }, .inputs = {normal({9})}});
  const UniqueResult r = unique(from_vector<int64_t>({5, -2, 5, 7, 7, 5}, {2, 3}));
  CHECK(r.values.to_vector<int64_t>() == Ints{-2, 5, 7});
  CHECK(r.inverse.to_vector<int64_t>() == Ints{1, 0, 1, 2, 2, 1});
  CHECK(r.inverse.shape() == Shape{2, 3});
  CHECK(r.counts.to_vector<int64_t>() == Ints{1, 3, 2});
  CHECK(unique(full({4}, 1, Dtype::boolean)).values.dtype() == Dtype::boolean);
  CHECK(unique(zeros({0, 3})).values.count() == 0);
  CHECK(unique(scalar(3)).counts.to_vector<int64_t>() == Ints{1});
  CHECK(unique(from_vector<double>({kNan, 1, kNan})).values.count() == 3);
  CHECK_THROWS_AS(unique(zeros({2}, Dtype::f32, Device::meta)), ValueError);
}

TEST_CASE("topk: the first of the sorted row, for few and many, with ties and NaN, however it lies") {
  for (int64_t n : {8, 64, 100, 3000}) {
    Tensor x = with_ties({6, n}, Dtype::f32);
    for (int64_t i = 0; i < n; ++i) {
      x.data<float>()[i] = static_cast<float>(i);          // every element enters
      x.data<float>()[n + i] = static_cast<float>(n - i);  // none but the first
      x.data<float>()[2 * n + i] = i % 3 ? 1 : static_cast<float>(kNan);
    }
    for (int64_t k : {1, 2, 7, 8})
      for (bool largest : {false, true}) {
        const ValuesIndices best = topk(x, k, -1, {.largest = largest});
        const ValuesIndices all = sort(x, -1, {.descending = largest});
        CHECK(best.indices.to_vector<int64_t>() == contiguous(narrow(all.indices, 1, 0, k)).to_vector<int64_t>());
        check_same_bits(best.values, contiguous(narrow(all.values, 1, 0, k)), "values");
      }
  }
}
