#include "models/text/bert.h"

#include "autograd/autograd.h"
#include "autograd/observer.h"
#include "base/error.h"
#include "kernels/table.h"
#include "models/text/encoder.h"
#include "models/text/post_norm.h"
#include "nn/position/sinusoidal.h"
#include "nn/recompute.h"
#include "ops/activation.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/shape.h"

namespace gradus {

void fields(Fields& f, BertConfig& c) {
  f.integer("vocab_size", c.vocab_size, {.min = 1});
  f.integer("hidden_size", c.hidden_size, {.min = 1});
  f.integer("num_hidden_layers", c.num_hidden_layers, {.min = 0, .max = 10000});
  f.integer("num_attention_heads", c.num_attention_heads, {.min = 1});
  f.integer("intermediate_size", c.intermediate_size, {.min = 1});
  f.text("hidden_act", c.hidden_act);
  f.number("hidden_dropout_prob", c.hidden_dropout_prob, {.min = 0, .max = 1});
  f.number("attention_probs_dropout_prob", c.attention_probs_dropout_prob, {.min = 0, .max = 1});
  f.integer("max_position_embeddings", c.max_position_embeddings, {.min = 1});
  f.integer("type_vocab_size", c.type_vocab_size, {.min = 1});
  f.number("initializer_range", c.initializer_range, {.min = 0});
  f.number("layer_norm_eps", c.layer_norm_eps, {.min = 0});
  f.token("pad_token_id", c.pad_token_id);
  c.classifier_dropout = c.hidden_dropout_prob;
  f.optional_number("classifier_dropout", c.classifier_dropout, {.min = 0, .max = 1});
  f.flag("tie_word_embeddings", c.tie_word_embeddings);
  std::string positions = "absolute";
  f.optional_text("position_embedding_type", positions, {"absolute"});
  f.fixed("is_decoder", false);
  f.fixed("add_cross_attention", false);
  fields(f, c.labelling);
  if (c.hidden_size % c.num_attention_heads != 0)
    f.refuse("num_attention_heads", "must divide hidden_size (" + std::to_string(c.hidden_size) + ")");
  if (c.pad_token_id >= c.vocab_size)
    f.refuse("pad_token_id", "must be below vocab_size (" + std::to_string(c.vocab_size) + ") or null");
}

void fields(Fields& f, RobertaConfig& c) {
  fields(f, static_cast<BertConfig&>(c));
  if (c.pad_token_id < 0) f.refuse("pad_token_id", "is needed: positions are counted from it");
}

void fields(Fields& f, DistilBertConfig& c) {
  f.integer("vocab_size", c.vocab_size, {.min = 1});
  f.integer("max_position_embeddings", c.max_position_embeddings, {.min = 1});
  f.flag("sinusoidal_pos_embds", c.sinusoidal_pos_embds);
  f.integer("n_layers", c.n_layers, {.min = 0, .max = 10000});
  f.integer("n_heads", c.n_heads, {.min = 1});
  f.integer("dim", c.dim, {.min = 1});
  f.integer("hidden_dim", c.hidden_dim, {.min = 1});
  f.number("dropout", c.dropout, {.min = 0, .max = 1});
  f.number("attention_dropout", c.attention_dropout, {.min = 0, .max = 1});
  f.text("activation", c.activation);
  f.number("initializer_range", c.initializer_range, {.min = 0});
  f.number("qa_dropout", c.qa_dropout, {.min = 0, .max = 1});
  f.number("seq_classif_dropout", c.seq_classif_dropout, {.min = 0, .max = 1});
  f.token("pad_token_id", c.pad_token_id);
  f.flag("tie_word_embeddings", c.tie_word_embeddings);
  fields(f, c.labelling);
  if (c.dim % c.n_heads != 0) f.refuse("n_heads", "must divide dim (" + std::to_string(c.dim) + ")");
  if (c.pad_token_id >= c.vocab_size)
    f.refuse("pad_token_id", "must be below vocab_size (" + std::to_string(c.vocab_size) + ") or null");
}

namespace {

constexpr PostNormNames kBertNames{
    {"attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"},
    "attention.output.LayerNorm",
    "intermediate.dense",
    "output.dense",
    "output.LayerNorm"};
constexpr PostNormNames kDistilBertNames{{"attention.q_lin", "attention.k_lin", "attention.v_lin", "attention.out_lin"},
                                         "sa_layer_norm",
                                         "ffn.lin1",
                                         "ffn.lin2",
                                         "output_layer_norm"};

struct BodySizes {
  const char* family;
  int64_t vocab, positions, segments, layers;  // segments 0: none
  int64_t padding;                             // row of the words without gradient from looking it up; -1: none
  bool positions_after_padding;                // RoBERTa counts from padding + 1, and padding stays there
  bool sinusoidal;                             // DistilBERT: positions start as sines
  const PostNormNames& names;
  const char* blocks;
  PostNormSizes block;
};

// x = norm(words + segments + positions), then post-norm blocks.
class BertBody final : public EncoderBody {
 public:
  BertBody(const Scope& s, const BodySizes& z)
      : family_(z.family),
        padding_(z.padding),
        positions_after_padding_(z.positions_after_padding),
        max_positions_(z.positions),
        words_(s / "embeddings.word_embeddings", z.vocab, z.block.width, z.block.init_std),
        positions_(
            Embedding(s / "embeddings.position_embeddings", z.positions, z.block.width, z.block.init_std).weight),
        norm_(segmented(s, z), z.block.width, z.block.eps),
        dropout_(s / "embeddings.dropout", z.block.dropout),
        path_(s.trace_path()) {
    if (z.sinusoidal && !s.store().loading() && positions_.device() == Device::cpu) {
      kernels(Device::cpu)
          .copy({sinusoidal_positions(z.positions, z.block.width, positions_.dtype()), positions_.detach()});
      positions_.bump_version();
    }
    for (int64_t i = 0; i < z.layers; ++i) blocks_->emplace_back(s / z.blocks / i, z.names, z.block);
  }

