#include "ops/pool.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "autograd/record.h"
#include "kernels/table.h"
#include "ops/check.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/shape.h"
#include "ops/windows.h"

namespace gradus {

namespace {

void require_spatial(const char* op, const Tensor& x, int axes) {
  require_floating(op, x);
  if (axes < 1 || axes > 3) throw ValueError(op, "pools 1, 2 or 3 axes, got " + std::to_string(axes) + ".");
  require_rank(op, "x", x, axes);
  for (int i = 0; i < axes; ++i)
    if (x.shape().back(i) == 0) throw ShapeError(op, "a spatial axis is empty: " + x.describe() + ".");
}

void require_count(const char* op, int64_t windows) {
  constexpr int64_t kMost = int64_t{1} << 28;
  if (windows > kMost)
    throw ShapeError(op, std::to_string(windows) + " windows along an axis are more than this operation is made for.");
}

struct PooledAxis {
  int64_t kernel, stride, padding, dilation, count;
};

// One entry a spatial axis.
std::vector<PooledAxis> pooled_axes(const char* op, const Tensor& x, int axes, const MaxPoolOptions& options) {
  require_spatial(op, x, axes);
  const Shape kernel = options.kernel.resolve(op, "kernel", axes, 1);
  const Shape stride = options.stride.given() ? options.stride.resolve(op, "stride", axes, 1) : kernel;
  const Shape padding = options.padding.resolve(op, "padding", axes, 0);
  const Shape dilation = options.dilation.resolve(op, "dilation", axes, 1);
  std::vector<PooledAxis> all;
  for (int i = 0; i < axes; ++i) {
    const int64_t size = x.shape().back(axes - 1 - i), reach = dilation[i] * (kernel[i] - 1);
    if (padding[i] > (reach + 1) / 2)
      throw ValueError(op, "padding " + std::to_string(padding[i]) + " is more than half of the kernel's " +
                               std::to_string(reach + 1) + " entries.");
    const int64_t room = size + 2 * padding[i] - reach - 1;
    if (room < 0)
      throw ShapeError(op, "the kernel of " + std::to_string(reach + 1) +
                               " entries is larger than the padded axis of " + x.describe() + ".");
    int64_t count = (room + (options.ceil_mode ? stride[i] - 1 : 0)) / stride[i] + 1;
    if (options.ceil_mode && (count - 1) * stride[i] >= size + padding[i]) --count;
    require_count(op, count);
    all.push_back({kernel[i], stride[i], padding[i], dilation[i], count});
  }
  return all;
}

// dy (N, P) added into zeros (N, places) at index (N, P).
Tensor unpooled(const Tensor& dy, const Tensor& index, int64_t places) {
  Tensor dx = empty({dy.shape()[0], places}, dy.dtype(), dy.device());
  kernels(dy.device()).max_pool_backward({.dy = contiguous(dy), .index = index, .dx = dx});
  record("max_unpool", {dy}, dx, [index](const Tensor& d) { return gather(d, index, 1); });
  return dx;
}

MaxPooled max_over(const Tensor& x, int axes, const std::array<PoolWindows, 3>& windows) {
  const Tensor volumes = as_volumes("max_pool", x, axes);
  const Shape& from = volumes.shape();
  Shape shape{from[0]};
  for (const PoolWindows& w : windows) shape.push_back(static_cast<int64_t>(w.start.size()));
  Tensor y = empty(shape, x.dtype(), x.device()), index = empty(shape, Dtype::i64, x.device());
  kernels(x.device()).max_pool({.x = volumes, .windows = windows, .y = y, .index = index});
  const int64_t results = shape[1] * shape[2] * shape[3];
  const Tensor flat = index.strided({shape[0], results}, {results, 1});
  record("max_pool", {volumes}, y, [flat = save(flat), from](const Tensor& dy) {
    const Tensor index = flat.get();
    return reshape(unpooled(reshape(dy, index.shape()), index, from[1] * from[2] * from[3]), from);
  });
  return {from_volumes(y, x, axes), from_volumes(index, x, axes)};
}

PoolWindows whole_axis() { return {{0}, {1}, 1}; }

MaxPooled max_pool_of(const char* op, const Tensor& x, int axes, const MaxPoolOptions& options) {
  const auto all = pooled_axes(op, x, axes, options);
  std::array<PoolWindows, 3> windows{whole_axis(), whole_axis(), whole_axis()};
  for (int i = 0; i < axes; ++i) {
    const PooledAxis& w = all[static_cast<size_t>(i)];
    PoolWindows& to = windows[static_cast<size_t>(3 - axes + i)];
    const int64_t size = x.shape().back(axes - 1 - i);
    to = {};
    to.step = w.dilation;
    for (int64_t k = 0; k < w.count; ++k) {
      int64_t first = k * w.stride - w.padding;
      const int64_t end = std::min(size, first + (w.kernel - 1) * w.dilation + 1);
      if (first < 0) first += (-first + w.dilation - 1) / w.dilation * w.dilation;
      if (first >= end)
        throw ShapeError(op, "a window lies wholly in the padding of " + x.describe() + ".",
                         "use less padding, or no ceil_mode.");
      to.start.push_back(first);
      to.length.push_back((end - first - 1) / w.dilation + 1);
    }
  }
  return max_over(x, axes, windows);
}

Tensor avg_pool_of(const char* op, const Tensor& x, int axes, const AvgPoolOptions& options) {
  const auto all = pooled_axes(
      op, x, axes,
      {.kernel = options.kernel, .stride = options.stride, .padding = options.padding, .ceil_mode = options.ceil_mode});
  if (options.divisor < 0)
    throw ValueError(op, "the divisor must be positive, got " + std::to_string(options.divisor) + ".");
  std::array<AxisWindows, 3> windows{identity_windows(1), identity_windows(1), identity_windows(1)};
  for (int i = 0; i < axes; ++i) {
    const PooledAxis& w = all[static_cast<size_t>(i)];
    const int64_t size = x.shape().back(axes - 1 - i);
    WindowBuilder builder(op, size, w.count, w.kernel);
    std::vector<double> weight;
    for (int64_t k = 0; k < w.count; ++k) {
      const int64_t first = k * w.stride - w.padding, end = std::min(first + w.kernel, size + w.padding);
      const int64_t begin = std::max<int64_t>(first, 0), stop = std::min(end, size);
      double divisor = static_cast<double>(options.count_include_pad ? end - first : stop - begin);
      if (options.divisor != 0) divisor = i == 0 ? static_cast<double>(options.divisor) : 1;
      weight.assign(static_cast<size_t>(std::max<int64_t>(stop - begin, 0)), 1 / divisor);
      builder.add(begin, weight.data(), static_cast<int64_t>(weight.size()));
    }
    windows[static_cast<size_t>(3 - axes + i)] = builder.take();
  }
  return resampled(x, axes, windows);
}

// sum = mean * kernel, as PyTorch has it: a window cut short at the end counts as if it were whole.
Tensor lp_pool_of(const char* op, const Tensor& x, int axes, const LpPoolOptions& options) {
  require_floating(op, x);
  if (!(options.p > 0) || !std::isfinite(options.p)) throw ValueError(op, "p must be positive and finite.");
  double entries = 1;
  for (int64_t k : options.kernel.resolve(op, "kernel", axes, 1)) entries *= static_cast<double>(k);
  const Tensor mean = avg_pool_of(op, pow(x, options.p), axes,
                                  {.kernel = options.kernel, .stride = options.stride, .ceil_mode = options.ceil_mode});
  return pow(mul(mean, entries), 1 / options.p);
}

struct Span {
  int64_t begin, end;
};
Span adaptive_span(int64_t i, int64_t size, int64_t outputs) {
  return {i * size / outputs, ((i + 1) * size + outputs - 1) / outputs};
}

Shape adaptive_sizes(const char* op, const Tensor& x, int axes, const PerAxis& size) {
  require_spatial(op, x, axes);
  for (int i = 0; i < axes; ++i)
    if (x.shape().back(i) > int64_t{1} << 31) throw ShapeError(op, "a spatial axis is longer than 2^31.");
  const Shape sizes = size.resolve(op, "size", axes, 1);
  for (int64_t n : sizes) require_count(op, n);
  return sizes;
}

Tensor adaptive_avg_of(const char* op, const Tensor& x, int axes, const PerAxis& size) {
  const Shape sizes = adaptive_sizes(op, x, axes, size);
  std::array<AxisWindows, 3> windows{identity_windows(1), identity_windows(1), identity_windows(1)};
  for (int i = 0; i < axes; ++i) {
    const int64_t from = x.shape().back(axes - 1 - i), to = sizes[i];
    WindowBuilder builder(op, from, to, from / to + 2);
    std::vector<double> weight;
    for (int64_t k = 0; k < to; ++k) {
      const Span s = adaptive_span(k, from, to);
      weight.assign(static_cast<size_t>(s.end - s.begin), 1 / static_cast<double>(s.end - s.begin));
      builder.add(s.begin, weight.data(), s.end - s.begin);
    }
    windows[static_cast<size_t>(3 - axes + i)] = builder.take();
  }
  return resampled(x, axes, windows);
}

Tensor adaptive_max_of(const char* op, const Tensor& x, int axes, const PerAxis& size) {
  const Shape sizes = adaptive_sizes(op, x, axes, size);
  std::array<PoolWindows, 3> windows{whole_axis(), whole_axis(), whole_axis()};
  for (int i = 0; i < axes; ++i) {
    PoolWindows& to = windows[static_cast<size_t>(3 - axes + i)];
    to = {};
    for (int64_t k = 0; k < sizes[i]; ++k) {
      const Span s = adaptive_span(k, x.shape().back(axes - 1 - i), sizes[i]);
      to.start.push_back(s.begin);
      to.length.push_back(s.end - s.begin);
    }
  }
  return max_over(x, axes, windows).values;
}

}  // namespace

MaxPooled max_pool_with_indices(const Tensor& x, int axes, const MaxPoolOptions& options) {
  return max_pool_of("max_pool_with_indices", x, axes, options);
}
Tensor max_pool1d(const Tensor& x, const MaxPoolOptions& o) { return max_pool_of("max_pool1d", x, 1, o).values; }
Tensor max_pool2d(const Tensor& x, const MaxPoolOptions& o) { return max_pool_of("max_pool2d", x, 2, o).values; }
Tensor max_pool3d(const Tensor& x, const MaxPoolOptions& o) { return max_pool_of("max_pool3d", x, 3, o).values; }

Tensor max_unpool(const Tensor& x, const Tensor& indices, int axes, const PerAxis& size) {
  const char* op = "max_unpool";
  require_spatial(op, x, axes);
  require_same_device(op, {x, indices});
  require_shape(op, "indices", indices, x.shape());
  if (indices.dtype() != Dtype::i64)
    throw DtypeError(op, "indices must be i64, got " + indices.describe() + ".", "convert them with cast().");
  const Shape sizes = size.resolve(op, "size", axes, 1);
  Shape shape = x.shape();
  for (int i = 0; i < axes; ++i) shape[shape.rank() - axes + i] = sizes[i];
  const Tensor like = empty(shape, x.dtype(), Device::meta);  // refuses sizes whose product overflows
  const int64_t places = sizes.count();
  require_indices(op, indices, places);
  const Tensor volumes = as_volumes(op, x, axes);
  const Shape flat{volumes.shape()[0], volumes.shape()[1] * volumes.shape()[2] * volumes.shape()[3]};
  return reshape(unpooled(reshape(volumes, flat), contiguous(reshape(indices, flat)), places), like.shape());
}

Tensor avg_pool1d(const Tensor& x, const AvgPoolOptions& o) { return avg_pool_of("avg_pool1d", x, 1, o); }
Tensor avg_pool2d(const Tensor& x, const AvgPoolOptions& o) { return avg_pool_of("avg_pool2d", x, 2, o); }
Tensor avg_pool3d(const Tensor& x, const AvgPoolOptions& o) { return avg_pool_of("avg_pool3d", x, 3, o); }

Tensor lp_pool1d(const Tensor& x, const LpPoolOptions& o) { return lp_pool_of("lp_pool1d", x, 1, o); }
Tensor lp_pool2d(const Tensor& x, const LpPoolOptions& o) { return lp_pool_of("lp_pool2d", x, 2, o); }
Tensor lp_pool3d(const Tensor& x, const LpPoolOptions& o) { return lp_pool_of("lp_pool3d", x, 3, o); }

Tensor adaptive_avg_pool1d(const Tensor& x, const PerAxis& s) {
  return adaptive_avg_of("adaptive_avg_pool1d", x, 1, s);
}
Tensor adaptive_avg_pool2d(const Tensor& x, const PerAxis& s) {
  return adaptive_avg_of("adaptive_avg_pool2d", x, 2, s);
}
Tensor adaptive_avg_pool3d(const Tensor& x, const PerAxis& s) {
  return adaptive_avg_of("adaptive_avg_pool3d", x, 3, s);
}
Tensor adaptive_max_pool1d(const Tensor& x, const PerAxis& s) {
  return adaptive_max_of("adaptive_max_pool1d", x, 1, s);
}
Tensor adaptive_max_pool2d(const Tensor& x, const PerAxis& s) {
  return adaptive_max_of("adaptive_max_pool2d", x, 2, s);
}
Tensor adaptive_max_pool3d(const Tensor& x, const PerAxis& s) {
  return adaptive_max_of("adaptive_max_pool3d", x, 3, s);
}

}  // namespace gradus
