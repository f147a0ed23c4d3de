#pragma once
#include "tensor/tensor.h"

namespace gradus {

/// PE(pos, 2i) = sin(pos / 10000^(2i/width)), PE(pos, 2i+1) = cos(pos / 10000^(2i/width)) for positions 0, 1, …:
/// (positions, width), computed in f64. Vaswani et al. 2017, section 3.5.
Tensor sinusoidal_positions(int64_t positions, int64_t width, Dtype dtype = Dtype::f32);

}  // namespace gradus
