#include "ops/surrogate.h"

#include <cmath>

#include "ops/elementwise.h"
#include "ops/mask.h"
#include "ops/math.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "ops/softmax.h"
#include "ops/sort.h"
#include "ops/statistics.h"
#include "support/inputs.h"
#include "support/threads.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

Tensor truths(const Shape& shape) { return cast(indices(shape, 2, 9), Dtype::f64); }

void check_measure(Tensor (*measure)(const Tensor&, const Tensor&, double), double k) {
  for (const Shape& shape : {Shape{9}, {3, 7}})
    check({.call = [=](const Tensors& in) { return measure(in[0], in[1], k); },
           .inputs = {normal(shape), uniform(shape, 0.1, 0.9, 4)}});
  CHECK_THROWS_AS(measure(normal({3}), normal({4}), 1), ShapeError);
  CHECK_THROWS_AS(measure(normal({3}), ones({3}), 1), DtypeError);
  CHECK_THROWS_AS(measure(normal({3}), normal({3}), 0), ValueError);
  CHECK_THROWS_AS(measure(indices({3}, 2), indices({3}, 2), 1), DtypeError);
  // as k grows, the measure of the decisions logits > 0
  const Tensor x = normal({200}), y = truths({200});
  CHECK(measure(zeros({4}, Dtype::f64), zeros({4}, Dtype::f64), 1).item() == 0);
  CHECK(std::isfinite(measure(x, y, 1e4).item()));
}

}  // namespace

OP_CASE("smooth_max") {
  for (const Shape& shape : {Shape{1}, {7}, {3, 17}, {2, 5, 9}})
    check({.call = [](const Tensors& in) { return smooth_max(in[0], 3); },
           .composed = [](const Tensors& in) { return div(log(sum(exp(mul(in[0], 3)), {-1})), 3); },
           .inputs = {normal(shape)}});
  check({.call = [](const Tensors& in) { return smooth_max(in[0], 2, 0); }, .inputs = {normal({3, 4})}});
  CHECK_THROWS_AS(smooth_max(normal({3}), -1), ValueError);
  CHECK_THROWS_AS(smooth_max(normal({3}), INFINITY), ValueError);
  CHECK_THROWS_AS(smooth_max(normal({3}), 1, 1), IndexError);
  CHECK_THROWS_AS(smooth_max(normal({2, 0}), 1), ShapeError);
  CHECK_THROWS_AS(smooth_max(indices({3}, 2), 1), DtypeError);
}
OP_CASE("smooth_min") {
  check({.call = [](const Tensors& in) { return smooth_min(in[0], 3, 0); },
         .composed = [](const Tensors& in) { return neg(smooth_max(neg(in[0]), 3, 0)); },
         .inputs = {normal({5, 9})}});
}
OP_CASE("smooth_abs") {
  check({.call = [](const Tensors& in) { return smooth_abs(in[0], 3); },
         .composed =
             [](const Tensors& in) {
               const Tensor z = mul(in[0], 3);
               return div(log(add(exp(z), exp(neg(z)))), 3);
             },
         .inputs = {normal({3, 33})}});
}
OP_CASE("smooth_maximum") {
  check({.call = [](const Tensors& in) { return smooth_maximum(in[0], in[1], 3); },
         .inputs = {normal({3, 33}), normal({33}, 1)}});
}
OP_CASE("smooth_minimum") {
  check({.call = [](const Tensors& in) { return smooth_minimum(in[0], in[1], 3); },
         .composed = [](const Tensors& in) { return neg(smooth_maximum(neg(in[0]), neg(in[1]), 3)); },
         .inputs = {normal({3, 33}), normal({3, 1}, 1)}});
}
OP_CASE("soft_one_hot") {
  check({.call = [](const Tensors& in) { return soft_one_hot(in[0], 3, 0); },
         .composed = [](const Tensors& in) { return softmax(mul(in[0], 3), 0); },
         .inputs = {normal({5, 9})}});
}
OP_CASE("soft_argmax") {
  for (int axis : {0, 1, -1})
    check({.call = [axis](const Tensors& in) { return soft_argmax(in[0], 2, axis); }, .inputs = {normal({4, 5, 3})}});
}
OP_CASE("soft_sort") {
  for (int axis : {0, -1})
    check({.call = [axis](const Tensors& in) { return soft_sort(in[0], 0.7, axis); }, .inputs = {distinct({4, 6})}});
}
OP_CASE("soft_rank") {
  for (int axis : {0, -1})
    check({.call = [axis](const Tensors& in) { return soft_rank(in[0], 2, axis); }, .inputs = {normal({4, 6})}});
}
OP_CASE("soft_accuracy") {
  check({.call = [](const Tensors& in) { return soft_accuracy(in[0], in[1], 2); },
         .composed =
             [](const Tensors& in) {
               const Tensor p = softmax(mul(in[0], 2));
               return mean(sum(mul(p, one_hot(in[1], 6, p.dtype())), {-1}));
             },
         .inputs = {normal({3, 5, 6}), indices({3, 5}, 6)}});
  CHECK_THROWS_AS(soft_accuracy(normal({3, 4}), indices({4}, 4)), ShapeError);
  CHECK_THROWS_AS(soft_accuracy(normal({3, 4}), add(indices({3}, 2), 3)), IndexError);
  CHECK_THROWS_AS(soft_accuracy(normal({3, 4}), normal({3})), DtypeError);
}
OP_CASE("soft_precision") { check_measure(soft_precision, 2); }
OP_CASE("soft_recall") { check_measure(soft_recall, 2); }
OP_CASE("soft_f1") { check_measure(soft_f1, 1); }
OP_CASE("soft_auc") { check_measure(soft_auc, 2); }

