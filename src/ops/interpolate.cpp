#include "ops/interpolate.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "autograd/record.h"
#include "kernels/grid_place.h"
#include "kernels/table.h"
#include "ops/check.h"
#include "ops/pool.h"
#include "ops/shape.h"
#include "ops/windows.h"

namespace gradus {

namespace {

double box(double x) { return x > -0.5 && x <= 0.5 ? 1 : 0; }

double triangle(double x) { return std::max(0.0, 1 - std::abs(x)); }

constexpr double kPi = 3.14159265358979323846;

double sinc(double x) { return x == 0 ? 1 : std::sin(kPi * x) / (kPi * x); }

double hamming(double x) {
  x = std::abs(x);
  return x >= 1 ? 0 : sinc(x) * (0.54 + 0.46 * std::cos(kPi * x));
}

// Keys' cubic convolution with a = -1/2.
double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

double lanczos(double x) { return -3 <= x && x < 3 ? sinc(x) * sinc(x / 3) : 0; }

struct ResizedAxis {
  int64_t size, outputs;
  double scale;  // entries of the input for one of the output
};

double scale_of(const ResizedAxis& axis, const InterpolateOptions& options) {
  if (!options.align_corners) return axis.scale;
  return axis.outputs > 1 ? static_cast<double>(axis.size - 1) / static_cast<double>(axis.outputs - 1) : 0;
}

// PyTorch computes these places in f32 for f32 tensors, and rounding decides between neighbours.
template <class A>
AxisWindows nearest_windows(const char* op, const ResizedAxis& axis, bool exact) {
  WindowBuilder windows(op, axis.size, axis.outputs, 1);
  const A scale = static_cast<A>(axis.scale);
  const double one = 1;
  for (int64_t i = 0; i < axis.outputs; ++i) {
    const A at = std::floor((static_cast<A>(i) + (exact ? A(0.5) : A(0))) * scale);
    windows.add(static_cast<int64_t>(std::min(at, static_cast<A>(axis.size - 1))), &one, 1, true);
  }
  return windows.take();
}

AxisWindows linear_windows(const char* op, const ResizedAxis& axis, const InterpolateOptions& options) {
  WindowBuilder windows(op, axis.size, axis.outputs, 2);
  const double scale = scale_of(axis, options), last = static_cast<double>(axis.size - 1);
  for (int64_t i = 0; i < axis.outputs; ++i) {
    const double at =
        options.align_corners ? static_cast<double>(i) * scale : (static_cast<double>(i) + 0.5) * scale - 0.5;
    const double x = std::clamp(at, 0.0, last), below = std::floor(x);
    const double weight[2] = {1 - (x - below), x - below};
    windows.add(static_cast<int64_t>(below), weight, 2, true);
  }
  return windows.take();
}

AxisWindows cubic_windows(const char* op, const ResizedAxis& axis, const InterpolateOptions& options) {
  WindowBuilder windows(op, axis.size, axis.outputs, 4);
  const double scale = scale_of(axis, options), last = static_cast<double>(axis.size);
  for (int64_t i = 0; i < axis.outputs; ++i) {
    double x = options.align_corners ? static_cast<double>(i) * scale : (static_cast<double>(i) + 0.5) * scale - 0.5;
    x = std::min(x, last + 2);  // further out every tap repeats the border
    const double below = std::floor(x);
    double weight[4];
    cubic_weights(x - below, weight);
    windows.add(static_cast<int64_t>(below) - 1, weight, 4, true);
  }
  return windows.take();
}

AxisWindows resize_windows(const char* op, const ResizedAxis& axis, const InterpolateOptions& options, Dtype dtype) {
  const bool exact = options.mode == Interpolation::nearest_exact;
  if (exact || options.mode == Interpolation::nearest)
    return dtype == Dtype::f64 ? nearest_windows<double>(op, axis, exact) : nearest_windows<float>(op, axis, exact);
  const bool linear = options.mode == Interpolation::linear;
  if (options.antialias)
    return filter_windows(op, axis.size, axis.outputs, scale_of(axis, options),
                          linear ? ResampleFilter{triangle, 1} : ResampleFilter{cubic, 2});
  return linear ? linear_windows(op, axis, options) : cubic_windows(op, axis, options);
}

std::array<ResizedAxis, 3> resized_axes(const char* op, const Tensor& x, int axes, const InterpolateOptions& options) {
  if (options.size.given() == (options.scale.count > 0))
    throw ValueError(op, "needs either the new sizes or scale factors.", "set .size or .scale.");
  std::array<ResizedAxis, 3> all;
  all.fill({1, 1, 1});
  Shape sizes;
  if (options.size.given()) sizes = options.size.resolve(op, "size", axes, 1);
  if (options.scale.count > 1 && options.scale.count != axes)
    throw ShapeError(op, "scale has " + std::to_string(options.scale.count) + " numbers for " + std::to_string(axes) +
                             " spatial axes.");
  for (int i = 0; i < axes; ++i) {
    ResizedAxis& axis = all[static_cast<size_t>(3 - axes + i)];
    axis.size = x.shape()[2 + i];
    if (axis.size < 1) throw ShapeError(op, "a spatial axis is empty: " + x.describe() + ".");
    if (sizes.rank() > 0) {
      axis.outputs = sizes[i];
      axis.scale = static_cast<double>(axis.size) / static_cast<double>(axis.outputs);
      continue;
    }
    const double factor = options.scale.values[options.scale.count == 1 ? 0 : i];
    const double outputs = std::floor(static_cast<double>(axis.size) * factor);
    if (!(factor > 0) || !(outputs >= 1 && outputs < 2147483648.0))
      throw ValueError(op, "scale " + std::to_string(factor) + " leaves nothing of " + x.describe() +
                               ", or more than 2^31 entries.");
    axis.outputs = static_cast<int64_t>(outputs);
    axis.scale = 1 / factor;
  }
  return all;
}

ResampleFilter filter_of(ResizeFilter filter) {
  switch (filter) {
    case ResizeFilter::box: return {box, 0.5};
    case ResizeFilter::bilinear: return {triangle, 1};
    case ResizeFilter::hamming: return {hamming, 1};
    case ResizeFilter::lanczos: return {lanczos, 3};
    case ResizeFilter::nearest:
    case ResizeFilter::bicubic: break;
  }
  return {cubic, 2};
}

AxisWindows image_windows(int64_t size, int64_t outputs, ResizeFilter filter) {
  if (size == outputs) return identity_windows(size);
  const double scale = static_cast<double>(size) / static_cast<double>(outputs);
  if (filter == ResizeFilter::nearest) return nearest_windows<double>("resize_image", {size, outputs, scale}, true);
  return filter_windows("resize_image", size, outputs, scale, filter_of(filter));
}

}  // namespace

ScaleFactor::ScaleFactor(std::initializer_list<double> each) {
  if (each.size() > 3) throw ShapeError("interpolate", "more than three scale factors.");
  for (double value : each) values[count++] = value;
}

Tensor interpolate(const Tensor& x, const InterpolateOptions& options) {
  const char* op = "interpolate";
  require_floating(op, x);
  const int axes = x.rank() - 2;
  if (axes < 1 || axes > 3)
    throw ShapeError(op, "needs (batch, channels, *spatial) with one to three spatial axes, got " + x.describe() + ".");
  const bool smooth = options.mode == Interpolation::linear || options.mode == Interpolation::cubic;
  if (!smooth && (options.align_corners || options.antialias))
    throw ValueError(op, "align_corners and antialias are for the modes linear and cubic.");
  const auto all = resized_axes(op, x, axes, options);
  if (options.mode == Interpolation::area) {
    Shape sizes;
    for (int i = 0; i < axes; ++i) sizes.push_back(all[static_cast<size_t>(3 - axes + i)].outputs);
    return axes == 1   ? adaptive_avg_pool1d(x, PerAxis(sizes))
           : axes == 2 ? adaptive_avg_pool2d(x, PerAxis(sizes))
                       : adaptive_avg_pool3d(x, PerAxis(sizes));
  }
  std::array<AxisWindows, 3> windows;
  for (int i = 0; i < 3; ++i) {
    const auto axis = static_cast<size_t>(i);
    windows[axis] = i < 3 - axes ? identity_windows(1) : resize_windows(op, all[axis], options, x.dtype());
  }
  return resampled(x, axes, windows);
}

Tensor resize_image(const Tensor& x, int64_t height, int64_t width, ResizeFilter filter) {
  const char* op = "resize_image";
  require_defined(op, x);
  if (x.dtype() != Dtype::u8 && x.dtype() != Dtype::f32)
    throw DtypeError(op, "needs an image of u8 or f32, got " + x.describe() + ".", "convert it with cast().");
  if ((x.rank() != 2 && x.rank() != 3) || x.shape()[0] < 1 || x.shape()[1] < 1)
    throw ShapeError(op, "needs (height, width) or (height, width, channels), got " + x.describe() + ".");
  const Shape size = PerAxis({height, width}).resolve(op, "the new size", 2, 1);
  Shape from = x.shape(), to = x.shape();
  to[0] = size[0], to[1] = size[1];
  Tensor y = empty(to, x.dtype(), x.device());
  if (from.rank() == 2) from.push_back(1), to.push_back(1);
  const Tensor in = reshape(contiguous(x), from), out = y.strided(to, contiguous_strides(to));
  kernels(x.device())
      .resize_image(
          {.x = in, .axes = {image_windows(from[0], to[0], filter), image_windows(from[1], to[1], filter)}, .y = out});
  record_no_rule(op, {x}, y);
  return y;
}

}  // namespace gradus
