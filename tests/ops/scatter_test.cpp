#include "ops/scatter.h"

#include <functional>
#include <string>

#include "kernels/table.h"
#include "ops/elementwise.h"
#include "ops/segment.h"
#include "ops/shape.h"
#include "support/inputs.h"
#include "support/threads.h"

using namespace gradus;
using namespace gradus::testing;

namespace {
using In = const Tensors&;
using Ints = std::vector<int64_t>;
}  // namespace

OP_CASE("scatter") {
  for (int axis : {0, 1, 2}) {
    Shape shape{3, 5, 4};
    shape[axis] = 7;
    check({.call = [=](In in) { return scatter(in[0], in[1], in[2], axis); },
           .inputs = {normal({3, 5, 4}), indices(shape, 3), normal(shape, 1)}});
  }
  check({.call = [](In in) { return scatter(in[0], in[1], 2.0, 1); }, .inputs = {normal({3, 5}), indices({2, 3}, 5)}});
  const Tensor three = from_vector<int64_t>({1, 2, 3});
  CHECK(scatter(zeros({2}, Dtype::i64), from_vector<int64_t>({1, 1, 1}), three).to_vector<int64_t>() == Ints{0, 3});
  CHECK_THROWS_AS(scatter(zeros({3}), from_vector<int64_t>({3}), zeros({1})), IndexError);
  CHECK_THROWS_AS(scatter(zeros({3}), from_vector<int64_t>({0}), zeros({2})), ShapeError);
  CHECK_THROWS_AS(scatter(zeros({3}), from_vector<int64_t>({0}), zeros({1}, Dtype::f64)), DtypeError);
  CHECK_THROWS_AS(scatter(zeros({3}, Dtype::f32, Device::meta), from_vector<int64_t>({0}), zeros({1})), ValueError);
}

OP_CASE("scatter_add") {
  check(
      {.call = [](In in) { return scatter_add(in[0], in[1], 5, 0); }, .inputs = {normal({9, 3}), indices({9, 3}, 5)}});
  for (int axis : {0, 1, 2}) {
    Shape shape{3, 5, 4};
    shape[axis] = 7;
    check({.call = [=](In in) { return scatter_add(in[0], in[1], in[2], axis); },
           .inputs = {normal({3, 5, 4}), indices(shape, 3), normal(shape, 1)}});
  }
  check({.call = [](In in) { return scatter_add(in[0], in[1], in[2], 1); },  // a smaller index
         .inputs = {normal({3, 5}), indices({2, 9}, 5), normal({2, 9}, 1)}});
  CHECK_THROWS_AS(scatter_add(zeros({2}), from_vector<int64_t>({0, 1}), -1), ShapeError);
}

TEST_CASE("scatter_add: many to few and few to many, the same bits on any number of threads") {
  struct Sizes {
    Shape src;
    int64_t target;
    int axis;
  };
  for (const Sizes& s : {Sizes{{200000}, 10, 0},
                         {{200000}, 150000, 0},
                         {{5000, 40}, 300, 0},
                         {{64, 300}, 70, 0},
                         {{40, 900}, 30, 1},
                         {{3, 50, 70}, 20, 1}})
    for (bool runs : {false, true}) {
      const Tensor src = cast(normal(s.src), Dtype::f32);
      Shape shape = s.src;
      for (int i = s.axis + 1; runs && i < shape.rank(); ++i) shape[i] = 1;
      const Tensor index = expand(indices(shape, s.target), s.src);
      const auto call = [&] { return scatter_add(src, index, s.target, s.axis); };
      check_threads([&] { return Tensors{call()}; }, "scatter_add");
      const Tensor fast = call();
      const UseRefKernels use;
      check_close(fast, scatter_add(cast(src, Dtype::f64), index, s.target, s.axis), 0x1p-23, 4);
    }
}

OP_CASE("scatter_reduce") {
  for (ScatterMode mode : {ScatterMode::sum, ScatterMode::prod, ScatterMode::mean, ScatterMode::max, ScatterMode::min})
    for (bool self : {false, true})
      for (int axis : {0, 1}) {
        Shape shape{4, 5};
        shape[axis] = 9;
        const bool factors = mode == ScatterMode::prod;
        check(
            {.call =
                 [=](In in) { return scatter_reduce(in[0], in[1], in[2], axis, {.mode = mode, .include_self = self}); },
             .inputs = {factors ? uniform({4, 5}, 0.5, 2) : distinct({4, 5}, 89), indices(shape, 4),
                        factors ? uniform(shape, 0.5, 2, 1) : add(distinct(shape), 0.125)}});
      }
  // Products with one zero, two and three among their factors.
  for (bool self : {false, true})
    check({.call =
               [=](In in) {
                 return scatter_reduce(in[0], in[1], in[2], 0, {.mode = ScatterMode::prod, .include_self = self});
               },
           .inputs = {from_vector<double>({2, 0, 1.5}), from_vector<int64_t>({0, 1, 0, 2, 1, 2, 0, 2}),
                      from_vector<double>({3, 0, 0, 0, 2, 0, -1, 4})}});
  CHECK(scatter_reduce(from_vector<int64_t>({5, 5}), from_vector<int64_t>({0, 0}), from_vector<int64_t>({3, 4}), 0,
                       {.mode = ScatterMode::max, .include_self = false})
            .to_vector<int64_t>() == Ints{4, 5});
  CHECK_THROWS_AS(
      scatter_reduce(zeros({2}, Dtype::i64), indices({1}, 2), zeros({1}, Dtype::i64), 0, {.mode = ScatterMode::mean}),
      DtypeError);
}

