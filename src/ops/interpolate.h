#pragma once
#include <initializer_list>

#include "ops/per_axis.h"
#include "tensor/tensor.h"

namespace gradus {

enum class Interpolation {
  nearest,        ///< entry floor(i s): PyTorch's and OpenCV's
  nearest_exact,  ///< entry floor((i + 1/2) s): Pillow's
  linear,         ///< linear, bilinear or trilinear, by the number of spatial axes
  cubic,          ///< bicubic (in two axes), a = -0.75; with antialias a = -0.5
  area,           ///< means of adaptive windows
};

/// One factor for all spatial axes, or one an axis.
struct ScaleFactor {
  ScaleFactor() = default;
  ScaleFactor(double all) : values{all}, count(1) {}  // NOLINT: a number is one
  ScaleFactor(std::initializer_list<double> each);    // NOLINT; throws ShapeError above three
  double values[3] = {};
  int count = 0;
};

struct InterpolateOptions {
  PerAxis size = {};       ///< either the new sizes
  ScaleFactor scale = {};  ///< or factors: the new size is floor(in * factor), and i maps back by 1/factor exactly
  Interpolation mode = Interpolation::nearest;
  bool align_corners = false;  ///< linear and cubic: the centres of the corner entries coincide, else their outer edges
  bool antialias = false;      ///< linear and cubic: stretches the filter where the image shrinks, as Pillow does
};

/// Resizes the spatial axes of x (B, C, *spatial), one to three of them, floating, by PyTorch's conventions; s below is
/// in/out. Positions: (i + 1/2) s - 1/2, or i (in - 1)/(out - 1) with align_corners; entries beyond the border repeat
/// it. Throws ShapeError for ranks and empty axes, ValueError for options that do not go together, DtypeError.
Tensor interpolate(const Tensor& x, const InterpolateOptions& options);

enum class ResizeFilter { nearest, box, bilinear, hamming, bicubic, lanczos };

/// Resizes an image x (H, W, C) or (H, W) to (height, width, …) as Pillow's Image.resize does: antialiased when it
/// shrinks, bicubic with a = -0.5; along W first, as Pillow up to 12 does (13 begins with H at some sizes, which moves
/// values by 1). u8 images agree with it bit for bit (fixed-point weights of 22 bits, rounded to
/// 8 bits after each of the two passes; an alpha channel is treated like the others), f32 images with its mode "F". No
/// gradient: interpolate(…, antialias) has one. Throws ShapeError, DtypeError.
Tensor resize_image(const Tensor& x, int64_t height, int64_t width, ResizeFilter filter = ResizeFilter::bicubic);

}  // namespace gradus
