#include "models/text/decoder_layers.h"

#include <cmath>

#include "autograd/observer.h"
#include "models/text/decoder_input.h"
#include "ops/activation.h"
#include "ops/elementwise.h"
#include "ops/norm.h"
#include "ops/rope.h"
#include "ops/shape.h"

namespace gradus {

namespace {

Linear linear(const Scope& s, int64_t in, int64_t out, bool bias, const DecoderConfig& c) {
  return Linear(s, in, out, {bias, c.initializer_range});
}

Tensor gated(Activation act, const Tensor& gate, const Tensor& up) {
  if (act == Activation(silu)) return swiglu(gate, up);
  if (act == Activation(gelu_tanh)) return geglu_tanh(gate, up);
  if (act == Activation(gelu)) return geglu(gate, up);
  return mul(act(gate), up);
}

}  // namespace

DecoderNorm::DecoderNorm(const Scope& s, int64_t width, const DecoderConfig& c)
    : weight(s.parameter("weight", {width}, c.norms_from_one ? Init::zeros() : Init::ones())),
      eps(c.rms_norm_eps),
      from_one(c.norms_from_one),
      path(s.trace_path()) {}

Tensor DecoderNorm::operator()(const Tensor& x) const {
  const TraceScope in(path);
  if (!from_one) return rms_norm(x, weight, eps);
  const Dtype wide = accumulator_of(x.dtype());
  return cast(rms_norm(cast(x, wide), add(cast(weight, wide), 1), eps), x.dtype());
}

DecoderQkv::DecoderQkv(const Scope& s, const DecoderConfig& c)
    : heads(c.num_attention_heads), kv_heads(c.num_key_value_heads), head_dim(c.head_dim) {
  const int64_t q = heads * head_dim, kv = kv_heads * head_dim;
  if (c.fused_projections) {
    qkv_proj.emplace(linear(s / "qkv_proj", c.hidden_size, q + 2 * kv, c.qkv_bias, c));
  } else {
    q_proj.emplace(linear(s / "q_proj", c.hidden_size, q, c.qkv_bias, c));
    k_proj.emplace(linear(s / "k_proj", c.hidden_size, kv, c.qkv_bias, c));
    v_proj.emplace(linear(s / "v_proj", c.hidden_size, kv, c.qkv_bias, c));
  }
  if (!c.head_norms) return;
  q_norm.emplace(s / "q_norm", head_dim, c);
  k_norm.emplace(s / "k_norm", head_dim, c);
}

DecoderQkv::Heads DecoderQkv::operator()(const Tensor& x) const {
  const int64_t batch = x.size(0), time = x.size(1), q_width = heads * head_dim, kv_width = kv_heads * head_dim;
  Heads h;
  if (qkv_proj) {
    const Tensor all = (*qkv_proj)(x);
    h = {narrow(all, 2, 0, q_width), narrow(all, 2, q_width, kv_width), narrow(all, 2, q_width + kv_width, kv_width)};
  } else {
    const std::vector<Tensor> all = linears(x, {&*q_proj, &*k_proj, &*v_proj});
    h = {all[0], all[1], all[2]};
  }
  h.q = reshape(h.q, {batch, time, heads, head_dim});
  h.k = reshape(h.k, {batch, time, kv_heads, head_dim});
  h.v = reshape(h.v, {batch, time, kv_heads, head_dim});
  if (q_norm) h.q = (*q_norm)(h.q), h.k = (*k_norm)(h.k);
  return h;
}

DecoderAttention::DecoderAttention(const Scope& s, const DecoderConfig& c, const DecoderLayerKind& layer)
    : qkv(s, c),
      o_proj(linear(s / "o_proj", c.num_attention_heads * c.head_dim, c.hidden_size, c.o_bias, c)),
      kind(layer),
      scale(c.attention_scale > 0 ? c.attention_scale : 1 / std::sqrt(static_cast<double>(c.head_dim))),
      softcap(c.attention_softcap),
      dropout(c.attention_dropout),
      dropout_stream(stream_name((s / "attn_dropout").path().c_str())),
      path(s.trace_path()) {}

Tensor DecoderAttention::operator()(const Tensor& x, const std::vector<RopeTables>& tables, const LmInput& in,
                                    size_t layer, const Context& context) const {
  const TraceScope trace(path);
  auto [q, k, v] = qkv(x);
  if (kind.rope >= 0) {
    const RopeTables& turn = tables[static_cast<size_t>(kind.rope)];
    q = rope(q, turn.cos, turn.sin);
    k = rope(k, turn.cos, turn.sin);
  }
  if (in.cache) {
    const KvCache::Seen seen = in.cache->append(layer, k, v);
    k = seen.k;
    v = seen.v;
  }
  AttentionOptions options = decoder_attention(in, scale, k.size(1));
  options.window = kind.window;
  options.softcap = softcap;
  if (context.training && dropout > 0) {
    options.dropout = dropout;
    options.dropout_key = context.dropout.fold(dropout_stream);
  }
  return o_proj(reshape(attention(q, k, v, options), {x.size(0), x.size(1), qkv.heads * qkv.head_dim}));
}

namespace {

std::optional<Linear> maybe(bool wanted, const Scope& s, int64_t in, int64_t out, const DecoderConfig& c) {
  if (!wanted) return std::nullopt;
  return linear(s, in, out, c.mlp_bias, c);
}

}  // namespace

DecoderMlp::DecoderMlp(const Scope& s, const DecoderConfig& c)
    : gate_proj(maybe(!c.fused_projections, s / "gate_proj", c.hidden_size, c.intermediate_size, c)),
      up_proj(maybe(!c.fused_projections, s / "up_proj", c.hidden_size, c.intermediate_size, c)),
      gate_up_proj(maybe(c.fused_projections, s / "gate_up_proj", c.hidden_size, 2 * c.intermediate_size, c)),
      down_proj(linear(s / "down_proj", c.intermediate_size, c.hidden_size, c.mlp_bias, c)),
      act(activation_named(c.hidden_act)),
      path(s.trace_path()) {}

Tensor DecoderMlp::operator()(const Tensor& x) const {
  const TraceScope trace(path);
  if (!gate_up_proj) {
    const std::vector<Tensor> both = linears(x, {&*gate_proj, &*up_proj});
    return down_proj(gated(act, both[0], both[1]));
  }
  const Tensor both = (*gate_up_proj)(x);
  const int64_t width = both.size(2) / 2;
  return down_proj(gated(act, narrow(both, 2, 0, width), narrow(both, 2, width, width)));
}

namespace {

std::optional<DecoderNorm> maybe_norm(bool wanted, const Scope& s, const DecoderConfig& c) {
  if (!wanted) return std::nullopt;
  return DecoderNorm(s, c.hidden_size, c);
}

}  // namespace

DecoderBlock::DecoderBlock(const Scope& s, const DecoderConfig& c, const DecoderLayerKind& kind)
    : input_layernorm(s / "input_layernorm", c.hidden_size, c),
      self_attn(s / "self_attn", c, kind),
      post_attention_layernorm(s / "post_attention_layernorm", c.hidden_size, c),
      pre_feedforward_layernorm(maybe_norm(c.norms_around, s / "pre_feedforward_layernorm", c)),
      mlp(s / "mlp", c),
      post_feedforward_layernorm(maybe_norm(c.norms_around, s / "post_feedforward_layernorm", c)),
      resid_attn_dropout(s / "resid_attn_dropout", c.resid_dropout),
      resid_mlp_dropout(s / "resid_mlp_dropout", c.resid_dropout),
      path(s.trace_path()) {}

Tensor DecoderBlock::operator()(const Tensor& x, const std::vector<RopeTables>& tables, const LmInput& in, size_t layer,
                                const Context& context) const {
  const TraceScope trace(path);
  const Tensor attended = self_attn(input_layernorm(x), tables, in, layer, context);
  if (pre_feedforward_layernorm) {
    const Tensor y = add(x, post_attention_layernorm(attended));
    return add(y, (*post_feedforward_layernorm)(mlp((*pre_feedforward_layernorm)(y))));
  }
  const Tensor y = add(x, resid_attn_dropout(attended, context));
  return add(y, resid_mlp_dropout(mlp(post_attention_layernorm(y)), context));
}

}  // namespace gradus
