#include "models/text/llama.h"

#include <cmath>
#include <optional>

#include "autograd/observer.h"
#include "models/text/decoder_input.h"
#include "models/text/rope_fields.h"
#include "nn/activation.h"
#include "nn/layers.h"
#include "nn/recompute.h"
#include "ops/activation.h"
#include "ops/elementwise.h"
#include "ops/rope.h"
#include "ops/shape.h"

namespace gradus {

void fields(Fields& f, LlamaConfig& c) {
  f.integer("vocab_size", c.vocab_size, {.min = 1});
  f.integer("hidden_size", c.hidden_size, {.min = 1});
  f.integer("intermediate_size", c.intermediate_size, {.min = 1});
  f.integer("num_hidden_layers", c.num_hidden_layers, {.min = 0, .max = 10000});
  f.integer("num_attention_heads", c.num_attention_heads, {.min = 1});
  c.num_key_value_heads = c.num_attention_heads;
  f.integer("num_key_value_heads", c.num_key_value_heads, {.min = 1});
  c.head_dim = std::max<int64_t>(c.hidden_size / c.num_attention_heads, 1);
  f.integer("head_dim", c.head_dim, {.min = 1});
  f.integer("max_position_embeddings", c.max_position_embeddings, {.min = 1});
  f.text("hidden_act", c.hidden_act);
  f.number("rms_norm_eps", c.rms_norm_eps, {.min = 0});
  f.number("initializer_range", c.initializer_range, {.min = 0});
  f.number("attention_dropout", c.attention_dropout, {.min = 0, .max = 1});
  f.flag("attention_bias", c.attention_bias);
  f.flag("mlp_bias", c.mlp_bias);
  f.flag("tie_word_embeddings", c.tie_word_embeddings);
  rope_fields(f, c.rope, c.head_dim, c.max_position_embeddings);
  if (c.num_attention_heads % c.num_key_value_heads != 0)
    f.refuse("num_key_value_heads", "must divide num_attention_heads (" + std::to_string(c.num_attention_heads) + ")");
  if (c.head_dim % 2 != 0) f.refuse("head_dim", "must be even for rotary positions");
}

namespace {

struct Attention {
  Linear q_proj, k_proj, v_proj, o_proj;
  int64_t heads, kv_heads, head_dim;
  double dropout;
  uint64_t dropout_stream;
  const char* path;

  Attention(const Scope& s, const LlamaConfig& c)
      : q_proj(s / "q_proj", c.hidden_size, c.num_attention_heads * c.head_dim,
               {c.attention_bias, c.initializer_range}),
        k_proj(s / "k_proj", c.hidden_size, c.num_key_value_heads * c.head_dim,
               {c.attention_bias, c.initializer_range}),
        v_proj(s / "v_proj", c.hidden_size, c.num_key_value_heads * c.head_dim,
               {c.attention_bias, c.initializer_range}),
        o_proj(s / "o_proj", c.num_attention_heads * c.head_dim, c.hidden_size,
               {c.attention_bias, c.initializer_range}),
        heads(c.num_attention_heads),
        kv_heads(c.num_key_value_heads),
        head_dim(c.head_dim),
        dropout(c.attention_dropout),
        dropout_stream(stream_name((s / "attn_dropout").path().c_str())),
        path(s.trace_path()) {}

  Tensor operator()(const Tensor& x, const RopeTables& tables, const LmInput& in, size_t layer,
                    const Context& context) const {
    const TraceScope trace(path);
    const int64_t batch = x.size(0), time = x.size(1);
    const Tensor q = rope(reshape(q_proj(x), {batch, time, heads, head_dim}), tables.cos, tables.sin);
    Tensor k = rope(reshape(k_proj(x), {batch, time, kv_heads, head_dim}), tables.cos, tables.sin);
    Tensor v = reshape(v_proj(x), {batch, time, kv_heads, head_dim});
    if (in.cache) {
      const KvCache::Layer seen = in.cache->append(layer, k, v);
      k = seen.k;
      v = seen.v;
    }
    AttentionOptions options = decoder_attention(in, 1 / std::sqrt(static_cast<double>(head_dim)));
    if (context.training && dropout > 0) {
      options.dropout = dropout;
      options.dropout_key = context.dropout.fold(dropout_stream);
    }
    return o_proj(reshape(attention(q, k, v, options), {batch, time, heads * head_dim}));
  }
};

struct Mlp {  // down(act(gate x) * up x)
  Linear gate_proj, up_proj, down_proj;
  Activation act;
  const char* path;

