#pragma once
#include "tensor/tensor.h"

// Kernel arguments: cumulative sums, sorting, histograms. See kernels/table.h.
namespace gradus {

#define GRADUS_SCAN_KERNELS(X)

}  // namespace gradus
