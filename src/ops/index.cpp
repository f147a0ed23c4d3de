#include "ops/index.h"

#include "autograd/record.h"
#include "kernels/table.h"
#include "ops/check.h"
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

void require_index_shape(const char* op, const Tensor& x, const Tensor& index, int axis) {
  require_same_device(op, {x, index});
  bool fits = index.rank() == x.rank();
  for (int i = 0; fits && i < x.rank(); ++i) fits = i == axis || index.shape()[i] == x.shape()[i];
  if (!fits)
    throw ShapeError(op, "index " + index.describe() + " must have the shape of " + x.describe() + " but for axis " +
                             std::to_string(axis) + ".");
}

}  // namespace

Tensor embedding(const Tensor& table, const Tensor& ids) {
  require_defined("embedding", table);
  if (table.rank() != 2)
    throw ShapeError("embedding", "the table must be (rows, width), got " + table.describe() + ".");
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

Tensor gather(const Tensor& x, const Tensor& index, int axis) {
  require_rank("gather", "x", x, 1);
  require_index("gather", index);
  axis = wrap_axis("gather", axis, x.rank());
  require_index_shape("gather", x, index, axis);
  require_indices("gather", index, x.shape()[axis]);
  Tensor y = empty(index.shape(), x.dtype(), x.device());
  kernels(x.device()).gather({.x = x, .index = index, .y = y, .axis = axis});
  record("gather", {x}, y,
         [index, size = x.shape()[axis], axis](const Tensor& dy) { return scatter_add(dy, index, size, axis); });
  return y;
}

Tensor scatter_add(const Tensor& src, const Tensor& index, int64_t size, int axis) {
  require_floating("scatter_add", src);
  require_rank("scatter_add", "src", src, 1);
  require_index("scatter_add", index);
  axis = wrap_axis("scatter_add", axis, src.rank());
  require_same_device("scatter_add", {src, index});
  require_shape("scatter_add", "index", index, src.shape());
  require_indices("scatter_add", index, size);
  Shape shape = src.shape();
  shape[axis] = size;
  Tensor y = empty(shape, src.dtype(), src.device());
  kernels(src.device()).scatter_add({.index = index, .dy = src, .dx = y, .axis = axis});
  record("scatter_add", {src}, y, [index, axis](const Tensor& dy) { return gather(dy, index, axis); });
  return y;
}

}  // namespace gradus
