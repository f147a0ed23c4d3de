#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "tensor/tensor.h"

// Kernel arguments: interpolation and grid sampling. See kernels/table.h.
namespace gradus {

/// One axis of a separable linear map: y_i = sum_{t < taps} weight[i * taps + t] x[start[i] + t]; every window lies
/// inside the axis.
struct AxisWindows {
  int64_t taps = 1;
  std::vector<int64_t> start;
  std::vector<double> weight;
};

/// y = x (N, D, H, W) mapped along its last three axes; x and y dense.
struct ResampleArgs {
  const Tensor& x;
  const std::array<AxisWindows, 3>& axes;
  const Tensor& y;
};

/// Pillow's two passes over an image x (H, W, C), along W first, to y (H', W', C); axes: of H, of W. u8: weights in
/// fixed point, rounded to 8 bits after each pass; f32: sums in f64, rounded to f32 after each pass. Both dense.
struct ResizeImageArgs {
  const Tensor& x;
  const std::array<AxisWindows, 2>& axes;
  const Tensor& y;
};

enum class Sampling : uint8_t { bilinear, nearest, bicubic };
/// What lies outside x: zeros, its border, or its mirror image.
enum class Outside : uint8_t { zeros, border, reflection };
/// What a coordinate c along an axis of n entries means: entry c; -1 and 1 the outer edges of the first and last entry
/// (entry ((c + 1) n - 1) / 2); or -1 and 1 their centres (entry (c + 1)(n - 1) / 2).
enum class Coordinates : uint8_t { entries, edges, centres };

struct SamplingRule {
  Sampling sampling = Sampling::bilinear;
  Outside outside = Outside::zeros;
  Coordinates coordinates = Coordinates::edges;
};

/// y[b, c, p] = x[b, c] at the place grid[b, p] = (last axis first: x, y or x, y, z). x (B, C, D, H, W); grid (B, P, 2)
/// when D is 1 and does not count, else (B, P, 3); y (B, C, P). bicubic in two axes only. Dense.
struct GridSampleArgs {
  const Tensor& x;
  const Tensor& grid;
  const SamplingRule& rule;
  const Tensor& y;
};
/// dx and dgrid are zeroed by the kernel first; an undefined one is not computed.
struct GridSampleBackwardArgs {
  const Tensor& x;
  const Tensor& grid;
  const SamplingRule& rule;
  const Tensor& dy;
  const Tensor& dx;
  const Tensor& dgrid;
};

#define GRADUS_RESAMPLE_KERNELS(X) \
  X(resample, ResampleArgs)        \
  X(resize_image, ResizeImageArgs) \
  X(grid_sample, GridSampleArgs)   \
  X(grid_sample_backward, GridSampleBackwardArgs)

}  // namespace gradus
