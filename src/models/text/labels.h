#pragma once
#include "tensor/tensor.h"

namespace gradus {

/// Labels as Hugging Face reads them: labels[b, t] is what position t-1 must predict; -100 is not predicted.
/// Returns the shifted labels (B, T): entry t is labels[b, t+1], -100 at the end.
Tensor shift_labels(const Tensor& labels);

/// What a decoder reads to predict `labels` (B, T): `start`, then all but the last of them, -100 being `pad`.
Tensor shift_right(const Tensor& labels, int64_t start, int64_t pad);

}  // namespace gradus
