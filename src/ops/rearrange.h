#pragma once
#include <vector>

#include "ops/axes.h"
#include "tensor/tensor.h"

namespace gradus {

// Copies in another order; any dtype.

/// The axes named run backwards.
Tensor flip(const Tensor& x, const Axes& axes);
/// Entry i moves to i + shift, and from the end to the beginning; negative shifts go the other way.
Tensor roll(const Tensor& x, int64_t shift, int axis);
/// shifts[i] along axes[i].
Tensor roll(const Tensor& x, const std::vector<int64_t>& shifts, const Axes& axes);
/// `times` quarter turns from the first axis named towards the second. A view where the turn has one.
Tensor rot90(const Tensor& x, int times = 1, int axis_a = 0, int axis_b = 1);

/// The whole tensor counts[i] times along axis i, the counts aligned at the last axis; missing axes have size 1,
/// missing counts are 1 (as numpy.tile).
Tensor tile(const Tensor& x, const std::vector<int64_t>& counts);
/// Every entry of an axis `count` times in a row.
Tensor repeat_interleave(const Tensor& x, int64_t count, int axis);
/// Entry i of the axis counts[i] times in a row.
Tensor repeat_interleave(const Tensor& x, const std::vector<int64_t>& counts, int axis);

/// Coordinate grids of k vectors (n_1) … (n_k): k views of shape (n_1, …, n_k), the i-th varying along axis i.
Tensors meshgrid(const Tensors& xs);
/// All combinations of entries of k vectors: (n_1 … n_k, k), the last vector running fastest.
Tensor cartesian_product(const Tensors& xs);

/// (*, C r², H, W) -> (*, C, H r, W r): channel c r² + i r + j goes to place (i, j) of each r × r square
/// (Shi et al. 2016, eq. 4).
Tensor pixel_shuffle(const Tensor& x, int64_t r);
/// The reverse.
Tensor pixel_unshuffle(const Tensor& x, int64_t r);

}  // namespace gradus
