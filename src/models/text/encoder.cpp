#include "models/text/encoder.h"

#include <algorithm>

#include "autograd/autograd.h"
#include "autograd/observer.h"
#include "base/error.h"
#include "base/labels.h"
#include "models/inputs.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/loss.h"
#include "ops/matmul.h"
#include "ops/reduce.h"
#include "ops/shape.h"

namespace gradus {

namespace {

// norm(act(dense x)) w^T + b
class MaskedLmHead {
 public:
  MaskedLmHead(Parameters& store, const EncoderSpec& spec, const Tensor& words)
      : dense_(Scope(store, spec.words.dense), spec.width, spec.width, {spec.dense_bias, spec.init_std}),
        norm_(Scope(store, spec.words.norm), spec.width, spec.eps, spec.norm_bias),
        act_(spec.words_act) {
    const Shape rows{spec.vocab};
    const std::string& spare = spec.words.spare_bias;
    if (!spec.tied) {
      weight_ = store.make(spec.words.weight, words.shape(), Init::normal_of(spec.init_std));
      if (spec.decoder_bias) bias_ = store.make(spec.words.bias, rows, Init::zeros());
      if (!spare.empty()) store.make_buffer(spare, rows, Init::zeros(), store.dtype());  // kept, and of no effect
      return;
    }
    weight_ = store.make_tied(spec.words.weight, words);
    if (!spec.decoder_bias) return;
    if (spare.empty()) {
      bias_ = store.make(spec.words.bias, rows, Init::zeros());
      return;
    }
    const std::string name = store.first_stored({spare, spec.words.bias});
    bias_ = store.make(name, rows, Init::zeros());
    if (name == spare) bias_ = store.make_tied(spec.words.bias, bias_);
  }

  Tensor operator()(const Tensor& x) const { return affine(norm_(act_(dense_(x))), transpose(weight_), bias_); }

  /// The mean over the labels (B, T) that count; only their rows meet the table of words.
  Tensor loss(const Tensor& hidden, const std::vector<int64_t>& labels) const {
    std::vector<int64_t> rows, targets;
    for (size_t i = 0; i < labels.size(); ++i)
      if (labels[i] != kIgnoredLabel) rows.push_back(static_cast<int64_t>(i)), targets.push_back(labels[i]);
    const Tensor x = reshape(hidden, {static_cast<int64_t>(labels.size()), hidden.size(-1)});
    if (rows.empty()) return cross_entropy((*this)(x), from_vector(labels));  // 0, and so are all gradients
    return cross_entropy((*this)(index_select(x, from_vector(rows), 0)), from_vector(targets));
  }

 private:
  Linear dense_;
  LayerNorm norm_;
  Activation act_;
  Tensor weight_, bias_;
};

struct Classifier {
  std::optional<Linear> dense;
  std::optional<LayerNorm> norm;
  Linear out;
  Dropout dropout;
  Activation act;
  bool dropout_before_dense;

  Classifier(Parameters& store, const EncoderSpec& spec, int64_t outputs)
      : dense(made_dense(store, spec)),
        norm(made_norm(store, spec)),
        out(Scope(store, spec.classifier.out), spec.width, outputs, {true, spec.init_std}),
        dropout(Scope(store, "dropout"), spec.dropout),
        act(spec.classifier.act),
        dropout_before_dense(spec.classifier.dropout_before_dense) {}

  Tensor operator()(Tensor x, const Context& context) const {
    if (dropout_before_dense) x = dropout(x, context);
    if (dense) x = act((*dense)(x));
    if (norm) x = (*norm)(x);
    return out(dropout(x, context));
  }

