// Orthogonal factorisations: QR, eigenvalues, singular values, and what rests on them.
#include <cmath>
#include <cstring>
#include <limits>

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

constexpr const char* kNotFinite = "holds a number that is not finite, or its iteration did not end (info {}).";

// The sum of two gradients, either of which may be undefined (zero).
Tensor plus(const Tensor& a, const Tensor& b) { return !a.defined() ? b : !b.defined() ? a : add(a, b); }

// With m = r dr^T - dq^T q: da = (dq + q (tril(m) + tril(m, -1)^T)) r^-T for a square r. Walter & Lehmann 2013.
Tensor square_qr_gradient(const Tensor& q, const Tensor& r, const Tensor& dq, const Tensor& dr) {
  Tensor m;
  if (dr.defined()) m = matmul(r, transpose(dr));
  if (dq.defined()) m = plus(m, neg(matmul(transpose(dq), q)));
  const Tensor symmetric = add(lower_triangle(m), transpose(lower_triangle(m, -1)));
  const Tensor inner = plus(dq, matmul(q, symmetric));
  return transpose(triangular_batch(r, transpose(inner), true, false, false));
}

// A wide a = [x y] has r = [u v] with x = q u, y = q v: dy = q dv, and dq grows by y dv^T.
Tensor qr_gradient(const Tensor& a, const Tensor& q, const Tensor& r, const Tensor& dq, const Tensor& dr) {
  const int64_t m = a.shape().back(1), n = a.shape().back();
  if (n <= m) return square_qr_gradient(q, r, dq, dr);
  const Tensor u = narrow(r, -1, 0, m);
  if (!dr.defined())
    return concat({square_qr_gradient(q, u, dq, {}), zeros(joined(batch_of(a), {m, n - m}), a.dtype(), a.device())},
                  -1);
  const Tensor dv = narrow(dr, -1, m, n - m), y = narrow(a, -1, m, n - m);
  const Tensor dx = square_qr_gradient(q, u, plus(dq, matmul(y, transpose(dv))), narrow(dr, -1, 0, m));
  return concat({dx, matmul(q, dv)}, -1);
}

// 1 / (x_j - x_i) off the diagonal, 0 on it.
Tensor inverse_gaps(const Tensor& x) {
  const Tensor unit = identity(x.shape().back(), x);
  return sub(reciprocal(add(sub(unsqueeze(x, -2), unsqueeze(x, -1)), unit)), unit);
}

Tensor skew(const Tensor& x) { return sub(x, transpose(x)); }

// With F_ij = 1 / (s_j^2 - s_i^2):
// da = u [(F * skew(u^T du)) S + S (F * skew(v^T dv)) + diag(ds)] v^T
//      + (1 - u u^T) du S^-1 v^T + u S^-1 dv^T (1 - v v^T)
Tensor svd_gradient(const Tensor& u, const Tensor& s, const Tensor& vh, const Tensor& du, const Tensor& ds,
                    const Tensor& dvh) {
  const int64_t m = u.shape().back(1), n = vh.shape().back(), k = s.shape().back();
  Tensor inner, sides;
  if (ds.defined()) inner = diagonal_matrix(ds);
  const Tensor gaps = du.defined() || dvh.defined() ? inverse_gaps(square(s)) : Tensor();
  if (du.defined()) {
    const Tensor turned = matmul(transpose(u), du);
    inner = plus(inner, scale_columns(mul(gaps, skew(turned)), s));
    if (m > k) sides = matmul(div(sub(du, matmul(u, turned)), unsqueeze(s, -2)), vh);
  }
  if (dvh.defined()) {
    const Tensor turned = matmul(vh, transpose(dvh));
    inner = plus(inner, scale_rows(mul(gaps, skew(turned)), s));
    if (n > k) sides = plus(sides, matmul(u, div(sub(dvh, matmul(transpose(turned), vh)), unsqueeze(s, -1))));
  }
  return plus(matmul(matmul(u, inner), vh), sides);
}

