#include "models/text/modernbert.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "autograd/observer.h"
#include "models/text/attention_layer.h"
#include "models/text/encoder.h"
#include "models/text/post_norm.h"
#include "models/text/rope_fields.h"
#include "nn/recompute.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/rope.h"
#include "ops/shape.h"

namespace gradus {

namespace {

RopeConfig rope_of_layers(Fields& f, Json* parameters, const char* kind, const char* old_theta, double theta,
                          const ModernBertConfig& c) {
  if (!parameters) f.optional_number(old_theta, theta, {.min = 1e-9});
  Json own = Json::object();
  if (parameters && parameters->contains(kind) && !(*parameters)[kind].is_null()) own = (*parameters)[kind];
  Json wrapped = {{"rope_parameters", own}};
  if (!own.contains("rope_theta")) wrapped["rope_parameters"]["rope_theta"] = theta;
  Fields inner(wrapped, f.source() + ", rope_parameters." + kind);
  return rope_fields(
      inner,
      {.head_dim = c.hidden_size / c.num_attention_heads, .max_positions = c.max_position_embeddings, .theta = theta});
}

}  // namespace

void fields(Fields& f, ModernBertConfig& c) {
  f.integer("vocab_size", c.vocab_size, {.min = 1});
  f.integer("hidden_size", c.hidden_size, {.min = 1});
  f.integer("intermediate_size", c.intermediate_size, {.min = 1});
  f.integer("num_hidden_layers", c.num_hidden_layers, {.min = 0, .max = 10000});
  f.integer("num_attention_heads", c.num_attention_heads, {.min = 1});
  f.text("hidden_activation", c.hidden_activation);
  f.integer("max_position_embeddings", c.max_position_embeddings, {.min = 1});
  f.number("initializer_range", c.initializer_range, {.min = 0});
  f.number("norm_eps", c.norm_eps, {.min = 0});
  f.flag("norm_bias", c.norm_bias);
  f.token("pad_token_id", c.pad_token_id);
  f.flag("attention_bias", c.attention_bias);
  f.number("attention_dropout", c.attention_dropout, {.min = 0, .max = 1});
  f.integer("local_attention", c.local_attention, {.min = 1});
  f.number("embedding_dropout", c.embedding_dropout, {.min = 0, .max = 1});
  f.flag("mlp_bias", c.mlp_bias);
  f.number("mlp_dropout", c.mlp_dropout, {.min = 0, .max = 1});
  f.flag("decoder_bias", c.decoder_bias);
  f.text("classifier_pooling", c.classifier_pooling, {"cls", "mean"});
  f.number("classifier_dropout", c.classifier_dropout, {.min = 0, .max = 1});
  f.flag("classifier_bias", c.classifier_bias);
  f.text("classifier_activation", c.classifier_activation);
  f.flag("sparse_prediction", c.sparse_prediction);
  f.integer("sparse_pred_ignore_index", c.sparse_pred_ignore_index);
  f.flag("tie_word_embeddings", c.tie_word_embeddings);
  fields(f, c.labelling);
  if (c.hidden_size % c.num_attention_heads != 0)
    f.refuse("num_attention_heads", "must divide hidden_size (" + std::to_string(c.hidden_size) + ")");
  if (c.hidden_size / c.num_attention_heads % 2 != 0)
    f.refuse("num_attention_heads", "must leave heads of even width for rotary positions");
  if (c.pad_token_id >= c.vocab_size)
    f.refuse("pad_token_id", "must be below vocab_size (" + std::to_string(c.vocab_size) + ") or null");

  f.texts("layer_types", c.layer_types, {"full_attention", "sliding_attention"});
  if (c.layer_types.empty()) {
    double every = 3;
    f.optional_number("global_attn_every_n_layers", every, {.min = 1});
    for (int64_t i = 0; i < c.num_hidden_layers; ++i)
      c.layer_types.emplace_back(i % static_cast<int64_t>(every) ? "sliding_attention" : "full_attention");
  }
  if (static_cast<int64_t>(c.layer_types.size()) != c.num_hidden_layers)
    f.refuse("layer_types", "must name each of the " + std::to_string(c.num_hidden_layers) + " layers");
  Json* parameters = f.object("rope_parameters");
  c.global_rope = rope_of_layers(f, parameters, "full_attention", "global_rope_theta", 160000, c);
  c.local_rope = rope_of_layers(f, parameters, "sliding_attention", "local_rope_theta", 10000, c);
}

namespace {

struct Attention {
  Linear Wqkv, Wo;
  Dropout out_drop;
  int64_t heads, window;  // < 0: sees everything
  double dropout;
  uint64_t dropout_stream;
  const char* path;

