#pragma once
#include "base/random.h"
#include "tensor/tensor.h"

namespace gradus {

/// Dense tensors filled with a value. Throws what empty() throws.
Tensor full(const Shape& shape, double value, Dtype dtype = Dtype::f32, Device device = Device::cpu);
Tensor zeros(const Shape& shape, Dtype dtype = Dtype::f32, Device device = Device::cpu);
Tensor ones(const Shape& shape, Dtype dtype = Dtype::f32, Device device = Device::cpu);
Tensor zeros_like(const Tensor& x);
Tensor ones_like(const Tensor& x);
/// One element, rank 0.
Tensor scalar(double value, Dtype dtype = Dtype::f32, Device device = Device::cpu);

/// (n): start, start + step, …
Tensor arange(int64_t n, Dtype dtype = Dtype::i64, double start = 0, double step = 1, Device device = Device::cpu);

/// (n): from start to end in equal steps, both included; n = 1 gives start. Throws ShapeError for n < 0.
Tensor linspace(double start, double end, int64_t n, Dtype dtype = Dtype::f32, Device device = Device::cpu);
/// (rows, columns) with ones on the diagonal; square without `columns`.
Tensor eye(int64_t rows, int64_t columns = -1, Dtype dtype = Dtype::f32, Device device = Device::cpu);

/// Element i is number i of the stream `key`: the same on any machine with any number of threads.
Tensor random_normal(const Shape& shape, RandomKey key, double mean = 0, double deviation = 1, Dtype dtype = Dtype::f32,
                     Device device = Device::cpu);
Tensor random_uniform(const Shape& shape, RandomKey key, double low = 0, double high = 1, Dtype dtype = Dtype::f32,
                      Device device = Device::cpu);

}  // namespace gradus
