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
  fields(f, c.variant, c);
}

namespace {

LinearOptions projection(const Gpt2Config& c, Gpt2Site site, int64_t in, int64_t out) {
  return {.init = {gpt2_init(c, site, static_cast<double>(in), static_cast<double>(out))},
          .multiplier = gpt2_multiplier(c, site)};
}

// Queries, keys and values side by side: where these start differently, each block by itself.
LinearOptions fused_projection(const Gpt2Config& c) {
  const auto width = static_cast<double>(c.n_embd);
  LinearOptions options = projection(c, Gpt2Site::query, c.n_embd, c.n_embd);
  if (c.variant.initializer != "gpt2" && c.variant.initializer != "truncated_normal")
    for (const Gpt2Site site : {Gpt2Site::key, Gpt2Site::value})
      options.init.push_back(gpt2_init(c, site, width, width));
  return options;
}

struct Attention {
  Conv1D c_attn, c_proj;
  std::optional<RmsNorm> q_norm, k_norm;
  Dropout resid_dropout;
  int64_t heads;
  double scale, dropout;
  uint64_t dropout_stream;
  const char* path;

  Attention(const Scope& s, const Gpt2Config& c, int64_t layer)
      : c_attn(s / "c_attn", c.n_embd, 3 * c.n_embd, fused_projection(c)),
        c_proj(s / "c_proj", c.n_embd, c.n_embd, projection(c, Gpt2Site::attention_out, c.n_embd, c.n_embd)),
        resid_dropout(s / "resid_dropout", c.resid_pdrop),
        heads(c.n_head),
        scale(gpt2_attention_scale(c)),
        dropout(c.attn_pdrop),
        dropout_stream(stream_name((s / "attn_dropout").path().c_str())),
        path(s.trace_path()) {
    if (c.scale_attn_by_inverse_layer_idx) scale /= static_cast<double>(layer + 1);
    if (c.variant.qk_norm) {
      q_norm.emplace(s / "q_norm", c.n_embd / c.n_head, c.layer_norm_epsilon);
      k_norm.emplace(s / "k_norm", c.n_embd / c.n_head, c.layer_norm_epsilon);
    }
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
    if (in.cache || q_norm) {
      const int64_t width = x.size(-1);
      const Tensor rows = reshape(qkv, {x.size(0), x.size(1), 3 * heads, width / heads});
      const Tensors parts = split(rows, {heads, heads, heads}, 2);
      const Tensor q = q_norm ? (*q_norm)(parts[0]) : parts[0];
      KvCache::Seen seen{.k = k_norm ? (*k_norm)(parts[1]) : parts[1], .v = parts[2]};
      if (in.cache) seen = in.cache->append(layer, seen.k, seen.v);
      y = reshape(attention(q, seen.k, seen.v, options), x.shape());
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
      : c_fc(s / "c_fc", c.n_embd, c.n_inner, projection(c, Gpt2Site::mlp_in, c.n_embd, c.n_inner)),
        c_proj(s / "c_proj", c.n_inner, c.n_embd, projection(c, Gpt2Site::mlp_out, c.n_inner, c.n_embd)),
        dropout(s / "dropout", c.resid_pdrop),
        act(activation_named(c.activation_function)),
        path(s.trace_path()) {}

  Tensor operator()(const Tensor& x, const Context& context) const {
    const TraceScope trace(path);
    return dropout(c_proj(act(c_fc(x))), context);
  }
};

// A residual branch F with its norms, as Gpt2Variant::norm_placement says.
struct Residual {
  std::optional<LayerNorm> before, after, of_sum;
  Tensor weight;  // of rezero: one number
  double alpha;

  Residual(const Scope& block, const char* index, const Gpt2Config& c) : alpha(gpt2_residual_alpha(c)) {
    const auto norm = [&](const std::string& name) { return LayerNorm(block / name, c.n_embd, c.layer_norm_epsilon); };
    const std::string ln = std::string("ln_") + index;
    if (c.variant.norm_before()) before = norm(ln);
    if (c.variant.norm_placement == "sandwich") after = norm("post_" + ln);
    if (c.variant.norm_after_sum()) of_sum = norm(ln);
    if (c.variant.norm_placement == "rezero")
      weight = block.parameter(std::string("resweight_") + index, {1}, Init::zeros());
  }

  template <class Branch>
  Tensor operator()(const Tensor& x, const Branch& branch) const {
    Tensor y = branch(before ? (*before)(x) : x);
    if (after) y = (*after)(y);
    if (weight.defined()) y = mul(y, weight);
    const Tensor total = add(alpha == 1 ? x : mul(x, alpha), y);
    return of_sum ? (*of_sum)(total) : total;
  }
};

struct Block {
  Residual residual_1;
  Attention attn;
  Residual residual_2;
  Mlp mlp;
  const char* path;

  Block(const Scope& s, const Gpt2Config& c, int64_t layer)
      : residual_1(s, "1", c),
        attn(s / "attn", c, layer),
        residual_2(s, "2", c),
        mlp(s / "mlp", c),
        path(s.trace_path()) {}
};

class Gpt2 final : public CausalLm {
 public:
  Gpt2(const Gpt2Config& c, std::shared_ptr<Parameters> store, std::string text)
      : CausalLm(std::move(store), std::move(text)),
        config_(c),
        wte_(root() / "wte", c.vocab_size, c.n_embd, gpt2_init(c, Gpt2Site::embedding, 1, 1)),
        wpe_(root() / "wpe", c.n_positions, c.n_embd, gpt2_init(c, Gpt2Site::embedding, 1, 1)),
        drop_(root() / "drop", c.embd_pdrop) {
    for (int64_t i = 0; i < c.n_layer; ++i) blocks_->emplace_back(root() / "h" / i, c, i);
    if (!c.variant.norm_after_sum()) ln_f_.emplace(root() / "ln_f", c.n_embd, c.layer_norm_epsilon);
    const auto width = static_cast<double>(c.n_embd);
    if (!c.tie_word_embeddings)
      lm_head_ =
          Linear(Scope(parameters()) / "lm_head", c.n_embd, c.vocab_size,
                 {.bias = false, .init = {gpt2_init(c, Gpt2Site::head, width, static_cast<double>(c.vocab_size))}})
              .weight;
  }

  Tensor hidden(const LmInput& in, const Context& context) const override {
    check_decoder_input("gpt2", in, config_.vocab_size, config_.n_positions);
    const TraceScope trace("transformer");
    Tensor x = drop_(add(wte_(in.input_ids), wpe_(decoder_positions(in))), context);
    const auto block = [blocks = blocks_, in, context](size_t i, const Tensor& before) {
      const Block& b = (*blocks)[i];
      const TraceScope trace_block(b.path);
      const Tensor y = b.residual_1(before, [&](const Tensor& h) { return b.attn(h, in, i, context); });
      return b.residual_2(y, [&](const Tensor& h) { return b.mlp(h, context); });
    };
    x = run_blocks(blocks_->size(), block, x, in.cache ? context.keeping_all() : context);
    if (in.cache) in.cache->length += in.input_ids.size(1);
    if (ln_f_) x = (*ln_f_)(x);
    const double multiplier = gpt2_output_multiplier(config_);
    return multiplier == 1 ? x : mul(x, multiplier);
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
  std::optional<LayerNorm>
      ln_f_;  // none behind post-norms; made after the blocks: parameters are listed in the order of the data's way
  Tensor lm_head_;
};

}  // namespace

std::unique_ptr<CausalLm> make_gpt2(const Gpt2Config& config, std::shared_ptr<Parameters> parameters,
                                    std::string text) {
  return std::make_unique<Gpt2>(config, std::move(parameters), std::move(text));
}

}  // namespace gradus