  static std::optional<Linear> made_dense(Parameters& store, const EncoderSpec& spec) {
    if (spec.classifier.dense.empty()) return {};
    return Linear(Scope(store, spec.classifier.dense), spec.width, spec.width, {spec.dense_bias, spec.init_std});
  }
  static std::optional<LayerNorm> made_norm(Parameters& store, const EncoderSpec& spec) {
    if (spec.classifier.norm.empty()) return {};
    return LayerNorm(Scope(store, spec.classifier.norm), spec.width, spec.eps, spec.norm_bias);
  }
};

class Encoder final : public EncoderModel {
 public:
  Encoder(EncoderSpec spec, std::unique_ptr<EncoderBody> body, std::shared_ptr<Parameters> store, std::string text)
      : EncoderModel(std::move(store), std::move(text)), spec_(std::move(spec)), body_(std::move(body)) {
    const std::string pooler = spec_.base + (spec_.base.empty() ? "" : ".") + "pooler.dense";
    // A body alone may come without one, as those of sentence embeddings do.
    const Parameters& given = parameters();
    const bool missing = given.loading() && !given.has_stored(pooler + ".weight") && spec_.head == Head::none;
    if (spec_.pooler && !missing)
      pooler_.emplace(Scope(parameters(), pooler), spec_.width, spec_.width, LinearOptions{true, spec_.init_std});
    switch (spec_.head) {
      case Head::pretraining:
      case Head::masked_lm: words_.emplace(parameters(), spec_, body_->words()); break;
      case Head::token_classification:
      case Head::sequence_classification: classifier_.emplace(parameters(), spec_, spec_.labelling.num_labels); break;
      case Head::question_answering: classifier_.emplace(parameters(), spec_, 2); break;
      case Head::multiple_choice: classifier_.emplace(parameters(), spec_, 1); break;
      default: break;
    }
    if (spec_.head == Head::pretraining || spec_.head == Head::next_sentence)
      next_.emplace(Scope(parameters(), "cls.seq_relationship"), spec_.width, 2, LinearOptions{true, spec_.init_std});
  }

  const EncoderBody& body() const override { return *body_; }
  EncoderBody& body() override { return *body_; }
  const EncoderSpec& spec() const override { return spec_; }

  std::vector<std::string> inputs() const override {
    std::vector<std::string> names{"input_ids", "attention_mask", "position_ids", "inputs_embeds"};
    if (spec_.token_types > 0) names.emplace_back("token_type_ids");
    if (spec_.head == Head::question_answering)
      names.insert(names.end(), {"start_positions", "end_positions"});
    else if (spec_.head != Head::none)
      names.emplace_back("labels");
    if (next_) names.emplace_back("next_sentence_label");
    return names;
  }

  NamedTensors forward(const NamedTensors& given, const Context& asked, const ForwardOptions& options) const override {
    const bool choices = spec_.head == Head::multiple_choice;
    const NamedTensors flat = choices ? one_row_a_choice(given) : NamedTensors();
    const ModelInputs in(choices ? flat : given, inputs(), spec_.family);
    const EncoderInput e = read(in);
    std::vector<Tensor> states;
    Context context = asked;
    if (options.hidden_states) context.states = &states;
    const Tensor hidden = body_->hidden(e, context);
    NamedTensors out = headed(in, e, hidden, context, options, choices ? choices_of(given) : 0);
    if (options.hidden_states) add_hidden_states(out, "hidden_states", states, hidden);
    return out;
  }

 private:
  EncoderInput read(const ModelInputs& in) const {
    EncoderInput e;
    e.input_ids = in.ids("input_ids", spec_.vocab);
    e.inputs_embeds = in.numbers("inputs_embeds", parameters().dtype());
    if (e.input_ids.defined() == e.inputs_embeds.defined())
      throw ValueError(spec_.family, "needs input_ids or inputs_embeds, one of both.");
    if (e.inputs_embeds.defined() && (e.inputs_embeds.rank() != 3 || e.inputs_embeds.size(2) != spec_.width))
      throw ShapeError(spec_.family, "inputs_embeds must be (batch, time, " + std::to_string(spec_.width) + "), got " +
                                         e.inputs_embeds.describe() + ".");
    const Shape shape{e.batch(), e.time()};
    if (shape[0] < 1 || shape[1] < 1)
      throw ShapeError(spec_.family, "the input is empty: " + std::to_string(shape[0]) + " rows of " +
                                         std::to_string(shape[1]) + " tokens.");
    e.attention_mask = in.mask("attention_mask", shape);
    if (spec_.token_types > 0) {
      e.token_type_ids = in.ids("token_type_ids", spec_.token_types);
      if (e.token_type_ids.defined() && !(e.token_type_ids.shape() == shape))
        throw ShapeError(spec_.family, "token_type_ids must have the shape of input_ids " + shape.str() + ", got " +
                                           e.token_type_ids.describe() + ".");
    }
    if (in.has("position_ids")) e.position_ids = in.positions("position_ids", shape, spec_.max_positions);
    return e;
  }

