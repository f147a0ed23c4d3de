#include "ops/linalg_internal.h"

#include "base/error.h"
#include "kernels/table.h"
#include "ops/check.h"
#include "ops/create.h"
#include "ops/shape.h"

namespace gradus::linalg {

void require_matrix(const char* op, const char* name, const Tensor& a) {
  require_floating(op, a);
  require_rank(op, name, a, 2);
  constexpr int64_t kLargest = 20000;  // LAPACK counts workspaces, of a few n^2, in 32 bits
  if (a.shape().back() > kLargest && a.shape().back(1) > kLargest)
    throw ShapeError(op, std::string(name) + " " + a.describe() + " is too large: one side may have at most " +
                             std::to_string(kLargest) + ".");
  if (a.shape().back() > INT32_MAX / 8 || a.shape().back(1) > INT32_MAX / 8)
    throw ShapeError(op, std::string(name) + " " + a.describe() + " is too large.");
}

void require_square(const char* op, const char* name, const Tensor& a) {
  require_matrix(op, name, a);
  if (a.shape().back() != a.shape().back(1))
    throw ShapeError(op, std::string(name) + " must hold square matrices, got " + a.describe() + ".");
}

Shape batch_of(const Tensor& a) {
  Shape shape = a.shape();
  shape.erase(shape.rank() - 1);
  shape.erase(shape.rank() - 1);
  return shape;
}

Shape joined(Shape batch, std::initializer_list<int64_t> more) {
  for (int64_t size : more) batch.push_back(size);
  return batch;
}

Tensor expand_batch(const Tensor& a, const Shape& batch) {
  return expand(a, joined(batch, {a.shape().back(1), a.shape().back()}));
}

Tensor empty_columns(const Shape& batch, int64_t rows, int64_t columns, const Tensor& like) {
  const Tensor lying = empty(joined(batch, {columns, rows}), like.dtype(), like.device());
  Strides strides = lying.strides();
  std::swap(strides[strides.rank() - 1], strides[strides.rank() - 2]);
  return lying.strided(joined(batch, {rows, columns}), strides);
}

Tensor column_copy(const Tensor& x) {
  const Tensor y = empty_columns(batch_of(x), x.shape().back(1), x.shape().back(), x);
  kernels(x.device()).copy({.x = x, .y = y});
  return y;
}

Tensor empty_info(const Tensor& a) { return empty(batch_of(a), Dtype::i32, a.device()); }

bool any_failed(const Tensor& info) {
  if (info.device() == Device::meta) return false;
  for (int64_t i = 0; i < info.count(); ++i)
    if (info.data<int32_t>()[i] != 0) return true;
  return false;
}

void require_success(const char* op, const Tensor& a, const Tensor& info, const char* what, const char* hint) {
  if (!any_failed(info)) return;
  int64_t at = 0;
  while (info.data<int32_t>()[at] == 0) ++at;
  std::string text = what;
  if (const size_t place = text.find("{}"); place != std::string::npos)
    text.replace(place, 2, std::to_string(info.data<int32_t>()[at]));
  Shape index = info.shape();
  int64_t rest = at;
  for (int axis = index.rank() - 1; axis >= 0; --axis) {
    const int64_t size = info.shape()[axis];
    index[axis] = rest % size;
    rest /= size;
  }
  throw ValueError(op, (info.rank() > 0 ? "matrix " + index.str() + " of " : std::string()) + a.describe() + " " + text,
                   hint);
}

Tensor identity(int64_t n, const Tensor& x) {
  const Tensor unit = zeros({n, n}, x.dtype(), x.device());
  const Tensor diagonal = unit.strided({n}, {n + 1});
  kernels(x.device()).fill({.y = diagonal, .value = 1});
  return unit;
}

namespace {

// The larger of i + diagonal and j decides, for element (i, j).
Tensor triangle(const Tensor& x, int64_t diagonal, bool upper) {
  const int64_t m = x.shape().back(1), n = x.shape().back();
  const Tensor rows = unsqueeze(arange(m, Dtype::i64, static_cast<double>(diagonal), 1, x.device()), 1);
  const Tensor columns = arange(n, Dtype::i64, 0, 1, x.device());
  return where(upper ? greater_equal(columns, rows) : less_equal(columns, rows), x, scalar(0, x.dtype(), x.device()));
}

}  // namespace

Tensor lower_triangle(const Tensor& x, int64_t diagonal) { return triangle(x, diagonal, false); }
Tensor upper_triangle(const Tensor& x, int64_t diagonal) { return triangle(x, diagonal, true); }

Tensor diagonal_matrix(const Tensor& x) {
  const Tensor unit = identity(x.shape().back(), x);
  return where(cast(unit, Dtype::boolean), unsqueeze(x, -1), scalar(0, x.dtype(), x.device()));
}

Tensor scale_rows(const Tensor& x, const Tensor& v) { return mul(x, unsqueeze(v, -1)); }
Tensor scale_columns(const Tensor& x, const Tensor& v) { return mul(x, unsqueeze(v, -2)); }

}  // namespace gradus::linalg
