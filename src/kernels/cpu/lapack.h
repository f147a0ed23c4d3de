#pragma once
#include <cstdint>
#include <string>

// The door to OpenBLAS: the routines of LAPACK that linear algebra stands on, and the f64 matrix product. Matrices lie
// column by column, `ld` apart. All run on the calling thread: for use inside a parallel_for piece.
namespace gradus::cpu::lapack {

/// "0.3.21 for Zen": OpenBLAS and the processor whose kernels it chose.
std::string version();

// Those that return a number return LAPACK's `info`.
template <class T>
int getrf(int64_t m, int64_t n, T* a, int64_t ld, int32_t* pivots);
template <class T>
void laswp(int64_t n, T* a, int64_t ld, int64_t first, int64_t last, const int32_t* pivots, bool backwards);
template <class T>
void trsm(bool right, bool upper, bool transposed, bool unit, int64_t m, int64_t n, const T* a, int64_t lda, T* b,
          int64_t ldb);
/// C = alpha op(A) op(B) + beta C
template <class T>
void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, T alpha, const T* a, int64_t lda,
          const T* b, int64_t ldb, T beta, T* c, int64_t ldc);
/// Lower triangle.
template <class T>
int potrf(int64_t n, T* a, int64_t ld);
template <class T>
void geqrf(int64_t m, int64_t n, T* a, int64_t ld, T* tau);
/// C = Q C or Q^T C, Q from geqrf's k reflectors.
template <class T>
void ormqr(bool transposed, int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* tau, T* c, int64_t ldc);
/// Lower triangle; eigenvectors replace `a`.
template <class T>
int syevd(bool vectors, int64_t n, T* a, int64_t ld, T* w);
/// job: 'N' no vectors, 'S' the first min(m, n), 'A' all.
template <class T>
int gesdd(char job, int64_t m, int64_t n, T* a, int64_t lda, T* s, T* u, int64_t ldu, T* vh, int64_t ldvh);

}  // namespace gradus::cpu::lapack
