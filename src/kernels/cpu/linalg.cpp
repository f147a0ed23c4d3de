// Linear algebra: LAPACK on one thread for each small matrix of a batch; a large one is cut into panels and strips
// here, by its size alone, so that the result does not depend on the number of threads.
#include <algorithm>
#include <vector>

#include "base/parallel.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/lapack.h"
#include "kernels/ref/matrices.h"
#include "kernels/ref/ref.h"

namespace gradus::cpu {

using ref::dispatch_wide;
using ref::Matrix;
using ref::matrix_at;
using ref::matrix_count;
using ref::vector_at;

namespace {

constexpr int64_t kLarge = 192;  // from here on one matrix is shared out
constexpr int64_t kPanel = 64;

// Columns of a strip: at most 8 strips, none narrower than a panel.
int64_t strip_width(int64_t columns) { return std::max<int64_t>(kPanel, ((columns + 7) / 8 + 15) / 16 * 16); }

// Calls f(index) for each matrix. Small ones go to the threads in groups; a large one is cut further by f itself.
template <class F>
void for_each_matrix(const Tensor& x, double flops, const F& f) {
  const int64_t n = matrix_count(x);
  if (std::min(x.shape().back(), x.shape().back(1)) >= kLarge) {
    for (int64_t i = 0; i < n; ++i) f(i);
    return;
  }
  constexpr double kWorthSharing = 4e4;
  const int64_t grain = std::max<int64_t>(1, static_cast<int64_t>(kWorthSharing / std::max(flops, 1.0)));
  parallel_for(n, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) f(i);
  });
}

double cube(const Tensor& x) {
  const double m = static_cast<double>(x.shape().back(1)), n = static_cast<double>(x.shape().back());
  return m * n * std::min(m, n);
}

// Right-looking: factor a panel, then bring each strip of the rest up to date.
template <class T>
int32_t factor_large(const Matrix<T>& a, int32_t* pivots) {
  const int64_t m = a.rows, n = a.columns, k = std::min(m, n);
  int32_t singular = 0;
  for (int64_t at = 0; at < k; at += kPanel) {
    const int64_t width = std::min(kPanel, k - at), rest = at + width;
    const int info = lapack::getrf(m - at, width, &a(at, at), m, pivots + at);
    if (info > 0 && singular == 0) singular = static_cast<int32_t>(at + info);
    for (int64_t i = at; i < rest; ++i) pivots[i] += static_cast<int32_t>(at);
    if (at > 0) lapack::laswp(at, a.data, m, at, rest, pivots, false);
    parallel_for(n - rest, strip_width(n - rest), [&](int64_t begin, int64_t end) {
      T* strip = a.column(rest + begin);
      lapack::laswp(end - begin, strip, m, at, rest, pivots, false);
      lapack::trsm(false, false, false, true, width, end - begin, &a(at, at), m, strip + at, m);
      if (rest < m)
        lapack::gemm<T>(false, false, m - rest, end - begin, width, -1, &a(rest, at), m, strip + at, m, 1, strip + rest,
                        m);
    });
  }
  return singular;
}

// Strips of b's columns, each on its own.
template <class F>
void for_each_strip(int64_t rows, int64_t columns, const F& f) {
  if (rows < kLarge) return f(int64_t(0), columns);
  parallel_for(columns, strip_width(columns), f);
}

template <class T>
void solve_factored(const Matrix<T>& lu, const int32_t* pivots, T* b, int64_t columns, bool transposed) {
  const int64_t n = lu.rows;
  if (!transposed) lapack::laswp(columns, b, n, 0, n, pivots, false);
  lapack::trsm(false, transposed, transposed, !transposed, n, columns, lu.data, n, b, n);
  lapack::trsm(false, !transposed, transposed, transposed, n, columns, lu.data, n, b, n);
  if (transposed) lapack::laswp(columns, b, n, 0, n, pivots, true);
}

