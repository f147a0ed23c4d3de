#include "models/text/decoder_input.h"

#include <string>

#include "ops/check.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/shape.h"

namespace gradus {

static int64_t cached(const LmInput& in) { return in.cache ? in.cache->length : 0; }

void check_decoder_input(const char* model, const LmInput& in, int64_t vocab, int64_t max_positions) {
  require_index(model, in.input_ids);
  if (in.input_ids.rank() != 2)
    throw ShapeError(model, "input_ids must be (batch, time), got " + in.input_ids.describe() + ".");
  require_indices(model, in.input_ids, vocab);
  const int64_t batch = in.input_ids.size(0), time = in.input_ids.size(1), end = cached(in) + time;
  if (max_positions > 0 && end > max_positions)
    throw ShapeError(model,
                     std::to_string(end) + " positions, but the model has " + std::to_string(max_positions) + ".",
                     "shorten the input, or train a model with more positions.");
  if (in.attention_mask.defined()) {
    if (in.attention_mask.dtype() != Dtype::boolean)
      throw DtypeError(model, "attention_mask must be bool here, got " + in.attention_mask.describe() + ".");
    require_shape(model, "attention_mask", in.attention_mask, {batch, end});
  }
  if (in.position_ids.defined()) {
    require_index(model, in.position_ids);
    const Shape& s = in.position_ids.shape();
    if (s.rank() != 2 || s[1] != time || (s[0] != batch && s[0] != 1))
      throw ShapeError(model, "position_ids must be (" + std::to_string(batch) + " or 1, " + std::to_string(time) +
                                  "), got " + in.position_ids.describe() + ".");
    require_indices(model, in.position_ids, max_positions > 0 ? max_positions : int64_t{1} << 40);
  }
}

Tensor decoder_positions(const LmInput& in) {
  if (in.position_ids.defined()) return in.position_ids;
  return unsqueeze(arange(in.input_ids.size(1), Dtype::i64, static_cast<double>(cached(in)), 1, in.input_ids.device()),
                   0);
}

Tensor packed_documents(const Tensor& position_ids) {
  const int64_t time = position_ids.size(1);
  const auto positions = position_ids.to_vector<int64_t>();
  std::vector<int32_t> first(positions.size(), 0);
  for (size_t i = 0; i < positions.size(); ++i) {
    const auto t = static_cast<int64_t>(i) % time;
    if (t > 0) first[i] = positions[i] == positions[i - 1] + 1 ? first[i - 1] : static_cast<int32_t>(t);
  }
  return from_vector(first, position_ids.shape());
}

AttentionOptions decoder_attention(const LmInput& in, double scale, int64_t keys) {
  AttentionOptions options;
  options.causal = true;
  options.scale = scale;
  options.mask = in.attention_mask;
  options.first = in.first;
  // A window's cache has forgotten the first positions.
  const int64_t gone = cached(in) + in.input_ids.size(1) - keys;
  if (gone > 0 && options.mask.defined()) options.mask = narrow(options.mask, 1, gone, keys);
  if (gone > 0 && options.first.defined())
    options.first = cast(sub(options.first, static_cast<double>(gone)), Dtype::i32);
  return options;
}

}  // namespace gradus
