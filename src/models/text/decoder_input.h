#pragma once
#include "models/model.h"
#include "ops/attention.h"

namespace gradus {

/// Checks ids, mask and positions of a decoder's input against each other; `max_positions` 0 means no limit.
/// Throws IndexError, ShapeError or DtypeError naming `model`.
void check_decoder_input(const char* model, const LmInput& in, int64_t vocab, int64_t max_positions);

/// Positions of the new tokens: those given, or (1, T) counting on from the cache.
Tensor decoder_positions(const LmInput& in);

/// Where the documents of a packed row begin, told by its positions: transformers starts a new document wherever a
/// position does not follow its predecessor. (B, T) i64 -> `first` (B, T) i32 for LmInput.
Tensor packed_documents(const Tensor& position_ids);

/// Causal visibility with the input's padding mask and packed documents, for the last `keys` positions.
AttentionOptions decoder_attention(const LmInput& in, double scale, int64_t keys);

}  // namespace gradus
