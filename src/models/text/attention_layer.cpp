#include "models/text/attention_layer.h"

#include <cmath>
#include <cstdlib>

#include "autograd/autograd.h"
#include "autograd/observer.h"
#include "ops/create.h"
#include "ops/dropout.h"
#include "ops/elementwise.h"
#include "ops/logic.h"
#include "ops/matmul.h"
#include "ops/shape.h"
#include "ops/softmax.h"

namespace gradus {

namespace {

// (B or 1, 1, Tq or 1, Tk) bool; undefined when every query sees every key.
Tensor visible_pairs(const Visibility& v, int64_t batch, int64_t queries, int64_t keys) {
  Tensor seen;
  const auto both = [&seen](const Tensor& also) { seen = seen.defined() ? logical_and(seen, also) : also; };
  if (v.mask.defined()) both(reshape(v.mask, {batch, 1, 1, keys}));
  if (v.causal || v.window >= 0) {
    std::vector<uint8_t> near(static_cast<size_t>(queries * keys));
    for (int64_t i = 0; i < queries; ++i)
      for (int64_t j = 0; j < keys; ++j)
        near[static_cast<size_t>(i * keys + j)] =
            (!v.causal || j <= i + keys - queries) && (v.window < 0 || std::abs(i - j) <= v.window);
    both(reshape(cast(from_vector(near, {queries, keys}), Dtype::boolean), {1, 1, queries, keys}));
  }
  return seen;
}

Tensor heads_first(const Tensor& x) { return permute(x, {0, 2, 1, 3}); }

}  // namespace

Tensor attend(const Tensor& q, const Tensor& k, const Tensor& v, const Visibility& visible, AttentionOptions options) {
  options.causal = visible.causal;
  options.mask = visible.mask;
  // With a window a padded query may see nothing, over which transformers averages and the fused op gives zeros.
  if (!visible.bias.defined() && (visible.window < 0 || !visible.mask.defined())) {
    options.window = visible.window < 0 ? 0 : visible.window + 1;
    return attention(q, k, v, options);
  }
  const double scale = options.scale != 0 ? options.scale : 1 / std::sqrt(static_cast<double>(q.size(3)));
  Tensor s = matmul(heads_first(q), transpose(heads_first(k)));
  if (scale != 1) s = mul(s, scale);
  if (visible.bias.defined()) s = add(s, visible.bias);
  const Tensor seen = visible_pairs(visible, q.size(0), q.size(1), k.size(1));
  // Far below any score, yet finite: a query that sees nothing averages over everything, as transformers has it.
  if (seen.defined()) s = where(seen, s, scalar(s.dtype() == Dtype::f16 ? -3e4 : -1e30, s.dtype(), s.device()));
  Tensor p = softmax(s);
  if (options.dropout > 0) p = dropout(p, options.dropout, options.dropout_key);
  return heads_first(matmul(p, heads_first(v)));
}

AttentionLayer::AttentionLayer(const Scope& s, const AttentionNames& names, const AttentionSizes& z)
    : query(s / names.query, z.width, z.heads * z.head_dim, {z.bias, z.query_std > 0 ? z.query_std : z.init_std}),
      key(s / names.key, z.width, z.heads * z.head_dim, {z.bias, z.init_std}),
      value(s / names.value, z.width, z.heads * z.head_dim, {z.bias, z.init_std}),
      out(s / names.out, z.heads * z.head_dim, z.width, {z.bias, z.output_std > 0 ? z.output_std : z.init_std}),
      sizes(z),
      dropout_stream(stream_name((s / names.query / "dropout").path().c_str())),
      path(s.trace_path()) {}

Tensor AttentionLayer::operator()(const Tensor& x, const Tensor& memory, const Visibility& visible,
                                  const Context& context) const {
  const TraceScope trace(path);
  const auto split = [this](const Tensor& y) {
    return reshape(y, {y.size(0), y.size(1), sizes.heads, sizes.head_dim});
  };
  AttentionOptions options;
  options.scale = sizes.scale;
  if (context.training && sizes.dropout > 0) {
    options.dropout = sizes.dropout;
    options.dropout_key = context.dropout.fold(dropout_stream);
  }
  const Tensor y = attend(split(query(x)), split(key(memory)), split(value(memory)), visible, options);
  return out(reshape(y, {y.size(0), y.size(1), sizes.heads * sizes.head_dim}));
}

void AttentionLayer::fuse() {
  const NoGrad off;
  fused_weight = concat({query.weight, key.weight, value.weight}, 0);
  if (sizes.bias) fused_bias = concat({query.bias, key.bias, value.bias}, 0);
}

Tensor AttentionLayer::packed(const Tensor& x, const std::vector<int64_t>& lengths) const {
  const TraceScope trace(path);
  const Tensor qkv = affine(x, transpose(fused_weight), fused_bias);  // (N, 3 H D)
  AttentionOptions options;
  options.causal = false;
  options.scale = sizes.scale;
  Tensors parts;
  int64_t at = 0;
  for (size_t i = 0; i < lengths.size();) {  // neighbours of one length go together
    size_t end = i + 1;
    while (end < lengths.size() && lengths[end] == lengths[i]) ++end;
    const int64_t texts = static_cast<int64_t>(end - i), rows = texts * lengths[i];
    const Tensor batch = reshape(narrow(qkv, 0, at, rows), {texts, lengths[i], qkv.size(1)});
    parts.push_back(reshape(attention_qkv(batch, static_cast<int>(sizes.heads), options), {rows, qkv.size(1) / 3}));
    at += rows;
    i = end;
  }
  return out(parts.size() == 1 ? parts[0] : concat(parts, 0));
}

}  // namespace gradus
