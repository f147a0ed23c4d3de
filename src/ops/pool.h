#pragma once
#include "ops/per_axis.h"
#include "tensor/tensor.h"

namespace gradus {

// Pooling over the last 1, 2 or 3 axes of x (*, *spatial), floating, as PyTorch defines it:
// out = floor((in + 2 padding - dilation (kernel - 1) - 1) / stride) + 1; with ceil_mode rounded up, unless the last
// window would begin in the padding at the end. All throw ShapeError when x has too few axes, an empty one, or a window
// has nothing to see, ValueError for an option out of range (padding at most half the kernel), DtypeError.

struct MaxPoolOptions {
  PerAxis kernel;
  PerAxis stride = {};  ///< the kernel's size when not given
  PerAxis padding = 0;
  PerAxis dilation = 1;
  bool ceil_mode = false;
};

struct MaxPooled {
  Tensor values;
  Tensor indices;  ///< i64: where each value lies in the spatial axes of x, counted in row-major order
};

/// The largest entry of each window; padding never wins, NaN does. The gradient goes to the first of equals.
Tensor max_pool1d(const Tensor& x, const MaxPoolOptions& options);
Tensor max_pool2d(const Tensor& x, const MaxPoolOptions& options);
Tensor max_pool3d(const Tensor& x, const MaxPoolOptions& options);
MaxPooled max_pool_with_indices(const Tensor& x, int axes, const MaxPoolOptions& options);

/// The reverse of max_pool over the last `axes` axes: zeros of the spatial sizes `size`, with x's entries added at
/// `indices` (i64, x's shape). Throws IndexError for a place outside.
Tensor max_unpool(const Tensor& x, const Tensor& indices, int axes, const PerAxis& size);

struct AvgPoolOptions {
  PerAxis kernel;
  PerAxis stride = {};
  PerAxis padding = 0;
  bool ceil_mode = false;
  bool count_include_pad = true;  ///< whether zeros of the padding count in the divisor
  int64_t divisor = 0;            ///< divides every window's sum when not 0 (PyTorch's divisor_override)
};

/// The mean of each window.
Tensor avg_pool1d(const Tensor& x, const AvgPoolOptions& options);
Tensor avg_pool2d(const Tensor& x, const AvgPoolOptions& options);
Tensor avg_pool3d(const Tensor& x, const AvgPoolOptions& options);

struct LpPoolOptions {
  double p = 2;
  PerAxis kernel;
  PerAxis stride = {};
  bool ceil_mode = false;
};
/// (sum of x^p over the window)^(1/p). The slope is infinite where that sum is 0.
Tensor lp_pool1d(const Tensor& x, const LpPoolOptions& options);
Tensor lp_pool2d(const Tensor& x, const LpPoolOptions& options);
Tensor lp_pool3d(const Tensor& x, const LpPoolOptions& options);

/// Windows chosen so that the result has the spatial sizes asked for: window i of n over s entries is
/// [floor(i s / n), ceil((i + 1) s / n)). Size 1 is global pooling.
Tensor adaptive_avg_pool1d(const Tensor& x, const PerAxis& size);
Tensor adaptive_avg_pool2d(const Tensor& x, const PerAxis& size);
Tensor adaptive_avg_pool3d(const Tensor& x, const PerAxis& size);
Tensor adaptive_max_pool1d(const Tensor& x, const PerAxis& size);
Tensor adaptive_max_pool2d(const Tensor& x, const PerAxis& size);
Tensor adaptive_max_pool3d(const Tensor& x, const PerAxis& size);

}  // namespace gradus
