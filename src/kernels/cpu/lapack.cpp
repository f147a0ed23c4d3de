#include "kernels/cpu/lapack.h"

#include <algorithm>
#include <vector>

// Fortran's conventions: everything by address, and the lengths of texts behind the other arguments. The names are
// declared here because Debian's headers for them bring a second library.
extern "C" {
void openblas_set_num_threads(int n);
const char* openblas_get_config();    // "OpenBLAS 0.3.21 …"
const char* openblas_get_corename();  // "Zen"

#define GRADUS_LAPACK(T, x)                                                                                            \
  void x##getrf_(const int* m, const int* n, T* a, const int* lda, int* pivots, int* info);                            \
  void x##laswp_(const int* n, T* a, const int* lda, const int* k1, const int* k2, const int* pivots, const int* by);  \
  void x##trsm_(const char* side, const char* uplo, const char* trans, const char* diag, const int* m, const int* n,   \
                const T* alpha, const T* a, const int* lda, T* b, const int* ldb, size_t, size_t, size_t, size_t);     \
  void x##gemm_(const char* ta, const char* tb, const int* m, const int* n, const int* k, const T* alpha, const T* a,  \
                const int* lda, const T* b, const int* ldb, const T* beta, T* c, const int* ldc, size_t, size_t);      \
  void x##potrf_(const char* uplo, const int* n, T* a, const int* lda, int* info, size_t);                             \
  void x##geqrf_(const int* m, const int* n, T* a, const int* lda, T* tau, T* work, const int* lwork, int* info);      \
  void x##ormqr_(const char* side, const char* trans, const int* m, const int* n, const int* k, const T* a,            \
                 const int* lda, const T* tau, T* c, const int* ldc, T* work, const int* lwork, int* info, size_t,     \
                 size_t);                                                                                              \
  void x##syevd_(const char* job, const char* uplo, const int* n, T* a, const int* lda, T* w, T* work,                 \
                 const int* lwork, int* iwork, const int* liwork, int* info, size_t, size_t);                          \
  void x##gesdd_(const char* job, const int* m, const int* n, T* a, const int* lda, T* s, T* u, const int* ldu, T* vt, \
                 const int* ldvt, T* work, const int* lwork, int* iwork, int* info, size_t);
GRADUS_LAPACK(float, s)
GRADUS_LAPACK(double, d)
#undef GRADUS_LAPACK
}

