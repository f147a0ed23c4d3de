#include "models/text/decoder.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "autograd/autograd.h"
#include "autograd/observer.h"
#include "models/text/decoder_input.h"
#include "models/text/decoder_layers.h"
#include "nn/recompute.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/shape.h"

namespace gradus {

void decoder_fields(Fields& f, DecoderConfig& c, const DecoderKeys& keys) {
  f.integer("vocab_size", c.vocab_size, {.min = 1});
  f.integer("hidden_size", c.hidden_size, {.min = 1});
  f.integer("intermediate_size", c.intermediate_size, {.min = 1});
  f.integer("num_hidden_layers", c.num_hidden_layers, {.min = 0, .max = 10000});
  f.integer("num_attention_heads", c.num_attention_heads, {.min = 1});
  if (c.num_key_value_heads == 0 || f.given_null("num_key_value_heads")) c.num_key_value_heads = c.num_attention_heads;
  f.integer("num_key_value_heads", c.num_key_value_heads, {.min = 1});
  if (c.head_dim == 0) c.head_dim = std::max<int64_t>(c.hidden_size / c.num_attention_heads, 1);
  f.integer("head_dim", c.head_dim, {.min = 1});
  f.integer("max_position_embeddings", c.max_position_embeddings, {.min = 1});
  f.text(keys.act, c.hidden_act);
  f.number("rms_norm_eps", c.rms_norm_eps, {.min = 0});
  f.number("initializer_range", c.initializer_range, {.min = 0});
  f.number("attention_dropout", c.attention_dropout, {.min = 0, .max = 1});
  if (keys.qkv_bias) f.flag(keys.qkv_bias, c.qkv_bias);
  if (keys.o_bias_too) c.o_bias = c.qkv_bias;
  if (keys.mlp_bias) f.flag(keys.mlp_bias, c.mlp_bias);
  f.flag("tie_word_embeddings", c.tie_word_embeddings);
  if (c.num_attention_heads % c.num_key_value_heads != 0)
    f.refuse("num_key_value_heads", "must divide num_attention_heads (" + std::to_string(c.num_attention_heads) + ")");
  // as PyTorch counts: -1 is the last row
  int64_t pad = c.pad_token_id;
  if (f.given_null("pad_token_id")) pad = -1;
  const bool given = f.has("pad_token_id");
  f.optional_integer("pad_token_id", pad);
  if (given && pad < 0) pad += c.vocab_size;
  c.pad_token_id = pad >= 0 && pad < c.vocab_size ? pad : -1;
}

void finish_decoder(Fields& f, DecoderConfig& c, DecoderLayerKind kind) {
  if (c.layers.empty()) c.layers.assign(static_cast<size_t>(c.num_hidden_layers), kind);
  if (c.layers.size() != static_cast<size_t>(c.num_hidden_layers))
    f.refuse("num_hidden_layers", "must be the length of the lists that have an entry a layer");
}

void layer_type_fields(Fields& f, DecoderConfig& c, std::vector<std::string>& types, int64_t window) {
  f.texts("layer_types", types, {"full_attention", "sliding_attention"});
  if (types.size() < static_cast<size_t>(c.num_hidden_layers))
    f.refuse("layer_types", "must have an entry for each of the " + std::to_string(c.num_hidden_layers) + " layers");
  types.resize(static_cast<size_t>(c.num_hidden_layers));
  for (const std::string& type : types) {
    const bool slides = type == "sliding_attention";
    if (slides && window <= 0) f.refuse("sliding_window", "must be set, as layer_types names sliding_attention");
    c.layers.push_back({slides ? window : 0, 0});
  }
}

namespace {

class Decoder final : public CausalLm {
 public:
  Decoder(const DecoderConfig& c, std::shared_ptr<Parameters> store, std::string text)
      : CausalLm(std::move(store), std::move(text)),
        config_(c),
        embed_tokens_(root() / "embed_tokens", c.vocab_size, c.hidden_size, c.initializer_range) {
    for (int64_t i = 0; i < c.num_hidden_layers; ++i)
      blocks_->emplace_back(root() / "layers" / i, c, c.layers[static_cast<size_t>(i)]);
    norm_.emplace(root() / "norm", c.hidden_size, c);
    if (!c.tie_word_embeddings)
      lm_head_ = Linear(Scope(parameters()) / "lm_head", c.hidden_size, c.vocab_size,
                        {.bias = false, .init_std = c.initializer_range})
                     .weight;
  }

