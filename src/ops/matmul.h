#pragma once
#include "tensor/tensor.h"

namespace gradus {

/// y = a b: a (*, M, K), b (*, K, N) -> (*, M, N); leading axes broadcast. Transposed views are used as they lie.
/// f16 and bf16 accumulate in f32. Throws ShapeError when the inner sizes differ, DtypeError for different types.
Tensor matmul(const Tensor& a, const Tensor& b);

/// y = x w (+ bias): x (*, K), w (K, N), bias (N) or undefined -> (*, N). One product over all rows of x.
Tensor affine(const Tensor& x, const Tensor& w, const Tensor& bias = {});

}  // namespace gradus
