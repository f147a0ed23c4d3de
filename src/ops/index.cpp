#include "ops/index.h"

#include <algorithm>
#include <string>

#include "autograd/record.h"
#include "kernels/table.h"
#include "ops/check.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/histogram.h"
#include "ops/index_internal.h"
#include "ops/segment.h"
#include "ops/shape.h"

namespace gradus {

namespace {

// Gradient of embedding with respect to its table; itself linear in dy, with embedding as its gradient.
Tensor embedding_grad(const Tensor& ids, const Tensor& dy, int64_t rows) {
  Tensor dtable = empty({rows, dy.shape().back()}, dy.dtype(), dy.device());
  kernels(dy.device()).embedding_backward({.ids = ids, .dy = contiguous(dy), .dtable = dtable});
  record("embedding_backward", {dy}, dtable, [ids](const Tensor& ddtable) { return embedding(ddtable, ids); });
  return dtable;
}

}  // namespace

Tensor gather_unchecked(const Tensor& x, const Tensor& index, int axis, bool* outside) {
  Tensor y = empty(index.shape(), x.dtype(), x.device());
  if (y.count() > 0) kernels(x.device()).gather({.x = x, .index = index, .y = y, .axis = axis, .outside = outside});
  if (outside && *outside) return y;
  record("gather", {x}, y,
         [index, shape = x.shape(), axis](const Tensor& dy) { return add_into_zeros(shape, index, dy, axis); });
  return y;
}

Tensor add_into_zeros(const Shape& shape, const Tensor& index, const Tensor& src, int axis) {
  Tensor y = empty(shape, src.dtype(), src.device());
  kernels(y.device()).scatter({.f = Scatter::add, .x = Tensor(), .index = index, .src = src, .y = y, .axis = axis});
  record("scatter_add", {src}, y, [index, axis](const Tensor& dy) { return gather_unchecked(dy, index, axis); });
  return y;
}

Tensor widen_index(const Tensor& index, const Shape& shape, int axis) {
  Shape column = Shape::filled(shape.rank(), 1);
  column[axis] = index.count();
  return expand(reshape(index, column), shape);
}

Tensor wrap_indices(const char* op, const Tensor& index, int64_t size) {
  require_index(op, index);
  if (index.device() == Device::meta || index.count() == 0) return index;
  const Tensor zero = zeros({}, Dtype::i64), whole = full({}, static_cast<double>(size), Dtype::i64);
  const Tensor wrapped = add(index, where(less(index, zero), whole, zero));
  require_indices(op, wrapped, size);
  return wrapped;
}

Tensor embedding(const Tensor& table, const Tensor& ids) {
  require_defined("embedding", table);
  if (table.rank() != 2)
    throw ShapeError("embedding", "the table must be (rows, width), got " + table.describe() + ".");
  require_defined("embedding", ids);
  require_same_device("embedding", {table, ids});
  require_indices("embedding", ids, table.shape()[0]);
  const Tensor dense = contiguous(ids);
  Shape shape = ids.shape();
  shape.push_back(table.shape()[1]);
  Tensor y = empty(shape, table.dtype(), table.device());
  kernels(table.device()).embedding({.table = table, .ids = dense, .y = y});
  record("embedding", {table}, y,
         [ids = dense, rows = table.shape()[0]](const Tensor& dy) { return embedding_grad(ids, dy, rows); });
  return y;
}

Tensor embedding_bag(const Tensor& table, const Tensor& ids, const Tensor& offsets, EmbeddingBagOptions options) {
  const char* op = "embedding_bag";
  require_index(op, ids);
  require_index(op, offsets);
  require_same_device(op, {table, ids, offsets, options.weights});
  if (ids.rank() != 1 || offsets.rank() != 1)
    throw ShapeError(op,
                     "ids and offsets must have one axis, got " + ids.describe() + " and " + offsets.describe() + ".");
  if (offsets.device() != Device::meta) {
    int64_t before = 0;
    for (int64_t at : offsets.to_vector<int64_t>()) {
      if (at < before || at > ids.count())
        throw IndexError(op,
                         "offset " + std::to_string(at) + " follows " + std::to_string(before) + " for " +
                             std::to_string(ids.count()) + " ids.",
                         "offsets ascend from 0.");
      before = at;
    }
    if (offsets.count() > 0 ? offsets.to_vector<int64_t>()[0] != 0 : ids.count() > 0)
      throw IndexError(op, "the first bag must begin at offset 0.");
  }
  Tensor rows = embedding(table, ids);
  if (options.weights.defined()) {
    if (options.mode != BagMode::sum) throw ValueError(op, "weights are for BagMode::sum.");
    require_shape(op, "weights", options.weights, ids.shape());
    require_same(op, {table, options.weights});
    rows = mul(rows, unsqueeze(options.weights, -1));
  }
  // The bag of an id: how many bags begin at it or before it, less one.
  const Tensor bags =
      sub(bucketize(arange(ids.count(), Dtype::i64, 0, 1, ids.device()), cast(offsets, Dtype::i64), true), 1.0);
  switch (options.mode) {
    case BagMode::sum: return segment_sum(rows, bags, offsets.count());
    case BagMode::mean: return segment_mean(rows, bags, offsets.count());
    case BagMode::max: return segment_max(rows, bags, offsets.count());
  }
  return rows;
}

Tensor gather(const Tensor& x, const Tensor& index, int axis) {
  require_rank("gather", "x", x, 1);
  require_index("gather", index);
  axis = wrap_axis("gather", axis, x.rank());
  require_same_device("gather", {x, index});
  require_index_fits("gather", "x", x, index, axis);
  bool outside = false;
  Tensor y = gather_unchecked(x, index, axis, &outside);
  if (outside) require_indices("gather", index, x.shape()[axis]);  // says which
  return y;
}

Tensor take_along_axis(const Tensor& x, const Tensor& index, int axis) {
  const char* op = "take_along_axis";
  require_rank(op, "x", x, 1);
  require_index(op, index);
  require_same_device(op, {x, index});
  axis = wrap_axis(op, axis, x.rank());
  if (index.rank() != x.rank())
    throw ShapeError(op, "index " + index.describe() + " must have the rank of " + x.describe() + ".");
  Shape from = x.shape(), to = index.shape();
  const int64_t size = from[axis], length = to[axis];
  from[axis] = to[axis] = 1;
  from = to = broadcast_shapes(op, from, to);
  from[axis] = size;
  to[axis] = length;
  return gather_unchecked(expand(x, from), expand(wrap_indices(op, index, size), to), axis);
}

Tensor index_select(const Tensor& x, const Tensor& index, int axis) {
  require_rank("index_select", "x", x, 1);
  require_index("index_select", index);
  require_same_device("index_select", {x, index});
  axis = wrap_axis("index_select", axis, x.rank());
  if (index.rank() > 1) throw ShapeError("index_select", "index must be (n), got " + index.describe() + ".");
  require_indices("index_select", index, x.shape()[axis]);
  Shape shape = x.shape();
  shape[axis] = index.count();
  return gather_unchecked(x, widen_index(index, shape, axis), axis);
}

Tensor take(const Tensor& x, const Tensor& index) {
  require_defined("take", x);
  require_index("take", index);
  require_same_device("take", {x, index});
  const Tensor wrapped = wrap_indices("take", index, x.count());
  return reshape(gather_unchecked(reshape(x, {x.count()}), reshape(wrapped, {index.count()}), 0), index.shape());
}

Tensor flat_nd_index(const char* op, const Shape& sizes, const Tensor& index, int batch_axes) {
  const int k = static_cast<int>(index.shape().back());
  int64_t stride = 1;
  Tensor flat;
  for (int i = k - 1; i >= 0; --i) {  // row-major over the k axes
    const int64_t size = sizes[batch_axes + i];
    const Tensor part =
        mul(cast(wrap_indices(op, select(index, -1, i), size), Dtype::i64), static_cast<double>(stride));
    flat = flat.defined() ? add(flat, part) : part;
    stride *= size;
  }
  Shape leading = index.shape();
  leading.erase(leading.rank() - 1);
  if (!flat.defined()) flat = zeros(leading, Dtype::i64, index.device());
  int64_t batches = 1;
  for (int i = 0; i < batch_axes; ++i) batches *= sizes[i];
  const int64_t each = leading.count() / std::max<int64_t>(batches, 1);
  const Tensor base = arange(batches, Dtype::i64, 0, static_cast<double>(stride), index.device());
  return reshape(add(reshape(flat, {batches, each}), unsqueeze(base, -1)), {batches * each});
}

Tensor gather_nd(const Tensor& x, const Tensor& index, int batch_axes) {
  require_rank("gather_nd", "x", x, 1);
  require_index("gather_nd", index);
  require_rank("gather_nd", "index", index, 1);
  require_same_device("gather_nd", {x, index});
  const int64_t k = index.shape().back();
  bool fits = batch_axes >= 0 && batch_axes < index.rank() && batch_axes < x.rank() && k <= x.rank() - batch_axes;
  for (int axis = 0; fits && axis < batch_axes; ++axis) fits = x.shape()[axis] == index.shape()[axis];
  if (!fits)
    throw ShapeError("gather_nd", "index " + index.describe() + " does not fit " + x.describe() + " with " +
                                      std::to_string(batch_axes) + " shared axes.");
  Shape shape = index.shape();
  shape.erase(shape.rank() - 1);
  int64_t rows = 1, width = 1;
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (axis < batch_axes + k) {
      rows *= x.shape()[axis];
    } else {
      width *= x.shape()[axis];
      shape.push_back(x.shape()[axis]);
    }
  }
  const Tensor flat = flat_nd_index("gather_nd", x.shape(), index, batch_axes);
  const Tensor wide = widen_index(flat, {flat.count(), width}, 0);
  return reshape(gather_unchecked(reshape(x, {rows, width}), wide, 0), shape);
}

}  // namespace gradus
