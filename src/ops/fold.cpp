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
  Strides from = x.strides(), to = y.strides();
  from.erase(from.rank() - 1);
  if (windows > 1) to[axis] *= step;
  const bool nothing = x.count() == 0 || x.device() == Device::meta;
  for (int64_t k = 0; k < size && !nothing; ++k)
    kernels(x.device())
        .accumulate({.x = x.strided(one_entry, from, k * x.strides().back()),
                     .y = y.strided(one_entry, to, k * dilation * y.strides()[axis])});
  record("overlap_add", {x}, y,
         [axis, size, step, dilation](const Tensor& dy) { return unfold(dy, axis, size, step, dilation); });
  return y;
}

namespace {

struct Kernel2d {
  Shape size, dilation, padding, stride;  // rows, columns
  Kernel2d(const char* op, const PerAxis& kernel, const Unfold2dOptions& o)
      : size(kernel.resolve(op, "kernel", 2, 1)),
        dilation(o.dilation.resolve(op, "dilation", 2, 1)),
        padding(o.padding.resolve(op, "padding", 2, 0)),
        stride(o.stride.resolve(op, "stride", 2, 1)) {}
};

}  // namespace

Tensor unfold2d(const Tensor& x, const PerAxis& kernel, const Unfold2dOptions& options) {
  require_floating("unfold2d", x);
  if (x.rank() != 4) throw ShapeError("unfold2d", "needs images (N, C, H, W), got " + x.describe() + ".");
  const Kernel2d k("unfold2d", kernel, options);
  const Tensor framed = pad(x, {k.padding[1], k.padding[1], k.padding[0], k.padding[0]});
  const Tensor rows = unfold(framed, 2, k.size[0], k.stride[0], k.dilation[0]);   // (N, C, OH, W, kh)
  const Tensor windows = unfold(rows, 3, k.size[1], k.stride[1], k.dilation[1]);  // (N, C, OH, OW, kh, kw)
  const Shape& s = windows.shape();
  return reshape(permute(windows, {0, 1, 4, 5, 2, 3}), {s[0], s[1] * s[4] * s[5], s[2] * s[3]});
}

Tensor fold2d(const Tensor& x, const PerAxis& size, const PerAxis& kernel, const Unfold2dOptions& options) {
  require_floating("fold2d", x);
  if (x.rank() != 3) throw ShapeError("fold2d", "needs columns (N, C kh kw, L), got " + x.describe() + ".");
  const Kernel2d k("fold2d", kernel, options);
  const Shape image = size.resolve("fold2d", "size", 2, 1);
  Shape framed, places;
  for (int i = 0; i < 2; ++i) {
    framed.push_back(image[i] + 2 * k.padding[i]);
    places.push_back(window_count("fold2d", framed[i], k.size[i], k.stride[i], k.dilation[i]));
  }
  if (x.shape()[1] % k.size.count() != 0 || x.shape()[2] != places.count())
    throw ShapeError("fold2d", "columns of " + x.describe() + " do not belong to the " + places.str() +
                                   " places of a kernel " + k.size.str() + ".");
  const Tensor windows =
      permute(reshape(x, {x.shape()[0], x.shape()[1] / k.size.count(), k.size[0], k.size[1], places[0], places[1]}),
              {0, 1, 4, 5, 2, 3});
  const Tensor rows = overlap_add(windows, 3, framed[1], k.stride[1], k.dilation[1]);
  const Tensor whole = overlap_add(rows, 2, framed[0], k.stride[0], k.dilation[0]);
  return pad(whole, {-k.padding[1], -k.padding[1], -k.padding[0], -k.padding[0]});
}

}  // namespace gradus
