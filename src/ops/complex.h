#pragma once
#include "tensor/tensor.h"

namespace gradus {

// A complex number is a pair (re, im) in a last axis of size 2: z (*, 2), of a floating type (torch.view_as_real).
// Views, joins, checkpoints and gradients need nothing new; the gradient of a real loss is that of the two parts, as in
// PyTorch. Sums, differences and products with a real number are the ordinary ones (a real x of shape (*, 1)
// broadcasts). Shapes below leave the pair out where it stays. All throw ShapeError when the last axis has not size 2.

/// The pairs of two real tensors, which broadcast.
Tensor complex(const Tensor& re, const Tensor& im);
/// The pairs (x, 0).
Tensor complex(const Tensor& re);
/// r (cos angle, sin angle)
Tensor polar(const Tensor& r, const Tensor& angle);
/// One part, a view without the last axis.
Tensor complex_real(const Tensor& z);
Tensor complex_imag(const Tensor& z);

/// a b; shapes broadcast, types promote.
Tensor complex_mul(const Tensor& a, const Tensor& b);
/// a conj(b), without making conj(b).
Tensor complex_mul_conj(const Tensor& a, const Tensor& b);
Tensor complex_div(const Tensor& a, const Tensor& b);
Tensor complex_conj(const Tensor& z);
Tensor complex_exp(const Tensor& z);
/// |z| and arg z in (-π, π], without the last axis; slope 0 at z = 0.
Tensor complex_abs(const Tensor& z);
Tensor complex_angle(const Tensor& z);
/// Matrix product: a (*, M, K, 2), b (*, K, N, 2) -> (*, M, N, 2); leading axes broadcast. Four real products.
Tensor complex_matmul(const Tensor& a, const Tensor& b);

/// Throws DtypeError or ShapeError unless z is a tensor of pairs.
void require_complex(const char* op, const Tensor& z);

}  // namespace gradus
