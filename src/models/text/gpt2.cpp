#include "models/text/gpt2.h"

#include <cmath>
#include <optional>

#include "autograd/observer.h"
#include "models/text/decoder_input.h"
#include "nn/activation.h"
#include "nn/layers.h"
#include "nn/recompute.h"
#include "ops/elementwise.h"
#include "ops/shape.h"

namespace gradus {

void fields(Fields& f, Gpt2Config& c) {
  f.integer("vocab_size", c.vocab_size, {.min = 1});
  f.integer("n_positions", c.n_positions, {.min = 1});
  f.integer("n_embd", c.n_embd, {.min = 1});
  f.integer("n_layer", c.n_layer, {.min = 0, .max = 10000});
  f.integer("n_head", c.n_head, {.min = 1});
  c.n_inner = 4 * c.n_embd;
  f.integer("n_inner", c.n_inner, {.min = 1});
  f.text("activation_function", c.activation_function);
  f.number("layer_norm_epsilon", c.layer_norm_epsilon, {.min = 0});
  f.number("initializer_range", c.initializer_range, {.min = 0});
  f.number("resid_pdrop", c.resid_pdrop, {.min = 0, .max = 1});
  f.number("embd_pdrop", c.embd_pdrop, {.min = 0, .max = 1});
  f.number("attn_pdrop", c.attn_pdrop, {.min = 0, .max = 1});
  f.flag("scale_attn_weights", c.scale_attn_weights);
  f.flag("scale_attn_by_inverse_layer_idx", c.scale_attn_by_inverse_layer_idx);
  f.flag("tie_word_embeddings", c.tie_word_embeddings);
  f.fixed("add_cross_attention", false);
  if (c.n_embd % c.n_head != 0) f.refuse("n_head", "must divide n_embd (" + std::to_string(c.n_embd) + ")");
}

namespace {

struct Attention {
  Conv1D c_attn, c_proj;
  Dropout resid_dropout;
  int64_t heads;
  double scale, dropout;
  uint64_t dropout_stream;
  const char* path;

  Attention(const Scope& s, const Gpt2Config& c, int64_t layer)
      : c_attn(s / "c_attn", c.n_embd, 3 * c.n_embd, {.init_std = c.initializer_range}),
        c_proj(s / "c_proj", c.n_embd, c.n_embd,
               // residual branches start smaller, so that their sum over 2 n_layer of them keeps its size
               {.init_std = c.initializer_range / std::sqrt(2.0 * static_cast<double>(c.n_layer))}),
        resid_dropout(s / "resid_dropout", c.resid_pdrop),
        heads(c.n_head),
        scale(1),
        dropout(c.attn_pdrop),
        dropout_stream(stream_name((s / "attn_dropout").path().c_str())),
        path(s.trace_path()) {
    if (c.scale_attn_weights) scale /= std::sqrt(static_cast<double>(c.n_embd / c.n_head));
    if (c.scale_attn_by_inverse_layer_idx) scale /= static_cast<double>(layer + 1);
  }

  Tensor operator()(const Tensor& x, const LmInput& in, size_t layer, const Context& context) const {
    const TraceScope trace(path);
    const Tensor qkv = c_attn(x);  // (B, T, 3C)
    AttentionOptions options = decoder_attention(in, scale, (in.cache ? in.cache->length : 0) + x.size(1));
    if (context.training && dropout > 0) {
      options.dropout = dropout;
      options.dropout_key = context.dropout.fold(dropout_stream);
    }
    Tensor y;
    if (in.cache) {
      const int64_t width = x.size(-1);
      const Tensor rows = reshape(qkv, {x.size(0), x.size(1), 3 * heads, width / heads});
      const Tensors parts = split(rows, {heads, heads, heads}, 2);
      const KvCache::Seen seen = in.cache->append(layer, parts[1], parts[2]);
      y = reshape(attention(parts[0], seen.k, seen.v, options), x.shape());
    } else {
      y = attention_qkv(qkv, static_cast<int>(heads), options);
    }
    return resid_dropout(c_proj(y), context);
  }
};

struct Mlp {
  Conv1D c_fc, c_proj;
  Dropout dropout;
  Activation act;
  const char* path;