Tensor zero_up_to(const Tensor& s, RankTolerance t, int64_t m, int64_t n) {
  const double eps = s.dtype() == Dtype::f64 ? 0x1p-52 : 0x1p-23;
  if (t.relative < 0) t.relative = t.absolute > 0 ? 0 : static_cast<double>(std::max(m, n)) * eps;
  return maximum(mul(max(s, -1, keep_axis), t.relative), t.absolute);
}

void require_tolerance(const char* op, RankTolerance t) {
  if (!(t.absolute >= 0) || std::isnan(t.relative))
    throw ValueError(op, "the absolute tolerance must not be negative, nor the relative one NaN.");
}

bool empty_matrices(const Tensor& a) { return a.shape().back() == 0 || a.shape().back(1) == 0; }

Tensor pinv_value(const Tensor& a, RankTolerance tolerance) {
  const Svd d = svd(a);
  const Tensor bound = zero_up_to(d.s, tolerance, a.shape().back(1), a.shape().back());
  const Tensor inverse = where(greater(d.s, bound), reciprocal(d.s), scalar(0, a.dtype(), a.device()));
  return matmul(transpose(d.vh), scale_rows(transpose(d.u), inverse));
}

Tensor zeros_for(const Shape& batch, const Tensor& a) { return zeros(batch, a.dtype(), a.device()); }

// With a result in the short type of the operand.
template <class F>
Tensor through_f32(const Tensor& a, const F& f) {
  return cast(f(widened(a)), a.dtype());
}

// sqrt of a sum of squares, with slope 0 at 0.
Tensor root(const Tensor& squares) {
  const Tensor one = scalar(1, squares.dtype(), squares.device()), zero = scalar(0, squares.dtype(), squares.device());
  const Tensor none = equal(squares.detach(), zero);
  return where(none, zero, sqrt(where(none, one, squares)));
}

[[noreturn]] void throw_order(const std::string& order) {
  throw ValueError("matrix_norm", "unknown order " + order + ".", "\"fro\", \"nuc\", 1, -1, 2, -2, inf or -inf.");
}

}  // namespace

Qr qr(const Tensor& a, QrMode mode) {
  require_matrix("qr", "a", a);
  if (is_short(a)) {
    const Qr wide = qr(widened(a), mode);
    return {wide.q.defined() ? cast(wide.q, a.dtype()) : Tensor(), cast(wide.r, a.dtype())};
  }
  // The rule for r needs q.
  if (mode == QrMode::r && recording() && requires_grad(a)) return {Tensor(), qr(a).r};
  const int64_t m = a.shape().back(1), n = a.shape().back();
  const int64_t k = mode == QrMode::complete ? m : std::min(m, n);
  const Shape batch = batch_of(a);
  Tensor q = mode == QrMode::r ? Tensor() : empty_columns(batch, m, k, a), r = empty_columns(batch, k, n, a);
  const Tensor used = column_copy(a);
  kernels(a.device()).qr({.a = used, .q = q, .r = r});
  if (mode == QrMode::r) return {q, r};
  const bool arbitrary = k > n;
  record("qr", Tensors{a}, Tensors{q, r}, [a = save(a), q = save(q), r = save(r), arbitrary](const Tensors& d) {
    if (arbitrary)
      throw GradError("qr", "the complete form of " + a.get().describe() + " has no gradient.",
                      "mode reduced has one: the last columns of q are arbitrary.");
    return qr_gradient(a.get(), q.get(), r.get(), d[0], d[1]);
  });
  return {q, r};
}