  Tensor words() const override { return words_.weight; }

  Tensor hidden(const EncoderInput& in, const Context& context) const override {
    const TraceScope trace(path_);
    Tensor x = in.inputs_embeds.defined() ? in.inputs_embeds : padded_embedding(words_.weight, in.input_ids, padding_);
    if (segments_.defined())
      x = add(x, in.token_type_ids.defined() ? embedding(segments_, in.token_type_ids) : select(segments_, 0, 0));
    x = add(x, padded_embedding(positions_, positions_of(in), positions_after_padding_ ? padding_ : -1));
    x = dropout_(norm_(x), context);
    const Visibility visible{.mask = in.attention_mask};
    const auto block = [blocks = blocks_, visible, context](size_t i, const Tensor& before) {
      return (*blocks)[i](before, visible, {}, {}, context);
    };
    return run_blocks(blocks_->size(), block, x, context);
  }

  void fuse() override {
    for (PostNormBlock& block : *blocks_) block.self.fuse();
  }

  Tensor packed_hidden(const Tensor& ids, const std::vector<int64_t>& lengths) const override {
    if (!blocks_->empty() && !blocks_->front().self.fused_weight.defined())
      return EncoderBody::packed_hidden(ids, lengths);
    const NoGrad off;
    const TraceScope trace(path_);
    const int64_t first = positions_after_padding_ ? padding_ + 1 : 0;
    std::vector<int64_t> positions;
    for (int64_t length : lengths) {
      require_room(length);
      for (int64_t i = 0; i < length; ++i) positions.push_back(first + i);
    }
    Tensor x = embedding(words_.weight, ids);
    if (segments_.defined()) x = add(x, select(segments_, 0, 0));
    x = norm_(add(x, embedding(positions_, from_vector(positions))));
    for (const PostNormBlock& block : *blocks_) x = block.packed(x, lengths);
    return x;
  }

 private:
  void require_room(int64_t time) const {
    const int64_t first = positions_after_padding_ ? padding_ + 1 : 0;
    if (first + time > max_positions_)
      throw ShapeError(family_,
                       std::to_string(time) + " tokens, but the model has positions for " +
                           std::to_string(max_positions_ - first) + ".",
                       "shorten the input, or train a model with more positions.");
  }

  // Makes the table of segments between words and norm, as the order of the parameters has it.
  Scope segmented(const Scope& s, const BodySizes& z) {
    if (z.segments > 0)
      segments_ = Embedding(s / "embeddings.token_type_embeddings", z.segments, z.block.width, z.block.init_std).weight;
    return s / "embeddings.LayerNorm";
  }

  Tensor positions_of(const EncoderInput& in) const {
    if (in.position_ids.defined()) return in.position_ids;
    const int64_t batch = in.batch(), time = in.time(), first = positions_after_padding_ ? padding_ + 1 : 0;
    require_room(time);
    if (!positions_after_padding_ || !in.input_ids.defined())
      return unsqueeze(arange(time, Dtype::i64, static_cast<double>(first)), 0);
    const auto ids = in.input_ids.to_vector<int64_t>();
    std::vector<int64_t> positions(ids.size());
    for (int64_t b = 0; b < batch; ++b) {
      int64_t next = first;
      for (int64_t t = 0; t < time; ++t) {
        const auto i = static_cast<size_t>(b * time + t);
        positions[i] = ids[i] == padding_ ? padding_ : next++;
      }
    }
    return from_vector(positions, {batch, time});
  }

