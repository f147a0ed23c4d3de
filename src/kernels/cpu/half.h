#pragma once
#include "kernels/cpu/cpu.h"

// f16 and bf16 compute in f32, between two conversions.
namespace gradus::cpu {

inline bool is_16_bit(const Tensor& x) { return x.dtype() == Dtype::f16 || x.dtype() == Dtype::bf16; }

inline Tensor copy_in_f32(const Tensor& x) {
  const Tensor y = empty(x.shape(), Dtype::f32);
  copy({.x = x, .y = y});
  return y;
}

}  // namespace gradus::cpu
