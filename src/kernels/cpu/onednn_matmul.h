#pragma once
#include <cstdint>

// oneDNN's matrix product of short operands, whose sums are f32.
namespace gradus::cpu {

/// What the operands are made of, as stored.
enum class OperandType : uint8_t { f32, bf16 };

/// Whether the processor multiplies bf16 itself (AVX-512 BF16 or AMX) and GRADUS_CPU_ISA lets it. Otherwise oneDNN has
/// no fast product of such operands.
bool multiplies_bf16();

/// C (m, n) f32 = alpha * op(A) (m, k) op(B) (k, n) + beta * C, row-major, on the calling thread.
struct OnednnMatmul {
  OperandType type = OperandType::bf16;
  bool transpose_a = false, transpose_b = false;
  int64_t m = 0, n = 0, k = 0;
  float alpha = 1, beta = 0;
  const void* a = nullptr;
  int64_t lda = 0;
  const void* b = nullptr;
  int64_t ldb = 0;
  float* c = nullptr;
  int64_t ldc = 0;
};
/// Throws ValueError when oneDNN refuses.
void onednn_matmul(const OnednnMatmul& g);

}  // namespace gradus::cpu