// With E_ij = 1 / (w_j - w_i): da = v (diag(dw) + E * skew(v^T dv) / 2) v^T
Eigen eigh(const Tensor& a, bool upper) {
  require_square("eigh", "a", a);
  if (is_short(a)) {
    const Eigen wide = eigh(widened(a), upper);
    return {cast(wide.values, a.dtype()), cast(wide.vectors, a.dtype())};
  }
  Tensor v = column_copy(upper ? transpose(a.detach()) : a.detach());
  Tensor w = empty(joined(batch_of(a), {a.shape().back()}), a.dtype(), a.device());
  const Tensor info = empty_info(a);
  kernels(a.device()).eigh({.a = v, .w = w, .info = info, .vectors = true});
  require_success("eigh", a, info, kNotFinite);
  record("eigh", Tensors{a}, Tensors{w, v}, [w = save(w), v = save(v)](const Tensors& d) {
    const Tensor v_ = v.get();
    Tensor inner;
    if (d[0].defined()) inner = diagonal_matrix(d[0]);
    if (d[1].defined()) inner = plus(inner, mul(inverse_gaps(w.get()), mul(skew(matmul(transpose(v_), d[1])), 0.5)));
    return matmul(matmul(v_, inner), transpose(v_));
  });
  return {w, v};
}

Tensor eigvalsh(const Tensor& a, bool upper) {
  require_square("eigvalsh", "a", a);
  if (recording() && requires_grad(a)) return eigh(a, upper).values;
  if (is_short(a)) return through_f32(a, [upper](const Tensor& x) { return eigvalsh(x, upper); });
  const Tensor used = column_copy(upper ? transpose(a) : a), info = empty_info(a);
  Tensor w = empty(joined(batch_of(a), {a.shape().back()}), a.dtype(), a.device());
  kernels(a.device()).eigh({.a = used, .w = w, .info = info, .vectors = false});
  require_success("eigvalsh", a, info, kNotFinite);
  return w;
}

Svd svd(const Tensor& a, bool full_matrices) {
  require_matrix("svd", "a", a);
  if (is_short(a)) {
    const Svd wide = svd(widened(a), full_matrices);
    return {cast(wide.u, a.dtype()), cast(wide.s, a.dtype()), cast(wide.vh, a.dtype())};
  }
  const int64_t m = a.shape().back(1), n = a.shape().back(), k = std::min(m, n);
  const Shape batch = batch_of(a);
  Tensor u = empty_columns(batch, m, full_matrices ? m : k, a), vh = empty_columns(batch, full_matrices ? n : k, n, a);
  Tensor s = empty(joined(batch, {k}), a.dtype(), a.device());
  const Tensor used = column_copy(a), info = empty_info(a);
  kernels(a.device()).svd({.a = used, .u = u, .s = s, .vh = vh, .info = info});
  require_success("svd", a, info, kNotFinite);
  record("svd", Tensors{a}, Tensors{u, s, vh},
         [u = save(u), s = save(s), vh = save(vh), arbitrary = full_matrices && m != n, k](const Tensors& d) {
           Tensor u_ = u.get(), vh_ = vh.get();
           if (arbitrary) {
             if (d[0].defined() || d[2].defined())
               throw GradError("svd", "u and vh of the full form have no gradient when they are not square alike.",
                               "full_matrices = false has one: the columns beyond are arbitrary.");
             u_ = narrow(u_, -1, 0, k);
             vh_ = narrow(vh_, -2, 0, k);
           }
           return svd_gradient(u_, s.get(), vh_, d[0], d[1], d[2]);
         });
  return {u, s, vh};
}

Tensor svdvals(const Tensor& a) {
  require_matrix("svdvals", "a", a);
  if (recording() && requires_grad(a)) return svd(a).s;
  if (is_short(a)) return through_f32(a, [](const Tensor& x) { return svdvals(x); });
  Tensor s = empty(joined(batch_of(a), {std::min(a.shape().back(), a.shape().back(1))}), a.dtype(), a.device());
  const Tensor used = column_copy(a), info = empty_info(a);
  kernels(a.device()).svd({.a = used, .u = {}, .s = s, .vh = {}, .info = info});
  require_success("svdvals", a, info, kNotFinite);
  return s;
}

