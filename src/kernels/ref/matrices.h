#pragma once
#include <cmath>
#include <utility>

#include "kernels/args/linalg.h"

// What the linear-algebra kernels share: their operands' matrices, see kernels/args/linalg.h.
namespace gradus::ref {

/// A matrix that lies column by column.
template <class T>
struct Matrix {
  T* data;
  int64_t rows, columns;
  T& operator()(int64_t i, int64_t j) const { return data[j * rows + i]; }
  T* column(int64_t j) const { return data + j * rows; }
};

/// How many matrices x's leading axes hold.
inline int64_t matrix_count(const Tensor& x) {
  int64_t n = 1;
  for (int axis = 0; axis + 2 < x.rank(); ++axis) n *= x.shape()[axis];
  return n;
}

template <class T>
Matrix<T> matrix_at(const Tensor& x, int64_t index) {
  const int64_t rows = x.shape().back(1), columns = x.shape().back();
  return {x.data<T>() + index * rows * columns, rows, columns};
}
/// Row `index` of a dense tensor of vectors.
template <class T>
T* vector_at(const Tensor& x, int64_t index) {
  return x.data<T>() + index * x.shape().back();
}

/// Calls `f(T{})` with float or double.
template <class F>
void dispatch_wide(const char* op, Dtype dtype, F&& f) {
  if (dtype == Dtype::f64) return f(double{});
  if (dtype == Dtype::f32) return f(float{});
  throw_unsupported_dtype(op, dtype);
}

template <class T>
bool all_finite(const Matrix<T>& a) {
  for (int64_t i = 0; i < a.rows * a.columns; ++i)
    if (!std::isfinite(a.data[i])) return false;
  return true;
}

}  // namespace gradus::ref
