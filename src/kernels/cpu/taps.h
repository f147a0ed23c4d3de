#pragma once
#include <cstdint>

// Loops over rows of f32 numbers that are read at several places, "taps". What depth-wise convolutions, interpolation
// and grid sampling are made of.
namespace gradus::cpu {

/// y[i] = start + sum_t w[t] x[offset[t] + i], i < n.
void tap_row(const float* x, const int64_t* offset, const float* w, int64_t taps, float start, float* y, int64_t n);
/// The same for up to kTapChannels outputs at once: y[c * y_step + i] = start[c] + sum_t w[t * w_step + c]
/// x[offset[t] + i].
constexpr int64_t kTapChannels = 4;
struct TapChannels {
  const float* x;
  const int64_t* offset;
  int64_t taps;
  const float* w;
  int64_t w_step;
  const float* start;
  int64_t channels;
  float* y;
  int64_t y_step;
  int64_t n;
};
void tap_channels(const TapChannels& p);
/// sums[t] += sum_i x[offset[t] + i] dy[i].
void tap_dots(const float* x, const int64_t* offset, int64_t taps, const float* dy, int64_t n, float* sums);
/// dx[offset[t] + i] += w[t] dy[i]. The taps may lie on each other.
void tap_add(float* dx, const int64_t* offset, const float* w, int64_t taps, const float* dy, int64_t n);

/// One axis of a separable map, on kRowLanes rows at once, which lie side by side: y[k][lane] = sum_{t < taps}
/// w[k * taps + t] x[start[k] + t][lane], k < n.
constexpr int64_t kRowLanes = 16;
void window_rows(const float* x, const int64_t* start, const float* w, int64_t taps, int64_t n, float* y);

/// to (rows, n) = from (rows, n), from_row and to_row between their rows: for rows too short for memcpy to pay.
void copy_rows(const float* from, int64_t from_row, int64_t rows, int64_t n, float* to, int64_t to_row);

/// to (columns, rows) = from (rows, columns) transposed, from_row and to_row between their rows.
void transpose_block(const float* from, int64_t from_row, int64_t rows, int64_t columns, float* to, int64_t to_row);

}  // namespace gradus::cpu
