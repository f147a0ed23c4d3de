#include <cmath>
#include <limits>

#include "autograd/autograd.h"
#include "ops/elementwise.h"
#include "ops/loss_class.h"
#include "ops/loss_metric.h"
#include "ops/loss_regression.h"
#include "ops/math.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "ops/softmax.h"
#include "support/threads.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

constexpr LossReduction kAll[] = {LossReduction::none, LossReduction::mean, LossReduction::sum,
                                  LossReduction::batch_mean};

using PairCall = Tensor (*)(const Tensor&, const Tensor&, LossReduction);

// Both operands are differentiated.
void check_pair(PairCall loss, const Tensor& x, const Tensor& t,
                const std::function<Tensor(const Tensors&)>& composed) {
  check({.call = [loss](const Tensors& in) { return loss(in[0], in[1], LossReduction::none); },
         .composed = composed,
         .inputs = {x, t}});
  for (const LossReduction reduction : kAll)
    check({.call = [loss, reduction](const Tensors& in) { return loss(in[0], in[1], reduction); }, .inputs = {x, t}});
  CHECK_THROWS_AS(loss(ones({3, 1}), ones({3}), LossReduction::mean), ShapeError);
  CHECK_THROWS_AS(loss(ones({3}), ones({3}, Dtype::f64), LossReduction::mean), DtypeError);
  CHECK_THROWS_AS(loss(ones({3}), Tensor(), LossReduction::mean), ValueError);
  CHECK_THROWS_AS(loss(ones({}), ones({}), LossReduction::batch_mean), ShapeError);
}

Tensor signs(const Shape& shape) { return sub(mul(cast(indices(shape, 2, 3), Dtype::f64), 2), 1); }
Tensor probabilities(const Shape& shape, uint64_t stream) { return uniform(shape, 0.1, 0.9, stream); }

}  // namespace

OP_CASE("mse_loss") {
  for (const Shape& shape : {Shape{7}, {3, 33}})
    check_pair(mse_loss, normal(shape), normal(shape, 1), [](const Tensors& in) { return square(sub(in[0], in[1])); });
  CHECK(std::isnan(mse_loss(ones({0}), ones({0})).item()));
  CHECK(mse_loss(ones({0}), ones({0}), LossReduction::sum).item() == 0);
}
OP_CASE("l1_loss") {
  check_pair(l1_loss, normal({3, 33}), normal({3, 33}, 1), [](const Tensors& in) { return abs(sub(in[0], in[1])); });
}
OP_CASE("smooth_l1_loss") {
  check_pair([](const Tensor& x, const Tensor& t, LossReduction r) { return smooth_l1_loss(x, t, 0.7, r); },
             normal({3, 33}), normal({3, 33}, 1),
             [](const Tensors& in) {
               const Tensor d = abs(sub(in[0], in[1]));
               return where(less(d, full({}, 0.7, d.dtype(), d.device())), div(square(d), 1.4), sub(d, 0.35));
             });
  CHECK_THROWS_AS(smooth_l1_loss(ones({2}), ones({2}), -1), ValueError);
}
OP_CASE("huber_loss") {
  check_pair([](const Tensor& x, const Tensor& t, LossReduction r) { return huber_loss(x, t, 0.7, r); },
             normal({3, 33}), normal({3, 33}, 1),
             [](const Tensors& in) {
               const Tensor d = abs(sub(in[0], in[1]));
               return where(less(d, full({}, 0.7, d.dtype(), d.device())), mul(square(d), 0.5), mul(sub(d, 0.35), 0.7));
             });
  CHECK_THROWS_AS(huber_loss(ones({2}), ones({2}), 0), ValueError);
}

OP_CASE("binary_cross_entropy") {
  check_pair(
      [](const Tensor& x, const Tensor& t, LossReduction r) { return binary_cross_entropy(x, t, {.reduction = r}); },
      probabilities({3, 33}, 1), probabilities({3, 33}, 2),
      [](const Tensors& in) {
        const Tensor miss = mul(sub(in[1], 1), log1p(neg(in[0])));
        return sub(miss, mul(in[1], log(in[0])));
      });
  check({.call = [](const Tensors& in) { return binary_cross_entropy(in[0], in[1], {.weight = in[2]}); },
         .inputs = {probabilities({3, 9}, 1), probabilities({3, 9}, 2), uniform({9}, 0.5, 2)},
         .constant = {2}});
  CHECK(binary_cross_entropy(from_vector<float>({0}), from_vector<float>({1})).item() == 100);
  CHECK_THROWS_AS(binary_cross_entropy(ones({2}), ones({2}), {.weight = ones({3, 2})}), ShapeError);
}