template <class T>
int32_t cholesky_large(const Matrix<T>& a) {
  const int64_t n = a.rows;
  for (int64_t at = 0; at < n; at += kPanel) {
    const int64_t width = std::min(kPanel, n - at), rest = at + width;
    const int info = lapack::potrf(width, &a(at, at), n);
    if (info > 0) return static_cast<int32_t>(at + info);
    if (rest == n) break;
    const int64_t rows = strip_width(n - rest);
    parallel_for(n - rest, rows, [&](int64_t begin, int64_t end) {  // L21 = A21 L11^-T
      lapack::trsm(true, false, true, false, end - begin, width, &a(at, at), n, &a(rest + begin, at), n);
    });
    parallel_for(n - rest, kPanel, [&](int64_t begin, int64_t end) {  // A22 -= L21 L21^T, from the diagonal down
      lapack::gemm<T>(false, true, n - rest - begin, end - begin, width, -1, &a(rest + begin, at), n,
                      &a(rest + begin, at), n, 1, &a(rest + begin, rest + begin), n);
    });
  }
  return 0;
}

// A = Q R: reflectors below the diagonal of `a`, their factors in tau.
template <class T>
void reflectors_large(const Matrix<T>& a, T* tau) {
  const int64_t m = a.rows, n = a.columns, k = std::min(m, n);
  for (int64_t at = 0; at < k; at += kPanel) {
    const int64_t width = std::min(kPanel, k - at), rest = at + width;
    lapack::geqrf(m - at, width, &a(at, at), m, tau + at);
    parallel_for(n - rest, strip_width(n - rest), [&](int64_t begin, int64_t end) {
      lapack::ormqr(true, m - at, end - begin, width, &a(at, at), m, tau + at, &a(at, rest + begin), m);
    });
  }
}

}  // namespace

void lu_factor(const LuFactorArgs& args) {
  dispatch_wide("lu_factor", args.a.dtype(), [&](auto tag) {
    using T = decltype(tag);
    const bool large = std::min(args.a.shape().back(), args.a.shape().back(1)) >= kLarge;
    for_each_matrix(args.a, cube(args.a), [&](int64_t i) {
      const Matrix<T> a = matrix_at<T>(args.a, i);
      int32_t* pivots = vector_at<int32_t>(args.pivots, i);
      args.info.data<int32_t>()[i] =
          large ? factor_large(a, pivots) : lapack::getrf(a.rows, a.columns, a.data, a.rows, pivots);
    });
  });
}

void lu_solve(const LuSolveArgs& args) {
  dispatch_wide("lu_solve", args.lu.dtype(), [&](auto tag) {
    using T = decltype(tag);
    if (args.b.count() == 0) return;
    for_each_matrix(args.lu, cube(args.b), [&](int64_t i) {
      const Matrix<T> lu = matrix_at<T>(args.lu, i), b = matrix_at<T>(args.b, i);
      for_each_strip(b.rows, b.columns, [&](int64_t begin, int64_t end) {
        solve_factored(lu, vector_at<int32_t>(args.pivots, i), b.column(begin), end - begin, args.transposed);
      });
    });
  });
}

void cholesky(const CholeskyArgs& args) {
  dispatch_wide("cholesky", args.a.dtype(), [&](auto tag) {
    using T = decltype(tag);
    for_each_matrix(args.a, cube(args.a), [&](int64_t i) {
      const Matrix<T> a = matrix_at<T>(args.a, i);
      const int32_t info = a.rows >= kLarge ? cholesky_large(a) : lapack::potrf(a.rows, a.data, a.rows);
      for (int64_t j = 1; j < a.columns; ++j) std::fill(a.column(j), a.column(j) + j, T(0));
      args.info.data<int32_t>()[i] = info;
    });
  });
}

