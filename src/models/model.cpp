#include "models/model.h"

#include <nlohmann/json.hpp>

#include "autograd/autograd.h"
#include "autograd/observer.h"
#include "base/error.h"
#include "models/inputs.h"
#include "models/text/decoder_input.h"
#include "models/text/labels.h"
#include "nn/packed.h"
#include "ops/elementwise.h"
#include "ops/loss.h"
#include "ops/matmul.h"
#include "ops/shape.h"

namespace gradus {

CausalLm::CausalLm(std::shared_ptr<Parameters> parameters, std::string config)
    : Model(std::move(parameters), std::move(config)) {
  const Json json = parse_json(this->config(), "config");
  if (const auto at = json.find("use_cache"); at != json.end() && at->is_boolean()) use_cache_ = at->get<bool>();
}

LmInput CausalLm::input(const Tensor& input_ids, const Tensor& attention_mask, const Tensor& position_ids) const {
  LmInput in;
  in.input_ids = cast(input_ids, Dtype::i64);
  if (attention_mask.defined()) in.attention_mask = cast(attention_mask, Dtype::boolean);
  if (!position_ids.defined()) return in;
  in.position_ids = cast(position_ids, Dtype::i64);
  if (!use_cache_ && !attention_mask.defined() && position_ids.rank() == 2)
    in.first = packed_documents(expand(in.position_ids, input_ids.shape()));
  return in;
}

Tensor CausalLm::logits(const Tensor& hidden) const {
  const Tensor w = head();
  const QuantTensor packed = parameters().packed_of(w);
  const Tensor logits = packed.defined() ? packed_linear(hidden, packed) : affine(hidden, transpose(w));
  const double cap = logit_softcap();
  return cap > 0 ? mul(tanh(mul(logits, 1 / cap)), cap) : logits;
}

Tensor CausalLm::loss(const Tensor& hidden, const Tensor& shifted, double normaliser) const {
  const TraceScope trace("loss");
  return linear_cross_entropy(hidden, head(), shifted, normaliser, logit_softcap());
}

std::vector<std::string> CausalLm::inputs() const { return {"input_ids", "attention_mask", "position_ids", "labels"}; }

NamedTensors CausalLm::forward(const NamedTensors& inputs, const Context& asked, const ForwardOptions& options) const {
  const ModelInputs in(inputs, this->inputs(), "decoder");
  in.require("input_ids");
  const LmInput read = input(in.ids("input_ids"), in.find("attention_mask"), in.find("position_ids"));
  std::vector<Tensor> states;
  Context context = asked;
  if (options.hidden_states) context.states = &states;
  const Tensor last = hidden(read, context);
  NamedTensors out;
  if (options.logits) {
    const NoGrad off;
    out.emplace_back("logits", logits(last));
  }
  if (const Tensor labels = in.ids("labels"); labels.defined()) {
    if (!(labels.shape() == read.input_ids.shape()))
      throw ShapeError("decoder", "labels " + labels.describe() + " must have the shape of input_ids " +
                                      read.input_ids.describe() + ".");
    out.emplace_back("loss", loss(last, shift_labels(labels)));
  }
  if (options.hidden_states) add_hidden_states(out, "hidden_states", states, last);
  return out;
}

KvCache CausalLm::make_cache(int64_t batch, int64_t capacity, KvType type) const {
  const LmShape s = shape();
  return KvCache(windows(), batch, capacity, s.kv_heads, s.head_dim, parameters().dtype(), type);
}

}  // namespace gradus
