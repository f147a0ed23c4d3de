#pragma once
#include <cstdint>

#include "tensor/tensor.h"

namespace gradus {

/// What becomes of the losses of the single elements.
enum class LossReduction : uint8_t {
  none,        ///< they stay
  mean,        ///< their mean; of none it is NaN
  sum,         ///< their sum
  batch_mean,  ///< their sum divided by the size of the first axis
};

/// Applies it. Throws ShapeError for batch_mean of rank 0.
Tensor reduce_loss(const char* op, const Tensor& losses, LossReduction reduction);

}  // namespace gradus
