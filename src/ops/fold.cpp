#include "ops/fold.h"

#include <string>

#include "autograd/record.h"
#include "kernels/table.h"
#include "ops/check.h"
#include "ops/create.h"
#include "ops/pad.h"
#include "ops/shape.h"

namespace gradus {

int64_t window_count(const char* op, int64_t n, int64_t size, int64_t step, int64_t dilation) {
  if (size < 1 || step < 1 || dilation < 1)
    throw ValueError(op, "window size " + std::to_string(size) + ", step " + std::to_string(step) + ", dilation " +
                             std::to_string(dilation) + ": each must be at least 1.");
  if (size > n || (size > 1 && dilation > (n - 1) / (size - 1)))
    throw ShapeError(op, "a window of " + std::to_string(size) + " entries, " + std::to_string(dilation) +
                             " apart, does not fit into " + std::to_string(n) + ".");
  return (n - (size - 1) * dilation - 1) / step + 1;
}

Tensor overlap_add(const Tensor& x, int axis, int64_t length, int64_t step, int64_t dilation) {
  require_floating("overlap_add", x);
  require_rank("overlap_add", "x", x, 2);
  axis = wrap_axis("overlap_add", axis, x.rank() - 1);
  const int64_t size = x.shape().back(), windows = x.shape()[axis];
  const int64_t fitting = window_count("overlap_add", length, size, step, dilation);
  if (fitting != windows)
    throw ShapeError("overlap_add", std::to_string(length) + " entries have " + std::to_string(fitting) +
                                        " windows, got " + x.describe() + ".");
  Shape shape = x.shape();
  shape.erase(shape.rank() - 1);
  const Shape one_entry = shape;  // entry k of every window
  shape[axis] = length;
  Tensor y = zeros(shape, x.dtype(), x.device());
  Strides strides = y.strides();
  const int64_t inner = strides[axis];
  if (windows > 1) strides[axis] *= step;
  for (int64_t k = 0; k < size && x.count() > 0; ++k) {
    const Tensor entries = x.strided(
        one_entry,
        [&] {
          Strides s = x.strides();
          s.erase(s.rank() - 1);
          return s;
        }(),
        k * x.strides().back());
    kernels(x.device()).accumulate({.x = entries, .y = y.strided(one_entry, strides, k * dilation * inner)});
  }
  record("overlap_add", {x}, y,
         [axis, size, step, dilation](const Tensor& dy) { return unfold(dy, axis, size, step, dilation); });
  return y;
}

namespace {

constexpr int64_t kMostPadding = int64_t{1} << 40;

void require_padding(const char* op, Size2 padding) {
  for (int64_t p : {padding.rows, padding.columns})
    if (p < 0 || p > kMostPadding) throw ValueError(op, "padding " + std::to_string(p) + ".");
}

}  // namespace

Tensor unfold2d(const Tensor& x, Size2 kernel, Unfold2dOptions o) {
  require_floating("unfold2d", x);
  if (x.rank() != 4) throw ShapeError("unfold2d", "needs images (N, C, H, W), got " + x.describe() + ".");
  require_padding("unfold2d", o.padding);
  const Tensor framed = pad(x, {o.padding.columns, o.padding.columns, o.padding.rows, o.padding.rows});
  const Tensor rows = unfold(framed, 2, kernel.rows, o.stride.rows, o.dilation.rows);  // (N, C, OH, W, kh)
  const Tensor windows =
      unfold(rows, 3, kernel.columns, o.stride.columns, o.dilation.columns);  // (N, C, OH, OW, kh, kw)
  const Shape& s = windows.shape();
  return reshape(permute(windows, {0, 1, 4, 5, 2, 3}), {s[0], s[1] * s[4] * s[5], s[2] * s[3]});
}

Tensor fold2d(const Tensor& x, Size2 size, Size2 kernel, Unfold2dOptions o) {
  require_floating("fold2d", x);
  if (x.rank() != 3) throw ShapeError("fold2d", "needs columns (N, C kh kw, L), got " + x.describe() + ".");
  require_padding("fold2d", o.padding);
  for (int64_t n : {size.rows, size.columns})
    if (n < 1 || n > kMostPadding) throw ValueError("fold2d", "image side " + std::to_string(n) + ".");
  const int64_t height = size.rows + 2 * o.padding.rows, width = size.columns + 2 * o.padding.columns;
  const int64_t oh = window_count("fold2d", height, kernel.rows, o.stride.rows, o.dilation.rows);
  const int64_t ow = window_count("fold2d", width, kernel.columns, o.stride.columns, o.dilation.columns);
  int64_t area = 0, places = 0;
  const bool fits = !__builtin_mul_overflow(kernel.rows, kernel.columns, &area) &&
                    !__builtin_mul_overflow(oh, ow, &places) && x.shape()[1] % area == 0 && x.shape()[2] == places;
  if (!fits)
    throw ShapeError("fold2d", "columns of " + x.describe() + " do not belong to " + std::to_string(oh) + " x " +
                                   std::to_string(ow) + " places of a kernel " + std::to_string(kernel.rows) + " x " +
                                   std::to_string(kernel.columns) + ".");
  const Tensor windows =
      permute(reshape(x, {x.shape()[0], x.shape()[1] / area, kernel.rows, kernel.columns, oh, ow}), {0, 1, 4, 5, 2, 3});
  const Tensor rows = overlap_add(windows, 3, width, o.stride.columns, o.dilation.columns);
  const Tensor framed = overlap_add(rows, 2, height, o.stride.rows, o.dilation.rows);
  return pad(framed, {-o.padding.columns, -o.padding.columns, -o.padding.rows, -o.padding.rows});
}

}  // namespace gradus