  Attention(const Scope& s, const ModernBertConfig& c, bool local)
      : Wqkv(s / "Wqkv", c.hidden_size, 3 * c.hidden_size, {c.attention_bias, c.initializer_range}),
        Wo(s / "Wo", c.hidden_size, c.hidden_size,
           {c.attention_bias, c.initializer_range / std::sqrt(2.0 * static_cast<double>(c.num_hidden_layers))}),
        out_drop(s / "out_drop", c.attention_dropout),
        heads(c.num_attention_heads),
        window(local ? c.local_attention / 2 : -1),
        dropout(c.attention_dropout),
        dropout_stream(stream_name((s / "attn_dropout").path().c_str())),
        path(s.trace_path()) {}

  Tensor operator()(const Tensor& x, const RopeTables& tables, const Tensor& mask, const Context& context) const {
    const TraceScope trace(path);
    const int64_t batch = x.size(0), time = x.size(1), depth = x.size(2) / heads;
    const Tensors qkv = split(reshape(Wqkv(x), {batch, time, 3 * heads, depth}), {heads, heads, heads}, 2);
    AttentionOptions options;
    if (context.training && dropout > 0) {
      options.dropout = dropout;
      options.dropout_key = context.dropout.fold(dropout_stream);
    }
    const Tensor y = attend(rope(qkv[0], tables.cos, tables.sin), rope(qkv[1], tables.cos, tables.sin), qkv[2],
                            {.mask = mask, .window = window}, options);
    return out_drop(Wo(reshape(y, x.shape())), context);
  }
};

struct Mlp {  // Wo(act(input) * gate), input and gate the halves of Wi x
  Linear Wi, Wo;
  Dropout drop;
  Activation act;
  const char* path;

  Mlp(const Scope& s, const ModernBertConfig& c)
      : Wi(s / "Wi", c.hidden_size, 2 * c.intermediate_size, {c.mlp_bias, c.initializer_range}),
        Wo(s / "Wo", c.intermediate_size, c.hidden_size,
           {c.mlp_bias, c.initializer_range / std::sqrt(2.0 * static_cast<double>(c.num_hidden_layers))}),
        drop(s / "drop", c.mlp_dropout),
        act(activation_named(c.hidden_activation)),
        path(s.trace_path()) {}

  Tensor operator()(const Tensor& x, const Context& context) const {
    const TraceScope trace(path);
    const Tensors halves = chunk(Wi(x), 2, -1);
    return Wo(drop(mul(act(halves[0]), halves[1]), context));
  }
};

struct Block {
  std::optional<LayerNorm> attn_norm;  // none in the first block, which follows the norm of the embeddings
  Attention attn;
  LayerNorm mlp_norm;
  Mlp mlp;
  bool local;
  const char* path;

