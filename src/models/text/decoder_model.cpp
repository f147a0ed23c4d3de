#include "models/text/decoder_model.h"

#include <optional>

#include "autograd/autograd.h"
#include "base/error.h"
#include "models/text/labels.h"
#include "nn/layers.h"
#include "ops/index.h"
#include "ops/shape.h"

namespace gradus {

namespace {

class DecoderModel final : public Model {
 public:
  DecoderModel(std::unique_ptr<CausalLm> body, std::shared_ptr<Parameters> store, std::string text, Head head,
               const Labelling& labelling, int64_t pad)
      : Model(std::move(store), std::move(text)),
        body_(std::move(body)),
        labelling_(labelling),
        pad_(pad),
        tied_(head == Head::causal_lm) {
    if (head == Head::sequence_classification)
      score_.emplace(Scope(parameters(), "score"), body_->shape().width, labelling.num_labels,
                     LinearOptions{.bias = false});
  }

  std::vector<std::string> inputs() const override {
    std::vector<std::string> names{"input_ids", "attention_mask", "position_ids"};
    if (score_ || tied_) names.emplace_back("labels");
    return names;
  }

  NamedTensors forward(const NamedTensors& given, const Context& asked, const ForwardOptions& options) const override {
    const ModelInputs in(given, inputs(), "decoder");
    in.require("input_ids");
    const LmInput read = body_->input(in.ids("input_ids"), in.find("attention_mask"), in.find("position_ids"));
    std::vector<Tensor> states;
    Context context = asked;
    if (options.hidden_states) context.states = &states;
    const Tensor hidden = body_->hidden(read, context);
    NamedTensors out;
    if (tied_) {
      const NoGrad off;
      if (options.logits) out.emplace_back("logits", body_->logits(hidden));
    }
    if (const Tensor labels = tied_ ? in.ids("labels") : Tensor(); labels.defined())
      out.emplace_back("loss", body_->loss(hidden, shift_labels(labels)));
    if (score_) {
      out.emplace_back("logits", (*score_)(last_token(read.input_ids, hidden)));
      const Tensor loss = classification_loss(in, out.back().second, labelling_);
      if (loss.defined()) out.emplace_back("loss", loss);
    } else {
      out.emplace_back("last_hidden_state", hidden);
    }
    if (options.hidden_states) add_hidden_states(out, "hidden_states", states, hidden);
    return out;
  }

 private:
  // (B, width): the last token of each row that is not the padding token
  Tensor last_token(const Tensor& ids, const Tensor& hidden) const {
    const int64_t batch = ids.size(0), time = ids.size(1);
    if (pad_ < 0 && batch != 1)
      throw ValueError("decoder", "cannot tell padding in a batch: config.json has no pad_token_id.",
                       "set it, or give one row at a time.");
    const auto all = ids.to_vector<int64_t>();
    std::vector<int64_t> rows;
    for (int64_t b = 0; b < batch; ++b) {
      int64_t last = time - 1;
      if (pad_ >= 0) {
        while (last > 0 && all[static_cast<size_t>(b * time + last)] == pad_) --last;
      }
      rows.push_back(b * time + last);
    }
    return index_select(flatten(hidden, 0, 1), from_vector(rows), 0);
  }

  std::unique_ptr<CausalLm> body_;
  Labelling labelling_;
  int64_t pad_;
  bool tied_;  // the output layer is the embedding, which is there: the body's states, and what a language model gives
  std::optional<Linear> score_;
};

}  // namespace

std::unique_ptr<Model> make_decoder_model(std::unique_ptr<CausalLm> body, std::shared_ptr<Parameters> parameters,
                                          std::string text, Head head, const Labelling& labelling, int64_t pad) {
  return std::make_unique<DecoderModel>(std::move(body), std::move(parameters), std::move(text), head, labelling, pad);
}

}  // namespace gradus
