#pragma once
#include <cstddef>
#include <cstdint>

#include "tensor/quantized.h"

namespace gradus::cpu {

/// A row of activations rounded to 8 bits in blocks of 32: x_i ≈ d q_i, d = max |x| / 127.
struct RoundedRow {
  const int8_t* q;    ///< K
  const float* d;     ///< K / 32
  const float* sums;  ///< K / 16: d times the sum of q over each half of a block
};
/// Fills the three arrays of a row from K floats, a multiple of 32.
void round_row(const float* x, int64_t k, int8_t* q, float* d, float* sums);

/// y_r = w_r · x for `rows` packed rows that lie `row_bytes` apart; any format of blocks.
void dot_packed(QuantFormat format, const std::byte* w, size_t row_bytes, int64_t rows, int64_t k, const RoundedRow& x,
                float* y);

/// The same with floats: rows of f16, bf16 or (format = nullptr) f32.
void dot_floats(const QuantFormat* format, const std::byte* w, size_t row_bytes, int64_t rows, int64_t k,
                const float* x, float* y);

}  // namespace gradus::cpu