// With y = a^+: da = -y^T dy y^T + (1 - a y) dy^T y y^T + y^T y dy^T (1 - y a)
Tensor pinv(const Tensor& a, RankTolerance tolerance) {
  require_matrix("pinv", "a", a);
  require_tolerance("pinv", tolerance);
  if (is_short(a)) return through_f32(a, [tolerance](const Tensor& x) { return pinv(x, tolerance); });
  if (empty_matrices(a)) return transpose(mul(a, 1));
  Tensor y;
  {
    const NoGrad off;
    y = pinv_value(a, tolerance).detach();
  }
  record("pinv", {a}, y, [a = save(a), y = save(y)](const Tensor& dy) {
    const Tensor x = a.get(), p = y.get(), pt = transpose(p), dyt = transpose(dy);
    const Tensor first = matmul(dyt, p), second = matmul(p, dyt);  // (m, m), (n, n)
    const Tensor left = matmul(sub(first, matmul(x, matmul(p, first))), pt);
    const Tensor right = matmul(pt, sub(second, matmul(matmul(second, p), x)));
    return sub(add(left, right), matmul(matmul(pt, dy), pt));
  });
  return y;
}

Tensor matrix_rank(const Tensor& a, RankTolerance tolerance) {
  require_matrix("matrix_rank", "a", a);
  require_tolerance("matrix_rank", tolerance);
  const NoGrad off;
  if (empty_matrices(a)) return zeros(batch_of(a), Dtype::i64, a.device());
  const Tensor s = svdvals(is_short(a) ? widened(a) : a);
  return sum(cast(greater(s, zero_up_to(s, tolerance, a.shape().back(1), a.shape().back())), Dtype::i64), -1);
}

LeastSquares lstsq(const Tensor& a, const Tensor& b, RankTolerance tolerance) {
  require_matrix("lstsq", "a", a);
  require_matrix("lstsq", "b", b);
  require_same("lstsq", {a, b});
  require_tolerance("lstsq", tolerance);
  if (a.shape().back(1) != b.shape().back(1))
    throw ShapeError("lstsq", "numbers of rows differ: a " + a.describe() + ", b " + b.describe() + ".");
  if (is_short(a)) {
    LeastSquares wide = lstsq(widened(a), widened(b), tolerance);
    for (Tensor* t : {&wide.solution, &wide.residuals, &wide.singular_values}) *t = cast(*t, a.dtype());
    return wide;
  }
  LeastSquares result;
  result.solution = matmul(pinv(a, tolerance), b);
  result.residuals = sum(square(sub(b, matmul(a, result.solution))), -2);
  result.rank = matrix_rank(a, tolerance);
  result.singular_values = svdvals(a);
  return result;
}

Tensor matrix_norm(const Tensor& a, const char* order) {
  require_matrix("matrix_norm", "a", a);
  if (order == nullptr) throw_order("null");
  if (is_short(a)) return through_f32(a, [order](const Tensor& x) { return matrix_norm(x, order); });
  if (std::strcmp(order, "fro") == 0) return root(sum(square(a), {-2, -1}));
  if (std::strcmp(order, "nuc") == 0) return sum(svdvals(a), -1);
  throw_order('"' + std::string(order) + '"');
}

Tensor matrix_norm(const Tensor& a, double order) {
  require_matrix("matrix_norm", "a", a);
  const double size = std::abs(order);
  if (size != 1 && size != 2 && !std::isinf(size)) throw_order(std::to_string(order));
  if (is_short(a)) return through_f32(a, [order](const Tensor& x) { return matrix_norm(x, order); });
  if (empty_matrices(a))
    throw ShapeError("matrix_norm", "nothing to choose the largest or smallest from in " + a.describe() + ".");
  const Tensor sizes = size == 2 ? svdvals(a) : sum(abs(a), size == 1 ? -2 : -1);
  return order > 0 ? max(sizes, -1) : min(sizes, -1);
}

Tensor cond(const Tensor& a, double order) {
  require_matrix("cond", "a", a);
  if (is_short(a)) return through_f32(a, [order](const Tensor& x) { return cond(x, order); });
  if (std::abs(order) != 2) return mul(matrix_norm(a, order), matrix_norm(inverse(a), order));
  if (empty_matrices(a)) return zeros_for(batch_of(a), a);
  const Tensor s = svdvals(a);
  const Tensor largest = select(s, -1, 0), smallest = select(s, -1, -1);
  return order > 0 ? div(largest, smallest) : div(smallest, largest);
}

}  // namespace gradus
