#pragma once
#include "tensor/tensor.h"

namespace gradus {

// Linear algebra on the last two axes of floating tensors; leading axes are a batch and broadcast between operands, as
// in torch.linalg. f16 and bf16 compute in f32. Gradients of any order follow from rules made of these same ops; where
// a factor is not unique (eigenvectors, singular vectors) they are right for functions that do not depend on the
// choice, and infinite or NaN where values coincide. Results hold for one build on any number of threads. Throw
// ShapeError for operands that are no (fitting) matrices, DtypeError for integers or different types, ValueError,
// naming the matrix of the batch, for one that is singular, not positive definite or not finite where that matters.

// Linear systems. Giles 2008, "Collected matrix derivative results", sections 2.2 and 2.3.

/// x with a x = b: a (*, n, n), b (*, n, k) -> (*, n, k); or b (n) or of a's shape without its last axis -> vectors.
/// left = false: x with x a = b, b (*, k, n).
Tensor solve(const Tensor& a, const Tensor& b, bool left = true);

struct TriangularOptions {
  bool upper = false;          ///< which triangle of `a` counts; the other is not read
  bool left = true;            ///< a x = b, or x a = b
  bool transposed = false;     ///< a^T in place of a
  bool unit_diagonal = false;  ///< the diagonal counts as 1 and is not read
};
/// x with a x = b for a triangular a (*, n, n), b (*, n, k) -> (*, n, k).
Tensor solve_triangular(const Tensor& a, const Tensor& b, TriangularOptions options = {});

/// a^-1, (*, n, n).
Tensor inverse(const Tensor& a);
/// (*, n, n) -> (*). Of nothing: 1. At a singular matrix the gradient is the cofactors, by way of singular values.
Tensor det(const Tensor& a);
struct SignLogDet {
  Tensor sign, logabsdet;
};
/// sign -1, 0 or 1 (no gradient) and log |det a|, -inf when singular: (*, n, n) -> (*), (*).
SignLogDet slogdet(const Tensor& a);

/// a = P L U with partial pivoting, LAPACK's form: lu (*, m, n) holds U and, below the diagonal, L without its diagonal
/// of ones; row i was exchanged with row pivots[i] - 1 (i32, (*, min(m, n))). A singular matrix is no error.
struct LuFactors {
  Tensor lu, pivots;
};
LuFactors lu_factor(const Tensor& a);
/// The same as matrices: p (*, m, m) without gradient, l (*, m, k), u (*, k, n), k = min(m, n).
struct Lu {
  Tensor p, l, u;
};
Lu lu(const Tensor& a);
/// x with a x = b from lu_factor(a): b (*, n, k) -> (*, n, k). Throws IndexError for pivots out of range.
Tensor lu_solve(const LuFactors& factors, const Tensor& b);

// Factorisations.

/// Lower triangular l with a = l l^T, or upper with a = l^T l: (*, n, n). Only that triangle of `a` is read; the
/// gradient is symmetric (Murray 2016, eq. 10).
Tensor cholesky(const Tensor& a, bool upper = false);

enum class QrMode : unsigned char { reduced, complete, r };
struct Qr {
  Tensor q, r;
};
/// a = q r, q orthonormal columns, r upper triangular: a (*, m, n) -> (*, m, k), (*, k, n) with k = min(m, n), or
/// k = m when complete. Mode r leaves q undefined. No gradient through `complete` when m > n (GradError): q's last
/// columns are arbitrary. Walter & Lehmann 2013.
Qr qr(const Tensor& a, QrMode mode = QrMode::reduced);

struct Eigen {
  Tensor values, vectors;
};
/// a = vectors diag(values) vectors^T of a symmetric a (*, n, n), of which one triangle is read: values (*, n)
/// ascending, vectors (*, n, n) in columns. The gradient is symmetric.
Eigen eigh(const Tensor& a, bool upper = false);
Tensor eigvalsh(const Tensor& a, bool upper = false);

struct Svd {
  Tensor u, s, vh;
};
/// a = u diag(s) vh: a (*, m, n) -> u (*, m, k), s (*, k) descending, vh (*, k, n), k = min(m, n). With full_matrices
/// u (*, m, m) and vh (*, n, n); their gradient exists for square a only (GradError). Townsend 2016, eq. 5 to 7.
Svd svd(const Tensor& a, bool full_matrices = false);
Tensor svdvals(const Tensor& a);

// What rests on singular values. A singular value counts as zero up to max(absolute, relative * the largest).

struct RankTolerance {
  double absolute = 0;
  double relative = -1;  ///< negative: max(m, n) * eps of the type, or 0 when `absolute` is given
};
/// The Moore-Penrose inverse, (*, m, n) -> (*, n, m). Golub & Pereyra 1973, eq. 4.12.
Tensor pinv(const Tensor& a, RankTolerance tolerance = {});
/// (*, m, n) -> (*) i64, no gradient.
Tensor matrix_rank(const Tensor& a, RankTolerance tolerance = {});
struct LeastSquares {
  Tensor solution, residuals, rank, singular_values;
};
/// The x of least norm among those that minimise |a x - b|: a (*, m, n), b (*, m, k) -> (*, n, k); residuals
/// (*, k), the squared distances; rank (*) i64; singular_values (*, min(m, n)).
LeastSquares lstsq(const Tensor& a, const Tensor& b, RankTolerance tolerance = {});

// Norms of matrices: (*, m, n) -> (*).

/// "fro" (root of the sum of squares) or "nuc" (sum of singular values).
Tensor matrix_norm(const Tensor& a, const char* order = "fro");
/// 2, -2: largest, smallest singular value; 1, -1: of the columns' absolute sums; inf, -inf: of the rows'.
Tensor matrix_norm(const Tensor& a, double order);
/// The condition number |a| |a^-1| in one of these norms; 2 and -2 by singular values, of any matrix.
Tensor cond(const Tensor& a, double order = 2);

// Functions of matrices.

/// sum_k a^k / k!, (*, n, n): Pade approximants with scaling and squaring (Higham 2005, algorithm 2.3), each matrix of
/// the batch with its own scale.
Tensor matrix_exp(const Tensor& a);
/// a^n by repeated squaring; of the inverse for negative n.
Tensor matrix_power(const Tensor& a, int64_t n);

// Products of vectors and matrices.

/// sum_i a_i b_i of two vectors (n) -> ().
Tensor dot(const Tensor& a, const Tensor& b);
/// dot() for real numbers, which are all that there are.
Tensor vdot(const Tensor& a, const Tensor& b);
/// sum_i a_i b_i along one axis of tensors that broadcast.
Tensor vecdot(const Tensor& a, const Tensor& b, int axis = -1);
/// a (m), b (n) -> (m, n).
Tensor outer(const Tensor& a, const Tensor& b);
/// a x b along an axis of size 3 of tensors that broadcast.
Tensor cross(const Tensor& a, const Tensor& b, int axis = -1);
/// Every element of a times b, of any ranks: the sizes multiply (aligned at the last axis).
Tensor kron(const Tensor& a, const Tensor& b);
/// The product of two or more matrices in the cheapest order; the first and the last may be vectors.
Tensor multi_dot(const Tensors& xs);

}  // namespace gradus
