#pragma once
#include <vector>

#include "ops/axes.h"
#include "tensor/tensor.h"

namespace gradus {

// Views share x's numbers; nothing is copied unless the comment says so. All take any dtype.

/// Same elements in row-major order under other sizes; one size may be -1. Copies when the strides do not allow a view.
/// Throws ShapeError when the counts differ.
Tensor reshape(const Tensor& x, const Shape& shape);
/// Merges the axes first … last into one; a tensor of rank 0 gets one axis.
Tensor flatten(const Tensor& x, int first = 0, int last = -1);
/// Cuts one axis into several; one size may be -1.
Tensor unflatten(const Tensor& x, int axis, const Shape& sizes);

Tensor transpose(const Tensor& x, int axis_a = -2, int axis_b = -1);
/// Axis i of the result is axis order[i] of x. Throws IndexError unless `order` is a permutation.
Tensor permute(const Tensor& x, const Axes& order);
/// Axis from[i] becomes axis to[i]; the others keep their order.
Tensor movedim(const Tensor& x, const Axes& from, const Axes& to);

/// Stretches axes of size 1 (and adds leading ones) to `shape`, by stride 0. Throws ShapeError when that cannot be.
Tensor expand(const Tensor& x, const Shape& shape);
/// NumPy's name for expand().
inline Tensor broadcast_to(const Tensor& x, const Shape& shape) { return expand(x, shape); }
/// All stretched to the shape that they broadcast to.
Tensors broadcast_tensors(const Tensors& xs);
/// New axes of size 1, which the result has at the places given.
Tensor unsqueeze(const Tensor& x, const Axes& axes);
/// Throws ShapeError when an axis has not size 1.
Tensor squeeze(const Tensor& x, const Axes& axes);
/// All axes of size 1 go.
Tensor squeeze(const Tensor& x);

/// Entries start … start+length-1 of one axis. Throws IndexError when they do not exist.
Tensor narrow(const Tensor& x, int axis, int64_t start, int64_t length);
/// Entry `index` of one axis, which goes.
Tensor select(const Tensor& x, int axis, int64_t index);

/// Stands for "to the end" (or, for a negative step, the beginning) in slice().
constexpr int64_t kEnd = INT64_MAX;
/// x[start:stop:step] along one axis as Python has it: negative places count from the end, and what lies outside is
/// left out. A negative step walks backwards, and copies. Throws ValueError for step 0.
Tensor slice(const Tensor& x, int axis, int64_t start, int64_t stop = kEnd, int64_t step = 1);
/// Elements (i, i + offset) of two axes, as a new last axis.
Tensor diagonal(const Tensor& x, int64_t offset = 0, int axis_a = -2, int axis_b = -1);
/// All windows of `size` entries along an axis, one every `step`, entries `dilation` apart: the axis counts windows,
/// and a new last axis their entries. Throws ShapeError when not even one fits.
Tensor unfold(const Tensor& x, int axis, int64_t size, int64_t step, int64_t dilation = 1);

/// Consecutive pieces of the given sizes. Throws ShapeError when they do not add up.
Tensors split(const Tensor& x, const std::vector<int64_t>& sizes, int axis = -1);
/// Pieces of ceil(size/n) entries, the last one shorter: perhaps fewer than n (as torch.chunk).
Tensors chunk(const Tensor& x, int64_t n, int axis = 0);
/// n pieces whose sizes differ by one at most (as numpy.array_split).
Tensors tensor_split(const Tensor& x, int64_t n, int axis = 0);
/// Every entry of an axis, which goes.
Tensors unbind(const Tensor& x, int axis = 0);

/// Joins along an axis; the other sizes and the types must agree (ShapeError, DtypeError). Copies.
Tensor concat(const Tensors& xs, int axis = 0);
/// Joins tensors of one shape along a new axis. Copies.
Tensor stack(const Tensors& xs, int axis = 0);

/// x itself when dense, a dense copy otherwise.
Tensor contiguous(const Tensor& x);
/// Always a dense copy.
Tensor clone(const Tensor& x);

}  // namespace gradus
