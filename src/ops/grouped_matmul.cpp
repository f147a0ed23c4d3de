#include "ops/grouped_matmul.h"

#include <string>

#include "autograd/record.h"
#include "kernels/table.h"
#include "ops/check.h"
#include "ops/elementwise.h"
#include "ops/shape.h"

namespace gradus {

namespace {

// The sizes as the kernels take them: dense, i64, checked (on the meta device there is nothing to look at).
Tensor checked_sizes(const char* op, const Tensor& x, const Tensor& sizes) {
  require_index(op, sizes);
  require_same_device(op, {x, sizes});
  if (sizes.rank() != 1) throw ShapeError(op, "sizes must be (groups), got " + sizes.describe() + ".");
  const Tensor dense = contiguous(cast(sizes, Dtype::i64));
  if (dense.device() == Device::meta) return dense;
  int64_t rest = x.shape()[0];
  for (int64_t g = 0; g < dense.count(); ++g) {
    const int64_t size = dense.data<int64_t>()[g];
    if (size < 0 || size > rest)
      throw ValueError(op, "size " + std::to_string(size) + " of group " + std::to_string(g) + ", with " +
                               std::to_string(rest) + " rows left of " + x.describe() + ".");
    rest -= size;
  }
  if (rest != 0) throw ValueError(op, std::to_string(rest) + " rows of " + x.describe() + " belong to no group.");
  return dense;
}

void require_row_matrix(const char* op, const char* name, const Tensor& x) {
  require_floating(op, x);
  if (x.rank() != 2) throw ShapeError(op, std::string(name) + " must be a matrix, got " + x.describe() + ".");
}

Tensor group_products(const Tensor& x, const Tensor& w, const Tensor& sizes);

Tensor group_outers(const Tensor& x, const Tensor& dy, const Tensor& sizes) {
  Tensor dw = empty({sizes.count(), x.shape()[1], dy.shape()[1]}, x.dtype(), x.device());
  kernels(x.device()).grouped_outer({.x = x, .dy = dy, .sizes = sizes, .dw = dw});
  record("grouped_outer", {x, dy}, dw,
         [x = save(x), dy = save(dy), sizes = save(sizes)](const Tensor& ddw, Needs need) {
           return Grads{need[0] ? group_products(dy.get(), transpose(ddw), sizes.get()) : Tensor(),
                        need[1] ? group_products(x.get(), ddw, sizes.get()) : Tensor()};
         });
  return dw;
}

Tensor group_products(const Tensor& x, const Tensor& w, const Tensor& sizes) {
  Tensor y = empty({x.shape()[0], w.shape()[2]}, x.dtype(), x.device());
  kernels(x.device()).grouped_matmul({.x = x, .w = w, .sizes = sizes, .y = y});
  // dx[rows of g] = dy[rows of g] w[g]^T, dw[g] = x[rows of g]^T dy[rows of g]
  record("grouped_matmul", {x, w}, y, [x = save(x), w = save(w), sizes = save(sizes)](const Tensor& dy, Needs need) {
    return Grads{need[0] ? group_products(dy, transpose(w.get()), sizes.get()) : Tensor(),
                 need[1] ? group_outers(x.get(), dy, sizes.get()) : Tensor()};
  });
  return y;
}

}  // namespace

Tensor grouped_matmul(const Tensor& x, const Tensor& w, const Tensor& sizes) {
  require_row_matrix("grouped_matmul", "x", x);
  require_floating("grouped_matmul", w);
  require_same("grouped_matmul", {x, w});
  const Tensor counts = checked_sizes("grouped_matmul", x, sizes);
  if (w.rank() != 3 || w.shape()[0] != counts.count() || w.shape()[1] != x.shape()[1])
    throw ShapeError("grouped_matmul", "w must be (groups, K, N) = (" + std::to_string(counts.count()) + ", " +
                                           std::to_string(x.shape()[1]) + ", N), got " + w.describe() + ".");
  return group_products(x, w, counts);
}

Tensor grouped_outer(const Tensor& x, const Tensor& dy, const Tensor& sizes) {
  require_row_matrix("grouped_outer", "x", x);
  require_row_matrix("grouped_outer", "dy", dy);
  require_same("grouped_outer", {x, dy});
  const Tensor counts = checked_sizes("grouped_outer", x, sizes);
  if (x.shape()[0] != dy.shape()[0])
    throw ShapeError("grouped_outer",
                     "x " + x.describe() + " and dy " + dy.describe() + " have other numbers of rows.");
  return group_outers(x, dy, counts);
}

}  // namespace gradus
