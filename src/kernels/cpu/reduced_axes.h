#pragma once
#include "kernels/cpu/dense.h"

namespace gradus::cpu {

/// x as dense (outer, n): behind the others those axes that `y`, of the same rank, has reduced to 1.
inline Tensor reduced_axes_last(const Tensor& x, const Shape& y) {
  Shape shape;
  Strides strides;
  int64_t n = 1;
  for (const bool reduced : {false, true})
    for (int axis = 0; axis < x.rank(); ++axis) {
      if ((x.shape()[axis] != y[axis]) != reduced) continue;
      shape.push_back(x.shape()[axis]);
      strides.push_back(x.strides()[axis]);
      if (reduced) n *= x.shape()[axis];
    }
  return dense(x.strided(shape, strides)).strided({x.count() / n, n}, {n, 1});
}

/// The Split of what reduced_axes_last() gives.
inline Split split_of(const Tensor& rows) {
  Split s;
  s.outer = rows.shape()[0], s.n = rows.shape()[1];
  return s;
}

}  // namespace gradus::cpu
