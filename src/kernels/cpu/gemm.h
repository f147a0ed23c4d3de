#pragma once
#include <cstdint>

#include "base/precision.h"

// The door to oneDNN's single-precision matrix product. Row-major; `lda` is the distance between rows as stored.
namespace gradus::cpu {

struct Gemm {
  bool transpose_a = false, transpose_b = false;
  int64_t m = 0, n = 0, k = 0;  // C (m, n) = alpha * op(A) (m, k) op(B) (k, n) + beta * C
  float alpha = 1;
  const float* a = nullptr;
  int64_t lda = 0;
  const float* b = nullptr;
  int64_t ldb = 0;
  float beta = 0;
  float* c = nullptr;
  int64_t ldc = 0;
  ProductType type = ProductType::f32;  // of the operands; product_type() of the thread that asks
};

/// Whether oneDNN packs the operands of a product as large as (m, n): below AVX-512 the others are read as they lie,
/// and drop to one half of the speed where rows fall into few sets of the cache.
bool gemm_packs(int64_t m, int64_t n);

/// On the calling thread: for use inside a parallel_for piece.
void gemm_block(const Gemm& g);

/// On all threads. C is cut into blocks by shape alone, each computed by one thread, so the result does not depend on
/// the number of threads. `epilogue(context, row, rows, column, columns)` runs on each block while it is in the cache.
using GemmEpilogue = void (*)(const void* context, int64_t row, int64_t rows, int64_t column, int64_t columns);
void gemm(const Gemm& g, const void* context = nullptr, GemmEpilogue epilogue = nullptr);

/// Bytes that gemm_block() and gemm() allocate meanwhile, at most; the pointers do not matter.
int64_t gemm_block_scratch(const Gemm& g);
int64_t gemm_scratch(const Gemm& g);

}  // namespace gradus::cpu
