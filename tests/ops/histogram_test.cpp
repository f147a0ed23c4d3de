#include "ops/histogram.h"

#include <limits>

#include "ops/elementwise.h"
#include "ops/shape.h"
#include "support/inputs.h"
#include "support/op_types.h"

using namespace gradus;
using namespace gradus::testing;

namespace {
using In = const Tensors&;
using Ints = std::vector<int64_t>;
constexpr double kInf = std::numeric_limits<double>::infinity(), kNan = std::numeric_limits<double>::quiet_NaN();
}  // namespace

OP_CASE("searchsorted") {
  const Tensor edges = from_vector<double>({-20, -3, 0, 0, 5, 17});
  for (bool right : {false, true})
    check({.call = [=](In in) { return searchsorted(in[0], in[1], right); },
           .inputs = {edges, distinct({4, 9})},
           .gradient = false});
  const Tensor rows = from_vector<double>({1, 2, 3, 10, 20, 30}, {2, 3});
  CHECK(searchsorted(rows, from_vector<double>({2, 9, 15, 31}, {2, 2})).to_vector<int64_t>() == Ints{1, 3, 1, 3});
  CHECK(searchsorted(rows, from_vector<double>({2, 20}, {2, 1}), true).to_vector<int64_t>() == Ints{2, 2});
  CHECK(searchsorted(zeros({0}), zeros({2})).to_vector<int64_t>() == Ints{0, 0});
  CHECK_THROWS_AS(searchsorted(rows, zeros({3, 2}, Dtype::f64)), ShapeError);
  CHECK_THROWS_AS(searchsorted(rows, zeros({2, 2})), DtypeError);
}

OP_CASE("bucketize") {
  survey_types({.call = [](const Tensors& in) { return bucketize(in[0], in[1]); },
                .inputs = {normal({9}), from_vector<double>({-1, 0, 1})}});
  CHECK(bucketize(from_vector<double>({0, 1, 2, kNan}), from_vector<double>({1, 2})).to_vector<int64_t>() ==
        Ints{0, 0, 1, 2});
  CHECK_THROWS_AS(bucketize(zeros({2}), zeros({2, 2})), ShapeError);
}

OP_CASE("histogram") {
  survey_types({.call = [](const Tensors& in) { return histogram(in[0], {.bins = 4, .low = -2, .high = 2}).counts; },
                .inputs = {normal({9})}});
  const Histogram h =
      histogram(from_vector<double>({0, 0.5, 1, 1.5, 2, -1, 3, kNan, kInf}), {.bins = 4, .low = 0, .high = 2});
  CHECK(h.counts.to_vector<int64_t>() == Ints{1, 1, 1, 2});
  CHECK(h.edges.to_vector<double>() == std::vector<double>{0, 0.5, 1, 1.5, 2});
  CHECK(histogram(from_vector<int32_t>({1, 2, 3, 3}), {.bins = 2}).counts.to_vector<int64_t>() == Ints{1, 3});
  CHECK(histogram(full({5}, 3), {.bins = 2}).counts.to_vector<int64_t>() == Ints{0, 5});
  CHECK(histogram(zeros({0})).counts.count() == 10);
  CHECK_THROWS_AS(histogram(zeros({2}), {.bins = 0}), ValueError);
  CHECK_THROWS_AS(histogram(zeros({2}), {.low = 2, .high = 1}), ValueError);
  CHECK_THROWS_AS(histogram(full({2}, kInf)), ValueError);
  CHECK_THROWS_AS(histogram(full({2}, 1e300, Dtype::f64)), ValueError);
  CHECK_THROWS_AS(histogram(zeros({2}), {.low = -1.7e308, .high = 1.7e308}), ValueError);
  CHECK_THROWS_AS(histogram(zeros({2}, Dtype::boolean)), DtypeError);
}

OP_CASE("bincount") {
  survey_types(
      {.call = [](const Tensors& in) { return bincount(in[0]); }, .inputs = {cast(indices({9}, 5), Dtype::f64)}});
  const Tensor ids = from_vector<int64_t>({1, 3, 1, 0});
  CHECK(bincount(ids).to_vector<int64_t>() == Ints{1, 2, 0, 1});
  CHECK(bincount(ids, 6).to_vector<int64_t>() == Ints{1, 2, 0, 1, 0, 0});
  CHECK(bincount(ids, 0, from_vector<float>({1, 2, 4, 8})).to_vector<float>() == std::vector<float>{8, 5, 0, 2});
  CHECK(bincount(from_vector<int64_t>({}), 2).to_vector<int64_t>() == Ints{0, 0});
  CHECK_THROWS_AS(bincount(from_vector<int64_t>({1, -1})), IndexError);
  CHECK_THROWS_AS(bincount(from_vector<int64_t>({int64_t{1} << 60})), IndexError);
  CHECK_THROWS_AS(bincount(ids, -1), ValueError);
  CHECK_THROWS_AS(bincount(ids, 0, zeros({3})), ShapeError);
  CHECK_THROWS_AS(bincount(zeros({2}, Dtype::i64, Device::meta)), ValueError);
}
