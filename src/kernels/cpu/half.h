#pragma once
#include "kernels/cpu/cpu.h"

// f16 and bf16 compute in f32, between two conversions.
namespace gradus::cpu {

/// y_i = x_i as bf16, to nearest even: the bits. On the calling thread.
void round_to_bf16(const float* x, uint16_t* y, int64_t n);

inline bool is_16_bit(const Tensor& x) { return x.dtype() == Dtype::f16 || x.dtype() == Dtype::bf16; }

inline Tensor copy_in_f32(const Tensor& x) {
  const Tensor y = empty(x.shape(), Dtype::f32);
  copy({.x = x, .y = y});
  return y;
}

/// The same for a broadcast operand: each number once, axes of stride 0 stay so.
inline Tensor broadcast_in_f32(const Tensor& x) {
  Shape once = x.shape();
  for (int axis = 0; axis < x.rank(); ++axis)
    if (x.strides()[axis] == 0) once[axis] = 1;
  const Tensor y = copy_in_f32(x.strided(once, x.strides()));
  Strides strides = y.strides();
  for (int axis = 0; axis < x.rank(); ++axis)
    if (x.strides()[axis] == 0) strides[axis] = 0;
  return y.strided(x.shape(), strides);
}

}  // namespace gradus::cpu
