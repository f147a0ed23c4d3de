#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

#include "kernels/ref/matrices.h"
#include "kernels/ref/ref.h"

namespace gradus::ref {

namespace {

// The reflection H = I - tau v v^T, v[0] = 1, that maps x (n) to (beta, 0, …); v[1 …] and beta replace x.
template <class T>
T reflector(T* x, int64_t n) {
  T squares = 0;
  for (int64_t i = 1; i < n; ++i) squares += x[i] * x[i];
  if (squares == 0) return 0;
  const T beta = -std::copysign(std::sqrt(x[0] * x[0] + squares), x[0]), tau = (beta - x[0]) / beta;
  for (int64_t i = 1; i < n; ++i) x[i] /= x[0] - beta;
  x[0] = beta;
  return tau;
}

// x -= tau v (v^T x)
template <class T>
void reflect(const T* v, T tau, T* x, int64_t n) {
  T product = x[0];
  for (int64_t i = 1; i < n; ++i) product += v[i] * x[i];
  x[0] -= tau * product;
  for (int64_t i = 1; i < n; ++i) x[i] -= tau * product * v[i];
}

// `a` becomes R above reflectors; q, when it has data, the product of the reflections applied to the unit matrix.
template <class T>
void householder(const Matrix<T>& a, const Matrix<T>& q) {
  const int64_t k = std::min(a.rows, a.columns);
  std::vector<T> tau(static_cast<size_t>(k));
  for (int64_t j = 0; j < k; ++j) {
    tau[static_cast<size_t>(j)] = reflector(&a(j, j), a.rows - j);
    for (int64_t c = j + 1; c < a.columns; ++c) reflect(&a(j, j), tau[static_cast<size_t>(j)], &a(j, c), a.rows - j);
  }
  if (!q.data) return;
  for (int64_t c = 0; c < q.columns; ++c) {
    std::fill(q.column(c), q.column(c) + q.rows, T(0));
    q(c, c) = 1;
    for (int64_t j = k - 1; j >= 0; --j) reflect(&a(j, j), tau[static_cast<size_t>(j)], &q(j, c), q.rows - j);
  }
}

// Jacobi's rotation that makes the 2 x 2 matrix ((a, c), (c, b)) diagonal: tangent, then cosine and sine.
template <class T>
struct Rotation {
  T t, cosine, sine;
  Rotation(T a, T b, T c) {
    const T theta = (b - a) / (2 * c);
    t = std::copysign(1 / (std::abs(theta) + std::sqrt(1 + theta * theta)), theta);
    cosine = 1 / std::sqrt(1 + t * t);
    sine = t * cosine;
  }
  void turn(T& x, T& y) const {
    const T before = x;
    x = cosine * x - sine * y;
    y = sine * before + cosine * y;
  }
};

constexpr int kSweeps = 60;  // Jacobi's methods converge quadratically after a few

std::vector<int64_t> order_of(int64_t n, auto&& before) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), int64_t(0));
  std::stable_sort(order.begin(), order.end(), before);
  return order;
}

// Cyclic Jacobi: a symmetric, v its eigenvectors in the end.
template <class T>
void jacobi_eigen(std::vector<T>& a, int64_t n, std::vector<T>& v) {
  const auto at = [n](std::vector<T>& m, int64_t i, int64_t j) -> T& { return m[static_cast<size_t>(j * n + i)]; };
  v.assign(static_cast<size_t>(n * n), 0);
  for (int64_t i = 0; i < n; ++i) at(v, i, i) = 1;
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    T off = 0, all = 0;
    for (int64_t j = 0; j < n; ++j)
      for (int64_t i = 0; i < n; ++i) {
        all += at(a, i, j) * at(a, i, j);
        if (i != j) off += at(a, i, j) * at(a, i, j);
      }
    if (off <= all * std::numeric_limits<T>::epsilon() * std::numeric_limits<T>::epsilon()) return;
    for (int64_t p = 0; p + 1 < n; ++p)
      for (int64_t q = p + 1; q < n; ++q) {
        if (at(a, p, q) == 0) continue;
        const Rotation<T> r(at(a, p, p), at(a, q, q), at(a, p, q));
        for (int64_t k = 0; k < n; ++k) r.turn(at(a, k, p), at(a, k, q));
        for (int64_t k = 0; k < n; ++k) r.turn(at(a, p, k), at(a, q, k));
        for (int64_t k = 0; k < n; ++k) r.turn(at(v, k, p), at(v, k, q));
        at(a, p, q) = at(a, q, p) = 0;  // but for rounding
      }
  }
}

