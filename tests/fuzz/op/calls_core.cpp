// Element-wise functions, reductions, views, products, norms, losses: the ops that were there first.
#include "fuzz/op/calls.h"
#include "ops/activation.h"
#include "ops/attention.h"
#include "ops/create.h"
#include "ops/dropout.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/loss.h"
#include "ops/matmul.h"
#include "ops/norm.h"
#include "ops/reduce.h"
#include "ops/rope.h"
#include "ops/shape.h"
#include "ops/softmax.h"

namespace gradus::fuzz {

namespace {

// f(x) of floats, seldom of another type.
template <Tensor (*F)(const Tensor&)>
Tensors unary(Dice& d) {
  return {F(d.odd() ? d.any() : d.floats())};
}

// f(a, b) of any types and shapes that broadcast, or with a number.
template <Tensor (*F)(const Tensor&, const Tensor&)>
Tensors binary(Dice& d) {
  const Tensor a = d.any();
  return {F(a, d.tensor(d.broadcastable(shape_of(a)), d.coin() && a.defined() ? a.dtype() : d.dtype()))};
}
template <Tensor (*F)(const Tensor&, const Tensor&), Tensor (*G)(const Tensor&, double)>
Tensors binary_or_number(Dice& d) {
  if (d.chance(0.3)) return {G(d.any(), d.number())};
  return binary<F>(d);
}

template <Tensor (*All)(const Tensor&), Tensor (*Some)(const Tensor&, const Axes&, KeepAxis)>
Tensors reduce(Dice& d) {
  const Tensor x = d.chance(0.8) ? d.floats() : d.any();
  if (d.chance(0.2)) return {All(x)};
  return {Some(x, d.axes(rank_of(x)), d.coin() ? keep_axis : drop_axis)};
}

Tensors comparisons(Dice& d) {
  const Tensor a = d.any(), b = d.tensor(d.broadcastable(shape_of(a)), d.dtype());
  return {d.one_of({equal, not_equal, less, less_equal, greater, greater_equal})(a, b)};
}

Tensors call_where(Dice& d) {
  const Tensor a = d.any();
  const Tensor c = d.tensor(d.broadcastable(shape_of(a)), d.odd() ? d.dtype() : Dtype::boolean);
  return {where(c, a, d.tensor(d.broadcastable(shape_of(a)), d.dtype()))};
}

Tensors call_sum(Dice& d) {
  const Tensor x = d.any();
  const int a = d.axis(rank_of(x)), b = d.axis(rank_of(x));
  const KeepAxis keep = d.coin() ? keep_axis : drop_axis;
  switch (d.below(4)) {
    case 0: return {sum(x)};
    case 1: return {sum(x, std::initializer_list<int>{a, b}, keep)};
    case 2: return {sum_to(x, d.broadcastable(shape_of(x)))};
    default: return {sum(x, a, keep)};
  }
}

Tensors call_reshape(Dice& d) {
  const Tensor x = d.any();
  const Shape from = shape_of(x);
  Shape to;
  if (d.odd()) {
    to = d.shape();
    if (to.rank() > 0 && d.coin()) to[static_cast<int>(d.below(to.rank()))] = d.size();
  } else if (d.coin()) {
    to = {-1};
  } else {  // neighbours merged, ones put in
    for (int i = 0; i < from.rank(); ++i) {
      if (to.rank() > 0 && d.coin())
        to[to.rank() - 1] *= from[i];
      else
        to.push_back(from[i]);
      if (d.chance(0.2) && to.rank() < 7) to.push_back(1);
    }
    if (d.chance(0.2) && to.rank() > 0) to[static_cast<int>(d.below(to.rank()))] = -1;
  }
  if (d.chance(0.2)) return {flatten(x, d.axis(from.rank()), d.axis(from.rank()))};
  return {reshape(x, to)};
}

Tensors call_permute(Dice& d) {
  const Tensor x = d.any();
  const int r = rank_of(x);
  if (r == 2) return {permute(x, {d.axis(2), d.axis(2)})};
  if (r == 3)
    return {permute(x, d.coin() ? std::initializer_list<int>{2, 0, 1} : std::initializer_list<int>{1, -1, 0})};
  return {d.odd() ? permute(x, {d.axis(r)}) : r == 1 ? permute(x, {0}) : permute(x, {0, 1, 3, 2})};
}

Tensors call_narrow(Dice& d) {
  const Tensor x = d.any();
  const int axis = d.axis(rank_of(x));
  const int64_t n = size_of_axis(x, axis);
  const int64_t start = d.odd() ? d.size() : d.between(0, n);
  switch (d.below(3)) {
    case 0: return {select(x, axis, d.odd() ? d.size() : d.between(-n, n))};
    case 1: return split(x, {start, d.odd() ? d.size() : n - start}, axis);
    default: return {narrow(x, axis, start, d.odd() ? d.size() : d.between(0, std::max<int64_t>(n - start, 0)))};
  }
}

Tensors call_axes(Dice& d) {
  const Tensor x = d.any();
  const int axis = d.axis(rank_of(x) + 1);
  const Tensor wide = unsqueeze(x, axis);
  return {wide, d.coin() ? squeeze(wide, axis) : squeeze(wide, d.axis(wide.rank()))};
}

Tensors call_concat(Dice& d) {
  const Tensor first = d.any();
  const int axis = d.axis(rank_of(first));
  Tensors xs{first};
  for (int64_t i = d.below(4); i > 0; --i) {
    Shape s = shape_of(first);
    if (axis >= -s.rank() && axis < s.rank()) s[axis < 0 ? axis + s.rank() : axis] = d.between(0, 4);
    xs.push_back(d.odd() ? d.any() : d.tensor(s, first.defined() ? first.dtype() : d.dtype()));
  }
  if (d.chance(0.02)) xs.clear();
  return {concat(xs, axis)};
}

Tensors call_embedding(Dice& d) {
  const Tensor table = d.floats(d.odd() ? d.shape() : d.shape_of_rank(2));
  return {embedding(table, d.indices(d.shape(4), size_of_axis(table, 0)))};
}

// x and an index of its shape but for one axis.
struct Indexed {
  Tensor x, index;
  int axis;
};
Indexed indexed(Dice& d, int64_t bound) {
  Indexed r;
  r.x = d.chance(0.8) ? d.floats() : d.any();
  r.axis = d.axis(rank_of(r.x));
  Shape s = shape_of(r.x);
  if (bound == 0 && r.axis >= -s.rank() && r.axis < s.rank())
    s[r.axis < 0 ? r.axis + s.rank() : r.axis] = d.between(0, 4);
  if (d.odd()) s = d.shape();
  r.index = d.indices(s, bound ? bound : size_of_axis(r.x, r.axis));
  return r;
}
Tensors call_gather(Dice& d) {
  const Indexed r = indexed(d, 0);
  return {gather(r.x, r.index, r.axis)};
}
Tensors call_scatter_add(Dice& d) {
  const int64_t bound = d.between(1, 5);
  const Indexed r = indexed(d, bound);
  return {scatter_add(r.x, r.index, d.odd() ? d.size() : bound, r.axis)};
}

AttentionOptions attention_options(Dice& d, int64_t batch, int64_t queries, int64_t keys) {
  AttentionOptions o;
  o.causal = d.coin();
  if (d.chance(0.3)) o.scale = d.number();
  if (d.chance(0.3)) o.window = d.odd() ? d.size() : d.between(1, 6);
  if (d.chance(0.3)) o.softcap = d.odd() ? d.number() : 2;
  if (d.chance(0.3)) o.mask = d.tensor({batch, keys}, d.odd() ? d.dtype() : Dtype::boolean);
  if (d.chance(0.2)) o.first = d.indices({batch, queries}, keys, Dtype::i32);
  if (d.chance(0.2)) o.dropout = d.odd() ? d.number() : 0.3, o.dropout_key = d.key();
  return o;
}
Tensors call_attention(Dice& d) {
  const int64_t b = d.between(0, 2), tq = d.between(0, 5), tk = d.odd() ? d.between(0, 5) : tq + d.below(3),
                g = d.between(1, 2), h = d.odd() ? d.between(0, 5) : g * d.between(1, 2), c = d.between(1, 9);
  const Tensor q = d.floats({b, tq, h, c}), k = d.floats({b, tk, g, c}),
               v = d.floats(d.odd() ? d.shape(4) : Shape{b, tk, g, c});
  const AttentionOptions o = attention_options(d, b, tq, tk);
  return {d.chance(0.8) ? attention(q, k, v, o) : attention_composed(q, k, v, o)};
}
Tensors call_attention_qkv(Dice& d) {
  const int64_t b = d.between(0, 2), t = d.between(0, 5), h = d.between(1, 3);
  const Tensor qkv = d.floats(d.odd() ? d.shape(4) : Shape{b, t, 3 * h * d.between(1, 5)});
  return {attention_qkv(qkv, static_cast<int>(d.odd() ? d.small(0, 5) : h), attention_options(d, b, t, t))};
}
Tensors call_rope(Dice& d) {
  const int64_t b = d.between(0, 2), t = d.between(0, 4), r = d.between(0, 3), c = 2 * r + d.between(0, 2);
  const Shape table = d.odd() ? d.shape(3) : Shape{d.coin() ? b : 1, t, r};
  const Tensor x = d.floats(d.odd() ? d.shape() : Shape{b, t, d.between(0, 3), c});
  const Tensor cos = d.tensor(table, d.floating()).defined() ? d.operands().back().detach() : Tensor();
  const Tensor sin = d.tensor(table, d.floating()).defined() ? d.operands().back().detach() : Tensor();
  return {rope(x, cos, sin, d.coin())};
}

Tensors call_matmul(Dice& d) {
  const Tensor a = d.floats(d.odd() ? d.shape() : d.shape_of_rank(static_cast<int>(d.between(2, 4))));
  Shape s = shape_of(a);
  if (s.rank() >= 2) {
    s[s.rank() - 2] = d.odd() ? d.between(0, 4) : s.back();
    s[s.rank() - 1] = d.between(0, 5);
    for (int i = 0; i < s.rank() - 2; ++i)
      if (d.chance(0.3)) s[i] = 1;
  }
  return {matmul(a, d.floats(s))};
}
Tensors call_affine(Dice& d) {
  const Tensor x = d.floats(d.odd() ? d.shape() : d.shape_of_rank(static_cast<int>(d.between(1, 4))));
  const int64_t n = d.between(0, 5);
  const Tensor w = d.floats({d.odd() ? d.between(0, 4) : size_of_axis(x, -1), n});
  return {affine(x, w, d.coin() ? d.floats({d.odd() ? d.between(0, 4) : n}) : Tensor())};
}

template <Tensor (*F)(const Tensor&, int)>
Tensors along(Dice& d) {
  const Tensor x = d.odd() ? d.any() : d.floats();
  return {F(x, d.axis(rank_of(x)))};
}

Tensors call_layer_norm(Dice& d) {
  const Tensor x = d.floats();
  const Shape width{size_of_axis(x, -1)};
  const Tensor w = d.coin() ? d.floats(width) : Tensor(),
               b = d.coin() ? d.floats(d.odd() ? d.shape() : width) : Tensor();
  return {layer_norm(x, w, b, d.odd() ? d.number() : 1e-5)};
}
Tensors call_rms_norm(Dice& d) {
  const Tensor x = d.floats();
  const Tensor w = d.coin() ? d.floats({size_of_axis(x, -1)}) : Tensor();
  return {rms_norm(x, w, d.odd() ? d.number() : 1e-6)};
}
Tensors call_swiglu(Dice& d) {
  const Tensor gate = d.floats();
  return {swiglu(gate, d.floats(d.odd() ? d.shape() : shape_of(gate)))};
}

struct Labelled {
  Tensor logits, labels;
};
Labelled labelled(Dice& d) {
  const Tensor logits = d.floats(d.odd() ? d.shape() : d.shape_of_rank(static_cast<int>(d.between(1, 4))));
  Shape s = shape_of(logits);
  if (s.rank() > 0) s.erase(s.rank() - 1);
  const Tensor labels = d.indices(s, size_of_axis(logits, -1));
  return {logits, labels};
}
Tensors call_cross_entropies(Dice& d) {
  const Labelled l = labelled(d);
  return {cross_entropies(l.logits, l.labels)};
}
Tensors call_cross_entropy(Dice& d) {
  const Labelled l = labelled(d);
  return {cross_entropy(l.logits, l.labels, d.chance(0.3) ? d.number() : kTargetCount)};
}
Tensors call_linear_cross_entropy(Dice& d) {
  const Tensor x = d.floats(d.shape_of_rank(static_cast<int>(d.between(1, 3))));
  const int64_t classes = d.between(0, 6);
  const Tensor w = d.floats({classes, d.odd() ? d.between(0, 4) : size_of_axis(x, -1)});
  Shape s = shape_of(x);
  if (s.rank() > 0) s.erase(s.rank() - 1);
  return {linear_cross_entropy(x, w, d.indices(s, classes), d.chance(0.3) ? d.number() : kTargetCount,
                               d.chance(0.3) ? d.number() : 0)};
}

Tensors creation(Dice& d) {
  Shape s = d.shape();
  if (s.rank() > 0 && d.chance(0.2)) s[0] = d.size();
  const Device device = d.odd() ? Device::meta : Device::cpu;
  const double a = d.number(), b = d.number();
  switch (d.below(5)) {
    case 0: return {full(s, a, d.dtype(), device)};
    case 1: return {arange(d.size(20), d.dtype(), a, b, device)};
    case 2: return {random_normal(s, d.key(), a, b, d.dtype(), device)};
    case 3: return {random_uniform(s, d.key(), a, b, d.dtype(), device)};
    default: return {scalar(a, d.dtype(), device), zeros(s, d.dtype(), device)};
  }
}

}  // namespace

std::vector<Call> core_calls() {
  return {
      {"neg", unary<neg>},
      {"abs", unary<abs>},
      {"sign", unary<sign>},
      {"exp", unary<exp>},
      {"log", unary<log>},
      {"sqrt", unary<sqrt>},
      {"rsqrt", unary<rsqrt>},
      {"square", unary<square>},
      {"reciprocal", unary<reciprocal>},
      {"sin", unary<sin>},
      {"cos", unary<cos>},
      {"tanh", unary<tanh>},
      {"sigmoid", unary<sigmoid>},
      {"erf", unary<erf>},
      {"relu", unary<relu>},
      {"silu", unary<silu>},
      {"gelu", unary<gelu>},
      {"gelu_tanh", unary<gelu_tanh>},
      {"add", binary_or_number<add, add>},
      {"sub", binary_or_number<sub, sub>},
      {"mul", binary_or_number<mul, mul>},
      {"div", binary_or_number<div, div>},
      {"maximum", binary_or_number<maximum, maximum>},
      {"minimum", binary_or_number<minimum, minimum>},
      {"pow", binary_or_number<pow, pow>},
      {"comparisons", comparisons},
      {"where", call_where},
      {"cast", [](Dice& d) -> Tensors { return {cast(d.any(), d.dtype())}; }},
      {"sum", call_sum},
      {"mean", reduce<mean, mean>},
      {"max", reduce<max, max>},
      {"min", reduce<min, min>},
      {"reshape", call_reshape},
      {"transpose",
       [](Dice& d) -> Tensors {
         const Tensor x = d.any();
         return {transpose(x, d.axis(rank_of(x)), d.axis(rank_of(x)))};
       }},
      {"permute", call_permute},
      {"expand",
       [](Dice& d) -> Tensors {
         const Tensor x = d.any();
         return {expand(x, d.broadcast_target(shape_of(x)))};
       }},
      {"narrow", call_narrow},
      {"unsqueeze and squeeze", call_axes},
      {"concat", call_concat},
      {"clone", [](Dice& d) -> Tensors { return {d.coin() ? clone(d.any()) : contiguous(d.any())}; }},
      {"embedding", call_embedding},
      {"gather", call_gather},
      {"scatter_add", call_scatter_add},
      {"attention", call_attention},
      {"attention_qkv", call_attention_qkv},
      {"rope", call_rope},
      {"matmul", call_matmul},
      {"affine", call_affine},
      {"softmax", along<softmax>},
      {"log_softmax", along<log_softmax>},
      {"layer_norm", call_layer_norm},
      {"rms_norm", call_rms_norm},
      {"swiglu", call_swiglu},
      {"dropout", [](Dice& d) -> Tensors { return {dropout(d.floats(), d.odd() ? d.number() : 0.3, d.key())}; }},
      {"cross_entropies", call_cross_entropies},
      {"cross_entropy", call_cross_entropy},
      {"linear_cross_entropy", call_linear_cross_entropy},
      {"creation", creation},
  };
}

}  // namespace gradus::fuzz
