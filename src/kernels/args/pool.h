#pragma once
#include "tensor/tensor.h"

// Kernel arguments: pooling. See kernels/table.h.
namespace gradus {

#define GRADUS_POOL_KERNELS(X)

}  // namespace gradus
