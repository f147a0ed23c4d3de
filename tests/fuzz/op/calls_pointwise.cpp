// Element-wise functions, activations and losses beyond the first ones.
#include "fuzz/op/calls.h"
#include "ops/activation.h"
#include "ops/clamp.h"
#include "ops/logic.h"
#include "ops/loss_class.h"
#include "ops/loss_ctc.h"
#include "ops/loss_metric.h"
#include "ops/loss_regression.h"
#include "ops/math.h"
#include "ops/rounding.h"
#include "ops/softmax.h"

namespace gradus::fuzz {

namespace {

template <Tensor (*F)(const Tensor&)>
Tensors unary(Dice& d) {
  return {F(d.odd() ? d.any() : d.floats())};
}

template <Tensor (*F)(const Tensor&, const Tensor&)>
Tensors binary(Dice& d) {
  const Tensor a = d.chance(0.8) ? d.floats() : d.any();
  return {F(a, d.tensor(d.broadcastable(shape_of(a)), d.coin() && a.defined() ? a.dtype() : d.dtype()))};
}
template <Tensor (*F)(const Tensor&, const Tensor&), Tensor (*G)(const Tensor&, double)>
Tensors binary_or_number(Dice& d) {
  if (d.chance(0.3)) return {G(d.any(), d.number())};
  return binary<F>(d);
}

// An activation with one parameter.
template <Tensor (*F)(const Tensor&, double)>
Tensors with_number(Dice& d) {
  return {F(d.floats(), d.number())};
}

// Two operands of one shape.
struct Twins {
  Tensor a, b;
  explicit Twins(Dice& d) : a(d.floats()) {
    b = d.odd() ? d.any() : d.tensor(shape_of(a), a.defined() ? a.dtype() : d.kind());
  }
};
template <Tensor (*F)(const Tensor&, const Tensor&)>
Tensors twins(Dice& d) {
  const Twins t(d);
  return {F(t.a, t.b)};
}

LossReduction reduction(Dice& d) {
  return d.one_of({LossReduction::none, LossReduction::mean, LossReduction::sum, LossReduction::batch_mean});
}
template <Tensor (*F)(const Tensor&, const Tensor&, LossReduction)>
Tensors pair(Dice& d) {
  const Twins t(d);
  return {F(t.a, t.b, reduction(d))};
}
template <Tensor (*F)(const Tensor&, const Tensor&, double, LossReduction)>
Tensors pair_with_number(Dice& d) {
  const Twins t(d);
  return {F(t.a, t.b, d.number(), reduction(d))};
}

Tensors call_clamp(Dice& d) {
  const Tensor x = d.any();
  if (d.coin()) return {clamp(x, d.number(), d.number()), clamp_min(x, d.number()), clamp_max(x, d.number())};
  const auto bound = [&] { return d.maybe(d.tensor(d.broadcastable(shape_of(x)), d.dtype())); };
  const Tensor low = bound();
  return {clamp(x, low, bound())};
}

Tensors call_lerp(Dice& d) {
  const Tensor a = d.floats(), b = d.floats(d.broadcastable(shape_of(a)));
  return {d.coin() ? lerp(a, b, d.number()) : lerp(a, b, d.floats(d.broadcastable(shape_of(a))))};
}

Tensors call_logical(Dice& d) {
  const Tensor a = d.any(), b = d.tensor(d.broadcastable(shape_of(a)), d.dtype());
  return {logical_not(a), d.one_of({logical_and, logical_or, logical_xor})(a, b)};
}
Tensors call_bitwise(Dice& d) {
  const auto whole = [&] {
    return d.odd() ? d.dtype() : d.one_of({Dtype::i64, Dtype::i32, Dtype::u8, Dtype::boolean});
  };
  const Tensor a = d.tensor(d.shape(), whole());
  const Tensor b = d.tensor(d.broadcastable(shape_of(a)), whole());
  return {bitwise_not(a), d.one_of({bitwise_and, bitwise_or, bitwise_xor})(a, b)};
}

Tensors call_prelu(Dice& d) {
  const Tensor x = d.floats();
  const int rank = rank_of(x);
  const int64_t channels = rank == 0 ? 1 : x.size(rank > 1 ? 1 : 0);
  return {prelu(x, d.floats(d.odd() ? d.shape() : d.coin() ? Shape{1} : Shape{channels}))};
}

Tensors call_glu(Dice& d) {
  Shape s = d.shape();
  const int axis = d.axis(s.rank());
  if (axis >= -s.rank() && axis < s.rank() && !d.odd()) s[axis < 0 ? axis + s.rank() : axis] *= 2;
  return {glu(d.floats(s), axis)};
}

Tensors call_binary_cross_entropy(Dice& d) {
  const Twins t(d);
  const Tensor weight = d.maybe(d.floats(d.odd() ? d.shape() : Shape{1}));
  return {binary_cross_entropy(t.a, t.b, {.weight = weight, .reduction = reduction(d)})};
}
Tensors call_with_logits(Dice& d) {
  const Twins t(d);
  const Tensor weight = d.maybe(d.floats(d.odd() ? d.shape() : Shape{}));
  const Tensor positive = d.maybe(d.floats(d.odd() ? d.shape() : Shape{}));
  return {binary_cross_entropy_with_logits(t.a, t.b,
                                           {.weight = weight, .pos_weight = positive, .reduction = reduction(d)})};
}

// Scores (..., classes) and labels (...), one of which may be told to count for nothing.
struct Labelled {
  Tensor x, labels, weight;
  explicit Labelled(Dice& d) : x(d.floats()) {
    Shape s = shape_of(x);
    const int64_t classes = size_of_axis(x, -1);
    if (s.rank() > 0) s.erase(s.rank() - 1);
    labels = d.indices(d.odd() ? d.shape() : s, classes);
    weight = d.maybe(d.floats(d.odd() ? d.shape() : Shape{classes}));
  }
};
Tensors call_nll(Dice& d) {
  const Labelled c(d);
  return {nll_loss(c.x, c.labels, {.weight = c.weight, .ignore_index = d.between(-1, 1), .reduction = reduction(d)})};
}
Tensors call_cross_entropy(Dice& d) {
  const Labelled c(d);
  return {cross_entropy_loss(c.x, c.labels,
                             {.weight = c.weight,
                              .label_smoothing = d.odd()    ? d.number()
                                                 : d.coin() ? 0
                                                            : 0.2,
                              .ignore_index = d.between(-1, 1),
                              .reduction = reduction(d)})};
}
Tensors call_soft_cross_entropy(Dice& d) {
  const Twins t(d);
  const Tensor weight = d.maybe(d.floats(d.odd() ? d.shape() : Shape{size_of_axis(t.a, -1)}));
  return {soft_cross_entropy_loss(t.a, t.b,
                                  {.weight = weight,
                                   .label_smoothing = d.odd()    ? d.number()
                                                      : d.coin() ? 0
                                                                 : 0.2,
                                   .reduction = reduction(d)})};
}

Tensors call_gaussian(Dice& d) {
  const Twins t(d);
  return {gaussian_nll_loss(t.a, t.b, d.tensor(shape_of(t.a), t.a.defined() ? t.a.dtype() : d.kind()),
                            {.full = d.coin(), .reduction = reduction(d)})};
}

Tensors call_cosine(Dice& d) {
  const Tensor a = d.floats(), b = d.floats(d.broadcastable(shape_of(a)));
  return {cosine_similarity(a, b, d.axis(rank_of(a)), d.odd() ? d.number() : 1e-8)};
}
Tensors call_distance(Dice& d) {
  const Tensor a = d.floats(), b = d.floats(d.broadcastable(shape_of(a)));
  return {pairwise_distance(a, b, d.odd() ? d.number() : d.one_of({1.0, 2.0, 3.0}), d.odd() ? d.number() : 1e-6)};
}
Tensors call_cosine_embedding(Dice& d) {
  const Twins t(d);
  Shape s = shape_of(t.a);
  if (s.rank() > 0) s.erase(s.rank() - 1);
  return {cosine_embedding_loss(t.a, t.b, d.tensor(d.odd() ? d.shape() : s, d.dtype()), d.number(), reduction(d))};
}
Tensors call_triplet(Dice& d) {
  const Twins t(d);
  const Tensor n = d.tensor(shape_of(t.a), t.a.defined() ? t.a.dtype() : d.kind());
  return {
      triplet_margin_loss(t.a, t.b, n, {.margin = d.number(), .p = 2, .swap = d.coin(), .reduction = reduction(d)})};
}
Tensors call_ranking(Dice& d) {
  const Twins t(d);
  const Tensor y = d.tensor(shape_of(t.a), t.a.defined() ? t.a.dtype() : d.kind());
  return {margin_ranking_loss(t.a, t.b, y, d.number(), reduction(d))};
}

Tensors call_ctc(Dice& d) {
  const Tensor x = d.floats(d.odd() ? d.shape() : d.shape_of_rank(3));
  const int64_t steps = size_of_axis(x, 0), batch = size_of_axis(x, 1), classes = size_of_axis(x, 2);
  const int64_t width = d.between(0, 3), blank = d.odd() ? d.size() : std::max<int64_t>(classes - 1, 0);
  const Tensor targets = d.indices({batch, width}, std::max<int64_t>(classes - 1, 1));
  return {ctc_loss(x, targets, d.indices({batch}, steps + 1), d.indices({batch}, width + 1),
                   {.blank = blank, .reduction = reduction(d), .zero_infinity = d.coin()})};
}

}  // namespace

std::vector<Call> pointwise_calls() {
  return {
      {"exp2", unary<exp2>},
      {"expm1", unary<expm1>},
      {"log2", unary<log2>},
      {"log10", unary<log10>},
      {"log1p", unary<log1p>},
      {"tan", unary<tan>},
      {"asin", unary<asin>},
      {"acos", unary<acos>},
      {"atan", unary<atan>},
      {"sinh", unary<sinh>},
      {"cosh", unary<cosh>},
      {"asinh", unary<asinh>},
      {"acosh", unary<acosh>},
      {"atanh", unary<atanh>},
      {"erfc", unary<erfc>},
      {"erfinv", unary<erfinv>},
      {"lgamma", unary<lgamma>},
      {"digamma", unary<digamma>},
      {"sinc", unary<sinc>},
      {"floor", unary<floor>},
      {"ceil", unary<ceil>},
      {"trunc", unary<trunc>},
      {"round", unary<round>},
      {"frac", unary<frac>},
      {"round_ste", unary<round_ste>},
      {"step", unary<step>},
      {"is_nan", unary<is_nan>},
      {"is_inf", unary<is_inf>},
      {"is_finite", unary<is_finite>},
      {"relu6", unary<relu6>},
      {"relu_squared", unary<relu_squared>},
      {"selu", unary<selu>},
      {"mish", unary<mish>},
      {"quick_gelu", unary<quick_gelu>},
      {"log_sigmoid", unary<log_sigmoid>},
      {"softsign", unary<softsign>},
      {"tanh_shrink", unary<tanh_shrink>},
      {"hard_sigmoid", unary<hard_sigmoid>},
      {"hard_swish", unary<hard_swish>},
      {"atan2", binary<atan2>},
      {"hypot", binary<hypot>},
      {"copysign", binary<copysign>},
      {"logaddexp", binary<logaddexp>},
      {"xlogy", binary<xlogy>},
      {"fmod", binary_or_number<fmod, fmod>},
      {"remainder", binary_or_number<remainder, remainder>},
      {"floor_divide", binary_or_number<floor_divide, floor_divide>},
      {"reglu", twins<reglu>},
      {"geglu", twins<geglu>},
      {"geglu_tanh", twins<geglu_tanh>},
      {"polygamma", [](Dice& d) -> Tensors { return {polygamma(static_cast<int>(d.small(0, 4)), d.floats())}; }},
      {"logit", [](Dice& d) -> Tensors { return {logit(d.floats(), d.odd()    ? d.number()
                                                                   : d.coin() ? 0
                                                                              : 0.1)}; }},
      {"lerp", call_lerp},
      {"clamp", call_clamp},
      {"straight_through", twins<straight_through>},
      {"heaviside", with_number<heaviside>},
      {"nan_to_num",
       [](Dice& d) -> Tensors {
         return {nan_to_num(d.any(), {.nan = d.number(), .posinf = d.number(), .neginf = d.number()})};
       }},
      {"logical", call_logical},
      {"bitwise", call_bitwise},
      {"leaky_relu", with_number<leaky_relu>},
      {"prelu", call_prelu},
      {"elu", with_number<elu>},
      {"celu", with_number<celu>},
      {"softplus", [](Dice& d) -> Tensors { return {softplus(d.floats(), d.number(), d.number())}; }},
      {"hard_tanh", [](Dice& d) -> Tensors { return {hard_tanh(d.floats(), -d.number(), d.number())}; }},
      {"hard_shrink", with_number<hard_shrink>},
      {"soft_shrink", with_number<soft_shrink>},
      {"threshold", [](Dice& d) -> Tensors { return {threshold(d.floats(), d.number(), d.number())}; }},
      {"glu", call_glu},
      {"softmin",
       [](Dice& d) -> Tensors {
         const Tensor x = d.floats();
         return {softmin(x, d.axis(rank_of(x)))};
       }},
      {"mse_loss", pair<mse_loss>},
      {"l1_loss", pair<l1_loss>},
      {"smooth_l1_loss", pair_with_number<smooth_l1_loss>},
      {"huber_loss", pair_with_number<huber_loss>},
      {"binary_cross_entropy", call_binary_cross_entropy},
      {"binary_cross_entropy_with_logits", call_with_logits},
      {"kl_div",
       [](Dice& d) -> Tensors {
         const Twins t(d);
         return {kl_div(t.a, t.b, {.log_target = d.coin(), .reduction = reduction(d)})};
       }},
      {"nll_loss", call_nll},
      {"cross_entropy_loss", call_cross_entropy},
      {"soft_cross_entropy_loss", call_soft_cross_entropy},
      {"poisson_nll_loss",
       [](Dice& d) -> Tensors {
         const Twins t(d);
         return {poisson_nll_loss(t.a, t.b, {.log_input = d.coin(), .full = d.coin(), .reduction = reduction(d)})};
       }},
      {"gaussian_nll_loss", call_gaussian},
      {"cosine_similarity", call_cosine},
      {"pairwise_distance", call_distance},
      {"cosine_embedding_loss", call_cosine_embedding},
      {"triplet_margin_loss", call_triplet},
      {"hinge_loss", pair<hinge_loss>},
      {"hinge_embedding_loss", pair_with_number<hinge_embedding_loss>},
      {"margin_ranking_loss", call_ranking},
      {"soft_margin_loss", pair<soft_margin_loss>},
      {"ctc_loss", call_ctc},
  };
}

}  // namespace gradus::fuzz
