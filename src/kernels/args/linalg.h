#pragma once
#include "tensor/tensor.h"

// Kernel arguments: linear algebra. See kernels/table.h. f64 and f32 only; ops convert the short types.
//
// Matrices are the last two axes and lie column by column, as LAPACK wants them: their transposed view is dense.
// Vectors (diagonals, singular values) and everything else are dense. Operands share their leading axes. What a kernel
// changes is given to it as a copy. `info` (leading axes, i32) gets 0, or what went wrong with that matrix.
namespace gradus {

/// A = P L U by rows with partial pivoting: `a` (m, n) becomes L (below the diagonal, which is 1) and U. Row i was
/// exchanged with row pivots[i]-1 (i32, min(m, n)). info: k when U[k-1, k-1] is the first zero on the diagonal.
struct LuFactorArgs {
  const Tensor& a;
  const Tensor& pivots;
  const Tensor& info;
};
/// `b` (n, k) becomes the solution x of A x = b, or of A^T x = b, from A's factors.
struct LuSolveArgs {
  const Tensor& lu;
  const Tensor& pivots;
  const Tensor& b;
  bool transposed;
};
/// det A = sign exp(log_abs) from A's factors; what is undefined is not computed.
struct LuDeterminantArgs {
  const Tensor& lu;
  const Tensor& pivots;
  const Tensor& det;
  const Tensor& sign;
  const Tensor& log_abs;
};
/// `p` (m, m): the permutation P of A = P L U that the exchanges `pivots` make.
struct LuPermutationArgs {
  const Tensor& pivots;
  const Tensor& p;
};
/// `a` (n, n), of which the lower triangle is read, becomes L of A = L L^T, zero above the diagonal.
/// info: k when the leading minor of order k is not positive.
struct CholeskyArgs {
  const Tensor& a;
  const Tensor& info;
};
/// `b` (n, k) becomes the solution x of A x = b or A^T x = b, where only one triangle of `a` (n, n) counts.
/// info: k when a[k-1, k-1] is zero.
struct TriangularSolveArgs {
  const Tensor& a;
  const Tensor& b;
  const Tensor& info;
  bool upper, transposed, unit_diagonal;
};
/// `a` (m, n) is used up. q (m, k) may be undefined; r (k, n), zero below the diagonal; k = min(m, n) or m.
struct QrArgs {
  const Tensor& a;
  const Tensor& q;
  const Tensor& r;
};
/// `a` (n, n), symmetric, of which the lower triangle is read, becomes its eigenvectors (columns) if `vectors`, else it
/// is used up; w (n): eigenvalues, ascending. info: -1 for a matrix that is not finite, positive without convergence.
struct EighArgs {
  const Tensor& a;
  const Tensor& w;
  const Tensor& info;
  bool vectors;
};
/// `a` (m, n) is used up. s (min(m, n)) descending. u (m, k) and vh (k, n), both or none defined: k = min(m, n), or u
/// (m, m) and vh (n, n). info as eigh's.
struct SvdArgs {
  const Tensor& a;
  const Tensor& u;
  const Tensor& s;
  const Tensor& vh;
  const Tensor& info;
};

#define GRADUS_LINALG_KERNELS(X)           \
  X(lu_factor, LuFactorArgs)               \
  X(lu_solve, LuSolveArgs)                 \
  X(lu_determinant, LuDeterminantArgs)     \
  X(lu_permutation, LuPermutationArgs)     \
  X(cholesky, CholeskyArgs)                \
  X(triangular_solve, TriangularSolveArgs) \
  X(qr, QrArgs)                            \
  X(eigh, EighArgs)                        \
  X(svd, SvdArgs)

}  // namespace gradus
