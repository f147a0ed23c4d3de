#pragma once
#include <cstdint>

#include "kernels/args/resample.h"

// Bilinear points of a plane whose four entries all lie inside, in vectors: the common case of grid_sample.
namespace gradus::cpu {

constexpr int64_t kCellBlock = 64;

/// Planes of one image, (channels, height, width), fewer than 2^31 entries each.
struct CellPlanes {
  const float* x;
  int64_t channels, height, width;
  Coordinates coordinates;
  bool clip;  ///< coordinates are first held inside the plane
};

/// y[c * y_step + i] = the sample of plane c at (u_i, v_i), for i < n <= kCellBlock where inside[i] becomes true. Other
/// points are left with any number.
void sample_cells(const CellPlanes& p, const float* u, const float* v, int64_t n, float* y, int64_t y_step,
                  bool* inside);

}  // namespace gradus::cpu
