#pragma once
#include <cstddef>
#include <cstdint>

#include "tensor/quantized.h"

namespace gradus::cpu {

/// Rows of activations rounded to 8 bits in blocks of 32: x_i ≈ d q_i, d = max |x| / 127.
struct RoundedRows {
  const int8_t* q;    ///< (rows, k)
  const float* d;     ///< (rows, k / 32)
  const float* sums;  ///< (rows, k / 16): d times the sum of q over each half of a block
  int64_t rows, k;
};
/// Fills the three arrays of one row from K floats, a multiple of 32.
void round_row(const float* x, int64_t k, int8_t* q, float* d, float* sums);

/// y_cr = w_r · x_c for `rows` packed rows that lie `row_bytes` apart; any format of blocks. Rows of y lie `ldy` apart.
void dot_packed(QuantFormat format, const std::byte* w, size_t row_bytes, int64_t rows, const RoundedRows& x, float* y,
                int64_t ldy);

/// The same with floats: rows of f16, bf16 or (format = nullptr) f32.
void dot_floats(const QuantFormat* format, const std::byte* w, size_t row_bytes, int64_t rows, int64_t k,
                const float* x, float* y);

}  // namespace gradus::cpu
