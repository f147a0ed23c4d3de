#include "ops/create.h"

#include <algorithm>

#include "kernels/table.h"
#include "ops/check.h"

namespace gradus {

Tensor full(const Shape& shape, double value, Dtype dtype, Device device) {
  Tensor y = empty(shape, dtype, device);
  kernels(device).fill({.y = y, .value = value});
  return y;
}

Tensor zeros(const Shape& shape, Dtype dtype, Device device) { return full(shape, 0, dtype, device); }
Tensor ones(const Shape& shape, Dtype dtype, Device device) { return full(shape, 1, dtype, device); }
Tensor zeros_like(const Tensor& x) { return zeros(x.shape(), x.dtype(), x.device()); }
Tensor ones_like(const Tensor& x) { return ones(x.shape(), x.dtype(), x.device()); }
Tensor scalar(double value, Dtype dtype, Device device) { return full({}, value, dtype, device); }

Tensor arange(int64_t n, Dtype dtype, double start, double step, Device device) {
  Tensor y = empty({n}, dtype, device);
  kernels(device).iota({.y = y, .start = start, .step = step});
  return y;
}

Tensor linspace(double start, double end, int64_t n, Dtype dtype, Device device) {
  Tensor y = arange(n, dtype, start, n > 1 ? (end - start) / static_cast<double>(n - 1) : 0, device);
  if (n > 1) kernels(device).fill({.y = y.strided({}, {}, n - 1), .value = end});  // a sum of steps may miss it
  return y;
}

Tensor eye(int64_t rows, int64_t columns, Dtype dtype, Device device) {
  if (columns == -1) columns = rows;
  Tensor y = zeros({rows, columns}, dtype, device);
  if (y.count() > 0) kernels(device).fill({.y = y.strided({std::min(rows, columns)}, {columns + 1}), .value = 1});
  return y;
}

Tensor random_normal(const Shape& shape, RandomKey key, double mean, double deviation, Dtype dtype, Device device) {
  Tensor y = empty(shape, dtype, device);
  require_floating("random_normal", y);
  kernels(device).random({.y = y, .distribution = Distribution::normal, .key = key, .a = mean, .b = deviation});
  return y;
}

Tensor random_uniform(const Shape& shape, RandomKey key, double low, double high, Dtype dtype, Device device) {
  Tensor y = empty(shape, dtype, device);
  require_floating("random_uniform", y);
  kernels(device).random({.y = y, .distribution = Distribution::uniform, .key = key, .a = low, .b = high});
  return y;
}

}  // namespace gradus
