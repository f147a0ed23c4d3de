#include "ops/index.h"

#include <limits>
#include <string>

#include "autograd/gradcheck.h"
#include "ops/diagonal.h"
#include "ops/elementwise.h"
#include "ops/mask.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "support/inputs.h"
#include "support/op_types.h"
#include "tensor/allocator.h"

using namespace gradus;
using namespace gradus::testing;

namespace {
using In = const Tensors&;
using Ints = std::vector<int64_t>;
using Doubles = std::vector<double>;
}  // namespace

OP_CASE("embedding") {
  for (int64_t width : {1, 8, 33}) {
    const Tensor ids = indices({4, 5}, 6);
    check({.call = [](In in) { return embedding(in[0], in[1]); }, .inputs = {normal({6, width}), ids}});
  }
  CHECK_THROWS_WITH_AS(embedding(zeros({3, 2}), from_vector<int64_t>({0, 3})),
                       doctest::Contains("index 3 at position 1"), IndexError);
  CHECK_THROWS_AS(embedding(zeros({3, 2}), zeros({2})), DtypeError);
  CHECK_THROWS_AS(embedding(zeros({3, 2}), Tensor()), ValueError);
}

OP_CASE("embedding_bag") {
  const Tensor ids = from_vector<int64_t>({5, 0, 0, 3, 2, 5}), offsets = from_vector<int64_t>({0, 2, 2, 5});
  for (BagMode mode : {BagMode::sum, BagMode::mean, BagMode::max})
    check({.call = [=](In in) { return embedding_bag(in[0], in[1], in[2], {.mode = mode}); },
           .inputs = {distinct({6, 3}), ids, offsets}});
  check({.call = [](In in) { return embedding_bag(in[0], in[1], in[2], {.mode = BagMode::sum, .weights = in[3]}); },
         .inputs = {distinct({6, 3}), ids, offsets, normal({6})}});
  CHECK_THROWS_AS(embedding_bag(zeros({6, 3}), ids, from_vector<int64_t>({1, 2})), IndexError);
  CHECK_THROWS_AS(embedding_bag(zeros({6, 3}), ids, from_vector<int64_t>({0, 3, 2})), IndexError);
  CHECK_THROWS_AS(embedding_bag(zeros({6, 3}), ids, from_vector<int64_t>({0, 7})), IndexError);
  CHECK_THROWS_AS(embedding_bag(zeros({6, 3}), ids, offsets, {.weights = zeros({6})}), ValueError);
}

OP_CASE("gather") {
  for (int axis : {0, 1, 2}) {
    Shape shape{3, 5, 4};
    shape[axis] = 7;
    check(
        {.call = [=](In in) { return gather(in[0], in[1], axis); }, .inputs = {normal({3, 5, 4}), indices(shape, 3)}});
  }
  check({.call = [](In in) { return gather(in[0], in[1], 1); },  // a smaller index
         .inputs = {normal({3, 5, 4}), indices({2, 6, 3}, 5)}});
  check({.call =
             [](In in) {
               return gather(in[0], expand(in[1], {3, 6, 4}), 1);
             },  // whole rows
         .inputs = {normal({3, 5, 4}), indices({3, 6, 1}, 5)}});
  CHECK_THROWS_AS(gather(zeros({3, 2}), from_vector<int64_t>({2}, {1, 1}), 1), IndexError);
  CHECK_THROWS_AS(gather(zeros({3, 2}), from_vector<int64_t>({-1}, {1, 1}), 1), IndexError);
  CHECK_THROWS_AS(gather(zeros({3, 2}), indices({4, 1}, 2), 1), ShapeError);
  CHECK_THROWS_AS(gather(zeros({3, 2}), indices({3}, 2), 1), ShapeError);
  CHECK(gather(full({2, 3}, 1, Dtype::boolean), indices({2, 2}, 3), 1).dtype() == Dtype::boolean);
}

OP_CASE("take_along_axis") {
  check({.call = [](In in) { return take_along_axis(in[0], in[1], 1); },
         .inputs = {normal({3, 5, 4}), sub(indices({1, 6, 4}, 10), 5.0)}});
  check(
      {.call = [](In in) { return take_along_axis(in[0], in[1], 0); }, .inputs = {normal({5, 1}), indices({2, 4}, 5)}});
  CHECK_THROWS_AS(take_along_axis(zeros({3, 2}), from_vector<int64_t>({-3}, {1, 1}), 1), IndexError);
}

OP_CASE("index_select") {
  for (int axis : {0, 1, 2})
    check({.call = [=](In in) { return index_select(in[0], in[1], axis); },
           .inputs = {normal({3, 5, 9}), indices({7}, 3)}});
  CHECK(index_select(from_vector<double>({1, 2, 3}), from_vector<int32_t>({2, 0})).to_vector<double>() ==
        Doubles{3, 1});
  CHECK(index_select(zeros({3, 0}), indices({2}, 3)).shape() == Shape{2, 0});
  CHECK_THROWS_AS(index_select(zeros({3, 2}), indices({2, 2}, 2)), ShapeError);
  CHECK_THROWS_AS(index_select(zeros({3, 2}), from_vector<int64_t>({3})), IndexError);
  CHECK_THROWS_AS(index_select(zeros({0, 2}), from_vector<int64_t>({0})), IndexError);
}

