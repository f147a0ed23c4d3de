#pragma once
#include "tensor/tensor.h"

// Kernel arguments: interpolation and grid sampling. See kernels/table.h.
namespace gradus {

#define GRADUS_RESAMPLE_KERNELS(X)

}  // namespace gradus
