#pragma once
#include "base/random.h"
#include "tensor/tensor.h"

namespace gradus {

/// Element i becomes 0 where number i of the stream `key` lies below p, and x_i/(1-p) elsewhere: the same mask with any
/// number of threads, made again in backward instead of being stored. x (any shape, floating) -> same shape and dtype;
/// p = 0 gives x itself. Throws ValueError unless 0 <= p <= 1, DtypeError for integers.
Tensor dropout(const Tensor& x, double p, RandomKey key);

}  // namespace gradus
