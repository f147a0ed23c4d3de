#pragma once
#include "tensor/tensor.h"

namespace gradus {

// x (any shape, floating) -> same shape and dtype. NaN stays. Throw DtypeError for integers, and ValueError for
// parameters outside the range that is given.

Tensor relu(const Tensor& x);          ///< max(x, 0); slope 0 at 0
Tensor relu6(const Tensor& x);         ///< min(max(x, 0), 6); slope 0 at 0 and 6
Tensor relu_squared(const Tensor& x);  ///< max(x, 0)^2 (So et al. 2021)
/// x for x > 0, slope x else.
Tensor leaky_relu(const Tensor& x, double slope = 0.01);
/// leaky_relu with learned slopes: `slope` has one element, or one for each channel, which is axis 1 of x (axis 0 of a
/// vector). Throws ShapeError otherwise.
Tensor prelu(const Tensor& x, const Tensor& slope);
/// x for x > 0, alpha (e^x - 1) else (Clevert et al. 2016).
Tensor elu(const Tensor& x, double alpha = 1);
/// x for x > 0, alpha (e^(x/alpha) - 1) else; alpha is not 0 (Barron 2017).
Tensor celu(const Tensor& x, double alpha = 1);
/// lambda elu(x, alpha), lambda = 1.0507009873554805, alpha = 1.6732632423543772 (Klambauer et al. 2017).
Tensor selu(const Tensor& x);

Tensor silu(const Tensor& x);        ///< x sigmoid(x)
Tensor mish(const Tensor& x);        ///< x tanh(softplus(x)) (Misra 2019)
Tensor gelu(const Tensor& x);        ///< x (1 + erf(x/sqrt 2))/2 (Hendrycks & Gimpel 2016)
Tensor gelu_tanh(const Tensor& x);   ///< x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))/2: GPT-2's "gelu_new"
Tensor quick_gelu(const Tensor& x);  ///< x sigmoid(1.702 x): CLIP's
/// log(1 + e^(beta x)) / beta; x itself where beta x > threshold. beta > 0.
Tensor softplus(const Tensor& x, double beta = 1, double threshold = 20);
Tensor log_sigmoid(const Tensor& x);  ///< log sigmoid(x) without overflow
Tensor softsign(const Tensor& x);     ///< x / (1 + |x|)
Tensor tanh_shrink(const Tensor& x);  ///< x - tanh(x)

Tensor hard_sigmoid(const Tensor& x);                                 ///< relu6(x + 3)/6
Tensor hard_swish(const Tensor& x);                                   ///< x relu6(x + 3)/6 (Howard et al. 2019)
Tensor hard_tanh(const Tensor& x, double low = -1, double high = 1);  ///< min(max(x, low), high); low < high
/// 0 where |x| <= lambda >= 0, x else.
Tensor hard_shrink(const Tensor& x, double lambda = 0.5);
/// x moved towards 0 by lambda >= 0, and not beyond.
Tensor soft_shrink(const Tensor& x, double lambda = 0.5);
/// x where x > threshold, `value` else.
Tensor threshold(const Tensor& x, double threshold, double value);

// f(gate) * up. gate and up have one shape and dtype, floating (Shazeer 2020).
// Throw ShapeError, DtypeError or ValueError when they differ.

Tensor reglu(const Tensor& gate, const Tensor& up);       ///< f = relu
Tensor geglu(const Tensor& gate, const Tensor& up);       ///< f = gelu
Tensor geglu_tanh(const Tensor& gate, const Tensor& up);  ///< f = gelu_tanh
Tensor swiglu(const Tensor& gate, const Tensor& up);      ///< f = silu
/// The first half of x along `axis` times the sigmoid of the second (Dauphin et al. 2017).
/// Throws ShapeError when the axis has odd size.
Tensor glu(const Tensor& x, int axis = -1);

}  // namespace gradus
