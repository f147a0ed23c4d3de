#pragma once
#include "tensor/tensor.h"

// Sets of axes as bits, for ops that reduce: bit i is set when axis i is reduced.
namespace gradus {

inline unsigned all_axes(const Tensor& x) { return (1u << x.rank()) - 1; }

/// The shape with size 1 at the axes of the mask, and without them.
Shape kept_shape(const Shape& shape, unsigned mask);
Shape dropped_shape(const Shape& shape, unsigned mask);

/// How many elements are reduced to one.
double reduced_count(const Tensor& x, unsigned mask);

/// x as (sizes of the axes that are not in the mask …, product of the others): the latter move to the end, in their
/// order, and become one axis. Copies where the strides do not allow a view.
Tensor merge_to_last(const Tensor& x, unsigned mask);
/// The reverse, back to `shape`.
Tensor split_last(const Tensor& x, const Shape& shape, unsigned mask);

}  // namespace gradus