  const char* family_;
  int64_t padding_;
  bool positions_after_padding_;
  int64_t max_positions_;
  Embedding words_;
  Tensor positions_, segments_;
  LayerNorm norm_;
  Dropout dropout_;
  const char* path_;
  // shared with graphs whose backward pass runs blocks again, maybe when the model is gone
  std::shared_ptr<std::vector<PostNormBlock>> blocks_ = std::make_shared<std::vector<PostNormBlock>>();
};

BodySizes body_of(const BertConfig& c, const char* family) {
  const Activation act = activation_named(c.hidden_act);
  return {family,
          c.vocab_size,
          c.max_position_embeddings,
          c.type_vocab_size,
          c.num_hidden_layers,
          c.pad_token_id,
          false,
          false,
          kBertNames,
          "encoder.layer",
          {c.hidden_size, c.num_attention_heads, c.intermediate_size, c.layer_norm_eps, c.initializer_range,
           c.hidden_dropout_prob, c.attention_probs_dropout_prob, 0, act}};
}

EncoderSpec spec_of(const BertConfig& c, Head head, const char* family) {
  EncoderSpec spec;
  spec.family = family;
  spec.base = head == Head::none ? "" : family;
  spec.head = head;
  spec.vocab = c.vocab_size;
  spec.width = c.hidden_size;
  spec.max_positions = c.max_position_embeddings;
  spec.token_types = c.type_vocab_size;
  spec.eps = c.layer_norm_eps;
  spec.init_std = c.initializer_range;
  spec.dropout = head == Head::question_answering ? 0 : c.classifier_dropout;
  spec.labelling = c.labelling;
  spec.tied = c.tie_word_embeddings;
  spec.words_act = activation_named(c.hidden_act);
  spec.classifier.out = head == Head::question_answering ? "qa_outputs" : "classifier";
  return spec;
}

std::unique_ptr<Model> made(EncoderSpec spec, const BodySizes& body, std::shared_ptr<Parameters> store,
                            std::string text) {
  auto encoder = std::make_unique<BertBody>(Scope(*store, spec.base), body);
  return make_encoder(std::move(spec), std::move(encoder), std::move(store), std::move(text));
}

}  // namespace

std::unique_ptr<Model> make_bert(const BertConfig& c, Head head, std::shared_ptr<Parameters> store, std::string text) {
  EncoderSpec spec = spec_of(c, head, "bert");
  spec.pooler = head == Head::none || head == Head::pretraining || head == Head::next_sentence ||
                head == Head::sequence_classification || head == Head::multiple_choice;
  spec.words = {"cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm",
                "cls.predictions.decoder.weight", "cls.predictions.decoder.bias", "cls.predictions.bias"};
  return made(std::move(spec), body_of(c, "bert"), std::move(store), std::move(text));
}

std::unique_ptr<Model> make_roberta(const RobertaConfig& c, Head head, std::shared_ptr<Parameters> store,
                                    std::string text) {
  EncoderSpec spec = spec_of(c, head, "roberta");
  spec.pooler = head == Head::none || head == Head::multiple_choice;
  spec.words = {"lm_head.dense", "lm_head.layer_norm", "lm_head.decoder.weight", "lm_head.decoder.bias",
                "lm_head.bias"};
  spec.words_act = gelu;
  if (head == Head::sequence_classification) {
    spec.classifier = {"classifier.dense", "", "classifier.out_proj", tanh, true};
  }
  BodySizes body = body_of(c, "roberta");
  body.positions_after_padding = true;
  return made(std::move(spec), body, std::move(store), std::move(text));
}

std::unique_ptr<Model> make_distilbert(const DistilBertConfig& c, Head head, std::shared_ptr<Parameters> store,
                                       std::string text) {
  EncoderSpec spec;
  spec.family = "distilbert";
  spec.base = head == Head::none ? "" : "distilbert";
  spec.head = head;
  spec.vocab = c.vocab_size;
  spec.width = c.dim;
  spec.max_positions = c.max_position_embeddings;
  spec.init_std = c.initializer_range;
  spec.labelling = c.labelling;
  spec.tied = c.tie_word_embeddings;
  spec.words_act = activation_named(c.activation);
  spec.words = {"vocab_transform", "vocab_layer_norm", "vocab_projector.weight", "vocab_projector.bias", ""};
  spec.dropout = c.dropout;
  spec.classifier.out = "classifier";
  if (head == Head::question_answering) {
    spec.dropout = c.qa_dropout;
    spec.classifier.out = "qa_outputs";
  } else if (head == Head::sequence_classification || head == Head::multiple_choice) {
    spec.dropout = c.seq_classif_dropout;
    spec.classifier = {"pre_classifier", "", "classifier", relu, false};
  }
  const BodySizes body{"distilbert",
                       c.vocab_size,
                       c.max_position_embeddings,
                       0,
                       c.n_layers,
                       c.pad_token_id,
                       false,
                       c.sinusoidal_pos_embds,
                       kDistilBertNames,
                       "transformer.layer",
                       {c.dim, c.n_heads, c.hidden_dim, 1e-12, c.initializer_range, c.dropout, c.attention_dropout, 0,
                        activation_named(c.activation)}};
  return made(std::move(spec), body, std::move(store), std::move(text));
}

}  // namespace gradus