// One-sided Jacobi (Hestenes): turns the columns of g (m >= n) until they are orthogonal; v collects the turns.
template <class T>
void jacobi_svd(const Matrix<T>& g, const Matrix<T>& v) {
  for (int64_t j = 0; j < v.columns; ++j)
    for (int64_t i = 0; i < v.rows; ++i) v(i, j) = i == j ? T(1) : T(0);
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    bool turned = false;
    for (int64_t p = 0; p + 1 < g.columns; ++p)
      for (int64_t q = p + 1; q < g.columns; ++q) {
        T a = 0, b = 0, c = 0;
        for (int64_t i = 0; i < g.rows; ++i) {
          a += g(i, p) * g(i, p);
          b += g(i, q) * g(i, q);
          c += g(i, p) * g(i, q);
        }
        if (std::abs(c) <= std::numeric_limits<T>::epsilon() * std::sqrt(a) * std::sqrt(b)) continue;
        turned = true;
        const Rotation<T> r(a, b, c);
        for (int64_t i = 0; i < g.rows; ++i) r.turn(g(i, p), g(i, q));
        for (int64_t i = 0; i < v.rows; ++i) r.turn(v(i, p), v(i, q));
      }
    if (!turned) return;
  }
}

// The columns [have, u.columns) of u are made orthonormal to the first `have`, out of unit vectors.
template <class T>
void complete_basis(const Matrix<T>& u, int64_t have) {
  int64_t unit = 0;
  for (int64_t j = have; j < u.columns;) {
    T* x = u.column(j);
    std::fill(x, x + u.rows, T(0));
    x[unit++] = 1;
    for (int twice = 0; twice < 2; ++twice)
      for (int64_t k = 0; k < j; ++k) {
        T product = 0;
        for (int64_t i = 0; i < u.rows; ++i) product += u(i, k) * x[i];
        for (int64_t i = 0; i < u.rows; ++i) x[i] -= product * u(i, k);
      }
    T norm = 0;
    for (int64_t i = 0; i < u.rows; ++i) norm += x[i] * x[i];
    norm = std::sqrt(norm);
    // Some unit vector keeps a length of at least sqrt((rows - j) / rows).
    if (norm < T(0.5) / std::sqrt(static_cast<T>(u.rows))) continue;
    for (int64_t i = 0; i < u.rows; ++i) x[i] /= norm;
    ++j;
  }
}

// x = left diag(s) right^T for x with rows >= columns; left (rows, any number of columns), right (columns, columns).
template <class T>
void svd_tall(const Matrix<T>& x, const Matrix<T>& left, T* s, const Matrix<T>& right) {
  const int64_t n = x.columns;
  std::vector<T> turns(static_cast<size_t>(n * n)), norms(static_cast<size_t>(n));
  const Matrix<T> v{turns.data(), n, n};
  jacobi_svd(x, v);
  for (int64_t j = 0; j < n; ++j) {
    T squares = 0;
    for (int64_t i = 0; i < x.rows; ++i) squares += x(i, j) * x(i, j);
    norms[static_cast<size_t>(j)] = std::sqrt(squares);
  }
  const auto order =
      order_of(n, [&](int64_t a, int64_t b) { return norms[static_cast<size_t>(a)] > norms[static_cast<size_t>(b)]; });
  int64_t rank = 0;
  for (int64_t j = 0; j < n; ++j) {
    const int64_t from = order[static_cast<size_t>(j)];
    s[j] = norms[static_cast<size_t>(from)];
    if (!left.data) continue;
    for (int64_t i = 0; i < n; ++i) right(i, j) = v(i, from);
    if (s[j] <= s[0] * std::numeric_limits<T>::epsilon() * static_cast<T>(n)) continue;
    rank = j + 1;
    for (int64_t i = 0; i < x.rows; ++i) left(i, j) = x(i, from) / s[j];
  }
  if (left.data) complete_basis(left, rank);
}

