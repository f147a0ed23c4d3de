#pragma once
#include "tensor/tensor.h"

namespace gradus {

/// y_i = exp(x_i - max x) / sum_j exp(x_j - max x), along `axis`.
/// x (any shape of rank >= 1, floating) -> same shape and dtype; sums in f32 (f64 for f64). A row of -inf gives zeros.
/// Throws IndexError when `axis` is out of range, DtypeError for integers.
Tensor softmax(const Tensor& x, int axis = -1);

/// y_i = x_i - log sum_j exp x_j, along `axis`; otherwise as softmax(). A row of -inf gives -inf.
Tensor log_softmax(const Tensor& x, int axis = -1);

/// softmax(-x)
Tensor softmin(const Tensor& x, int axis = -1);

}  // namespace gradus