  Mlp(const Scope& s, const LlamaConfig& c)
      : gate_proj(s / "gate_proj", c.hidden_size, c.intermediate_size, {c.mlp_bias, c.initializer_range}),
        up_proj(s / "up_proj", c.hidden_size, c.intermediate_size, {c.mlp_bias, c.initializer_range}),
        down_proj(s / "down_proj", c.intermediate_size, c.hidden_size, {c.mlp_bias, c.initializer_range}),
        act(activation_named(c.hidden_act)),
        path(s.trace_path()) {}

  Tensor operator()(const Tensor& x) const {
    const TraceScope trace(path);
    const Tensor gate = gate_proj(x), up = up_proj(x);
    return down_proj(act == Activation(silu) ? swiglu(gate, up) : mul(act(gate), up));
  }
};

struct Block {
  RmsNorm input_layernorm;
  Attention self_attn;
  RmsNorm post_attention_layernorm;
  Mlp mlp;
  const char* path;

  Block(const Scope& s, const LlamaConfig& c)
      : input_layernorm(s / "input_layernorm", c.hidden_size, c.rms_norm_eps),
        self_attn(s / "self_attn", c),
        post_attention_layernorm(s / "post_attention_layernorm", c.hidden_size, c.rms_norm_eps),
        mlp(s / "mlp", c),
        path(s.trace_path()) {}
};

class Llama final : public CausalLm {
 public:
  Llama(const LlamaConfig& c, std::unique_ptr<Parameters> store, std::string text)
      : CausalLm(std::move(store), std::move(text)),
        config_(c),
        embed_tokens_(root() / "embed_tokens", c.vocab_size, c.hidden_size, c.initializer_range) {
    for (int64_t i = 0; i < c.num_hidden_layers; ++i) blocks_->emplace_back(root() / "layers" / i, c);
    norm_.emplace(root() / "norm", c.hidden_size, c.rms_norm_eps);
    if (!c.tie_word_embeddings)
      lm_head_ = Linear(Scope(parameters()) / "lm_head", c.hidden_size, c.vocab_size,
                        {.bias = false, .init_std = c.initializer_range})
                     .weight;
  }

  Tensor hidden(const LmInput& in, const Context& context) const override {
    check_decoder_input("llama", in, config_.vocab_size, 0);
    const TraceScope trace("model");
    Tensor x = embed_tokens_(in.input_ids);
    const RopeTables tables = rope_tables(config_.rope, decoder_positions(in), x.dtype());
    const auto block = [blocks = blocks_, tables, in, context](size_t i, const Tensor& before) {
      const Block& b = (*blocks)[i];
      const TraceScope trace_block(b.path);
      const Tensor y = add(before, b.self_attn(b.input_layernorm(before), tables, in, i, context));
      return add(y, b.mlp(b.post_attention_layernorm(y)));
    };
    x = run_blocks(blocks_->size(), block, x, in.cache ? context.keeping_all() : context);
    if (in.cache) in.cache->length += in.input_ids.size(1);
    return (*norm_)(x);
  }

  Tensor head() const override { return lm_head_.defined() ? lm_head_ : embed_tokens_.weight; }

  LmShape shape() const override {
    return {
        config_.vocab_size,          config_.hidden_size, config_.num_hidden_layers,      config_.num_attention_heads,
        config_.num_key_value_heads, config_.head_dim,    config_.max_position_embeddings};
  }

 private:
  Scope root() { return Scope(parameters()) / "model"; }

  LlamaConfig config_;
  Embedding embed_tokens_;
  // shared with graphs whose backward pass runs blocks again, maybe when the model is gone
  std::shared_ptr<std::vector<Block>> blocks_ = std::make_shared<std::vector<Block>>();
  std::optional<RmsNorm> norm_;  // made after the blocks: parameters are listed in the order of the data's way
  Tensor lm_head_;
};

}  // namespace

std::unique_ptr<CausalLm> make_llama(const LlamaConfig& config, std::unique_ptr<Parameters> parameters,
                                     std::string text) {
  return std::make_unique<Llama>(config, std::move(parameters), std::move(text));
}

}  // namespace gradus
