#include "models/text/seq2seq.h"

#include <algorithm>
#include <optional>

#include "autograd/autograd.h"
#include "base/error.h"
#include "models/inputs.h"
#include "models/text/labels.h"
#include "nn/layers.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/loss.h"
#include "ops/loss_class.h"
#include "ops/matmul.h"
#include "ops/shape.h"

namespace gradus {

namespace {

class Seq2Seq final : public Model {
 public:
  Seq2Seq(Seq2SeqSpec spec, std::unique_ptr<Seq2SeqBody> body, std::shared_ptr<Parameters> store, std::string text)
      : Model(std::move(store), std::move(text)), spec_(std::move(spec)), body_(std::move(body)) {
    Parameters& all = parameters();
    const LinearOptions options{true, spec_.init_std};
    switch (spec_.head) {
      case Head::conditional_generation:
        output_ = spec_.tied ? all.make_tied("lm_head.weight", body_->words())
                             : all.make("lm_head.weight", body_->words().shape(), Init::normal_of(spec_.init_std));
        // A checkpoint may leave it out; then it is 0.
        if (spec_.logits_bias && (!all.loading() || all.has_stored("final_logits_bias")))
          logits_bias_ = all.make_buffer("final_logits_bias", {1, spec_.vocab}, Init::zeros(), all.dtype());
        break;
      case Head::sequence_classification:
        dense_.emplace(Scope(all, "classification_head.dense"), spec_.width, spec_.width, options);
        classifier_.emplace(Scope(all, "classification_head.out_proj"), spec_.width, spec_.labelling.num_labels,
                            options);
        break;
      case Head::question_answering: classifier_.emplace(Scope(all, "qa_outputs"), spec_.width, 2, options); break;
      case Head::token_classification:
        classifier_.emplace(Scope(all, "classifier"), spec_.width, spec_.labelling.num_labels, options);
        break;
      default: break;
    }
    dropout_.emplace(Scope(all, "dropout"), spec_.dropout);
  }

  std::vector<std::string> inputs() const override {
    std::vector<std::string> names{"input_ids", "attention_mask", "inputs_embeds"};
    if (!encoder_only())
      names.insert(names.end(), {"decoder_input_ids", "decoder_attention_mask", "decoder_inputs_embeds"});
    if (spec_.head == Head::question_answering)
      names.insert(names.end(), {"start_positions", "end_positions"});
    else if (spec_.head != Head::none && spec_.head != Head::encoder)
      names.emplace_back("labels");
    return names;
  }

  NamedTensors forward(const NamedTensors& given, const Context& asked, const ForwardOptions& options) const override {
    const ModelInputs in(given, inputs(), spec_.family);
    std::vector<Tensor> encoder_states, decoder_states;
    Context context = asked;
    if (options.hidden_states) context.states = &encoder_states;
    const SequenceInput source = read(in, "input_ids", "inputs_embeds", "attention_mask");
    if (!source.defined()) throw ValueError(spec_.family, "needs input_ids or inputs_embeds, one of both.");
    const Tensor memory = body_->encode(source, context);
    NamedTensors out;
    if (encoder_only()) {
      encoder_head(in, memory, context, out);
      if (options.hidden_states) add_hidden_states(out, "hidden_states", encoder_states, memory);
      return out;
    }
    if (options.hidden_states) context.states = &decoder_states;
    const Tensor hidden = body_->decode(target(in, source), memory, source.mask, context);
    decoder_head(in, source, hidden, context, options, out);
    out.emplace_back("encoder_last_hidden_state", memory);
    if (options.hidden_states) {
      add_hidden_states(out, "encoder_hidden_states", encoder_states, memory);
      add_hidden_states(out, "decoder_hidden_states", decoder_states, hidden);
    }
    return out;
  }

 private:
  bool encoder_only() const { return spec_.head == Head::encoder || spec_.head == Head::token_classification; }

  SequenceInput read(const ModelInputs& in, const char* ids, const char* embeds, const char* mask) const {
    SequenceInput s;
    s.ids = in.ids(ids, spec_.vocab);
    s.embeds = in.numbers(embeds, parameters().dtype());
    if (s.ids.defined() && s.embeds.defined())
      throw ValueError(spec_.family, std::string("takes ") + ids + " or " + embeds + ", not both.");
    if (!s.defined()) return s;
    if (s.embeds.defined() && (s.embeds.rank() != 3 || s.embeds.size(2) != spec_.width))
      throw ShapeError(spec_.family, std::string(embeds) + " must be (batch, time, " + std::to_string(spec_.width) +
                                         "), got " + s.embeds.describe() + ".");
    check(s, ids);
    s.mask = in.mask(mask, s.shape());
    return s;
  }

  void check(const SequenceInput& s, const char* name) const {
    const Shape shape = s.shape();
    if (shape[0] < 1 || shape[1] < 1) throw ShapeError(spec_.family, std::string(name) + " is empty.");
    if (spec_.max_positions > 0 && shape[1] > spec_.max_positions)
      throw ShapeError(spec_.family,
                       std::string(name) + " has " + std::to_string(shape[1]) + " tokens, but the model has " +
                           std::to_string(spec_.max_positions) + " positions.",
                       "shorten the input, or train a model with more positions.");
  }

  Tensor shifted(const Tensor& ids) const {
    if (spec_.start < 0 || spec_.pad < 0)
      throw ValueError(spec_.family,
                       "config.json says no " +
                           std::string(spec_.start < 0 ? "decoder_start_token_id" : "pad_token_id") +
                           ", from which decoder_input_ids would be made.",
                       "give decoder_input_ids.");
    return shift_right(ids, spec_.start, spec_.pad);
  }

