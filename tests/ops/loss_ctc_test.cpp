#include "ops/loss_ctc.h"

#include <cmath>

#include "autograd/autograd.h"
#include "ops/elementwise.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "ops/softmax.h"
#include "support/op_case.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

const Tensor kTargets = from_vector<int64_t>({1, 1, 2, 2, 3, 1, 3, 0, 0, 0, 0, 0}, {4, 3});
const Tensor kInputs = from_vector<int64_t>({5, 6, 4, 6}), kTargetSizes = from_vector<int64_t>({3, 3, 1, 0});

// -log of the summed probability of every path of classes that spells the target.
double by_enumeration(const std::vector<double>& p, int steps, int classes, const std::vector<int>& target, int blank) {
  double total = 0;
  std::vector<int> path(static_cast<size_t>(steps), 0);
  for (bool more = true; more;) {
    std::vector<int> said;
    double product = 1;
    for (int t = 0; t < steps; ++t) {
      const int c = path[static_cast<size_t>(t)];
      product *= p[static_cast<size_t>(t * classes + c)];
      if (c != blank && (t == 0 || c != path[static_cast<size_t>(t - 1)])) said.push_back(c);
    }
    if (said == target) total += product;
    more = false;
    for (int t = 0; t < steps && !more; ++t)
      if (++path[static_cast<size_t>(t)] < classes)
        more = true;
      else
        path[static_cast<size_t>(t)] = 0;
  }
  return -std::log(total);
}

}  // namespace

OP_CASE("ctc_loss") {
  for (const LossReduction reduction : {LossReduction::none, LossReduction::mean, LossReduction::sum})
    check({.call = [reduction](
                       const Tensors& in) { return ctc_loss(in[0], in[1], in[2], in[3], {.reduction = reduction}); },
           .inputs = {normal({6, 4, 4}), kTargets, kInputs, kTargetSizes},
           .tolerance = 4});
  check({.call =
             [](const Tensors& in) {
               return ctc_loss(in[0], in[1], in[2], in[3], {.blank = 3, .reduction = LossReduction::sum});
             },
         .inputs = {normal({5, 1, 4}), from_vector<int64_t>({0, 2}, {1, 2}), from_vector<int64_t>({5}),
                    from_vector<int64_t>({2})},
         .tolerance = 4});
}

TEST_CASE("ctc_loss: the sum over all paths") {
  const Tensor logits = normal({5, 1, 3});
  const auto p = softmax(logits).to_vector<double>();
  const Tensor steps = from_vector<int64_t>({5});
  for (const std::vector<int>& target : {std::vector<int>{}, {1}, {1, 2}, {1, 1}, {2, 2, 1}, {1, 2, 1, 2, 1}}) {
    const std::vector<int64_t> wide(target.begin(), target.end());
    const int64_t n = static_cast<int64_t>(target.size());
    CHECK(ctc_loss(logits, from_vector(wide), steps, from_vector<int64_t>({n}), {.reduction = LossReduction::sum})
              .item() == doctest::Approx(by_enumeration(p, 5, 3, target, 0)).epsilon(1e-12));
  }
}

TEST_CASE("ctc_loss: targets that do not fit, lengths of 0, refusals") {
  Tensor x = normal({3, 2, 4});
  require_grad(x);
  const Tensor targets = from_vector<int64_t>({1, 1, 2, 3, 0, 0}, {2, 3});
  const Tensor steps = from_vector<int64_t>({3, 3}), sizes = from_vector<int64_t>({3, 1});
  CHECK(std::isinf(ctc_loss(x, targets, steps, sizes).item()));
  const Tensor loss = ctc_loss(x, targets, steps, sizes, {.zero_infinity = true});
  CHECK(std::isfinite(loss.item()));
  for (double g : grad({loss}, {x})[0].to_vector<double>()) CHECK(std::isfinite(g));
  // All targets in one row give the same.
  CHECK(ctc_loss(x, from_vector<int64_t>({1, 1, 2, 3}), steps, sizes, {.zero_infinity = true}).item() == loss.item());

  const Tensor none = from_vector<int64_t>({0, 0});
  CHECK(ctc_loss(x, targets, none, none).item() == 0);
  CHECK_THROWS_AS(ctc_loss(x, targets, from_vector<int64_t>({4, 3}), sizes), ValueError);
  CHECK_THROWS_AS(ctc_loss(x, targets, steps, from_vector<int64_t>({-1, 3})), ValueError);
  CHECK_THROWS_AS(ctc_loss(x, targets, steps, from_vector<int64_t>({3, 2})), ValueError);  // the blank
  CHECK_THROWS_AS(ctc_loss(x, mul(targets, 4), steps, sizes), IndexError);
  CHECK_THROWS_AS(ctc_loss(x, targets, steps, sizes, {.blank = 4}), IndexError);
  CHECK_THROWS_AS(ctc_loss(x, from_vector<int64_t>({1, 1}), steps, sizes), ValueError);
  CHECK_THROWS_AS(ctc_loss(select(x, 1, 0), targets, steps, sizes), ShapeError);
  CHECK_THROWS_AS(ctc_loss(x, targets, steps, from_vector<int64_t>({3})), ShapeError);
  CHECK_THROWS_AS(ctc_loss(x, cast(targets, Dtype::f32), steps, sizes), DtypeError);
}
