// Linear systems: LU and triangular matrices, and what follows from them.
#include <cmath>

#include "autograd/record.h"
#include "base/error.h"
#include "kernels/table.h"
#include "ops/check.h"
#include "ops/create.h"
#include "ops/linalg.h"
#include "ops/linalg_internal.h"
#include "ops/matmul.h"
#include "ops/reduce.h"
#include "ops/shape.h"

namespace gradus {

using namespace linalg;

namespace {

constexpr const char* kSingular = "is singular: pivot {} is 0.";
constexpr const char* kSingularHint = "lstsq() and pinv() take singular matrices.";

struct RawLu {
  Tensor lu, pivots, info;
};

RawLu factor(const Tensor& a) {
  const Tensor lu = column_copy(a), info = empty_info(a);
  const Tensor pivots =
      empty(joined(batch_of(a), {std::min(a.shape().back(), a.shape().back(1))}), Dtype::i32, a.device());
  kernels(a.device()).lu_factor({.a = lu, .pivots = pivots, .info = info});
  return {lu, pivots, info};
}

// A^-1 b or A^-T b from A's factors, not recorded.
Tensor back_substitute(const RawLu& f, const Tensor& b, bool transposed) {
  const Tensor x = column_copy(b);
  kernels(b.device()).lu_solve({.lu = f.lu, .pivots = f.pivots, .b = x, .transposed = transposed});
  return x;
}

Tensor inverse_transposed(const RawLu& f) {
  const int64_t n = f.lu.shape().back();
  return back_substitute(f, expand_batch(identity(n, f.lu), batch_of(f.lu)), true);
}

Tensor with_unit_batch(const Tensor& x, int axes) {
  Tensor y = x;
  for (int i = 0; i < axes; ++i) y = unsqueeze(y, -1);
  return y;
}

// The cofactors det(a) a^-T of any matrix: with a = u diag(s) vh they are det(u) det(vh) u diag(c) vh, where c_i is the
// product of the other singular values.
Tensor cofactors(const Tensor& a) {
  const Svd d = svd(a);
  const int64_t n = a.shape().back();
  const Tensor unit = cast(identity(n, a), Dtype::boolean);
  Tensor c = ones_like(d.s.detach());
  for (int64_t j = 0; j < n; ++j)
    c = mul(c, where(select(unit, 0, j), scalar(1, a.dtype(), a.device()), narrow(d.s, -1, j, 1)));
  return mul(matmul(scale_columns(d.u, c), d.vh), with_unit_batch(mul(det(d.u), det(d.vh)), 2));
}

// (*, 1, 1), true where the last digits of det(a) a^-T are sound enough to be differentiated.
Tensor well_conditioned(const Tensor& lu) {
  const int64_t n = lu.shape().back();
  const double bound = std::pow(lu.dtype() == Dtype::f64 ? 0x1p-52 : 0x1p-23, 0.25);
  const Tensor diagonal = abs(sum(mul(lu.detach(), identity(n, lu)), -1, keep_axis));
  return greater(min(diagonal, -2, keep_axis), mul(max(diagonal, -2, keep_axis), bound));
}

// det(a) a^-T out of differentiable ops. Each form sees harmless matrices in place of those that the other takes.
Tensor recorded_cofactors(const Tensor& a, const Tensor& lu) {
  if (a.count() == 0) return a;
  const int64_t n = a.shape().back();
  const Tensor sound = well_conditioned(lu), unit = identity(n, a);
  const Tensor regular = where(sound, a, unit);
  const Tensor distinct = diagonal_matrix(arange(n, a.dtype(), 1, 1, a.device()));
  return where(sound, mul(with_unit_batch(det(regular), 2), inverse(transpose(regular))),
               cofactors(where(sound, distinct, a)));
}

Tensor unit_lower(const Tensor& lu) {  // (*, m, k)
  const int64_t m = lu.shape().back(1), k = std::min(m, lu.shape().back());
  Tensor diagonal = zeros({m, k}, lu.dtype(), lu.device());
  kernels(lu.device()).fill({.y = diagonal.strided({k}, {k + 1}), .value = 1});
  return add(lower_triangle(narrow(lu, -1, 0, k), -1), diagonal);
}
Tensor upper_part(const Tensor& lu) {  // (*, k, n)
  return upper_triangle(narrow(lu, -2, 0, std::min(lu.shape().back(1), lu.shape().back())));
}

Tensor permutation(const Tensor& pivots, int64_t m, const Tensor& like) {
  Shape batch = pivots.shape();
  batch.erase(batch.rank() - 1);
  const Tensor p = empty_columns(batch, m, m, like);
  kernels(like.device()).lu_permutation({.pivots = pivots, .p = p});
  return p;
}

Tensor lower_solve(const Tensor& a, const Tensor& b, bool transposed) {
  return triangular_batch(a, b, false, transposed, true);
}
// b u^-T
Tensor upper_solve_right(const Tensor& u, const Tensor& b) {
  return transpose(triangular_batch(u, transpose(b), true, false, false));
}

// With a = P L U and k = min(m, n); L1, U1 the leading k x k parts, L2 the rows of L and U2 the columns of U beyond:
// da1 = P L1^-T (tril(L1^T dL1 - dU2 U2^T, -1) + triu(dU1 U1^T - L2^T dL2)) U1^-T, and beyond k
// dL2 U1^-T below, L1^-T dU2 to the right.
Tensor lu_gradient(const Tensor& lu, const Tensor& pivots, const Tensor& dlu) {
  const int64_t m = lu.shape().back(1), n = lu.shape().back(), k = std::min(m, n);
  const Tensor l = unit_lower(lu), u = upper_part(lu), dl = lower_triangle(narrow(dlu, -1, 0, k), -1),
               du = upper_part(dlu);
  const Tensor l1 = narrow(l, -2, 0, k), u1 = narrow(u, -1, 0, k);
  Tensor below = matmul(transpose(l1), narrow(dl, -2, 0, k)), above = matmul(narrow(du, -1, 0, k), transpose(u1));
  if (n > k) below = sub(below, matmul(narrow(du, -1, k, n - k), transpose(narrow(u, -1, k, n - k))));
  if (m > k) above = sub(above, matmul(transpose(narrow(l, -2, k, m - k)), narrow(dl, -2, k, m - k)));
  const Tensor inner = add(lower_triangle(below, -1), upper_triangle(above));
  Tensor da = upper_solve_right(u1, lower_solve(l1, inner, true));
  if (n > k) da = concat({da, lower_solve(l1, narrow(du, -1, k, n - k), true)}, -1);
  if (m > k) da = concat({da, upper_solve_right(u1, narrow(dl, -2, k, m - k))}, -2);
  return matmul(permutation(pivots, m, lu), da);
}

void require_pivots(const LuFactors& f) {
  require_square("lu_solve", "lu", f.lu);
  require_defined("lu_solve", f.pivots);
  require_same_device("lu_solve", {f.lu, f.pivots});
  if (f.pivots.dtype() != Dtype::i32)
    throw DtypeError("lu_solve", "pivots must be i32, got " + f.pivots.describe() + ".");
  const int64_t n = f.lu.shape().back();
  require_shape("lu_solve", "pivots", f.pivots, joined(batch_of(f.lu), {n}));
  if (f.pivots.device() == Device::meta) return;
  for (int32_t p : f.pivots.to_vector<int32_t>())
    if (p < 1 || p > n)
      throw IndexError("lu_solve", "pivot " + std::to_string(p) + " is outside [1, " + std::to_string(n) + "].");
}

// Broadcasts the batches of a and b, both matrices.
void share_batch(const char* op, Tensor& a, Tensor& b) {
  const Shape batch = broadcast_shapes(op, batch_of(a), batch_of(b));
  a = expand_batch(a, batch);
  b = expand_batch(b, batch);
}

void require_system(const char* op, const Tensor& a, const Tensor& b, bool left) {
  require_square(op, "a", a);
  require_matrix(op, "b", b);
  require_same(op, {a, b});
  if ((left ? b.shape().back(1) : b.shape().back()) != a.shape().back())
    throw ShapeError(op, "sizes differ: a " + a.describe() + ", b " + b.describe() + ".");
}

}  // namespace

// da = -(a^-T dx) x^T, db = a^-T dx
Tensor linalg::solve_batch(const char* op, const Tensor& a, const Tensor& b) {
  const RawLu f = factor(a);
  require_success(op, a, f.info, kSingular, kSingularHint);
  Tensor x = back_substitute(f, b, false);
  record(op, {a, b}, x, [op, a = save(a), x = save(x), f](const Tensor& dx, Needs need) {
    const Tensor db = recording() ? solve_batch(op, transpose(a.get()), dx) : back_substitute(f, dx, true);
    return Grads{need[0] ? neg(matmul(db, transpose(x.get()))) : Tensor(), db};
  });
  return x;
}

Tensor solve(const Tensor& a, const Tensor& b, bool left) {
  require_square("solve", "a", a);
  require_floating("solve", b);
  Shape vectors = a.shape();
  vectors.erase(vectors.rank() - 1);
  if (b.rank() == 1 || b.shape() == vectors) {
    const Tensor x = solve(a, unsqueeze(b, left ? -1 : -2), left);
    return squeeze(x, left ? -1 : -2);
  }
  require_system("solve", a, b, left);
  if (is_short(a)) return cast(solve(widened(a), widened(b), left), a.dtype());
  if (!left) return transpose(solve(transpose(a), transpose(b)));
  Tensor x = a, y = b;
  share_batch("solve", x, y);
  return solve_batch("solve", x, y);
}

// da = -(op(a)^-T dx) x^T (transposed when op is) within the triangle, db = op(a)^-T dx
Tensor linalg::triangular_batch(const Tensor& a, const Tensor& b, bool upper, bool transposed, bool unit_diagonal) {
  // A matrix that lies row by row is its transpose's columns.
  const bool rows = a.contiguous(), columns = transpose(a.detach()).contiguous();
  const Tensor lying = rows && !columns ? transpose(a.detach()) : columns ? a.detach() : column_copy(a);
  const bool turned = rows && !columns;
  Tensor x = column_copy(b);
  const Tensor info = empty_info(a);
  kernels(a.device())
      .triangular_solve({.a = lying,
                         .b = x,
                         .info = info,
                         .upper = upper != turned,
                         .transposed = transposed != turned,
                         .unit_diagonal = unit_diagonal});
  require_success("solve_triangular", a, info, "is singular: element {} of its diagonal is 0.", kSingularHint);
  record("solve_triangular", {a, b}, x,
         [a = save(a), x = save(x), upper, transposed, unit_diagonal](const Tensor& dx, Needs need) {
           const Tensor db = triangular_batch(a.get(), dx, upper, !transposed, unit_diagonal);
           if (!need[0]) return Grads{Tensor(), db};
           const Tensor y = x.get();
           const Tensor da = neg(transposed ? matmul(y, transpose(db)) : matmul(db, transpose(y)));
           const int64_t off = unit_diagonal ? 1 : 0;
           return Grads{upper ? upper_triangle(da, off) : lower_triangle(da, -off), db};
         });
  return x;
}

Tensor solve_triangular(const Tensor& a, const Tensor& b, TriangularOptions o) {
  require_system("solve_triangular", a, b, o.left);
  if (is_short(a)) return cast(solve_triangular(widened(a), widened(b), o), a.dtype());
  if (!o.left) {
    o.left = true;
    o.transposed = !o.transposed;
    return transpose(solve_triangular(a, transpose(b), o));
  }
  Tensor x = a, y = b;
  share_batch("solve_triangular", x, y);
  return triangular_batch(x, y, o.upper, o.transposed, o.unit_diagonal);
}

Tensor inverse(const Tensor& a) {
  require_square("inverse", "a", a);
  if (is_short(a)) return cast(inverse(widened(a)), a.dtype());
  return solve_batch("inverse", a, expand_batch(identity(a.shape().back(), a), batch_of(a)));
}

// da = ddet det a^-T: the cofactors
Tensor det(const Tensor& a) {
  require_square("det", "a", a);
  if (is_short(a)) return cast(det(widened(a)), a.dtype());
  const RawLu f = factor(a);
  Tensor y = empty(batch_of(a), a.dtype(), a.device());
  kernels(a.device()).lu_determinant({.lu = f.lu, .pivots = f.pivots, .det = y, .sign = {}, .log_abs = {}});
  record("det", {a}, y, [a = save(a), y = save(y), f](const Tensor& dy) {
    const Tensor weight = with_unit_batch(dy, 2);
    if (recording() || any_failed(f.info)) return mul(weight, recorded_cofactors(a.get(), f.lu));
    return mul(mul(weight, with_unit_batch(y.get(), 2)), inverse_transposed(f));
  });
  return y;
}

// da = dlogabsdet a^-T
SignLogDet slogdet(const Tensor& a) {
  require_square("slogdet", "a", a);
  if (is_short(a)) {
    const SignLogDet wide = slogdet(widened(a));
    return {cast(wide.sign, a.dtype()), cast(wide.logabsdet, a.dtype())};
  }
  const RawLu f = factor(a);
  Tensor sign = empty(batch_of(a), a.dtype(), a.device()), log_abs = empty_like(sign);
  kernels(a.device()).lu_determinant({.lu = f.lu, .pivots = f.pivots, .det = {}, .sign = sign, .log_abs = log_abs});
  record("slogdet", {a}, log_abs, [a = save(a), f](const Tensor& dy) {
    require_success("slogdet", a.get(), f.info, "is singular and has no gradient: pivot {} is 0.");
    const Tensor inv = recording() ? inverse(transpose(a.get())) : inverse_transposed(f);
    return mul(with_unit_batch(dy, 2), inv);
  });
  return {sign, log_abs};
}

LuFactors lu_factor(const Tensor& a) {
  require_matrix("lu_factor", "a", a);
  if (is_short(a)) {
    const LuFactors wide = lu_factor(widened(a));
    return {cast(wide.lu, a.dtype()), wide.pivots};
  }
  RawLu f = factor(a);
  record("lu_factor", {a}, f.lu,
         [lu = save(f.lu), pivots = f.pivots](const Tensor& dlu) { return lu_gradient(lu.get(), pivots, dlu); });
  return {f.lu, f.pivots};
}

Lu lu(const Tensor& a) {
  require_matrix("lu", "a", a);
  if (is_short(a)) {
    const Lu wide = lu(widened(a));
    return {cast(wide.p, a.dtype()), cast(wide.l, a.dtype()), cast(wide.u, a.dtype())};
  }
  const LuFactors f = lu_factor(a);
  return {permutation(f.pivots, a.shape().back(1), a), unit_lower(f.lu), upper_part(f.lu)};
}

Tensor lu_solve(const LuFactors& factors, const Tensor& b) {
  require_pivots(factors);
  require_system("lu_solve", factors.lu, b, true);
  if (is_short(b)) return cast(lu_solve({widened(factors.lu), factors.pivots}, widened(b)), b.dtype());
  Tensor lu = factors.lu, y = matmul(transpose(permutation(contiguous(factors.pivots), b.shape().back(1), b)), b);
  share_batch("lu_solve", lu, y);
  return triangular_batch(lu, triangular_batch(lu, y, false, false, true), true, false, false);
}

// With phi(x) the lower triangle of x, its diagonal halved: da = sym(l^-T phi(l^T dl) l^-1), Murray 2016, eq. 10
Tensor cholesky(const Tensor& a, bool upper) {
  require_square("cholesky", "a", a);
  if (is_short(a)) return cast(cholesky(widened(a), upper), a.dtype());
  if (upper) return transpose(cholesky(transpose(a)));
  Tensor l = column_copy(a);
  const Tensor info = empty_info(a);
  kernels(a.device()).cholesky({.a = l, .info = info});
  require_success("cholesky", a, info, "is not positive definite: its leading minor of order {} is not positive.",
                  "add a small multiple of the unit matrix?");
  record("cholesky", {a}, l, [l = save(l)](const Tensor& dl) {
    const Tensor low = l.get(), product = matmul(transpose(low), dl);
    const Tensor phi = mul(add(lower_triangle(product), lower_triangle(product, -1)), 0.5);
    const Tensor half = transpose(triangular_batch(low, phi, false, true, false));  // (l^-T phi)^T
    const Tensor da = triangular_batch(low, half, false, true, false);
    return mul(add(da, transpose(da)), 0.5);
  });
  return l;
}

}  // namespace gradus