OP_CASE("take") {
  check({.call = [](In in) { return take(in[0], in[1]); }, .inputs = {normal({3, 4}), sub(indices({2, 5}, 24), 12.0)}});
  CHECK_THROWS_AS(take(zeros({3}), from_vector<int64_t>({3})), IndexError);
}

OP_CASE("gather_nd") {
  check({.call = [](In in) { return gather_nd(in[0], in[1]); }, .inputs = {normal({3, 4, 5}), indices({6, 2}, 3)}});
  check({.call = [](In in) { return gather_nd(in[0], in[1], 1); },
         .inputs = {normal({2, 3, 4}), sub(indices({2, 5, 1}, 6), 3.0)}});
  check({.call = [](In in) { return gather_nd(in[0], in[1]); }, .inputs = {normal({3, 4}), indices({7, 2}, 3)}});
  CHECK(gather_nd(zeros({3, 4}), zeros({5, 0}, Dtype::i64)).shape() == Shape{5, 3, 4});
  CHECK_THROWS_AS(gather_nd(zeros({3, 4}), indices({2, 3}, 2)), ShapeError);
  CHECK_THROWS_AS(gather_nd(zeros({3, 4}), from_vector<int64_t>({0, 4}, {1, 2})), IndexError);
}

OP_CASE("masked_fill") {
  const Tensor mask = greater(normal({5}, 9), zeros({5}, Dtype::f64));
  check({.call = [](In in) { return masked_fill(in[0], in[1], 2.5); }, .inputs = {normal({3, 5}), mask}});
  check({.call = [](In in) { return masked_fill(in[0], in[1], in[2]); }, .inputs = {normal({3, 5}), mask, normal({})}});
  CHECK_THROWS_AS(masked_fill(zeros({5}), zeros({3, 5}, Dtype::boolean), 1), ShapeError);
  CHECK_THROWS_AS(masked_fill(zeros({5}), zeros({5}), 1), DtypeError);
}

OP_CASE("masked_select") {
  survey_types({.call =
                    [](const Tensors& in) {
                      return masked_select(in[0], greater(in[0], zeros({}, in[0].dtype(), in[0].device())));
                    },
                .inputs = {normal({9})}});
  const Tensor mask = greater(distinct({3, 1}), zeros({}, Dtype::f64));
  const auto f = [&](In in) { return masked_select(in[0], mask); };
  const GradCheckResult r = check_gradients(f, {wanted(normal({4}))}, {.second_order = true});
  CHECK_MESSAGE(r.ok, r.where);
  CHECK_THROWS_AS(masked_select(zeros({2}), zeros({2}, Dtype::u8)), DtypeError);
  CHECK_THROWS_AS(masked_select(empty({2}, Dtype::f32, Device::meta), empty({2}, Dtype::boolean, Device::meta)),
                  ValueError);
}

OP_CASE("select_by_mask") {
  survey_types({.call =
                    [](const Tensors& in) {
                      return select_by_mask(in[0], greater(in[0], zeros({}, in[0].dtype(), in[0].device())));
                    },
                .inputs = {normal({9})}});
  const Tensor mask = greater(from_vector<double>({1, 0, 2}), zeros({}, Dtype::f64));
  CHECK(select_by_mask(from_vector<double>({1, 2, 3, 4, 5, 6}, {3, 2}), mask).to_vector<double>() ==
        Doubles{1, 2, 5, 6});
  const auto f = [&](In in) { return select_by_mask(in[0], mask); };
  const GradCheckResult r = check_gradients(f, {wanted(normal({3, 2}))}, {.second_order = true});
  CHECK_MESSAGE(r.ok, r.where);
  CHECK_THROWS_AS(select_by_mask(zeros({2, 3}), mask), ShapeError);
}

OP_CASE("nonzero") {
  survey_types({.call = [](const Tensors& in) { return nonzero(in[0]); }, .inputs = {normal({9})}});
  CHECK(nonzero(from_vector<double>({0, 3, 0, -1, 0, 2}, {2, 3})).to_vector<int64_t>() == Ints{0, 1, 1, 0, 1, 2});
  CHECK(nonzero(transpose(from_vector<double>({0, 3, 0, -1}, {2, 2}))).to_vector<int64_t>() == Ints{1, 0, 1, 1});
  CHECK(nonzero(scalar(2)).shape() == Shape{1, 0});
  CHECK(nonzero(zeros({3, 2})).shape() == Shape{0, 2});
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const GuardBuffers guard;  // counted and found alike, whatever the numbers are
  CHECK(nonzero(from_vector(std::vector<float>(40, nan))).shape() == Shape{40, 1});
  nonzero(from_vector<float>({1, 1e-40f, nan, 0, 1e-45f, 2, 3, 4, 5, 6, 7, 8, 9, nan, -nan, -1e-40f}));
  CHECK(guard.broken() == 0);
}

