#pragma once
#include <initializer_list>

#include "tensor/tensor.h"

namespace gradus {

// Views share x's numbers; nothing is copied unless the comment says so. All take any dtype.

/// Same elements in row-major order under other sizes; one size may be -1. Copies when the strides do not allow a view.
/// Throws ShapeError when the counts differ.
Tensor reshape(const Tensor& x, const Shape& shape);
/// Merges the axes first … last into one.
Tensor flatten(const Tensor& x, int first = 0, int last = -1);

Tensor transpose(const Tensor& x, int axis_a = -2, int axis_b = -1);
/// Axis i of the result is axis order[i] of x. Throws IndexError unless `order` is a permutation.
Tensor permute(const Tensor& x, std::initializer_list<int> order);

/// Stretches axes of size 1 (and adds leading ones) to `shape`, by stride 0. Throws ShapeError when that cannot be.
Tensor expand(const Tensor& x, const Shape& shape);
Tensor unsqueeze(const Tensor& x, int axis);
/// Throws ShapeError when the axis has not size 1.
Tensor squeeze(const Tensor& x, int axis);

/// Entries start … start+length-1 of one axis. Throws IndexError when they do not exist.
Tensor narrow(const Tensor& x, int axis, int64_t start, int64_t length);
/// Entry `index` of one axis, which goes.
Tensor select(const Tensor& x, int axis, int64_t index);
/// Consecutive pieces of the given sizes. Throws ShapeError when they do not add up.
Tensors split(const Tensor& x, std::initializer_list<int64_t> sizes, int axis = -1);

/// Joins along an axis; the other sizes and the types must agree (ShapeError, DtypeError). Copies.
Tensor concat(const Tensors& xs, int axis = 0);

/// x itself when dense, a dense copy otherwise.
Tensor contiguous(const Tensor& x);
/// Always a dense copy.
Tensor clone(const Tensor& x);

}  // namespace gradus