TEST_CASE("surrogates: the errors are within their bounds, and fall with the temperature") {
  const Tensor x = normal({200, 11});
  double before = 1e9;
  for (const double k : {1.0, 3.0, 10.0, 30.0, 100.0}) {
    const double worst = max(sub(smooth_max(x, k), max(x, {-1}))).item();
    CHECK(worst <= std::log(11.0) / k);
    CHECK(min(sub(smooth_max(x, k), max(x, {-1}))).item() >= -1e-12);
    CHECK(max(sub(min(x, {-1}), smooth_min(x, k))).item() <= std::log(11.0) / k);
    CHECK(max(sub(smooth_abs(x, k), abs(x))).item() <= std::log(2.0) / k + 1e-12);
    const Tensor a = select(x, 1, 0), b = select(x, 1, 1);
    CHECK(max(abs(sub(smooth_maximum(a, b, k), maximum(a, b)))).item() <= 0.2785 / k);
    CHECK(max(abs(sub(smooth_minimum(a, b, k), minimum(a, b)))).item() <= 0.2785 / k);
    CHECK(worst < before);
    before = worst;
  }
}

TEST_CASE("surrogates go to what they stand for") {
  const Tensor x = distinct({4, 9});
  const auto close = [](const Tensor& a, const Tensor& b, double tolerance = 1e-6) {
    CHECK(max(abs(sub(a, cast(b, Dtype::f64)))).item() < tolerance);
  };
  close(soft_one_hot(x, 200), one_hot(argmax(x), 9));
  close(soft_argmax(x, 200), argmax(x));
  close(soft_argmax(x, 200, 0), argmax(x, 0));
  close(soft_sort(x, 200), sort(x).values);
  close(soft_rank(x, 200), argsort(argsort(x)));
  // the decisions logits > 0 against y: 2 true positives, 1 false positive, 1 false negative, 2 true negatives
  const Tensor logits = from_vector(std::vector<double>{3, 2, 1, -1, -2, -3});
  const Tensor y = from_vector(std::vector<double>{1, 0, 1, 1, 0, 0});
  CHECK(soft_precision(logits, y, 100).item() == doctest::Approx(2.0 / 3));
  CHECK(soft_recall(logits, y, 100).item() == doctest::Approx(2.0 / 3));
  CHECK(soft_f1(logits, y, 100).item() == doctest::Approx(2.0 / 3));
  CHECK(soft_auc(logits, y, 100).item() == doctest::Approx(7.0 / 9));
  CHECK(soft_accuracy(stack({neg(logits), logits}, 1), cast(y, Dtype::i64), 100).item() == doctest::Approx(4.0 / 6));
  check_threads(
      [&] {
        return Tensors{soft_auc(normal({300}), truths({300})), soft_sort(normal({3, 90}), 2)};
      },
      "surrogates");
}