OP_CASE("one_hot") {
  survey_types(
      {.call = [](const Tensors& in) { return one_hot(in[0], 5); }, .inputs = {cast(indices({4}, 5), Dtype::f64)}});
  CHECK(one_hot(from_vector<int64_t>({2, 0}), 3).to_vector<int64_t>() == Ints{0, 0, 1, 1, 0, 0});
  CHECK(one_hot(from_vector<int32_t>({1}), 2, Dtype::f32).dtype() == Dtype::f32);
  CHECK(one_hot(zeros({}, Dtype::i64), 2).shape() == Shape{2});
  CHECK_THROWS_AS(one_hot(from_vector<int64_t>({2}), 2), IndexError);
  CHECK_THROWS_AS(one_hot(from_vector<int64_t>({0}), -1), ShapeError);
}

OP_CASE("tril") {
  for (int64_t k : {-9, -1, 0, 2, 9})
    check({.call = [=](In in) { return tril(in[0], k); }, .inputs = {normal({2, 3, 5})}});
  CHECK(tril(ones({2, 2}, Dtype::i64), std::numeric_limits<int64_t>::max()).to_vector<int64_t>() == Ints{1, 1, 1, 1});
  CHECK_THROWS_AS(tril(zeros({3})), ShapeError);
}

OP_CASE("triu") {
  for (int64_t k : {-9, -1, 0, 2, 9})
    check({.call = [=](In in) { return triu(in[0], k); },
           .composed = [=](In in) { return sub(in[0], tril(in[0], k - 1)); },
           .inputs = {normal({2, 5, 3})}});
  CHECK(triu(ones({2, 2}, Dtype::i64), std::numeric_limits<int64_t>::min()).to_vector<int64_t>() == Ints{1, 1, 1, 1});
}

OP_CASE("diag_embed") {
  for (int64_t offset : {-2, 0, 1}) {
    check({.call = [=](In in) { return diag_embed(in[0], offset); }, .inputs = {normal({2, 3})}});
    check({.call = [=](In in) { return diag_embed(in[0], offset, 0, 2); }, .inputs = {normal({2, 3})}});
  }
  CHECK_THROWS_AS(diag_embed(zeros({2}), std::numeric_limits<int64_t>::min()), ShapeError);
}

OP_CASE("diag") {
  check({.call = [](In in) { return diag(in[0], 1); }, .inputs = {normal({3})}});
  check({.call = [](In in) { return diag(in[0], -1); }, .inputs = {normal({3, 4})}});
  CHECK_THROWS_AS(diag(zeros({2, 2, 2})), ShapeError);
}

OP_CASE("trace") {
  check({.call = [](In in) { return trace(in[0]); }, .inputs = {normal({3, 4})}});
  check({.call = [](In in) { return trace(in[0]); }, .inputs = {normal({2, 4, 3})}});
}

TEST_CASE("eye and linspace") {
  CHECK(eye(2, 3).to_vector<double>() == Doubles{1, 0, 0, 0, 1, 0});
  CHECK(eye(2, -1, Dtype::i64).to_vector<int64_t>() == Ints{1, 0, 0, 1});
  CHECK(eye(0).count() == 0);
  CHECK(linspace(0, 1, 5).to_vector<double>() == Doubles{0, 0.25, 0.5, 0.75, 1});
  CHECK(linspace(0, 0.7, 8, Dtype::f64).to_vector<double>()[7] == 0.7);
  CHECK(linspace(3, 9, 1).to_vector<double>() == Doubles{3});
  CHECK(linspace(3, 9, 0).count() == 0);
  CHECK_THROWS_AS(linspace(0, 1, -1), ShapeError);
  CHECK_THROWS_AS(eye(-2), ShapeError);
}

TEST_CASE("indices outside are found wherever they stand") {
  const Tensor table = zeros({7, 2});
  for (int64_t n : {1, 40, 300000}) {
    const Tensor ids = indices({n}, 7);
    for (Dtype dtype : {Dtype::i32, Dtype::i64}) CHECK(embedding(table, cast(ids, dtype)).shape() == Shape{n, 2});
    for (int64_t place : {int64_t{0}, n / 2, n - 1})
      for (int64_t wrong : {-1, 7, 2000000000}) {
        const int64_t before = ids.data<int64_t>()[place];
        ids.data<int64_t>()[place] = wrong;
        const std::string words =
            "index " + std::to_string(wrong) + " at position " + std::to_string(place) + " is outside [0, 7)";
        for (Dtype dtype : {Dtype::i32, Dtype::i64})
          CHECK_THROWS_WITH_AS(embedding(table, cast(ids, dtype)), doctest::Contains(words.c_str()), IndexError);
        ids.data<int64_t>()[place] = before;
      }
  }
}
