#pragma once
#include "tensor/tensor.h"

// Kernel arguments: padding, rolling, unfolding. See kernels/table.h.
namespace gradus {

#define GRADUS_SHAPE_KERNELS(X)

}  // namespace gradus
