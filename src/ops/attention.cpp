#include "ops/attention.h"

#include <cmath>

#include "autograd/record.h"
#include "kernels/table.h"
#include "ops/check.h"
#include "ops/create.h"
#include "ops/dropout.h"
#include "ops/elementwise.h"
#include "ops/matmul.h"
#include "ops/reduce.h"
#include "ops/shape.h"

namespace gradus {

namespace {

double scale_of(const AttentionOptions& options, int64_t depth) {
  return options.scale != 0 ? options.scale : 1 / std::sqrt(static_cast<double>(depth));
}

// A window that hides nothing is none.
int64_t window_of(const AttentionOptions& options, int64_t queries, int64_t keys) {
  return options.window < queries + keys ? options.window : 0;
}

void require_options(const char* op, const Tensor& q, const Tensor& k, const AttentionOptions& options) {
  if (options.window < 0)
    throw ValueError(op, "the window must be 0 (none) or more keys, got " + std::to_string(options.window) + ".");
  if (!(options.softcap >= 0) || std::isinf(options.softcap))
    throw ValueError(op, "the softcap must be 0 (none) or more, got " + std::to_string(options.softcap) + ".");
  if (options.mask.defined()) {
    require_shape(op, "mask", options.mask, {k.shape()[0], k.shape()[1]});
    if (options.mask.dtype() != Dtype::boolean)
      throw DtypeError(op, "mask must be bool, got " + options.mask.describe() + ".", "compare it with 0.");
  }
  if (options.first.defined()) {
    require_shape(op, "first", options.first, {q.shape()[0], q.shape()[1]});
    if (options.first.dtype() != Dtype::i32)
      throw DtypeError(op, "first must be i32, got " + options.first.describe() + ".", "convert it with cast().");
  }
  require_same_device(op, {q, options.mask, options.first});
}

void require_heads(const char* op, const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options) {
  require_floating(op, q);
  require_floating(op, k);
  require_floating(op, v);
  require_same(op, {q, k, v});
  const std::string all = "q " + q.describe() + ", k " + k.describe() + ", v " + v.describe();
  if (q.rank() != 4 || k.rank() != 4) throw ShapeError(op, "needs (batch, time, heads, d_head), got " + all + ".");
  const Shape &a = q.shape(), &b = k.shape();
  if (!(b == v.shape())) throw ShapeError(op, "k and v differ: " + all + ".");
  if (a[0] != b[0] || a[3] != b[3]) throw ShapeError(op, "batch or d_head of q and k differ: " + all + ".");
  if (a[3] == 0) throw ShapeError(op, "d_head is 0: " + all + ".");
  if (b[2] == 0 || a[2] % b[2] != 0)
    throw ShapeError(op, "the query heads must be a multiple of the key heads: " + all + ".",
                     "check num_attention_heads against num_key_value_heads.");
  require_options(op, q, k, options);
}

Tensor both(const Tensor& a, const Tensor& b) {
  if (!a.defined()) return b;
  return where(a, b, scalar(0, Dtype::boolean, b.device()));
}

// (B or 1, 1, 1, Tq or 1, Tk) bool; undefined when every query sees every key.
Tensor visible_keys(const Tensor& q, const Tensor& k, const AttentionOptions& options) {
  const int64_t batch = q.shape()[0], queries = q.shape()[1], keys = k.shape()[1];
  const Tensor j = arange(keys, Dtype::i64, 0, 1, q.device());
  const Tensor own = unsqueeze(arange(queries, Dtype::i64, static_cast<double>(keys - queries), 1, q.device()), -1);
  Tensor visible;
  if (options.causal) visible = less_equal(j, own);
  if (const int64_t window = window_of(options, queries, keys); window > 0) {
    const auto reach = scalar(static_cast<double>(window), Dtype::i64, q.device());
    const Tensor near = both(less(j, add(own, reach)), greater(j, sub(own, reach)));
    visible = visible.defined() ? both(visible, near) : near;
  }
  if (visible.defined()) visible = reshape(visible, {1, 1, 1, queries, keys});
  if (options.first.defined())
    visible = both(visible, greater_equal(j, reshape(options.first, {batch, 1, 1, queries, 1})));
  if (options.mask.defined()) visible = both(visible, reshape(options.mask, {batch, 1, 1, 1, keys}));
  return visible;
}

// (B, T, H, D) -> (B, G, H/G, T, D): heads that share keys side by side.
Tensor grouped(const Tensor& x, int64_t groups) {
  const Shape& s = x.shape();
  return permute(reshape(x, {s[0], s[1], groups, s[2] / groups, s[3]}), {0, 2, 3, 1, 4});
}
Tensor ungrouped(const Tensor& x) {
  const Shape& s = x.shape();
  return reshape(permute(x, {0, 3, 1, 2, 4}), {s[0], s[3], s[1] * s[2], s[4]});
}

// (B, G, H/G, Tq, Tk) of grouped q and k
Tensor scores(const Tensor& q, const Tensor& k, const AttentionOptions& options) {
  const Tensor s = mul(matmul(q, transpose(k)), scale_of(options, q.shape().back()));
  return options.softcap > 0 ? mul(tanh(mul(s, 1 / options.softcap)), options.softcap) : s;
}

// The softmax of scores; rows of zeros where a query sees nothing.
Tensor probabilities(Tensor s, const Tensor& visible) {
  if (s.count() == 0) return s;
  // Far below any score, yet finite: the differences with a row's maximum stay finite too.
  if (visible.defined()) s = where(visible, s, scalar(s.dtype() == Dtype::f16 ? -3e4 : -1e30, s.dtype(), s.device()));
  Tensor e = exp(sub(s, max(s.detach(), -1, keep_axis)));
  if (visible.defined()) e = mul(e, cast(visible, e.dtype()));
  const Tensor total = sum(e, -1, keep_axis);
  return div(e, where(greater(total, scalar(0, total.dtype(), total.device())), total, ones_like(total)));
}

// dv = p^T dy; dp = dy v^T; ds = p (dp - sum(dp p)), times 1 - (s / c)^2 when capped; dq = scale ds k;
// dk = scale ds^T q.
Grads composed_gradients(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options,
                         const Tensor& dy) {
  const int64_t groups = k.shape()[2];
  const double scale = scale_of(options, q.shape()[3]);
  const Tensor qg = grouped(q, groups), kg = grouped(k, groups), vg = grouped(v, groups), dyg = grouped(dy, groups);
  const Tensor s = scores(qg, kg, options);
  const Tensor p = probabilities(s, visible_keys(q, k, options));
  const Tensor dp = matmul(dyg, transpose(vg));
  Tensor ds = mul(mul(p, sub(dp, sum(mul(dp, p), -1, keep_axis))), scale);
  if (options.softcap > 0) ds = mul(ds, add(mul(square(mul(s, 1 / options.softcap)), -1), 1));
  const Tensor dk = sum(matmul(transpose(ds), qg), 2, keep_axis), dv = sum(matmul(transpose(p), dyg), 2, keep_axis);
  return {ungrouped(matmul(ds, kg)), ungrouped(dk), ungrouped(dv)};
}

struct Forward {
  Tensor o, lse;
};
Forward forward(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options) {
  const Shape& s = q.shape();
  Forward f{empty(s, q.dtype(), q.device()), empty({s[0], s[2], s[1]}, accumulator_of(q.dtype()), q.device())};
  kernels(q.device())
      .attention({.q = q,
                  .k = k,
                  .v = v,
                  .mask = options.mask,
                  .first = options.first,
                  .causal = options.causal,
                  .window = window_of(options, s[1], k.shape()[1]),
                  .scale = scale_of(options, s[3]),
                  .softcap = options.softcap,
                  .o = f.o,
                  .lse = f.lse});
  return f;
}

// Third number `i` of (B, T, 3*H*D) as (B, T, H, D).
Tensor third(const Tensor& qkv, int64_t i, int64_t heads) {
  const Shape& s = qkv.shape();
  const Strides& t = qkv.strides();
  const int64_t depth = s[2] / (3 * heads);
  return qkv.strided({s[0], s[1], heads, depth}, {t[0], t[1], depth * t[2], t[2]}, i * heads * depth * t[2]);
}

}  // namespace

Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options) {
  if (options.dropout > 0) return attention_composed(q, k, v, options);
  require_heads("attention", q, k, v, options);
  const auto [o, lse] = forward(q, k, v, options);
  record("attention", {q, k, v}, o,
         [q = save(q), k = save(k), v = save(v), o = save(o), lse = save(lse), options](const Tensor& dy) {
           const Tensor a = q.get(), b = k.get(), c = v.get();
           if (recording()) return composed_gradients(a, b, c, options, dy);
           Grads d{empty(a.shape(), a.dtype(), a.device()), empty(b.shape(), b.dtype(), b.device()),
                   empty(c.shape(), c.dtype(), c.device())};
           kernels(a.device())
               .attention_backward({.q = a,
                                    .k = b,
                                    .v = c,
                                    .mask = options.mask,
                                    .first = options.first,
                                    .causal = options.causal,
                                    .window = window_of(options, a.shape()[1], b.shape()[1]),
                                    .scale = scale_of(options, a.shape()[3]),
                                    .softcap = options.softcap,
                                    .o = o.get(),
                                    .lse = lse.get(),
                                    .d_o = dy,
                                    .dq = d[0],
                                    .dk = d[1],
                                    .dv = d[2]});
           return d;
         });
  return o;
}

