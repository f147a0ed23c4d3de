#include "models/text/bart.h"

#include <cmath>
#include <optional>

#include "autograd/observer.h"
#include "models/text/post_norm.h"
#include "models/text/seq2seq.h"
#include "nn/position/sinusoidal.h"
#include "nn/recompute.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/shape.h"

namespace gradus {

namespace {

void common_fields(Fields& f, BartConfig& c) {
  f.integer("vocab_size", c.vocab_size, {.min = 1});
  f.integer("max_position_embeddings", c.max_position_embeddings, {.min = 1});
  f.integer("d_model", c.d_model, {.min = 1});
  f.integer("encoder_layers", c.encoder_layers, {.min = 0, .max = 10000});
  f.integer("encoder_ffn_dim", c.encoder_ffn_dim, {.min = 1});
  f.integer("encoder_attention_heads", c.encoder_attention_heads, {.min = 1});
  f.integer("decoder_layers", c.decoder_layers, {.min = 0, .max = 10000});
  f.integer("decoder_ffn_dim", c.decoder_ffn_dim, {.min = 1});
  f.integer("decoder_attention_heads", c.decoder_attention_heads, {.min = 1});
  f.text("activation_function", c.activation_function);
  f.number("dropout", c.dropout, {.min = 0, .max = 1});
  f.number("attention_dropout", c.attention_dropout, {.min = 0, .max = 1});
  f.number("activation_dropout", c.activation_dropout, {.min = 0, .max = 1});
  f.number("init_std", c.init_std, {.min = 0});
  f.flag("scale_embedding", c.scale_embedding);
  f.flag("tie_word_embeddings", c.tie_word_embeddings);
  f.token("pad_token_id", c.pad_token_id);
  std::vector<int64_t> eos{c.eos_token_id};
  f.ids("eos_token_id", eos);
  c.eos_token_id = eos.empty() ? -1 : eos[0];
  f.token("decoder_start_token_id", c.decoder_start_token_id);
  for (const auto& [key, heads] : {std::pair{"encoder_attention_heads", c.encoder_attention_heads},
                                   {"decoder_attention_heads", c.decoder_attention_heads}})
    if (c.d_model % heads != 0) f.refuse(key, "must divide d_model (" + std::to_string(c.d_model) + ")");
  for (const auto& [key, id] :
       {std::pair{"pad_token_id", c.pad_token_id}, {"decoder_start_token_id", c.decoder_start_token_id}})
    if (id >= c.vocab_size) f.refuse(key, "must be below vocab_size (" + std::to_string(c.vocab_size) + ") or null");
}

}  // namespace

void fields(Fields& f, BartConfig& c) {
  common_fields(f, c);
  f.number("classifier_dropout", c.classifier_dropout, {.min = 0, .max = 1});
  double never = 0;  // layers that are skipped at random while training
  f.number("encoder_layerdrop", never, {.min = 0, .max = 0});
  f.number("decoder_layerdrop", never, {.min = 0, .max = 0});
  c.labelling.num_labels = 3;
  fields(f, c.labelling);
}

void fields(Fields& f, TransformerConfig& c) {
  common_fields(f, c);
  f.number("label_smoothing", c.label_smoothing, {.min = 0, .max = 1});
}

namespace {

constexpr PostNormNames kNames{
    {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.out_proj"},
    "self_attn_layer_norm",
    "fc1",
    "fc2",
    "final_layer_norm",
    {"encoder_attn.q_proj", "encoder_attn.k_proj", "encoder_attn.v_proj", "encoder_attn.out_proj"},
    "encoder_attn_layer_norm"};

constexpr int64_t kPositionOffset = 2;  // BART's tables have two rows before position 0

struct Style {
  bool sinusoidal;  // else learned positions, and a norm of the embeddings
};

struct Stack {
  Tensor words, positions;
  std::optional<LayerNorm> layernorm_embedding;
  Dropout dropout;
  std::shared_ptr<std::vector<PostNormBlock>> blocks = std::make_shared<std::vector<PostNormBlock>>();
  int64_t padding, offset;
  double scale;
  bool decoder;
  const char* path;

  Stack(const Scope& s, const BartConfig& c, Style style, const Tensor& table, bool is_decoder)
      : words(table),
        dropout(s / "dropout", c.dropout),
        padding(c.pad_token_id),
        offset(style.sinusoidal ? 0 : kPositionOffset),
        scale(c.scale_embedding ? std::sqrt(static_cast<double>(c.d_model)) : 1),
        decoder(is_decoder),
        path(s.trace_path()) {
    if (style.sinusoidal)
      positions = sinusoidal_positions(c.max_position_embeddings, c.d_model, s.store().dtype());
    else
      positions =
          Embedding(s / "embed_positions", c.max_position_embeddings + kPositionOffset, c.d_model, c.init_std).weight;
    PostNormNames names = kNames;
    if (!decoder) names.cross_norm = nullptr;
    const PostNormSizes sizes{c.d_model,
                              decoder ? c.decoder_attention_heads : c.encoder_attention_heads,
                              decoder ? c.decoder_ffn_dim : c.encoder_ffn_dim,
                              1e-5,
                              c.init_std,
                              c.dropout,
                              c.attention_dropout,
                              c.activation_dropout,
                              activation_named(c.activation_function)};
    const int64_t layers = decoder ? c.decoder_layers : c.encoder_layers;
    for (int64_t i = 0; i < layers; ++i) blocks->emplace_back(s / "layers" / i, names, sizes);
    if (!style.sinusoidal) layernorm_embedding.emplace(s / "layernorm_embedding", c.d_model, 1e-5);
  }

  Tensor operator()(const SequenceInput& in, const Tensor& memory, const Tensor& memory_mask,
                    const Context& context) const {
    const TraceScope trace(path);
    Tensor x = in.embeds;
    if (!x.defined()) {
      x = padded_embedding(words, in.ids, padding);
      if (scale != 1) x = mul(x, scale);
    }
    const int64_t time = x.size(1);
    x = add(x, narrow(positions, 0, offset, time));
    if (layernorm_embedding) x = (*layernorm_embedding)(x);
    const Visibility visible{.mask = in.mask, .causal = decoder}, memory_visible{.mask = memory_mask};
    const auto block = [all = blocks, visible, memory, memory_visible, context](size_t i, const Tensor& before) {
      return (*all)[i](before, visible, memory, memory_visible, context);
    };
    return run_blocks(blocks->size(), block, dropout(x, context), context);
  }
};

class Body final : public Seq2SeqBody {
 public:
  Body(const Scope& s, const BartConfig& c, Style style)
      : words_(shared_words(s, c)),
        encoder_(s / "encoder", c, style, words_of(s / "encoder", c), false),
        decoder_(s / "decoder", c, style, words_of(s / "decoder", c), true) {}

  Tensor words() const override { return words_; }
  Tensor encode(const SequenceInput& in, const Context& context) const override {
    return encoder_(in, {}, {}, context);
  }
  Tensor decode(const SequenceInput& in, const Tensor& memory, const Tensor& memory_mask,
                const Context& context) const override {
    return decoder_(in, memory, memory_mask, context);
  }

 private:
  // Tied checkpoints keep the table once, under one of several names; in others it is there and has no effect.
  static Tensor shared_words(const Scope& s, const BartConfig& c) {
    const std::string prefix = s.path().empty() ? "" : s.path() + ".";
    const Shape shape{c.vocab_size, c.d_model};
    const Init init = Init::normal_of(c.init_std);
    if (!c.tie_word_embeddings) return s.store().make_buffer(prefix + "shared.weight", shape, init, s.store().dtype());
    return s.store().make(s.store().first_stored({prefix + "shared.weight", prefix + "encoder.embed_tokens.weight",
                                                  prefix + "decoder.embed_tokens.weight", "lm_head.weight"}),
                          shape, init);
  }
  Tensor words_of(const Scope& s, const BartConfig& c) const {
    const std::string name = s.path() + ".embed_tokens.weight";
    return c.tie_word_embeddings ? s.store().make_tied(name, words_)
                                 : s.store().make(name, words_.shape(), Init::normal_of(c.init_std));
  }

  Tensor words_;
  Stack encoder_, decoder_;
};

std::unique_ptr<Model> made(const BartConfig& c, Head head, Style style, Seq2SeqSpec spec,
                            std::shared_ptr<Parameters> store, std::string text) {
  spec.head = head;
  spec.vocab = c.vocab_size;
  spec.width = c.d_model;
  spec.max_positions = c.max_position_embeddings;
  spec.start = c.decoder_start_token_id;
  spec.pad = c.pad_token_id;
  spec.eos = c.eos_token_id;
  spec.init_std = c.init_std;
  spec.dropout = c.classifier_dropout;
  spec.tied = c.tie_word_embeddings;
  spec.labelling = c.labelling;
  auto body = std::make_unique<Body>(Scope(*store, head == Head::none ? "" : "model"), c, style);
  return make_seq2seq(std::move(spec), std::move(body), std::move(store), std::move(text));
}

}  // namespace

std::unique_ptr<Model> make_bart(const BartConfig& c, Head head, std::shared_ptr<Parameters> store, std::string text) {
  Seq2SeqSpec spec;
  spec.family = "bart";
  spec.logits_bias = true;
  spec.decode_the_input = true;
  return made(c, head, {.sinusoidal = false}, std::move(spec), std::move(store), std::move(text));
}

std::unique_ptr<Model> make_transformer(const TransformerConfig& c, Head head, std::shared_ptr<Parameters> store,
                                        std::string text) {
  Seq2SeqSpec spec;
  spec.family = "transformer";
  spec.label_smoothing = c.label_smoothing;
  return made(c, head, {.sinusoidal = true}, std::move(spec), std::move(store), std::move(text));
}

}  // namespace gradus