  static int64_t choices_of(const NamedTensors& given) {
    for (const auto& [name, value] : given)
      if (name == "input_ids" || name == "inputs_embeds") return value.size(1);
    return 1;
  }

  // (B, choices, T, …) -> (B * choices, T, …)
  NamedTensors one_row_a_choice(const NamedTensors& given) const {
    NamedTensors flat;
    for (const auto& [name, value] : given) {
      if (name == "labels") {
        flat.emplace_back(name, value);
        continue;
      }
      if (value.rank() < 3)
        throw ShapeError(spec_.family, name + " must be (batch, choices, time), got " + value.describe() + ".");
      flat.emplace_back(name, flatten(value, 0, 1));
    }
    return flat;
  }

  // (B, width): what a classifier of whole texts reads
  Tensor pooled(const EncoderInput& e, const Tensor& hidden) const {
    const TraceScope trace("pooler");
    const Tensor& mask = e.attention_mask;
    if (spec_.mean_pooling) {
      if (!mask.defined()) return mean(hidden, {1});
      const Tensor weight = cast(mask, hidden.dtype());
      return div(sum(mul(hidden, unsqueeze(weight, -1)), {1}), sum(weight, {1}, keep_axis));
    }
    Tensor first = select(hidden, 1, 0);
    if (spec_.first_visible && mask.defined()) {
      const Tensor at = argmax(cast(mask, Dtype::i64), 1);  // (B)
      std::vector<int64_t> rows = at.to_vector<int64_t>();
      for (size_t b = 0; b < rows.size(); ++b) rows[b] += static_cast<int64_t>(b) * e.time();
      first = index_select(flatten(hidden, 0, 1), from_vector(rows), 0);
    }
    return pooler_ ? tanh((*pooler_)(first)) : first;
  }

  std::vector<int64_t> token_labels(const ModelInputs& in, const Tensor& hidden) const {
    const Tensor labels = in.ids("labels");
    if (labels.count() != hidden.size(0) * hidden.size(1))
      throw ShapeError(spec_.family, "labels " + labels.describe() + " must have the shape of input_ids.");
    return labels.to_vector<int64_t>();
  }

  NamedTensors headed(const ModelInputs& in, const EncoderInput& e, const Tensor& hidden, const Context& context,
                      const ForwardOptions& options, int64_t choices) const {
    NamedTensors out;
    const auto add_loss = [&out](const Tensor& loss) {
      if (loss.defined()) out.emplace_back("loss", loss);
    };
    switch (spec_.head) {
      case Head::none:
        out.emplace_back("last_hidden_state", hidden);
        if (pooler_) out.emplace_back("pooler_output", pooled(e, hidden));
        break;
      case Head::pretraining: pretraining(in, e, hidden, options, out); break;
      case Head::masked_lm: {
        if (options.logits) out.emplace_back("logits", word_logits(in, hidden));
        if (in.has("labels")) add_loss(words_->loss(hidden, token_labels(in, hidden)));
        break;
      }
      case Head::next_sentence: {
        out.emplace_back("logits", (*next_)(pooled(e, hidden)));
        add_loss(label_loss(in, in.has("labels") ? "labels" : "next_sentence_label", out.back().second));
        break;
      }
      case Head::sequence_classification:
        out.emplace_back("logits", (*classifier_)(pooled(e, hidden), context));
        add_loss(classification_loss(in, out.back().second, spec_.labelling));
        break;
      case Head::token_classification:
        out.emplace_back("logits", (*classifier_)(hidden, context));
        add_loss(label_loss(in, "labels", out.back().second));
        break;
      case Head::multiple_choice: {
        const Tensor scores = (*classifier_)(pooled(e, hidden), context);
        out.emplace_back("logits", reshape(scores, {-1, choices}));
        add_loss(label_loss(in, "labels", out.back().second));
        break;
      }
      case Head::question_answering: {
        const Tensor logits = (*classifier_)(hidden, context);
        const Tensor start = select(logits, -1, 0), end = select(logits, -1, 1);
        out.emplace_back("start_logits", start);
        out.emplace_back("end_logits", end);
        add_loss(span_loss(in, start, end));
        break;
      }
      default: break;
    }
    return out;
  }