namespace gradus::cpu::lapack {

namespace {

// How a library shares out its work may follow the number of threads, and with it the bits. Gradus cuts the work
// itself, so OpenBLAS is kept to one thread in the whole process.
void prepare() {
  static const bool done = (openblas_set_num_threads(1), true);
  static_cast<void>(done);
}

int narrow(int64_t n) { return static_cast<int>(n); }
// A leading dimension is never 0, even where nothing is stored.
int leading(int64_t ld) { return static_cast<int>(std::max<int64_t>(ld, 1)); }

// Calls f(work, lwork, info) to ask how much space it wants, then with that space.
template <class T, class F>
int with_workspace(int64_t least, const F& f) {
  T wanted = 0;
  int info = 0, ask = -1;
  f(&wanted, &ask, &info);
  // f32 rounds the answer, possibly down.
  const double size = static_cast<double>(wanted) * 1.000001 + 1;
  std::vector<T> work(static_cast<size_t>(std::max(least, static_cast<int64_t>(size))));
  const int length = narrow(static_cast<int64_t>(work.size()));
  f(work.data(), &length, &info);
  return info;
}

}  // namespace

std::string version() {
  std::string config = openblas_get_config();
  const size_t begin = config.find(' ');
  if (begin != std::string::npos) config = config.substr(begin + 1);
  return config.substr(0, config.find(' ')) + " for " + openblas_get_corename();
}

#define GRADUS_LAPACK(T, x)                                                                                            \
  template <>                                                                                                          \
  int getrf<T>(int64_t m, int64_t n, T * a, int64_t ld, int32_t * pivots) {                                            \
    prepare();                                                                                                         \
    const int m_ = narrow(m), n_ = narrow(n), ld_ = leading(ld);                                                       \
    int info = 0;                                                                                                      \
    x##getrf_(&m_, &n_, a, &ld_, pivots, &info);                                                                       \
    return info;                                                                                                       \
  }                                                                                                                    \
  template <>                                                                                                          \
  void laswp<T>(int64_t n, T * a, int64_t ld, int64_t first, int64_t last, const int32_t* pivots, bool backwards) {    \
    prepare();                                                                                                         \
    const int n_ = narrow(n), ld_ = leading(ld), k1 = narrow(first + 1), k2 = narrow(last), by = backwards ? -1 : 1;   \
    x##laswp_(&n_, a, &ld_, &k1, &k2, pivots, &by);                                                                    \
  }                                                                                                                    \
  template <>                                                                                                          \
  void trsm<T>(bool right, bool upper, bool transposed, bool unit, int64_t m, int64_t n, const T* a, int64_t lda,      \
               T* b, int64_t ldb) {                                                                                    \
    prepare();                                                                                                         \
    const int m_ = narrow(m), n_ = narrow(n), lda_ = leading(lda), ldb_ = leading(ldb);                                \
    const T one = 1;                                                                                                   \
    x##trsm_(right ? "R" : "L", upper ? "U" : "L", transposed ? "T" : "N", unit ? "U" : "N", &m_, &n_, &one, a, &lda_, \
             b, &ldb_, 1, 1, 1, 1);                                                                                    \
  }                                                                                                                    \
  template <>                                                                                                          \
  void gemm<T>(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, T alpha, const T* a, int64_t lda,  \
               const T* b, int64_t ldb, T beta, T* c, int64_t ldc) {                                                   \
    prepare();                                                                                                         \
    const int m_ = narrow(m), n_ = narrow(n), k_ = narrow(k), lda_ = leading(lda), ldb_ = leading(ldb),                \
              ldc_ = leading(ldc);                                                                                     \
    x##gemm_(transpose_a ? "T" : "N", transpose_b ? "T" : "N", &m_, &n_, &k_, &alpha, a, &lda_, b, &ldb_, &beta, c,    \
             &ldc_, 1, 1);                                                                                             \
  }                                                                                                                    \
  template <>                                                                                                          \
  int potrf<T>(int64_t n, T * a, int64_t ld) {                                                                         \
    prepare();                                                                                                         \
    const int n_ = narrow(n), ld_ = leading(ld);                                                                       \
    int info = 0;                                                                                                      \
    x##potrf_("L", &n_, a, &ld_, &info, 1);                                                                            \
    return info;                                                                                                       \
  }                                                                                                                    \
  template <>                                                                                                          \
  void geqrf<T>(int64_t m, int64_t n, T * a, int64_t ld, T * tau) {                                                    \
    prepare();                                                                                                         \
    const int m_ = narrow(m), n_ = narrow(n), ld_ = leading(ld);                                                       \
    with_workspace<T>(std::max<int64_t>(n, 1), [&](T* work, const int* lwork, int* info) {                             \
      x##geqrf_(&m_, &n_, a, &ld_, tau, work, lwork, info);                                                            \
    });                                                                                                                \
  }                                                                                                                    \
  template <>                                                                                                          \
  void ormqr<T>(bool transposed, int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* tau, T* c,         \
                int64_t ldc) {                                                                                         \
    prepare();                                                                                                         \
    const int m_ = narrow(m), n_ = narrow(n), k_ = narrow(k), lda_ = leading(lda), ldc_ = leading(ldc);                \
    with_workspace<T>(std::max<int64_t>(n, 1), [&](T* work, const int* lwork, int* info) {                             \
      x##ormqr_("L", transposed ? "T" : "N", &m_, &n_, &k_, a, &lda_, tau, c, &ldc_, work, lwork, info, 1, 1);         \
    });                                                                                                                \
  }                                                                                                                    \
  template <>                                                                                                          \
  int syevd<T>(bool vectors, int64_t n, T* a, int64_t ld, T* w) {                                                      \
    prepare();                                                                                                         \
    const int n_ = narrow(n), ld_ = leading(ld), liwork = narrow(3 + 5 * n);                                           \
    std::vector<int> iwork(static_cast<size_t>(liwork));                                                               \
    const int64_t least = vectors ? 1 + 6 * n + 2 * n * n : 2 * n + 1;                                                 \
    return with_workspace<T>(least, [&](T* work, const int* lwork, int* info) {                                        \
      x##syevd_(vectors ? "V" : "N", "L", &n_, a, &ld_, w, work, lwork, iwork.data(), &liwork, info, 1, 1);            \
    });                                                                                                                \
  }                                                                                                                    \
  template <>                                                                                                          \
  int gesdd<T>(char job, int64_t m, int64_t n, T* a, int64_t lda, T* s, T* u, int64_t ldu, T* vh, int64_t ldvh) {      \
    prepare();                                                                                                         \
    const int m_ = narrow(m), n_ = narrow(n), lda_ = leading(lda), ldu_ = leading(ldu), ldvh_ = leading(ldvh);         \
    const int64_t k = std::min(m, n);                                                                                  \
    std::vector<int> iwork(static_cast<size_t>(8 * k + 1));                                                            \
    return with_workspace<T>(1, [&](T* work, const int* lwork, int* info) {                                            \
      x##gesdd_(&job, &m_, &n_, a, &lda_, s, u, &ldu_, vh, &ldvh_, work, lwork, iwork.data(), info, 1);                \
    });                                                                                                                \
  }
GRADUS_LAPACK(float, s)
GRADUS_LAPACK(double, d)
#undef GRADUS_LAPACK

}  // namespace gradus::cpu::lapack
