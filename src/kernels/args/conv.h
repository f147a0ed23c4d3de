#pragma once
#include "tensor/tensor.h"

// Kernel arguments: convolutions. See kernels/table.h.
namespace gradus {

#define GRADUS_CONV_KERNELS(X)

}  // namespace gradus
