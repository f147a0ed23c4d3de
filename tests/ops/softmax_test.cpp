#include "ops/softmax.h"

#include <cmath>
#include <limits>

#include "autograd/autograd.h"
#include "ops/elementwise.h"
#include "ops/reduce.h"
#include "support/threads.h"

using namespace gradus;
using namespace gradus::testing;

OP_CASE("softmax") {
  for (const Shape& shape :
       {Shape{1}, {7}, {3, 8}, {2, 9}, {3, 15}, {3, 16}, {3, 17}, {3, 31}, {3, 33}, {2, 5, 70}, {4, 0, 3}})
    check({.call = [](const Tensors& in) { return softmax(in[0]); },
           .composed =
               [](const Tensors& in) {
                 const Tensor e = exp(sub(in[0], max(in[0], -1, keep_axis)));
                 return div(e, sum(e, -1, keep_axis));
               },
           .inputs = {normal(shape)}});
  check({.call = [](const Tensors& in) { return softmax(in[0], 0); }, .inputs = {normal({5, 3})}});
  CHECK_THROWS_AS(softmax(zeros({2, 3}), 2), IndexError);
  CHECK_THROWS_AS(softmax(zeros({2, 3}, Dtype::i64)), DtypeError);
}

OP_CASE("log_softmax") {
  for (const Shape& shape : {Shape{1}, {7}, {3, 16}, {3, 33}, {2, 5, 70}})
    check({.call = [](const Tensors& in) { return log_softmax(in[0]); },
           .composed = [](const Tensors& in) { return log(softmax(in[0])); },
           .inputs = {normal(shape)}});
  check({.call = [](const Tensors& in) { return log_softmax(in[0], -2); }, .inputs = {normal({2, 5, 3})}});
}

TEST_CASE("softmax: infinities, NaN, large numbers, and the numbers of PyTorch 2.15") {
  constexpr double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  for (Dtype dtype : {Dtype::f32, Dtype::f64}) {
    const Tensor x = cast(from_vector<double>({-inf, -inf, 1, -inf, 1000, 1000, 0, nan}, {4, 2}), dtype);
    const auto p = softmax(x).to_vector<double>();
    CHECK(p[0] == 0);
    CHECK(p[1] == 0);
    CHECK(p[2] == 1);
    CHECK(p[3] == 0);
    CHECK(p[4] == 0.5);
    CHECK(std::isnan(p[6]));
    CHECK(std::isnan(p[7]));
    const auto l = log_softmax(x).to_vector<double>();
    CHECK(l[0] == -inf);
    CHECK(l[2] == 0);
    CHECK(l[3] == -inf);
    CHECK(l[4] == doctest::Approx(-0.6931472));

    const Tensor row = cast(from_vector<double>({-2, -0.5, 0, 0.5, 3}), dtype);
    const Tensor expected = from_vector<double>({0.005764805, 0.025836065, 0.042596469, 0.070229705, 0.855572956});
    check_close(softmax(row), expected, 0x1p-23);
  }
}

TEST_CASE("softmax: the same bits on any number of threads") {
  const Tensor x = cast(normal({300, 257}), Dtype::f32), dy = cast(normal({300, 257}, 1), Dtype::f32);
  for (auto op : {softmax, log_softmax})
    check_threads(
        [&] {
          Tensor z = x.detach();
          require_grad(z);
          const Tensor y = op(z, -1);
          return Tensors{y, grad({y}, {z}, {dy})[0]};
        },
        "softmax");
}
