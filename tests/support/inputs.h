#pragma once
#include "autograd/autograd.h"
#include "support/op_case.h"

namespace gradus::testing {

/// f64 numbers of which no two are equal, each exact in bf16 too: their order is the same in every type. At most 251.
inline Tensor distinct(const Shape& shape, int64_t stride = 97) {
  std::vector<double> values;
  for (int64_t i = 0; i < shape.count(); ++i) values.push_back(static_cast<double>((i * stride) % 251 - 125) / 4);
  return from_vector(values, shape);
}

/// x, whose gradient is wanted.
inline Tensor wanted(Tensor x) {
  require_grad(x);
  return x;
}

}  // namespace gradus::testing