void triangular_solve(const TriangularSolveArgs& args) {
  dispatch_wide("triangular_solve", args.a.dtype(), [&](auto tag) {
    using T = decltype(tag);
    for_each_matrix(args.a, cube(args.b), [&](int64_t i) {
      const Matrix<T> a = matrix_at<T>(args.a, i), b = matrix_at<T>(args.b, i);
      int32_t& info = args.info.data<int32_t>()[i];
      info = 0;
      for (int64_t k = a.rows - 1; k >= 0 && !args.unit_diagonal; --k)
        if (a(k, k) == 0) info = static_cast<int32_t>(k + 1);
      if (info != 0) return;
      for_each_strip(b.rows, b.columns, [&](int64_t begin, int64_t end) {
        lapack::trsm(false, args.upper, args.transposed, args.unit_diagonal, b.rows, end - begin, a.data, a.rows,
                     b.column(begin), b.rows);
      });
    });
  });
}

void qr(const QrArgs& args) {
  dispatch_wide("qr", args.a.dtype(), [&](auto tag) {
    using T = decltype(tag);
    const bool large = std::min(args.a.shape().back(), args.a.shape().back(1)) >= kLarge;
    for_each_matrix(args.a, 4 * cube(args.a), [&](int64_t index) {
      const Matrix<T> a = matrix_at<T>(args.a, index), r = matrix_at<T>(args.r, index);
      const int64_t k = std::min(a.rows, a.columns);
      std::vector<T> tau(static_cast<size_t>(k));
      if (large)
        reflectors_large(a, tau.data());
      else
        lapack::geqrf(a.rows, a.columns, a.data, a.rows, tau.data());
      for (int64_t j = 0; j < r.columns; ++j) {
        const int64_t filled = std::min({j + 1, r.rows, a.rows});
        std::copy_n(a.column(j), filled, r.column(j));
        std::fill(r.column(j) + filled, r.column(j) + r.rows, T(0));
      }
      if (!args.q.defined()) return;
      const Matrix<T> q = matrix_at<T>(args.q, index);
      std::fill(q.data, q.data + q.rows * q.columns, T(0));
      for (int64_t j = 0; j < q.columns; ++j) q(j, j) = 1;
      for_each_strip(q.rows, q.columns, [&](int64_t begin, int64_t end) {
        // Reflector i leaves the unit vectors before i alone.
        lapack::ormqr(false, q.rows, end - begin, std::min(k, end), a.data, a.rows, tau.data(), q.column(begin),
                      q.rows);
      });
    });
  });
}

void eigh(const EighArgs& args) {
  dispatch_wide("eigh", args.a.dtype(), [&](auto tag) {
    using T = decltype(tag);
    if (args.a.count() == 0) return ref::eigh(args);
    parallel_for(matrix_count(args.a), 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const Matrix<T> a = matrix_at<T>(args.a, i);
        bool finite = true;
        for (int64_t j = 0; j < a.columns; ++j)
          for (int64_t r = j; r < a.rows; ++r) finite &= std::isfinite(a(r, j));
        args.info.data<int32_t>()[i] =
            finite ? lapack::syevd(args.vectors, a.rows, a.data, a.rows, vector_at<T>(args.w, i)) : -1;
      }
    });
  });
}

void svd(const SvdArgs& args) {
  dispatch_wide("svd", args.a.dtype(), [&](auto tag) {
    using T = decltype(tag);
    if (args.a.count() == 0) return ref::svd(args);
    const bool vectors = args.u.defined();
    parallel_for(matrix_count(args.a), 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const Matrix<T> a = matrix_at<T>(args.a, i);
        if (!ref::all_finite(a)) {
          args.info.data<int32_t>()[i] = -1;
          continue;
        }
        T* s = vector_at<T>(args.s, i);
        if (vectors) {
          const Matrix<T> u = matrix_at<T>(args.u, i), vh = matrix_at<T>(args.vh, i);
          const bool all = u.columns + vh.rows > 2 * std::min(a.rows, a.columns);
          args.info.data<int32_t>()[i] =
              lapack::gesdd(all ? 'A' : 'S', a.rows, a.columns, a.data, a.rows, s, u.data, u.rows, vh.data, vh.rows);
        } else {
          args.info.data<int32_t>()[i] =
              lapack::gesdd<T>('N', a.rows, a.columns, a.data, a.rows, s, nullptr, 1, nullptr, 1);
        }
      }
    });
  });
}

}  // namespace gradus::cpu