OP_CASE("binary_cross_entropy_with_logits") {
  check_pair([](const Tensor& x, const Tensor& t,
                LossReduction r) { return binary_cross_entropy_with_logits(x, t, {.reduction = r}); },
             mul(normal({3, 33}), 2), probabilities({3, 33}, 2),
             [](const Tensors& in) {
               const Tensor p = sigmoid(in[0]);
               return neg(add(mul(in[1], log(p)), mul(add(neg(in[1]), 1), log1p(neg(p)))));
             });
  for (bool weighted : {false, true})
    check({.call =
               [weighted](const Tensors& in) {
                 return binary_cross_entropy_with_logits(in[0], in[1],
                                                         {.weight = weighted ? in[2] : Tensor(), .pos_weight = in[3]});
               },
           .inputs = {normal({3, 9}), probabilities({3, 9}, 2), uniform({9}, 0.5, 2), uniform({3, 1}, 0.5, 2, 1)},
           .constant = {2, 3}});
  CHECK(binary_cross_entropy_with_logits(from_vector<float>({200, -200}), from_vector<float>({1, 0})).item() == 0);
}

OP_CASE("kl_div") {
  for (bool log_target : {false, true})
    check({.call = [=](const Tensors& in) { return kl_div(in[0], in[1], {.log_target = log_target}); },
           .inputs = {normal({3, 9}), probabilities({3, 9}, 2)}});
  const Tensor p = softmax(cast(normal({3, 9}), Dtype::f64));
  CHECK(std::abs(kl_div(log(p), p, {.reduction = LossReduction::batch_mean}).item()) < 1e-14);
}

OP_CASE("nll_loss") {
  const Tensor labels = from_vector<int64_t>({2, -100, 0, 3});
  for (const LossReduction reduction : kAll) {
    check({.call = [=](const Tensors& in) { return nll_loss(in[0], in[1], {.reduction = reduction}); },
           .inputs = {normal({4, 5}), labels}});
  }
  check({.call = [](const Tensors& in) { return nll_loss(in[0], in[1], {.weight = in[2], .ignore_index = 1}); },
         .inputs = {normal({2, 3, 5}), indices({2, 3}, 5), uniform({5}, 0.5, 2)},
         .constant = {2}});
  CHECK(nll_loss(ones({1, 3}), from_vector<int64_t>({-100})).item() == 0);
  CHECK_THROWS_AS(nll_loss(ones({1, 3}), from_vector<int64_t>({3})), IndexError);
  CHECK_THROWS_AS(nll_loss(ones({1, 0}), from_vector<int64_t>({0})), IndexError);
  CHECK_THROWS_AS(nll_loss(ones({1, 3}), from_vector<float>({1})), DtypeError);
  CHECK_THROWS_AS(nll_loss(ones({1, 3}), from_vector<int64_t>({1}), {.weight = ones({2})}), ShapeError);
}

OP_CASE("cross_entropy_loss") {
  for (double smooth : {0.0, 0.2})
    check({.call =
               [=](const Tensors& in) {
                 return cross_entropy_loss(in[0], in[1],
                                           {.weight = in[2], .label_smoothing = smooth, .ignore_index = 1});
               },
           .inputs = {normal({2, 3, 5}), indices({2, 3}, 5), uniform({5}, 0.5, 2)},
           .constant = {2}});
  CHECK_THROWS_AS(cross_entropy_loss(ones({1, 3}), from_vector<int64_t>({1}), {.label_smoothing = 2}), ValueError);
}

OP_CASE("soft_cross_entropy_loss") {
  check(
      {.call = [](const Tensors& in) { return soft_cross_entropy_loss(in[0], in[1], {.label_smoothing = 0.1}); },
       .composed =
           [](const Tensors& in) { return mean(neg(sum(mul(add(mul(in[1], 0.9), 0.1 / 5), log_softmax(in[0])), -1))); },
       .inputs = {normal({4, 5}), probabilities({4, 5}, 2)}});
}