template <class T>
void transpose_into(const Matrix<T>& x, const Matrix<T>& y) {
  for (int64_t j = 0; j < x.columns; ++j)
    for (int64_t i = 0; i < x.rows; ++i) y(j, i) = x(i, j);
}

template <class T>
void svd_one(const Matrix<T>& a, const Matrix<T>& u, T* s, const Matrix<T>& vh) {
  const bool tall = a.rows >= a.columns;
  const int64_t rows = std::max(a.rows, a.columns), n = std::min(a.rows, a.columns);
  std::vector<T> turned(tall ? 0 : static_cast<size_t>(rows * n)), left, right;
  Matrix<T> x = a, l = u, r{nullptr, n, n};
  if (!tall) {
    x = {turned.data(), rows, n};
    transpose_into(a, x);
    l = {nullptr, rows, vh.rows};
  }
  if (u.data) {
    right.resize(static_cast<size_t>(n * n));
    r.data = right.data();
    if (!tall) {
      left.resize(static_cast<size_t>(rows * l.columns));
      l.data = left.data();
    }
  }
  svd_tall(x, l, s, r);
  if (!u.data) return;
  if (tall) return transpose_into(r, vh);
  std::copy(r.data, r.data + n * n, u.data);
  transpose_into(l, vh);
}

template <class T>
Matrix<T> matrix_or_none(const Tensor& x, int64_t index) {
  return x.defined() ? matrix_at<T>(x, index) : Matrix<T>{nullptr, 0, 0};
}

}  // namespace

void qr(const QrArgs& args) {
  dispatch_wide("qr", args.a.dtype(), [&](auto tag) {
    using T = decltype(tag);
    for (int64_t index = 0; index < matrix_count(args.a); ++index) {
      const Matrix<T> a = matrix_at<T>(args.a, index), r = matrix_at<T>(args.r, index);
      householder(a, matrix_or_none<T>(args.q, index));
      for (int64_t j = 0; j < r.columns; ++j)
        for (int64_t i = 0; i < r.rows; ++i) r(i, j) = i <= j && i < a.rows ? a(i, j) : T(0);
    }
  });
}

void eigh(const EighArgs& args) {
  dispatch_wide("eigh", args.a.dtype(), [&](auto tag) {
    using T = decltype(tag);
    for (int64_t index = 0; index < matrix_count(args.a); ++index) {
      const Matrix<T> a = matrix_at<T>(args.a, index);
      const int64_t n = a.rows;
      T* w = vector_at<T>(args.w, index);
      int32_t& info = args.info.data<int32_t>()[index];
      std::vector<T> whole(static_cast<size_t>(n * n)), v;
      for (int64_t j = 0; j < n; ++j)
        for (int64_t i = 0; i < n; ++i) whole[static_cast<size_t>(j * n + i)] = i >= j ? a(i, j) : a(j, i);
      info = all_finite(Matrix<T>{whole.data(), n, n}) ? 0 : -1;
      if (info != 0) continue;
      jacobi_eigen(whole, n, v);
      const auto value = [&](int64_t i) { return whole[static_cast<size_t>(i * n + i)]; };
      const auto order = order_of(n, [&](int64_t i, int64_t j) { return value(i) < value(j); });
      for (int64_t j = 0; j < n; ++j) {
        const int64_t from = order[static_cast<size_t>(j)];
        w[j] = value(from);
        if (args.vectors) std::copy_n(v.data() + from * n, n, a.column(j));
      }
    }
  });
}

void svd(const SvdArgs& args) {
  dispatch_wide("svd", args.a.dtype(), [&](auto tag) {
    using T = decltype(tag);
    for (int64_t index = 0; index < matrix_count(args.a); ++index) {
      const Matrix<T> a = matrix_at<T>(args.a, index);
      int32_t& info = args.info.data<int32_t>()[index];
      info = all_finite(a) ? 0 : -1;
      if (info == 0)
        svd_one(a, matrix_or_none<T>(args.u, index), vector_at<T>(args.s, index), matrix_or_none<T>(args.vh, index));
    }
  });
}

}  // namespace gradus::ref
