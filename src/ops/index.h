#pragma once
#include "tensor/tensor.h"

namespace gradus {

// Reading by index (i32 or i64, IndexError when outside). The gradient adds up what was read several times.
// Ops named after PyTorch's tensor functions want indices from 0 on; those that follow NumPy or ONNX (take,
// take_along_axis, gather_nd) also count negative ones from the end.

/// Rows of `table` (rows, width) named by `ids` (any shape, i32 or i64): result (ids' shape, width).
/// The gradient of the table is dense. Throws IndexError for an id outside [0, rows).
Tensor embedding(const Tensor& table, const Tensor& ids);

enum class BagMode : uint8_t { sum, mean, max };
struct EmbeddingBagOptions {
  BagMode mode = BagMode::mean;
  Tensor weights = {};  ///< (n): factors of the rows, for sum only
};
/// Bag b takes the rows of `table` (rows, width) named by ids[offsets[b]] … ids[offsets[b+1] - 1] and sums them, or
/// takes their mean or largest; ids (n), offsets (bags) ascending from 0: result (bags, width). An empty bag gives 0.
Tensor embedding_bag(const Tensor& table, const Tensor& ids, const Tensor& offsets, EmbeddingBagOptions options = {});

/// y[.., i, ..] = x[.., index[.., i, ..], ..] along `axis`; index has x's rank and is at most as large at the other
/// axes. Throws ShapeError, and IndexError for an index outside [0, size of the axis).
Tensor gather(const Tensor& x, const Tensor& index, int axis = -1);
/// The reverse: zeros of `size` entries along `axis`, with src added at the places that `index`, of its shape, names.
Tensor scatter_add(const Tensor& src, const Tensor& index, int64_t size, int axis = -1);
/// gather() with x and index broadcast at the other axes, and negative indices.
Tensor take_along_axis(const Tensor& x, const Tensor& index, int axis = -1);

/// Slices of x along `axis` named by index (n): x's shape with n there.
Tensor index_select(const Tensor& x, const Tensor& index, int axis = 0);

/// Elements of x seen as one row: index's shape. Negative indices count from the end.
Tensor take(const Tensor& x, const Tensor& index);

/// ONNX's GatherND. index (*batch, *, k): its last axis names entries of the k axes of x that follow the first
/// `batch_axes`, which both share: result (*batch, *, the rest of x's shape). Negative indices count from the end.
Tensor gather_nd(const Tensor& x, const Tensor& index, int batch_axes = 0);

}  // namespace gradus