Tensor attention_qkv(const Tensor& qkv, int heads, const AttentionOptions& options) {
  const char* op = "attention_qkv";
  require_floating(op, qkv);
  if (qkv.rank() != 3 || heads < 1 || qkv.shape()[2] == 0 || qkv.shape()[2] % (3 * int64_t{heads}) != 0)
    throw ShapeError(
        op,
        "needs (batch, time, 3 * heads * d_head) with " + std::to_string(heads) + " heads, got " + qkv.describe() + ".",
        "check n_embd against n_head.");
  require_options(op, qkv, qkv, options);
  if (options.dropout > 0) {
    const Tensor parts = reshape(qkv, {qkv.shape()[0], qkv.shape()[1], 3, heads, qkv.shape()[2] / (3 * heads)});
    const Tensor y = attention_composed(select(parts, 2, 0), select(parts, 2, 1), select(parts, 2, 2), options);
    return reshape(y, {qkv.shape()[0], qkv.shape()[1], qkv.shape()[2] / 3});
  }
  const auto [o, lse] = forward(third(qkv, 0, heads), third(qkv, 1, heads), third(qkv, 2, heads), options);
  const Shape shape{qkv.shape()[0], qkv.shape()[1], qkv.shape()[2] / 3};
  const Tensor y = o.strided(shape, contiguous_strides(shape));
  record(op, {qkv}, y, [qkv = save(qkv), y = save(y), lse = save(lse), heads, options](const Tensor& dy) -> Grads {
    const Tensor x = qkv.get();
    const Shape each{x.shape()[0], x.shape()[1], heads, dy.shape()[2] / heads};
    const Tensor d_o = reshape(dy, each);
    if (recording()) {
      const Tensor parts = reshape(x, {each[0], each[1], 3, each[2], each[3]});
      const Grads d = composed_gradients(select(parts, 2, 0), select(parts, 2, 1), select(parts, 2, 2), options, d_o);
      return reshape(concat({d[0], d[1], d[2]}, 2), x.shape());
    }
    const Tensor o = y.get().strided(each, contiguous_strides(each));
    Tensor dx = empty(x.shape(), x.dtype(), x.device());
    kernels(x.device())
        .attention_backward({.q = third(x, 0, heads),
                             .k = third(x, 1, heads),
                             .v = third(x, 2, heads),
                             .mask = options.mask,
                             .first = options.first,
                             .causal = options.causal,
                             .window = window_of(options, each[1], each[1]),
                             .scale = scale_of(options, each[3]),
                             .softcap = options.softcap,
                             .o = o,
                             .lse = lse.get(),
                             .d_o = d_o,
                             .dq = third(dx, 0, heads),
                             .dk = third(dx, 1, heads),
                             .dv = third(dx, 2, heads)});
    return dx;
  });
  return y;
}

Tensor attention_composed(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options) {
  require_heads("attention_composed", q, k, v, options);
  const int64_t groups = k.shape()[2];
  Tensor p = probabilities(scores(grouped(q, groups), grouped(k, groups), options), visible_keys(q, k, options));
  if (options.dropout > 0) p = dropout(p, options.dropout, options.dropout_key);
  return ungrouped(matmul(p, grouped(v, groups)));
}

}  // namespace gradus
