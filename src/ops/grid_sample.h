#pragma once
#include "kernels/args/resample.h"
#include "tensor/tensor.h"

namespace gradus {

struct GridSampleOptions {
  Sampling mode = Sampling::bilinear;  ///< trilinear in three axes; bicubic (a = -0.75) in two only
  Outside padding = Outside::zeros;
  bool align_corners = false;  ///< -1 and 1 are the centres of the corner entries, else their outer edges
};

/// y[b, c, p] = x[b, c] at the place grid[b, p], by PyTorch's conventions. x (B, C, H, W) and grid (B, H', W', 2) of
/// (x, y) -> (B, C, H', W'); or x (B, C, D, H, W) and grid (B, D', H', W', 3) of (x, y, z). Outside, `zeros` lets
/// single entries drop out of the mean; its weights are not made up for. `nearest` rounds halves to even and gives the
/// grid a gradient of zero. Floating types; gradients of any order. Throws ShapeError, DtypeError, ValueError.
Tensor grid_sample(const Tensor& x, const Tensor& grid, const GridSampleOptions& options = {});

/// The grid of an affine map: grid[b, p] = theta[b] (x, y, 1) or theta[b] (x, y, z, 1), where x, y, z are the places of
/// an output of spatial size `size` in [-1, 1]. theta (B, 2, 3) and size (H, W) -> (B, H, W, 2); theta (B, 3, 4) and
/// size (D, H, W) -> (B, D, H, W, 3).
Tensor affine_grid(const Tensor& theta, const Shape& size, bool align_corners = false);

/// y[b, c, n] = x[b, c] at points[b, n], in entries: the bilinear mean of the four around (row, column), each 0 outside
/// x, weights not made up for: at row -1/2 half of row 0. What deformable convolution and attention sample with (Dai et
/// al. 2017, eq. 3). x (B, C, H, W), points (B, N, 2) of (row, column) -> (B, C, N). Gradients of any order for both.
Tensor bilinear_gather(const Tensor& x, const Tensor& points);

}  // namespace gradus
