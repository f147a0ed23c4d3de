#include "models/model.h"

#include <nlohmann/json.hpp>

#include "models/text/decoder_input.h"
#include "nn/packed.h"
#include "ops/elementwise.h"
#include "ops/matmul.h"
#include "ops/shape.h"

namespace gradus {

CausalLm::CausalLm(std::unique_ptr<Parameters> parameters, std::string config)
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

KvCache CausalLm::make_cache(int64_t batch, int64_t capacity, KvType type) const {
  const LmShape s = shape();
  return KvCache(windows(), batch, capacity, s.kv_heads, s.head_dim, parameters().dtype(), type);
}

}  // namespace gradus