  Mlp(const Scope& s, const Gpt2Config& c)
      : c_fc(s / "c_fc", c.n_embd, c.n_inner, {.init_std = c.initializer_range}),
        c_proj(s / "c_proj", c.n_inner, c.n_embd,
               {.init_std = c.initializer_range / std::sqrt(2.0 * static_cast<double>(c.n_layer))}),
        dropout(s / "dropout", c.resid_pdrop),
        act(activation_named(c.activation_function)),
        path(s.trace_path()) {}

  Tensor operator()(const Tensor& x, const Context& context) const {
    const TraceScope trace(path);
    return dropout(c_proj(act(c_fc(x))), context);
  }
};

struct Block {
  LayerNorm ln_1;
  Attention attn;
  LayerNorm ln_2;
  Mlp mlp;
  const char* path;

  Block(const Scope& s, const Gpt2Config& c, int64_t layer)
      : ln_1(s / "ln_1", c.n_embd, c.layer_norm_epsilon),
        attn(s / "attn", c, layer),
        ln_2(s / "ln_2", c.n_embd, c.layer_norm_epsilon),
        mlp(s / "mlp", c),
        path(s.trace_path()) {}
};

class Gpt2 final : public CausalLm {
 public:
  Gpt2(const Gpt2Config& c, std::shared_ptr<Parameters> store, std::string text)
      : CausalLm(std::move(store), std::move(text)),
        config_(c),
        wte_(root() / "wte", c.vocab_size, c.n_embd, c.initializer_range),
        wpe_(root() / "wpe", c.n_positions, c.n_embd, c.initializer_range),
        drop_(root() / "drop", c.embd_pdrop) {
    for (int64_t i = 0; i < c.n_layer; ++i) blocks_->emplace_back(root() / "h" / i, c, i);
    ln_f_.emplace(root() / "ln_f", c.n_embd, c.layer_norm_epsilon);
    if (!c.tie_word_embeddings)
      lm_head_ = Linear(Scope(parameters()) / "lm_head", c.n_embd, c.vocab_size,
                        {.bias = false, .init_std = c.initializer_range})
                     .weight;
  }

  Tensor hidden(const LmInput& in, const Context& context) const override {
    check_decoder_input("gpt2", in, config_.vocab_size, config_.n_positions);
    const TraceScope trace("transformer");
    Tensor x = drop_(add(wte_(in.input_ids), wpe_(decoder_positions(in))), context);
    const auto block = [blocks = blocks_, in, context](size_t i, const Tensor& before) {
      const Block& b = (*blocks)[i];
      const TraceScope trace_block(b.path);
      const Tensor y = add(before, b.attn(b.ln_1(before), in, i, context));
      return add(y, b.mlp(b.ln_2(y), context));
    };
    x = run_blocks(blocks_->size(), block, x, in.cache ? context.keeping_all() : context);
    if (in.cache) in.cache->length += in.input_ids.size(1);
    return (*ln_f_)(x);
  }

  Tensor head() const override { return lm_head_.defined() ? lm_head_ : wte_.weight; }

  LmShape shape() const override {
    return {config_.vocab_size, config_.n_embd, config_.n_layer,
            config_.n_head,     config_.n_head, config_.n_embd / config_.n_head,
            config_.n_positions};
  }

 private:
  Scope root() { return Scope(parameters()) / "transformer"; }

  Gpt2Config config_;
  Embedding wte_, wpe_;
  Dropout drop_;
  // shared with graphs whose backward pass runs blocks again, maybe when the model is gone
  std::shared_ptr<std::vector<Block>> blocks_ = std::make_shared<std::vector<Block>>();
  std::optional<LayerNorm> ln_f_;  // made after the blocks: parameters are listed in the order of the data's way
  Tensor lm_head_;
};

}  // namespace

std::unique_ptr<CausalLm> make_gpt2(const Gpt2Config& config, std::shared_ptr<Parameters> parameters,
                                    std::string text) {
  return std::make_unique<Gpt2>(config, std::move(parameters), std::move(text));
}

}  // namespace gradus
