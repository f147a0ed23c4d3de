// Convolution, pooling, sampling, normalisation.
#include <cmath>

#include "onnx/ops.h"
#include "ops/conv.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/grid_sample.h"
#include "ops/interpolate.h"
#include "ops/norm.h"
#include "ops/pool.h"
#include "ops/reduce.h"
#include "ops/shape.h"

namespace gradus::testing::onnx {

namespace {

// What Conv and the poolings say about their windows.
struct Windows {
  Shape kernel, stride, dilation, before, after;
};
Windows windows(const Node& n, const Shape& input, const Shape& kernel) {
  const int axes = kernel.rank();
  const auto each = [&](const char* name, int64_t otherwise) {
    return n.has(name) ? shape_of(n.integers(name)) : Shape::filled(axes, otherwise);
  };
  Windows w{kernel, each("strides", 1), each("dilations", 1), Shape::filled(axes, 0), Shape::filled(axes, 0)};
  const std::string automatic = n.text("auto_pad", "NOTSET");
  const std::vector<int64_t> pads = n.integers("pads");
  for (int i = 0; i < axes; ++i) {
    if (automatic == "SAME_UPPER" || automatic == "SAME_LOWER") {
      const int64_t in = input[input.rank() - axes + i], out = (in + w.stride[i] - 1) / w.stride[i];
      const int64_t all = std::max<int64_t>(0, (out - 1) * w.stride[i] + (kernel[i] - 1) * w.dilation[i] + 1 - in);
      w.before[i] = automatic == "SAME_UPPER" ? all / 2 : all - all / 2;
      w.after[i] = all - w.before[i];
    } else if (!pads.empty()) {
      w.before[i] = pads[static_cast<size_t>(i)], w.after[i] = pads[static_cast<size_t>(i + axes)];
    }
  }
  return w;
}

Shape spatial(const Shape& s) {
  Shape r;
  for (int i = 2; i < s.rank(); ++i) r.push_back(s[i]);
  return r;
}

Tensors conv_op(const Node& n) {
  const Windows w = windows(n, n.in[0].shape(), spatial(n.in[1].shape()));
  return {conv(n.in[0], n.in[1], n.input(2),
               {.stride = PerAxis(w.stride),
                .padding = PerAxis(w.before),
                .padding_after = PerAxis(w.after),
                .dilation = PerAxis(w.dilation),
                .groups = n.integer("group", 1)})};
}

// Entries cut off at each end: computed without padding, then narrowed (an output longer than that gets zeros behind).
Tensors conv_transpose_op(const Node& n) {
  const Shape kernel = spatial(n.in[1].shape());
  const int axes = kernel.rank();
  Windows w = windows(n, n.in[0].shape(), kernel);
  const Shape more = n.has("output_padding") ? shape_of(n.integers("output_padding")) : Shape::filled(axes, 0);
  Tensor y =
      conv_transpose(n.in[0], n.in[1], {},
                     {.stride = PerAxis(w.stride), .dilation = PerAxis(w.dilation), .groups = n.integer("group", 1)});
  const std::string automatic = n.text("auto_pad", "NOTSET");
  const std::vector<int64_t> wanted = n.integers("output_shape");
  for (int i = 0; i < axes; ++i) {
    const int axis = y.rank() - axes + i;
    const int64_t full = y.shape()[axis];
    int64_t length = full + more[i] - w.before[i] - w.after[i], start = w.before[i];
    if (!wanted.empty() || automatic == "SAME_UPPER" || automatic == "SAME_LOWER") {
      length =
          wanted.empty() ? n.in[0].shape()[axis] * w.stride[i] : wanted[wanted.size() - static_cast<size_t>(axes - i)];
      const int64_t cut = std::max<int64_t>(0, full + more[i] - length);
      start = automatic == "SAME_UPPER" ? cut / 2 : cut - cut / 2;
    }
    if (start + length > full) {
      Shape rest = y.shape();
      rest[axis] = start + length - full;
      y = concat({y, zeros(rest, y.dtype())}, axis);
    }
    y = narrow(y, axis, start, length);
  }
  if (n.input(2).defined()) {
    Shape channels = Shape::filled(y.rank(), 1);
    channels[1] = n.in[2].count();
    y = add(y, reshape(n.in[2], channels));
  }
  return {y};
}

// Whether the op takes this padding itself: equal on both sides and at most half a window.
bool plain_padding(const Windows& w) {
  for (int i = 0; i < w.kernel.rank(); ++i)
    if (w.before[i] != w.after[i] || 2 * w.before[i] > w.kernel[i]) return false;
  return true;
}

// x with `value` before and after its last axes.
Tensor padded(Tensor x, const Windows& w, double value) {
  for (int i = 0; i < w.kernel.rank(); ++i) {
    const int axis = x.rank() - w.kernel.rank() + i;
    Shape edge = x.shape();
    edge[axis] = w.before[i];
    const Tensor before = full(edge, value, x.dtype());
    edge[axis] = w.after[i];
    x = concat({before, x, full(edge, value, x.dtype())}, axis);
  }
  return x;
}

Tensors max_pool_op(const Node& n) {
  const Windows w = windows(n, n.in[0].shape(), shape_of(n.integers("kernel_shape")));
  const int axes = w.kernel.rank();
  covered_if(is_floating(n.in[0].dtype()), "MaxPool of integers");
  covered_if(n.outputs() == 1, "MaxPool with indices");
  // Padding never wins, so that minus infinity may stand for it.
  const bool plain = plain_padding(w);
  const Tensor x = plain ? n.in[0] : padded(n.in[0], w, -INFINITY);
  const Shape padding = plain ? w.before : Shape::filled(axes, 0);
  return {max_pool_with_indices(x, axes,
                                {.kernel = PerAxis(w.kernel),
                                 .stride = PerAxis(w.stride),
                                 .padding = PerAxis(padding),
                                 .dilation = PerAxis(w.dilation),
                                 .ceil_mode = n.integer("ceil_mode", 0) != 0})
              .values};
}

Tensor average(const Tensor& x, const AvgPoolOptions& o, int axes) {
  return axes == 1 ? avg_pool1d(x, o) : axes == 2 ? avg_pool2d(x, o) : avg_pool3d(x, o);
}
// Sums of windows divided by the sums of the same windows over ones, where padding counts for nothing.
Tensors average_pool_op(const Node& n) {
  const Windows w = windows(n, n.in[0].shape(), shape_of(n.integers("kernel_shape")));
  const int axes = w.kernel.rank();
  AvgPoolOptions o{.kernel = PerAxis(w.kernel), .stride = PerAxis(w.stride), .padding = PerAxis(w.before)};
  o.ceil_mode = n.integer("ceil_mode", 0) != 0;
  o.count_include_pad = n.integer("count_include_pad", 0) != 0;
  if (plain_padding(w)) return {average(n.in[0], o, axes)};
  o.padding = 0, o.divisor = 1;
  const auto sums = [&](const Tensor& x) { return average(padded(x, w, 0), o, axes); };
  int64_t places = 1;
  for (int64_t k : w.kernel) places *= k;
  const Tensor total = sums(n.in[0]);
  return {n.integer("count_include_pad", 0) ? div(total, static_cast<double>(places))
                                            : div(total, sums(ones_like(n.in[0])))};
}

template <Tensor (*F)(const Tensor&, const Axes&, KeepAxis)>
Tensors global_pool(const Node& n) {
  Tensor y = n.in[0];
  for (int axis = 2; axis < y.rank(); ++axis) y = F(y, axis, keep_axis);
  return {y};
}

// y[b, c, ...] = v[c] seen from x.
Tensor by_channel(const Tensor& v, const Tensor& x) {
  Shape s = Shape::filled(x.rank(), 1);
  s[1] = v.count();
  return reshape(v, s);
}
// Mean over all axes but those in front of `first` and the channels' when it is to be spared.
Tensor mean_but_channels(const Tensor& x, bool over_batch) {
  Tensor y = x;
  for (int axis = 0; axis < x.rank(); ++axis)
    if (axis != 1 && (axis > 0 || over_batch)) y = mean(y, axis, keep_axis);
  return y;
}

Tensors batch_norm(const Node& n) {
  const Tensor& x = n.in[0];
  const double eps = n.number("epsilon", 1e-5), momentum = n.number("momentum", 0.9);
  const bool training = n.integer("training_mode", 0) != 0;
  Tensor m = by_channel(n.in[3], x), v = by_channel(n.in[4], x);
  if (training) m = mean_but_channels(x, true), v = mean_but_channels(square(sub(x, m)), true);
  const Tensor y = add(mul(div(sub(x, m), sqrt(add(v, eps))), by_channel(n.in[1], x)), by_channel(n.in[2], x));
  if (!training) return {y};
  const auto running = [&](const Tensor& before, const Tensor& now) {
    return add(mul(before, momentum), mul(reshape(now, before.shape()), 1 - momentum));
  };
  return {y, running(n.in[3], m), running(n.in[4], v)};
}

Tensors instance_norm(const Node& n) {
  const Tensor& x = n.in[0];
  const Tensor m = mean_but_channels(x, false), centred = sub(x, m);
  const Tensor v = mean_but_channels(square(centred), false);
  const Tensor y = div(centred, sqrt(add(v, n.number("epsilon", 1e-5))));
  return {add(mul(y, by_channel(n.in[1], x)), by_channel(n.in[2], x))};
}

Tensors mean_variance_norm(const Node& n) {
  const auto over = [&](Tensor y) {
    for (int64_t axis : n.integers("axes", {0, 2, 3})) y = mean(y, static_cast<int>(axis), keep_axis);
    return y;
  };
  const Tensor centred = sub(n.in[0], over(n.in[0]));
  return {div(centred, add(sqrt(over(square(centred))), 1e-9))};
}

// Over all axes from `axis` on, as one.
Tensors layer_norm_op(const Node& n) {
  const Tensor& x = n.in[0];
  const int axis = axis_of(n.integer("axis", -1), x.rank());
  const double eps = n.number("epsilon", 1e-5);
  int64_t width = 1;
  Shape kept = x.shape();
  for (int i = axis; i < x.rank(); ++i) width *= x.shape()[i], kept[i] = 1;
  const Tensor rows = reshape(x, {x.count() / width, width});
  const Tensor bias = n.input(2).defined() ? reshape(n.in[2], {width}) : Tensor();
  const Tensor y = layer_norm(rows, reshape(n.in[1], {width}), bias, eps);
  const Tensor m = mean(rows, 1, keep_axis), v = mean(square(sub(rows, m)), 1, keep_axis);
  return {reshape(y, x.shape()), reshape(m, kept), reshape(rsqrt(add(v, eps)), kept)};
}

// y = x / (bias + alpha/size * sum of squares over `size` neighbouring channels)^beta
Tensors local_response_norm(const Node& n) {
  const Tensor& x = n.in[0];
  const int64_t size = n.integer("size", 1), channels = x.size(1);
  const Tensor squares = square(x);
  Tensors sums;
  for (int64_t c = 0; c < channels; ++c) {
    const int64_t from = std::max<int64_t>(0, c - (size - 1) / 2), to = std::min(channels - 1, c + size / 2);
    sums.push_back(sum(narrow(squares, 1, from, to - from + 1), 1, keep_axis));
  }
  const Tensor scale =
      add(mul(concat(sums, 1), n.number("alpha", 1e-4) / static_cast<double>(size)), n.number("bias", 1));
  return {div(x, pow(scale, n.number("beta", 0.75)))};
}

Tensors grid_sample_op(const Node& n) {
  const std::string mode = n.text("mode", "bilinear"), padding = n.text("padding_mode", "zeros");
  return {grid_sample(n.in[0], n.in[1],
                      {.mode = mode == "nearest"   ? Sampling::nearest
                               : mode == "bicubic" ? Sampling::bicubic
                                                   : Sampling::bilinear,
                       .padding = padding == "border"       ? Outside::border
                                  : padding == "reflection" ? Outside::reflection
                                                            : Outside::zeros,
                       .align_corners = n.integer("align_corners", 0) != 0})};
}

// Where ONNX's conventions are PyTorch's.
Tensors resize(const Node& n) {
  const std::string mode = n.text("mode", "nearest"), where = n.text("coordinate_transformation_mode", "half_pixel");
  const Tensor& x = n.in[0];
  covered_if(n.opset >= 11 && x.rank() == 4 && !n.integer("exclude_outside", 0), "Resize of this kind");
  InterpolateOptions o;
  if (n.input(3).defined()) {
    const std::vector<int64_t> sizes = n.whole(3);
    covered_if(sizes[0] == x.size(0) && sizes[1] == x.size(1), "Resize of this kind");
    o.size = {sizes[2], sizes[3]};
  } else {
    const std::vector<double> scales = n.in[2].to_vector<double>();
    covered_if(scales[0] == 1 && scales[1] == 1, "Resize of this kind");
    o.scale = {scales[2], scales[3]};
    // ONNX measures corners on a size that was not rounded down.
    for (int i : {2, 3}) {
      const double size = static_cast<double>(x.size(i)) * scales[static_cast<size_t>(i)];
      covered_if(where != "align_corners" || size == std::floor(size), "Resize of this kind");
    }
  }
  o.align_corners = where == "align_corners";
  if (mode == "nearest") {
    covered_if(where == "asymmetric" && n.text("nearest_mode", "round_prefer_floor") == "floor", "Resize of this kind");
    o.mode = Interpolation::nearest, o.align_corners = false;
  } else {
    const bool torch = where == "half_pixel" || where == "align_corners";
    covered_if(torch && n.number("cubic_coeff_a", -0.75) == -0.75, "Resize of this kind");
    o.mode = mode == "linear" ? Interpolation::linear : Interpolation::cubic;
  }
  return {interpolate(x, o)};
}

}  // namespace

std::vector<Entry> network_ops() {
  return {
      {"Conv", conv_op},
      {"ConvTranspose", conv_transpose_op},
      {"MaxPool", max_pool_op},
      {"AveragePool", average_pool_op},
      {"GlobalAveragePool", global_pool<mean>},
      {"GlobalMaxPool", global_pool<max>},
      {"BatchNormalization", batch_norm},
      {"InstanceNormalization", instance_norm},
      {"MeanVarianceNormalization", mean_variance_norm},
      {"LayerNormalization", layer_norm_op},
      {"LRN", local_response_norm},
      {"GridSample", grid_sample_op},
      {"Resize", resize},
  };
}

}  // namespace gradus::testing::onnx
