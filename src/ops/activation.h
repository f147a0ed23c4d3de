#pragma once
#include "tensor/tensor.h"

namespace gradus {

// x (any shape, floating) -> same shape and dtype. Throw DtypeError for integers.

Tensor relu(const Tensor& x);       ///< max(x, 0); slope 0 at 0; NaN stays
Tensor silu(const Tensor& x);       ///< x sigmoid(x)
Tensor gelu(const Tensor& x);       ///< x (1 + erf(x/sqrt 2))/2 (Hendrycks & Gimpel 2016)
Tensor gelu_tanh(const Tensor& x);  ///< x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))/2: GPT-2's "gelu_new"

/// silu(gate) * up (Shazeer 2020). gate and up have one shape and dtype, floating.
/// Throws ShapeError, DtypeError or ValueError when they differ.
Tensor swiglu(const Tensor& gate, const Tensor& up);

}  // namespace gradus
