#include <algorithm>

#include "kernels/ref/matrices.h"
#include "kernels/ref/ref.h"

namespace gradus::ref {

namespace {

template <class T>
int32_t factor(const Matrix<T>& a, int32_t* pivots) {
  int32_t singular = 0;
  for (int64_t k = 0; k < std::min(a.rows, a.columns); ++k) {
    int64_t best = k;
    for (int64_t i = k + 1; i < a.rows; ++i)
      if (std::abs(a(i, k)) > std::abs(a(best, k))) best = i;
    pivots[k] = static_cast<int32_t>(best + 1);
    if (a(best, k) == 0) {
      if (singular == 0) singular = static_cast<int32_t>(k + 1);
      continue;
    }
    if (best != k)
      for (int64_t j = 0; j < a.columns; ++j) std::swap(a(k, j), a(best, j));
    for (int64_t i = k + 1; i < a.rows; ++i) a(i, k) /= a(k, k);
    for (int64_t j = k + 1; j < a.columns; ++j)
      for (int64_t i = k + 1; i < a.rows; ++i) a(i, j) -= a(i, k) * a(k, j);
  }
  return singular;
}

// Overwrites every column x of b by the solution of op(a) x = b, where one triangle of `a` counts.
template <class T>
void substitute(const Matrix<T>& a, const Matrix<T>& b, bool upper, bool transposed, bool unit) {
  const int64_t n = a.rows;
  const bool downwards = upper == transposed;  // the triangle that is solved is then a lower one
  for (int64_t c = 0; c < b.columns; ++c) {
    T* x = b.column(c);
    for (int64_t step = 0; step < n; ++step) {
      const int64_t i = downwards ? step : n - 1 - step;
      T sum = x[i];
      for (int64_t j = downwards ? 0 : i + 1; j < (downwards ? i : n); ++j)
        sum -= (transposed ? a(j, i) : a(i, j)) * x[j];
      x[i] = unit ? sum : sum / a(i, i);
    }
  }
}

template <class T>
void exchange_rows(const Matrix<T>& b, const int32_t* pivots, int64_t n, bool backwards) {
  for (int64_t step = 0; step < n; ++step) {
    const int64_t i = backwards ? n - 1 - step : step, k = pivots[i] - 1;
    if (k != i)
      for (int64_t j = 0; j < b.columns; ++j) std::swap(b(i, j), b(k, j));
  }
}

}  // namespace

void lu_factor(const LuFactorArgs& args) {
  dispatch_wide("lu_factor", args.a.dtype(), [&](auto tag) {
    using T = decltype(tag);
    for (int64_t i = 0; i < matrix_count(args.a); ++i)
      args.info.data<int32_t>()[i] = factor(matrix_at<T>(args.a, i), vector_at<int32_t>(args.pivots, i));
  });
}

// A = P L U: L U x = P^T b forwards; U^T L^T (P^T x) = b for the transposed.
void lu_solve(const LuSolveArgs& args) {
  dispatch_wide("lu_solve", args.lu.dtype(), [&](auto tag) {
    using T = decltype(tag);
    for (int64_t i = 0; i < matrix_count(args.lu); ++i) {
      const Matrix<T> lu = matrix_at<T>(args.lu, i), b = matrix_at<T>(args.b, i);
      const int32_t* pivots = vector_at<int32_t>(args.pivots, i);
      if (!args.transposed) exchange_rows(b, pivots, lu.rows, false);
      substitute(lu, b, args.transposed, args.transposed, !args.transposed);
      substitute(lu, b, !args.transposed, args.transposed, args.transposed);
      if (args.transposed) exchange_rows(b, pivots, lu.rows, true);
    }
  });
}

void lu_determinant(const LuDeterminantArgs& args) {
  dispatch_wide("lu_determinant", args.lu.dtype(), [&](auto tag) {
    using T = decltype(tag);
    for (int64_t i = 0; i < matrix_count(args.lu); ++i) {
      const Matrix<T> lu = matrix_at<T>(args.lu, i);
      const int32_t* pivots = vector_at<int32_t>(args.pivots, i);
      T det = 1, sign = 1, log_abs = 0;
      for (int64_t k = 0; k < lu.rows; ++k) {
        const T d = pivots[k] == k + 1 ? lu(k, k) : -lu(k, k);
        det *= d;
        sign *= d > 0 ? T(1) : d < 0 ? T(-1) : d;  // 0 and NaN stay
        log_abs += std::log(std::abs(d));
      }
      if (args.det.defined()) args.det.data<T>()[i] = det;
      if (args.sign.defined()) args.sign.data<T>()[i] = sign;
      if (args.log_abs.defined()) args.log_abs.data<T>()[i] = log_abs;
    }
  });
}

void lu_permutation(const LuPermutationArgs& args) {
  dispatch_wide("lu_permutation", args.p.dtype(), [&](auto tag) {
    using T = decltype(tag);
    for (int64_t i = 0; i < matrix_count(args.p); ++i) {
      const Matrix<T> p = matrix_at<T>(args.p, i);
      std::fill(p.data, p.data + p.rows * p.columns, T(0));
      for (int64_t k = 0; k < p.rows; ++k) p(k, k) = 1;
      exchange_rows(p, vector_at<int32_t>(args.pivots, i), args.pivots.shape().back(), true);
    }
  });
}

void cholesky(const CholeskyArgs& args) {
  dispatch_wide("cholesky", args.a.dtype(), [&](auto tag) {
    using T = decltype(tag);
    for (int64_t index = 0; index < matrix_count(args.a); ++index) {
      const Matrix<T> a = matrix_at<T>(args.a, index);
      int32_t& info = args.info.data<int32_t>()[index];
      info = 0;
      for (int64_t j = 0; j < a.columns && info == 0; ++j) {
        for (int64_t i = 0; i < j; ++i) a(i, j) = 0;
        for (int64_t k = 0; k < j; ++k)
          for (int64_t i = j; i < a.rows; ++i) a(i, j) -= a(i, k) * a(j, k);
        if (!(a(j, j) > 0)) {
          info = static_cast<int32_t>(j + 1);
          break;
        }
        const T root = std::sqrt(a(j, j));
        for (int64_t i = j; i < a.rows; ++i) a(i, j) /= root;
      }
    }
  });
}

void triangular_solve(const TriangularSolveArgs& args) {
  dispatch_wide("triangular_solve", args.a.dtype(), [&](auto tag) {
    using T = decltype(tag);
    for (int64_t index = 0; index < matrix_count(args.a); ++index) {
      const Matrix<T> a = matrix_at<T>(args.a, index);
      int32_t& info = args.info.data<int32_t>()[index];
      info = 0;
      for (int64_t k = a.rows - 1; k >= 0 && !args.unit_diagonal; --k)
        if (a(k, k) == 0) info = static_cast<int32_t>(k + 1);
      if (info == 0) substitute(a, matrix_at<T>(args.b, index), args.upper, args.transposed, args.unit_diagonal);
    }
  });
}

}  // namespace gradus::ref