  Tensor hidden(const LmInput& in, const Context& context) const override {
    check_decoder_input("decoder", in, config_.vocab_size, 0);
    const TraceScope trace("model");
    Tensor x = embed(in.input_ids);
    const Tensor positions = decoder_positions(in);
    std::vector<RopeTables> tables;
    for (const RopeConfig& rope : config_.ropes) tables.push_back(rope_tables(rope, positions, x.dtype(), in.length));
    const auto block = [blocks = blocks_, tables, in, context](size_t i, const Tensor& before) {
      return (*blocks)[i](before, tables, in, i, context);
    };
    x = run_blocks(blocks_->size(), block, x, in.cache ? context.keeping_all() : context);
    if (in.cache) in.cache->length += in.input_ids.size(1);
    return (*norm_)(x);
  }

  Tensor head() const override { return lm_head_.defined() ? lm_head_ : embed_tokens_.weight; }
  double logit_softcap() const override { return config_.final_softcap; }

  LmShape shape() const override {
    return {
        config_.vocab_size,          config_.hidden_size, config_.num_hidden_layers,      config_.num_attention_heads,
        config_.num_key_value_heads, config_.head_dim,    config_.max_position_embeddings};
  }

  std::vector<int64_t> windows() const override {
    std::vector<int64_t> all;
    for (const DecoderLayerKind& layer : config_.layers) all.push_back(layer.window);
    return all;
  }

  int64_t cache_expires_at() const override {
    int64_t first = 0;
    for (const RopeConfig& rope : config_.ropes)
      if (const int64_t at = rope_changes_at(rope); at > 0 && (first == 0 || at < first)) first = at;
    return first;
  }

 private:
  Scope root() { return Scope(parameters()) / "model"; }

  bool holds_pad(const Tensor& ids) const {
    if (config_.pad_token_id < 0 || ids.device() != Device::cpu) return false;
    const auto all = ids.to_vector<int64_t>();
    return std::find(all.begin(), all.end(), config_.pad_token_id) != all.end();
  }

  Tensor embed(const Tensor& ids) const {
    Tensor x = embed_tokens_(ids);
    if (recording() && holds_pad(ids)) {
      // PyTorch's padding_idx: reading this row gives it no gradient
      const Tensor pads = equal(ids, scalar(static_cast<double>(config_.pad_token_id), ids.dtype()));
      x = where(unsqueeze(pads, -1), x.detach(), x);
    }
    if (!config_.scale_embeddings) return x;
    const double factor = std::sqrt(static_cast<double>(config_.hidden_size));
    return mul(x, scalar(factor, x.dtype(), x.device()).item());
  }

  DecoderConfig config_;
  Embedding embed_tokens_;
  // shared with graphs whose backward pass runs blocks again, maybe when the model is gone
  std::shared_ptr<std::vector<DecoderBlock>> blocks_ = std::make_shared<std::vector<DecoderBlock>>();
  std::optional<DecoderNorm> norm_;  // made after the blocks: parameters are listed in the order of the data's way
  Tensor lm_head_;
};

}  // namespace

std::unique_ptr<CausalLm> make_decoder(const DecoderConfig& config, std::shared_ptr<Parameters> parameters,
                                       std::string text) {
  return std::make_unique<Decoder>(config, std::move(parameters), std::move(text));
}

}  // namespace gradus
