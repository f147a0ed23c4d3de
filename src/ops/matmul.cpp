#include "ops/matmul.h"

#include "autograd/record.h"
#include "kernels/table.h"
#include "ops/check.h"
#include "ops/reduce.h"
#include "ops/shape.h"

namespace gradus {

namespace {

void require_operands(const char* op, const Tensor& a, const Tensor& b) {
  require_floating(op, a);
  require_floating(op, b);
  require_same(op, {a, b});
  if (a.rank() < 2 || b.rank() < 2)
    throw ShapeError(op, "needs matrices, got a " + a.describe() + ", b " + b.describe() + ".",
                     "unsqueeze() a vector into a matrix.");
  if (a.shape().back() != b.shape().back(1))
    throw ShapeError(op, "inner sizes differ: a " + a.describe() + ", b " + b.describe() + ".", "transpose b?");
}

// Leading axes of a product, then M and N.
Shape product_shape(const Tensor& a, const Tensor& b) {
  Shape lead_a = a.shape(), lead_b = b.shape();
  for (Shape* s : {&lead_a, &lead_b}) s->erase(s->rank() - 1), s->erase(s->rank() - 1);
  Shape shape = broadcast_shapes("matmul", lead_a, lead_b);
  shape.push_back(a.shape().back(1));
  shape.push_back(b.shape().back());
  return shape;
}

Tensor with_leading_axes(const Tensor& x, const Shape& product) {
  Shape shape = product;
  shape[shape.rank() - 2] = x.shape().back(1);
  shape[shape.rank() - 1] = x.shape().back();
  return expand(x, shape);
}

// a^T b, laid out like `like` (dense, or a transposed view of dense): the gradient of a transposed weight is made in
// the weight's own order, so that no copy follows.
Tensor transposed_product(const Tensor& a, const Tensor& b, bool column_major) {
  if (column_major) return transpose(matmul(transpose(b), a));
  return matmul(transpose(a), b);
}

bool is_column_major(const Tensor& x) {
  return x.strides().back(1) == 1 && x.strides().back() >= x.shape().back(1) && x.shape().back() > 1;
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b) {
  require_operands("matmul", a, b);
  const Shape shape = product_shape(a, b);
  const Tensor x = with_leading_axes(a, shape), w = with_leading_axes(b, shape);
  Tensor y = empty(shape, a.dtype(), a.device());
  kernels(a.device()).matmul({.a = x, .b = w, .y = y, .bias = {}, .accumulate = false});
  // da = dy b^T, db = a^T dy
  record("matmul", {x, w}, y, [x = save(x), w = save(w)](const Tensor& dy, Needs need) {
    const Tensor b = w.get();
    return Grads{need[0] ? matmul(dy, transpose(b)) : Tensor(),
                 need[1] ? transposed_product(x.get(), dy, is_column_major(b)) : Tensor()};
  });
  return y;
}

Tensor affine(const Tensor& x, const Tensor& w, const Tensor& bias) {
  require_operands("affine", x.rank() == 1 ? unsqueeze(x, 0) : x, w);
  if (w.rank() != 2) throw ShapeError("affine", "w must be (K, N), got " + w.describe() + ".");
  const int64_t n = w.shape()[1];
  if (bias.defined()) {
    require_same("affine", {x, bias});
    require_shape("affine", "bias", bias, {n});
  }
  const Tensor rows = reshape(x, {-1, w.shape()[0]});
  Tensor y = empty({rows.shape()[0], n}, x.dtype(), x.device());
  kernels(x.device()).matmul({.a = rows, .b = w, .y = y, .bias = bias, .accumulate = false});
  record("affine", {rows, w, bias}, y, [rows = save(rows), w = save(w)](const Tensor& dy, Needs need) {
    const Tensor weight = w.get();
    return Grads{need[0] ? matmul(dy, transpose(weight)) : Tensor(),
                 need[1] ? transposed_product(rows.get(), dy, is_column_major(weight)) : Tensor(),
                 need[2] ? sum(dy, 0) : Tensor()};
  });
  Shape shape = x.shape();
  shape[shape.rank() - 1] = n;
  return reshape(y, shape);
}

}  // namespace gradus