  Tensor word_logits(const ModelInputs& in, const Tensor& hidden) const {
    const NoGrad off;
    if (!spec_.sparse_ignored || !in.has("labels")) return (*words_)(hidden);
    const std::vector<int64_t> labels = token_labels(in, hidden);
    std::vector<int64_t> rows;
    for (size_t i = 0; i < labels.size(); ++i)
      if (labels[i] != *spec_.sparse_ignored) rows.push_back(static_cast<int64_t>(i));
    return (*words_)(index_select(flatten(hidden, 0, 1), from_vector(rows), 0));
  }

  // mean CE(masked tokens) + mean CE(next sentence), Devlin et al. 2018, section 3.1
  void pretraining(const ModelInputs& in, const EncoderInput& e, const Tensor& hidden, const ForwardOptions& options,
                   NamedTensors& out) const {
    if (options.logits) out.emplace_back("prediction_logits", word_logits(in, hidden));
    const Tensor next = (*next_)(pooled(e, hidden));
    out.emplace_back("seq_relationship_logits", next);
    if (!in.has("labels") || !in.has("next_sentence_label")) return;
    const Tensor words = words_->loss(hidden, token_labels(in, hidden));
    out.emplace_back("loss", add(words, label_loss(in, "next_sentence_label", next)));
  }

  EncoderSpec spec_;
  std::unique_ptr<EncoderBody> body_;
  std::optional<Linear> pooler_, next_;
  std::optional<MaskedLmHead> words_;
  std::optional<Classifier> classifier_;
};

}  // namespace

std::unique_ptr<Model> make_encoder(EncoderSpec spec, std::unique_ptr<EncoderBody> body,
                                    std::shared_ptr<Parameters> parameters, std::string text) {
  return std::make_unique<Encoder>(std::move(spec), std::move(body), std::move(parameters), std::move(text));
}

Tensor EncoderBody::packed_hidden(const Tensor& ids, const std::vector<int64_t>& lengths) const {
  const NoGrad off;
  const auto all = ids.to_vector<int64_t>();
  const int64_t texts = static_cast<int64_t>(lengths.size());
  int64_t longest = 0;
  for (int64_t n : lengths) longest = std::max(longest, n);
  std::vector<int64_t> rows(static_cast<size_t>(texts * longest), 0), visible(rows.size(), 0), places;
  size_t at = 0;
  for (int64_t t = 0; t < texts; ++t)
    for (int64_t i = 0; i < lengths[static_cast<size_t>(t)]; ++i) {
      const int64_t place = t * longest + i;
      rows[static_cast<size_t>(place)] = all.at(at++);
      visible[static_cast<size_t>(place)] = 1;
      places.push_back(place);
    }
  EncoderInput in;
  in.input_ids = from_vector(rows, {texts, longest});
  in.attention_mask = cast(from_vector(visible, {texts, longest}), Dtype::boolean);
  return index_select(flatten(hidden(in, {}), 0, 1), from_vector(places), 0);
}

}  // namespace gradus