  Block(const Scope& s, const ModernBertConfig& c, int64_t layer)
      : attn_norm(layer == 0
                      ? std::nullopt
                      : std::optional<LayerNorm>(LayerNorm(s / "attn_norm", c.hidden_size, c.norm_eps, c.norm_bias))),
        attn(s / "attn", c, c.layer_types[static_cast<size_t>(layer)] == "sliding_attention"),
        mlp_norm(s / "mlp_norm", c.hidden_size, c.norm_eps, c.norm_bias),
        mlp(s / "mlp", c),
        local(attn.window >= 0),
        path(s.trace_path()) {}
};

class ModernBertBody final : public EncoderBody {
 public:
  ModernBertBody(const Scope& s, const ModernBertConfig& c)
      : config_(c),
        words_(s / "embeddings.tok_embeddings", c.vocab_size, c.hidden_size, c.initializer_range),
        norm_(s / "embeddings.norm", c.hidden_size, c.norm_eps, c.norm_bias),
        drop_(s / "embeddings.drop", c.embedding_dropout),
        path_(s.trace_path()) {
    for (int64_t i = 0; i < c.num_hidden_layers; ++i) blocks_->emplace_back(s / "layers" / i, c, i);
    final_norm_.emplace(s / "final_norm", c.hidden_size, c.norm_eps, c.norm_bias);
  }

  Tensor words() const override { return words_.weight; }

  Tensor hidden(const EncoderInput& in, const Context& context) const override {
    const TraceScope trace(path_);
    Tensor x = in.inputs_embeds.defined() ? in.inputs_embeds
                                          : padded_embedding(words_.weight, in.input_ids, config_.pad_token_id);
    x = drop_(norm_(x), context);
    const Tensor positions = in.position_ids.defined() ? in.position_ids : unsqueeze(arange(in.time()), 0);
    const RopeTables global = rope_tables(config_.global_rope, positions, x.dtype());
    const RopeTables local = rope_tables(config_.local_rope, positions, x.dtype());
    const auto block = [blocks = blocks_, global, local, mask = in.attention_mask, context](size_t i,
                                                                                            const Tensor& before) {
      const Block& b = (*blocks)[i];
      const TraceScope trace_block(b.path);
      const Tensor normed = b.attn_norm ? (*b.attn_norm)(before) : before;
      const Tensor y = add(before, b.attn(normed, b.local ? local : global, mask, context));
      return add(y, b.mlp(b.mlp_norm(y), context));
    };
    return (*final_norm_)(run_blocks(blocks_->size(), block, x, context));
  }

 private:
  ModernBertConfig config_;
  Embedding words_;
  LayerNorm norm_;
  Dropout drop_;
  const char* path_;
  // shared with graphs whose backward pass runs blocks again, maybe when the model is gone
  std::shared_ptr<std::vector<Block>> blocks_ = std::make_shared<std::vector<Block>>();
  std::optional<LayerNorm> final_norm_;  // made after the blocks: parameters are listed in the order of the data's way
};

}  // namespace

std::unique_ptr<Model> make_modernbert(const ModernBertConfig& c, Head head, std::shared_ptr<Parameters> store,
                                       std::string text) {
  EncoderSpec spec;
  spec.family = "modernbert";
  spec.base = head == Head::none ? "" : "model";
  spec.head = head;
  spec.vocab = c.vocab_size;
  spec.width = c.hidden_size;
  spec.max_positions = 0;  // rotary: any length
  spec.eps = c.norm_eps;
  spec.init_std = c.initializer_range / std::sqrt(2.0 * static_cast<double>(std::max<int64_t>(1, c.num_hidden_layers)));
  spec.dropout = c.classifier_dropout;
  spec.labelling = c.labelling;
  spec.tied = c.tie_word_embeddings;
  spec.words = {"head.dense", "head.norm", "decoder.weight", "decoder.bias", ""};
  spec.words_act = activation_named(c.classifier_activation);
  spec.classifier = {"head.dense", "head.norm", "classifier", activation_named(c.classifier_activation), false};
  spec.norm_bias = c.norm_bias;
  spec.dense_bias = c.classifier_bias;
  spec.decoder_bias = c.decoder_bias;
  spec.mean_pooling = c.classifier_pooling == "mean";
  spec.first_visible = head == Head::multiple_choice;
  if (c.sparse_prediction) spec.sparse_ignored = c.sparse_pred_ignore_index;
  auto body = std::make_unique<ModernBertBody>(Scope(*store, spec.base), c);
  return make_encoder(std::move(spec), std::move(body), std::move(store), std::move(text));
}

}  // namespace gradus
