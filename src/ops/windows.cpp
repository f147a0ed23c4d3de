#include "ops/windows.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "autograd/record.h"
#include "kernels/table.h"
#include "ops/check.h"
#include "ops/shape.h"

namespace gradus {

WindowBuilder::WindowBuilder(const char* op, int64_t size, int64_t outputs, int64_t longest) : size_(size) {
  constexpr int64_t kMost = int64_t{1} << 28;
  windows_.taps = std::clamp<int64_t>(longest, 1, size);
  if (windows_.taps > kMost || outputs > kMost / windows_.taps)
    throw ShapeError(op, std::to_string(outputs) + " windows of " + std::to_string(windows_.taps) +
                             " entries are more than this operation is made for.");
  windows_.start.reserve(static_cast<size_t>(outputs));
  windows_.weight.reserve(static_cast<size_t>(outputs * windows_.taps));
}

void WindowBuilder::add(int64_t start, const double* weight, int64_t n, bool clamp) {
  const int64_t first = std::clamp<int64_t>(start, 0, size_ - windows_.taps);
  const size_t row = windows_.weight.size();
  windows_.start.push_back(first);
  windows_.weight.resize(row + static_cast<size_t>(windows_.taps), 0.0);
  for (int64_t t = 0; t < n; ++t) {
    const int64_t at = clamp ? std::clamp<int64_t>(start + t, 0, size_ - 1) : start + t;
    if (at >= first && at < first + windows_.taps) windows_.weight[row + static_cast<size_t>(at - first)] += weight[t];
  }
}

AxisWindows identity_windows(int64_t n) {
  AxisWindows w;
  for (int64_t i = 0; i < n; ++i) w.start.push_back(i);
  w.weight.assign(static_cast<size_t>(n), 1.0);
  return w;
}

AxisWindows transposed(const AxisWindows& windows, int64_t size) {
  const auto outputs = static_cast<int64_t>(windows.start.size());
  std::vector<int64_t> first(static_cast<size_t>(size), outputs), last(static_cast<size_t>(size), -1);
  const auto each_weight = [&](auto&& f) {
    for (int64_t i = 0; i < outputs; ++i)
      for (int64_t t = 0; t < windows.taps; ++t) {
        const double w = windows.weight[static_cast<size_t>(i * windows.taps + t)];
        if (w != 0) f(i, static_cast<size_t>(windows.start[static_cast<size_t>(i)] + t), w);
      }
  };
  each_weight([&](int64_t i, size_t j, double) {
    first[j] = std::min(first[j], i);
    last[j] = std::max(last[j], i);
  });
  AxisWindows back;
  for (size_t j = 0; j < first.size(); ++j) back.taps = std::max(back.taps, last[j] - first[j] + 1);
  back.start.resize(first.size());
  back.weight.assign(first.size() * static_cast<size_t>(back.taps), 0.0);
  for (size_t j = 0; j < first.size(); ++j) back.start[j] = std::clamp<int64_t>(first[j], 0, outputs - back.taps);
  each_weight([&](int64_t i, size_t j, double w) {
    back.weight[j * static_cast<size_t>(back.taps) + static_cast<size_t>(i - back.start[j])] += w;
  });
  return back;
}

AxisWindows filter_windows(const char* op, int64_t size, int64_t outputs, double scale, const ResampleFilter& filter) {
  const double stretch = std::max(scale, 1.0), support = filter.support * stretch;
  const auto n = static_cast<double>(size);
  const auto place = [&](double x) { return static_cast<int64_t>(std::clamp(x, 0.0, n)); };
  WindowBuilder windows(op, size, outputs, static_cast<int64_t>(std::min(2 * std::ceil(support) + 1, n)));
  std::vector<double> weight;
  for (int64_t i = 0; i < outputs; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const int64_t first = place(centre - support + 0.5), end = place(centre + support + 0.5);
    weight.clear();
    double total = 0;
    for (int64_t j = first; j < end; ++j) {
      weight.push_back(filter.response((static_cast<double>(j) - centre + 0.5) / stretch));
      total += weight.back();
    }
    for (double& w : weight) w /= total != 0 ? total : 1;
    windows.add(first, weight.data(), static_cast<int64_t>(weight.size()));
  }
  return windows.take();
}

static Tensor resampled_volumes(const Tensor& x, const std::array<AxisWindows, 3>& windows) {
  Shape shape{x.shape()[0]};
  for (const AxisWindows& w : windows) shape.push_back(static_cast<int64_t>(w.start.size()));
  Tensor y = empty(shape, x.dtype(), x.device());
  kernels(x.device()).resample({.x = x, .axes = windows, .y = y});
  record("resample", {x}, y, [windows, from = x.shape()](const Tensor& dy) {
    return resampled_volumes(contiguous(dy), {transposed(windows[0], from[1]), transposed(windows[1], from[2]),
                                              transposed(windows[2], from[3])});
  });
  return y;
}

Tensor resampled(const Tensor& x, int axes, const std::array<AxisWindows, 3>& windows) {
  return from_volumes(resampled_volumes(as_volumes("resample", x, axes), windows), x, axes);
}

Tensor as_volumes(const char* op, const Tensor& x, int axes) {
  require_rank(op, "x", x, axes);
  Shape shape{1, 1, 1, 1};
  for (int i = 0; i < axes; ++i) shape[3 - i] = x.shape().back(i);
  for (int i = axes; i < x.rank(); ++i) shape[0] *= x.shape().back(i);
  return contiguous(reshape(x, shape));
}

Tensor from_volumes(const Tensor& y, const Tensor& x, int axes) {
  Shape shape = x.shape();
  for (int i = 0; i < axes; ++i) shape[shape.rank() - 1 - i] = y.shape().back(i);
  return reshape(y, shape);
}

}  // namespace gradus
