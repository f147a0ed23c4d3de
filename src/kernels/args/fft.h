#pragma once
#include "tensor/tensor.h"

// Kernel arguments: Fourier transforms. See kernels/table.h.
namespace gradus {

#define GRADUS_FFT_KERNELS(X)

}  // namespace gradus