OP_CASE("poisson_nll_loss") {
  check({.call = [](const Tensors& in) { return poisson_nll_loss(in[0], in[1], {.full = true}); },
         .inputs = {normal({3, 9}), uniform({3, 9}, 1.2, 4)}});
  check({.call = [](const Tensors& in) { return poisson_nll_loss(in[0], in[1], {.log_input = false}); },
         .inputs = {uniform({3, 9}, 0.5, 4), uniform({3, 9}, 0, 4, 1)}});
}

OP_CASE("gaussian_nll_loss") {
  check({.call = [](const Tensors& in) { return gaussian_nll_loss(in[0], in[1], in[2], {.full = true}); },
         .inputs = {normal({3, 9}), normal({3, 9}, 1), uniform({3, 9}, 0.3, 2)}});
}

OP_CASE("cosine_similarity") {
  for (int axis : {0, -1})
    check({.call = [axis](const Tensors& in) { return cosine_similarity(in[0], in[1], axis); },
           .inputs = {normal({4, 9}), normal({4, 9}, 1)}});
  check({.call = [](const Tensors& in) { return cosine_similarity(in[0], in[1]); },
         .inputs = {normal({4, 1, 9}), normal({3, 9}, 1)}});
  Tensor x = zeros({2, 3});
  require_grad(x);
  const Tensor y = cosine_similarity(x, ones({2, 3}));
  CHECK(y.to_vector<double>() == std::vector<double>{0, 0});
  for (double g : grad({sum(y)}, {x})[0].to_vector<double>()) CHECK(std::isfinite(g));
  CHECK_THROWS_AS(cosine_similarity(ones({}), ones({})), IndexError);
}

OP_CASE("pairwise_distance") {
  for (double p : {1.0, 2.0, 3.0, std::numeric_limits<double>::infinity()})
    check({.call = [p](const Tensors& in) { return pairwise_distance(in[0], in[1], p); },
           .inputs = {normal({4, 9}), normal({4, 9}, 1)},
           .tolerance = 4});
  CHECK_THROWS_AS(pairwise_distance(ones({2}), ones({2}), 0), ValueError);
}

OP_CASE("cosine_embedding_loss") {
  check({.call = [](const Tensors& in) { return cosine_embedding_loss(in[0], in[1], in[2], -0.5); },
         .inputs = {normal({6, 9}), normal({6, 9}, 1), signs({6})},
         .constant = {2}});
}
OP_CASE("triplet_margin_loss") {
  for (bool swap : {false, true})
    check({.call = [swap](const Tensors& in) { return triplet_margin_loss(in[0], in[1], in[2], {.swap = swap}); },
           .inputs = {normal({6, 9}), normal({6, 9}, 1), normal({6, 9}, 2)},
           .tolerance = 4});
}
OP_CASE("hinge_loss") {
  check({.call = [](const Tensors& in) { return hinge_loss(in[0], in[1]); },
         .inputs = {normal({6, 9}), signs({6, 9})},
         .constant = {1}});
}
OP_CASE("hinge_embedding_loss") {
  check({.call = [](const Tensors& in) { return hinge_embedding_loss(in[0], in[1], 0.5); },
         .inputs = {normal({6, 9}), signs({6, 9})},
         .constant = {1}});
}
OP_CASE("margin_ranking_loss") {
  check({.call = [](const Tensors& in) { return margin_ranking_loss(in[0], in[1], in[2], 0.2); },
         .inputs = {normal({6, 9}), normal({6, 9}, 1), signs({6, 9})},
         .constant = {2}});
}
OP_CASE("soft_margin_loss") {
  check({.call = [](const Tensors& in) { return soft_margin_loss(in[0], in[1]); },
         .inputs = {normal({6, 9}), signs({6, 9})},
         .constant = {1}});
}

TEST_CASE("pair losses: the same bits on any number of threads") {
  const Tensor x = cast(normal({50000}), Dtype::f32), t = cast(normal({50000}, 1), Dtype::f32);
  check_threads(
      [&] {
        Tensor p = clone(x);
        require_grad(p);
        const Tensor loss = mse_loss(p, t);
        backward(loss);
        return Tensors{loss.detach(), grad_of(p)};
      },
      "mse_loss");
}
