#include "ops/scan.h"

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
using Ints = std::vector<int64_t>;
constexpr ScanOptions kOptions[] = {{}, {.exclusive = true}, {.reverse = true}, {.exclusive = true, .reverse = true}};
}  // namespace

OP_CASE("cumsum") {
  for (const Shape& shape : {Shape{1}, {7}, {3, 33}, {2, 5, 17}, {4, 0, 3}, {2, 130}})
    for (int axis : {0, -1})
      for (const ScanOptions& o : kOptions)
        check({.call = [=](In in) { return cumsum(in[0], axis, o); }, .inputs = {normal(shape)}});
  const Tensor x = from_vector<int64_t>({1, 2, 3});
  CHECK(cumsum(x, 0).to_vector<int64_t>() == Ints{1, 3, 6});
  CHECK(cumsum(x, 0, {.exclusive = true}).to_vector<int64_t>() == Ints{0, 1, 3});
  CHECK(cumsum(x, 0, {.exclusive = true, .reverse = true}).to_vector<int64_t>() == Ints{5, 3, 0});
  CHECK(cumsum(full({300}, 1, Dtype::boolean), 0).to_vector<int64_t>()[299] == 300);
  CHECK_THROWS_AS(cumsum(scalar(1), 0), IndexError);
}

TEST_CASE("cumsum: one long row, in pieces, forwards and backwards") {
  const int64_t n = 300001;
  const Tensor x = cast(uniform({n}, -1, 1), Dtype::f32);
  for (const ScanOptions& o : kOptions) check_close(cumsum(x, 0, o), cumsum(cast(x, Dtype::f64), 0, o), 0x1p-24, 0.1);
  check_threads([&] { return Tensors{cumsum(x, 0), cumsum(x, 0, {.reverse = true})}; }, "cumsum");
}

OP_CASE("cumprod") {
  for (const Shape& shape : {Shape{1}, {7}, {3, 19}, {4, 0, 3}})
    for (int axis : {0, -1})
      for (const ScanOptions& o : kOptions)
        check({.call = [=](In in) { return cumprod(in[0], axis, o); }, .inputs = {uniform(shape, 0.7, 1.4)}});
  for (const ScanOptions& o : kOptions)
    check({.call = [=](In in) { return cumprod(in[0], 0, o); },
           .inputs = {from_vector<double>({2, -1, 0, 3, 0.5, 0, 4, 1.5})}});
  CHECK(cumprod(from_vector<int32_t>({2, 3, 4}), 0).to_vector<int64_t>() == Ints{2, 6, 24});
}

OP_CASE("logcumsumexp") {
  for (int axis : {0, 1}) check({.call = [=](In in) { return logcumsumexp(in[0], axis); }, .inputs = {normal({4, 9})}});
  CHECK_THROWS_AS(logcumsumexp(zeros({2}, Dtype::i64), 0), DtypeError);
}

OP_CASE("cummax") {
  for (int axis : {0, 1})
    check({.call = [=](In in) { return cummax(in[0], axis).values; }, .inputs = {distinct({4, 33})}});
  CHECK(cummax(from_vector<int64_t>({1, 3, 3, 2}), 0).indices.to_vector<int64_t>() == Ints{0, 1, 2, 2});
}

OP_CASE("cummin") {
  check({.call = [](In in) { return cummin(in[0], -1).values; }, .inputs = {distinct({4, 33})}});
}

OP_CASE("linear_scan") {
  for (bool reverse : {false, true}) {
    for (int axis : {0, 1})
      check({.call = [=](In in) { return linear_scan(in[0], in[1], axis, reverse); },
             .inputs = {uniform({5, 19}, -0.9, 0.9), normal({5, 19})}});
    check({.call = [=](In in) { return linear_scan(in[0], in[1], -1, reverse); },
           .inputs = {uniform({1, 9}, -0.9, 0.9), normal({2, 3, 9})}});
  }
  // The first factor counts for nothing, whatever it is.
  CHECK(linear_scan(from_vector<double>({std::nan(""), 2, 3}), ones({3}, Dtype::f64), 0).to_vector<double>() ==
        std::vector<double>{1, 3, 10});
  CHECK_THROWS_AS(linear_scan(zeros({2}), zeros({2}, Dtype::f64), 0), DtypeError);
  CHECK_THROWS_AS(linear_scan(zeros({2}), zeros({3}), 0), ShapeError);
}