  // What the decoder reads: as given, or the labels shifted right, or (BART) the input shifted right.
  SequenceInput target(const ModelInputs& in, const SequenceInput& source) const {
    SequenceInput t = read(in, "decoder_input_ids", "decoder_inputs_embeds", "decoder_attention_mask");
    if (!t.defined()) {
      const bool from_labels = spec_.head == Head::conditional_generation && in.has("labels");
      if (!from_labels && (!spec_.decode_the_input || !source.ids.defined()))
        throw ValueError(spec_.family, spec_.head == Head::conditional_generation
                                           ? "needs decoder_input_ids, or labels to make them from."
                                           : "needs decoder_input_ids.");
      t.ids = shifted(from_labels ? in.ids("labels") : source.ids);
      check(t, "labels");
      t.mask = in.mask("decoder_attention_mask", t.shape());
    }
    if (t.shape()[0] != source.shape()[0])
      throw ShapeError(spec_.family, "input and decoder input have " + std::to_string(source.shape()[0]) + " and " +
                                         std::to_string(t.shape()[0]) + " rows.");
    return t;
  }

  void encoder_head(const ModelInputs& in, const Tensor& memory, const Context& context, NamedTensors& out) const {
    if (spec_.head == Head::encoder) {
      out.emplace_back("last_hidden_state", memory);
      return;
    }
    out.emplace_back("logits", (*classifier_)((*dropout_)(memory, context)));
    const Tensor loss = label_loss(in, "labels", out.back().second);
    if (loss.defined()) out.emplace_back("loss", loss);
  }

  void decoder_head(const ModelInputs& in, const SequenceInput& source, const Tensor& hidden, const Context& context,
                    const ForwardOptions& options, NamedTensors& out) const {
    Tensor loss;
    switch (spec_.head) {
      case Head::none: out.emplace_back("last_hidden_state", hidden); break;
      case Head::conditional_generation:
        if (options.logits) {
          const NoGrad off;
          out.emplace_back("logits", logits(hidden));
        }
        if (in.has("labels")) loss = generation_loss(in, hidden, context);
        break;
      case Head::sequence_classification: {
        const Tensor x = (*dropout_)(last_end(source, hidden), context);
        out.emplace_back("logits", (*classifier_)((*dropout_)(tanh((*dense_)(x)), context)));
        loss = classification_loss(in, out.back().second, spec_.labelling);
        break;
      }
      case Head::question_answering: {
        const Tensor both = (*classifier_)(hidden);
        out.emplace_back("start_logits", select(both, -1, 0));
        out.emplace_back("end_logits", select(both, -1, 1));
        loss = span_loss(in, out[0].second, out[1].second);
        break;
      }
      default: break;
    }
    if (loss.defined()) out.emplace_back("loss", loss);
  }

  Tensor scaled(const Tensor& hidden) const {
    return spec_.output_scale == 1 ? hidden : mul(hidden, spec_.output_scale);
  }

  Tensor logits(const Tensor& hidden) const {
    const Tensor y = affine(scaled(hidden), transpose(output_));
    return logits_bias_.defined() ? add(y, logits_bias_) : y;
  }

  Tensor generation_loss(const ModelInputs& in, const Tensor& hidden, const Context& context) const {
    const Tensor labels = in.ids("labels");
    if (labels.size(0) != hidden.size(0) || labels.size(1) != hidden.size(1))
      throw ShapeError(spec_.family, "labels " + labels.describe() + " do not fit the decoder's " +
                                         std::to_string(hidden.size(0)) + " rows of " + std::to_string(hidden.size(1)) +
                                         " tokens.");
    if (context.training && spec_.label_smoothing > 0)
      return cross_entropy_loss(logits(hidden), labels, {.label_smoothing = spec_.label_smoothing});
    return logits_bias_.defined() ? cross_entropy(logits(hidden), labels)
                                  : linear_cross_entropy(scaled(hidden), output_, labels);
  }

  // The state at the last end-of-text token of each row of the input.
  Tensor last_end(const SequenceInput& source, const Tensor& hidden) const {
    if (!source.ids.defined())
      throw ValueError(spec_.family, "classifies at the end-of-text token of input_ids, which inputs_embeds hide.");
    const int64_t batch = source.ids.size(0), time = source.ids.size(1);
    if (hidden.size(1) != time)
      throw ShapeError(spec_.family,
                       "classifies at the place of the input's end-of-text token, so the decoder must "
                       "read as many tokens as the encoder.");
    const auto ids = source.ids.to_vector<int64_t>();
    std::vector<int64_t> rows;
    for (int64_t b = 0; b < batch; ++b) {
      int64_t last = -1;
      for (int64_t t = 0; t < time; ++t)
        if (ids[static_cast<size_t>(b * time + t)] == spec_.eos) last = t;
      if (last < 0)
        throw ValueError(spec_.family, "row " + std::to_string(b) + " of input_ids has no end-of-text token (" +
                                           std::to_string(spec_.eos) + "), at which the text is classified.");
      rows.push_back(b * time + last);
    }
    return index_select(flatten(hidden, 0, 1), from_vector(rows), 0);
  }

  Seq2SeqSpec spec_;
  std::unique_ptr<Seq2SeqBody> body_;
  Tensor output_, logits_bias_;
  std::optional<Linear> dense_, classifier_;
  std::optional<Dropout> dropout_;
};

}  // namespace

std::unique_ptr<Model> make_seq2seq(Seq2SeqSpec spec, std::unique_ptr<Seq2SeqBody> body,
                                    std::shared_ptr<Parameters> parameters, std::string text) {
  return std::make_unique<Seq2Seq>(std::move(spec), std::move(body), std::move(parameters), std::move(text));
}

}  // namespace gradus
