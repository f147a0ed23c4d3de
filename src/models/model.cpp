#include "models/model.h"

#include <nlohmann/json.hpp>

#include "models/text/decoder_input.h"
#include "ops/elementwise.h"
#include "ops/matmul.h"
#include "ops/shape.h"

namespace gradus {

LmInput CausalLm::input(const Tensor& input_ids, const Tensor& attention_mask, const Tensor& position_ids) const {
  LmInput in;
  in.input_ids = cast(input_ids, Dtype::i64);
  if (attention_mask.defined()) in.attention_mask = cast(attention_mask, Dtype::boolean);
  if (!position_ids.defined()) return in;
  in.position_ids = cast(position_ids, Dtype::i64);
  const bool packed = !parse_json(config(), "config").value("use_cache", true);
  if (packed && !attention_mask.defined() && position_ids.rank() == 2)
    in.first = packed_documents(expand(in.position_ids, input_ids.shape()));
  return in;
}

Tensor CausalLm::logits(const Tensor& hidden) const { return affine(hidden, transpose(head())); }

KvCache CausalLm::make_cache(int64_t batch, int64_t capacity) const {
  const LmShape s = shape();
  return KvCache(s.layers, batch, capacity, s.kv_heads, s.head_dim, parameters().dtype());
}

}  // namespace gradus
