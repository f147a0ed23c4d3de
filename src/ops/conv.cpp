#include "ops/conv.h"

#include <limits>
#include <string>

#include "autograd/record.h"
#include "kernels/table.h"
#include "ops/check.h"
#include "ops/reduce.h"
#include "ops/shape.h"

namespace gradus {

namespace {

// The three kernels as differentiable functions of five-axis operands. Each is linear in both operands, and the
// derivatives of each are the other two: gradients of any order stay inside this family.
Tensor convolved(const Tensor& x, const Tensor& w, const Tensor& bias, const ConvGeometry& g, const Shape& shape);
Tensor data_gradient(const Tensor& dy, const Tensor& w, const ConvGeometry& g, const Shape& shape);
Tensor weights_gradient(const Tensor& x, const Tensor& dy, const ConvGeometry& g, const Shape& shape);

// The bias's gradient: rows first, which lie densely.
Tensor channel_sums(const Tensor& dy) { return sum(sum(dy, {2, 3, 4}), 0); }

Tensor convolved(const Tensor& x, const Tensor& w, const Tensor& bias, const ConvGeometry& g, const Shape& shape) {
  Tensor y = empty(shape, x.dtype(), x.device());
  kernels(x.device()).conv({.x = x, .w = w, .bias = bias, .y = y, .geometry = g});
  record("conv", {x, w, bias}, y, [x = save(x), w = save(w), g](const Tensor& dy, Needs needs) {
    const Tensor a = x.get(), b = w.get();
    return Grads{needs[0] ? data_gradient(dy, b, g, a.shape()) : Tensor(),
                 needs[1] ? weights_gradient(a, dy, g, b.shape()) : Tensor(), needs[2] ? channel_sums(dy) : Tensor()};
  });
  return y;
}

Tensor data_gradient(const Tensor& dy, const Tensor& w, const ConvGeometry& g, const Shape& shape) {
  Tensor dx = empty(shape, dy.dtype(), dy.device());
  kernels(dy.device()).conv_backward_data({.dy = dy, .w = w, .dx = dx, .geometry = g});
  record("conv_backward_data", {dy, w}, dx, [dy = save(dy), w = save(w), g](const Tensor& d, Needs needs) {
    const Tensor a = dy.get(), b = w.get();
    return Grads{needs[0] ? convolved(d, b, {}, g, a.shape()) : Tensor(),
                 needs[1] ? weights_gradient(d, a, g, b.shape()) : Tensor()};
  });
  return dx;
}

Tensor weights_gradient(const Tensor& x, const Tensor& dy, const ConvGeometry& g, const Shape& shape) {
  Tensor dw = empty(shape, x.dtype(), x.device());
  kernels(x.device()).conv_backward_weights({.x = x, .dy = dy, .dw = dw, .geometry = g});
  record("conv_backward_weights", {x, dy}, dw, [x = save(x), dy = save(dy), g](const Tensor& d, Needs needs) {
    const Tensor a = x.get(), b = dy.get();
    return Grads{needs[0] ? data_gradient(b, d, g, a.shape()) : Tensor(),
                 needs[1] ? convolved(a, d, {}, g, b.shape()) : Tensor()};
  });
  return dw;
}

Tensor with_bias(const Tensor& y, const Tensor& bias) {
  Tensor z = empty_like(y);
  const Tensor row = bias.detach().strided(y.shape(), {0, bias.strides()[0], 0, 0, 0});
  kernels(y.device()).binary({.f = Binary::add, .a = y, .b = row, .y = z});
  record("conv_bias", {y, bias}, z, [](const Tensor& dy, Needs needs) {
    return Grads{dy, needs[1] ? channel_sums(dy) : Tensor()};
  });
  return z;
}

// Leading spatial axes of size 1 make five of three or four.
Tensor five_axes(const Tensor& x) {
  Shape shape = x.shape();
  while (shape.rank() < 5) shape.insert(2, 1);
  return reshape(x, shape);
}
Tensor without_extra_axes(const Tensor& y, int spatial) {
  Shape shape = y.shape();
  while (shape.rank() > spatial + 2) shape.erase(2);
  return reshape(y, shape);
}

std::string operands(const Tensor& x, const Tensor& w) { return "x " + x.describe() + ", w " + w.describe(); }

// Types, devices, ranks, groups, and sizes small enough that no product of them overflows. Returns the number of
// spatial axes.
int require_operands(const char* op, const Tensor& x, const Tensor& w, const Tensor& bias, int spatial,
                     int64_t groups) {
  require_floating(op, x);
  require_floating(op, w);
  require_same(op, {x, w, bias});
  const int axes = spatial > 0 ? spatial : x.rank() - 2;
  if (axes < 1 || axes > 3 || x.rank() != axes + 2 || w.rank() != x.rank())
    throw ShapeError(op, "needs x (batch, channels, *spatial) and w with as many axes, got " + operands(x, w) + ".",
                     "a single image needs a batch axis: unsqueeze(x, 0).");
  if (groups < 1 || x.shape()[1] % groups != 0 || w.shape()[0] % groups != 0)
    throw ShapeError(op,
                     "the channels do not divide into " + std::to_string(groups) + " groups: " + operands(x, w) + ".");
  for (int i = 2; i < x.rank(); ++i) {
    if (w.shape()[i] < 1) throw ShapeError(op, "the kernel is empty: " + operands(x, w) + ".");
    if (w.shape()[i] > std::numeric_limits<int32_t>::max() || x.shape()[i] > std::numeric_limits<int32_t>::max())
      throw ShapeError(op, "a spatial axis is longer than 2^31: " + operands(x, w) + ".");
  }
  return axes;
}

// Spatial axis i of `axes`; leading ones that the operands lack stay trivial.
void set_axis(ConvGeometry& g, int axes, int i, int64_t stride, int64_t padding, int64_t dilation) {
  const auto to = static_cast<size_t>(3 - axes + i);
  g.stride[to] = stride, g.padding[to] = padding, g.dilation[to] = dilation;
}

Tensor conv_of(const char* op, const Tensor& x, const Tensor& w, const Tensor& bias, const ConvOptions& options,
               int spatial) {
  const int axes = require_operands(op, x, w, bias, spatial, options.groups);
  if (x.shape()[1] / options.groups != w.shape()[1])
    throw ShapeError(op, "w reads " + std::to_string(w.shape()[1]) + " channels in each of " +
                             std::to_string(options.groups) + " groups: " + operands(x, w) + ".");
  if (bias.defined()) require_shape(op, "bias", bias, {w.shape()[0]});
  const Shape stride = options.stride.resolve(op, "stride", axes, 1);
  const Shape dilation = options.dilation.resolve(op, "dilation", axes, 1);
  const Shape before = options.padding.resolve(op, "padding", axes, 0);
  const Shape after =
      options.padding_after.given() ? options.padding_after.resolve(op, "padding_after", axes, 0) : before;
  ConvGeometry g;
  g.groups = options.groups;
  Shape shape{x.shape()[0], w.shape()[0], 1, 1, 1};
  for (int i = 0; i < axes; ++i) {
    const int64_t reach = dilation[i] * (w.shape()[2 + i] - 1), size = x.shape()[2 + i];
    int64_t first = before[i], last = after[i];
    if (options.mode == ConvPadding::valid) first = last = 0;
    if (options.mode == ConvPadding::same) {
      if (stride[i] != 1) throw ValueError(op, "padding \"same\" needs stride 1.", "give the padding in numbers.");
      first = reach / 2, last = reach - first;
    }
    if (size + first + last <= reach)
      throw ShapeError(op, "the kernel is larger than the padded input: " + operands(x, w) + ".");
    set_axis(g, axes, i, stride[i], first, dilation[i]);
    shape[5 - axes + i] = (size + first + last - reach - 1) / stride[i] + 1;
  }
  return without_extra_axes(convolved(five_axes(x), five_axes(w), bias, g, shape), axes);
}

Tensor transpose_of(const char* op, const Tensor& x, const Tensor& w, const Tensor& bias,
                    const ConvTransposeOptions& options, int spatial) {
  const int axes = require_operands(op, x, w, bias, spatial, options.groups);
  if (x.shape()[1] != w.shape()[0])
    throw ShapeError(op, "w must have one row an input channel: " + operands(x, w) + ".");
  const int64_t outputs = w.shape()[1] * options.groups;
  if (bias.defined()) require_shape(op, "bias", bias, {outputs});
  const Shape stride = options.stride.resolve(op, "stride", axes, 1);
  const Shape dilation = options.dilation.resolve(op, "dilation", axes, 1);
  const Shape padding = options.padding.resolve(op, "padding", axes, 0);
  const Shape more = options.output_padding.resolve(op, "output_padding", axes, 0);
  ConvGeometry g;
  g.groups = options.groups;
  Shape shape{x.shape()[0], outputs, 1, 1, 1};
  for (int i = 0; i < axes; ++i) {
    if (more[i] >= stride[i] && more[i] >= dilation[i])
      throw ValueError(
          op, "output_padding must be less than the stride or the dilation, got " + std::to_string(more[i]) + ".");
    const int64_t size = x.shape()[2 + i], reach = dilation[i] * (w.shape()[2 + i] - 1);
    const int64_t out = (size - 1) * stride[i] - 2 * padding[i] + reach + more[i] + 1;
    if (size < 1 || out < 1) throw ShapeError(op, "nothing is left of the output: " + operands(x, w) + ".");
    set_axis(g, axes, i, stride[i], padding[i], dilation[i]);
    shape[5 - axes + i] = out;
  }
  Tensor y = data_gradient(five_axes(x), five_axes(w), g, shape);
  if (bias.defined()) y = with_bias(y, bias);
  return without_extra_axes(y, axes);
}

}  // namespace

Tensor conv(const Tensor& x, const Tensor& w, const Tensor& bias, const ConvOptions& options) {
  return conv_of("conv", x, w, bias, options, 0);
}
Tensor conv1d(const Tensor& x, const Tensor& w, const Tensor& bias, const ConvOptions& options) {
  return conv_of("conv1d", x, w, bias, options, 1);
}
Tensor conv2d(const Tensor& x, const Tensor& w, const Tensor& bias, const ConvOptions& options) {
  return conv_of("conv2d", x, w, bias, options, 2);
}
Tensor conv3d(const Tensor& x, const Tensor& w, const Tensor& bias, const ConvOptions& options) {
  return conv_of("conv3d", x, w, bias, options, 3);
}

Tensor conv_transpose(const Tensor& x, const Tensor& w, const Tensor& bias, const ConvTransposeOptions& options) {
  return transpose_of("conv_transpose", x, w, bias, options, 0);
}
Tensor conv_transpose1d(const Tensor& x, const Tensor& w, const Tensor& bias, const ConvTransposeOptions& options) {
  return transpose_of("conv_transpose1d", x, w, bias, options, 1);
}
Tensor conv_transpose2d(const Tensor& x, const Tensor& w, const Tensor& bias, const ConvTransposeOptions& options) {
  return transpose_of("conv_transpose2d", x, w, bias, options, 2);
}
Tensor conv_transpose3d(const Tensor& x, const Tensor& w, const Tensor& bias, const ConvTransposeOptions& options) {
  return transpose_of("conv_transpose3d", x, w, bias, options, 3);
}

}  // namespace gradus