TEST_CASE("gather and scatter_add: an index outside is found wherever it stands, and named") {
  struct Case {
    Shape x, index;
    int axis;
  };
  for (const Case& c : {Case{{40, 50}, {40, 2000}, 1},
                        {{40, 50}, {30, 70}, 1},
                        {{50, 40}, {60, 40}, 0},
                        {{100000}, {70000}, 0},
                        {{10}, {70000}, 0},
                        {{3, 0}, {3, 2}, 1}})
    for (Dtype type : {Dtype::f32, Dtype::f64, Dtype::i64})
      for (int64_t wrong : {int64_t{-1}, c.x[c.axis], int64_t{1} << 40}) {
        const Tensor x = zeros(c.x, type), src = ones(c.index, type), index = zeros(c.index, Dtype::i64);
        const int64_t at = index.count() * 2 / 3;
        index.data<int64_t>()[at] = wrong;
        const std::string said =
            "index " +
            (c.x[c.axis] == 0 ? "0 at position 0" : std::to_string(wrong) + " at position " + std::to_string(at));
        for (const auto& call : {std::function([&] { return gather(x, index, c.axis); }),
                                 std::function([&] { return scatter_add(x, index, src, c.axis); })}) {
          std::string error;
          try {
            call();
          } catch (const IndexError& e) {
            error = e.what();
          }
          CHECK_MESSAGE(error.find(said) != std::string::npos, error, " lacks ", said);
        }
      }
}

OP_CASE("index_add") {
  for (int axis : {0, 1, 2}) {
    Shape shape{3, 5, 9};
    shape[axis] = 7;
    check({.call = [=](In in) { return index_add(in[0], in[1], in[2], axis); },
           .inputs = {normal({3, 5, 9}), indices({7}, 3), normal(shape, 1)}});
  }
  CHECK_THROWS_AS(index_add(zeros({3, 2}), indices({4}, 3), zeros({4, 3})), ShapeError);
}

OP_CASE("put") {
  for (bool accumulate : {false, true})
    check({.call = [=](In in) { return put(in[0], in[1], in[2], accumulate); },
           .inputs = {normal({3, 4}), sub(indices({2, 5}, 24), 12.0), normal({2, 5}, 1)}});
  CHECK_THROWS_AS(put(zeros({3}), from_vector<int64_t>({-4}), zeros({1})), IndexError);
}

OP_CASE("scatter_nd") {
  for (WriteMode mode : {WriteMode::assign, WriteMode::sum, WriteMode::prod, WriteMode::max, WriteMode::min})
    check({.call = [=](In in) { return scatter_nd(in[0], in[1], in[2], mode); },
           .inputs = {distinct({3, 4, 2}, 89), sub(indices({6, 2}, 6), 3.0), add(distinct({6, 2}), 0.125)},
           .tolerance = mode == WriteMode::prod ? 16.0 : 1.0});
  CHECK(scatter_nd(zeros({2, 2}, Dtype::i64), from_vector<int64_t>({1}, {1, 1}), from_vector<int64_t>({7, 8}, {1, 2}))
            .to_vector<int64_t>() == Ints{0, 0, 7, 8});
  CHECK_THROWS_AS(scatter_nd(zeros({3}), indices({2, 2}, 2), zeros({2})), ShapeError);
  CHECK_THROWS_AS(scatter_nd(zeros({3}), indices({2, 1}, 2), zeros({3})), ShapeError);
}

OP_CASE("segment_sum") {
  check({.call = [](In in) { return segment_sum(in[0], in[1], 5); }, .inputs = {normal({9, 3}), indices({9}, 4)}});
  CHECK_THROWS_AS(segment_sum(zeros({3}), from_vector<int64_t>({0, 1, 2}), 2), IndexError);
  CHECK_THROWS_AS(segment_sum(zeros({3}), indices({2}, 2), 2), ShapeError);
  CHECK_THROWS_AS(segment_sum(zeros({3}), indices({3}, 2), -1), ShapeError);
}

OP_CASE("segment_mean") {
  check({.call = [](In in) { return segment_mean(in[0], in[1], 5); }, .inputs = {normal({9, 3}), indices({9}, 4)}});
}

OP_CASE("segment_prod") {
  check({.call = [](In in) { return segment_prod(in[0], in[1], 5); },
         .inputs = {uniform({9, 3}, 0.5, 2), indices({9}, 4)}});
}

OP_CASE("segment_max") {
  check({.call = [](In in) { return segment_max(in[0], in[1], 5); }, .inputs = {distinct({9, 3}), indices({9}, 4)}});
  CHECK(segment_max(from_vector<int64_t>({-3, -4}), from_vector<int64_t>({1, 1}), 3).to_vector<int64_t>() ==
        Ints{0, -3, 0});
}

OP_CASE("segment_min") {
  check({.call = [](In in) { return segment_min(in[0], in[1], 5); }, .inputs = {distinct({9, 3}), indices({9}, 4)}});
}
