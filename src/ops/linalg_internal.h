#pragma once
#include <string>
#include <utility>

#include "ops/elementwise.h"
#include "tensor/tensor.h"

// What the files of linear algebra share. See kernels/args/linalg.h for how matrices lie.
namespace gradus::linalg {

/// Floating, at least two axes, sizes that LAPACK can count.
void require_matrix(const char* op, const char* name, const Tensor& a);
void require_square(const char* op, const char* name, const Tensor& a);

inline bool is_short(const Tensor& x) { return x.dtype() == Dtype::f16 || x.dtype() == Dtype::bf16; }
inline Tensor widened(const Tensor& x) { return cast(x, Dtype::f32); }

/// The leading axes, with `more` behind them.
Shape batch_of(const Tensor& a);
Shape joined(Shape batch, std::initializer_list<int64_t> more);
/// a's matrices repeated over a wider batch.
Tensor expand_batch(const Tensor& a, const Shape& batch);

/// New matrices (*, rows, columns) that lie column by column.
Tensor empty_columns(const Shape& batch, int64_t rows, int64_t columns, const Tensor& like);
/// A copy of x that does, for a kernel to change.
Tensor column_copy(const Tensor& x);
/// i32, one a matrix.
Tensor empty_info(const Tensor& a);

/// Throws ValueError naming the first matrix of the batch whose info is not 0: "matrix (1, 2) of a (4, 4, 3, 3) f32 cpu
/// <what>". `what` gets the info: its {} becomes the number. Nothing to check on the meta device.
void require_success(const char* op, const Tensor& a, const Tensor& info, const char* what, const char* hint = "");
/// Whether some info is not 0; false on the meta device.
bool any_failed(const Tensor& info);

/// The unit matrix (n, n) of x's type and device.
Tensor identity(int64_t n, const Tensor& x);
/// Elements (i, j) with j <= i + diagonal, or for `upper` with j >= i + diagonal; zeros elsewhere.
Tensor lower_triangle(const Tensor& x, int64_t diagonal = 0);
Tensor upper_triangle(const Tensor& x, int64_t diagonal = 0);
/// A matrix with the last axis of x on its diagonal.
Tensor diagonal_matrix(const Tensor& x);
/// x scaled by a vector: rows x_ij v_i, or columns x_ij v_j.
Tensor scale_rows(const Tensor& x, const Tensor& v);
Tensor scale_columns(const Tensor& x, const Tensor& v);

/// The solution without checks of b: equal leading axes, right type.
Tensor solve_batch(const char* op, const Tensor& a, const Tensor& b);
Tensor triangular_batch(const Tensor& a, const Tensor& b, bool upper, bool transposed, bool unit_diagonal);

}  // namespace gradus::linalg
