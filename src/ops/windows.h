#pragma once
// What pooling by averages and interpolation share: separable linear maps of the last axes. For op authors.
#include <array>

#include "kernels/args/resample.h"

namespace gradus {

/// Collects windows one after the other, all kept inside an axis of `size` entries and equally long.
class WindowBuilder {
 public:
  /// Throws ShapeError when the table would be unreasonably large.
  WindowBuilder(const char* op, int64_t size, int64_t outputs, int64_t longest);
  /// The next output reads x[start + t] with weight[t], t < n. Entries outside the axis are dropped, or, with `clamp`,
  /// count for its first or last entry.
  void add(int64_t start, const double* weight, int64_t n, bool clamp = false);
  AxisWindows take() { return std::move(windows_); }

 private:
  int64_t size_;
  AxisWindows windows_;
};

/// The map that leaves an axis of n entries as it is.
AxisWindows identity_windows(int64_t n);
/// The transposed map: a matrix of windows is a band, and so is its transpose. `size` is the axis the windows read.
AxisWindows transposed(const AxisWindows& windows, int64_t size);

/// The response of a resampling filter, zero beyond `support` on either side.
struct ResampleFilter {
  double (*response)(double);
  double support;
};
/// Output i is centred at (i + 1/2) scale; when the map shrinks, the filter is stretched with it, and its weights are
/// made to add up to 1. As Pillow and PyTorch's antialiasing have it.
AxisWindows filter_windows(const char* op, int64_t size, int64_t outputs, double scale, const ResampleFilter& filter);

/// x (*, last `axes` axes) with these mapped; windows of the axes that are kept count from the end of the array. Any
/// order of gradients.
Tensor resampled(const Tensor& x, int axes, const std::array<AxisWindows, 3>& windows);

/// x (*, last `axes` axes) as (N, D, H, W), dense; and back with new spatial sizes.
Tensor as_volumes(const char* op, const Tensor& x, int axes);
Tensor from_volumes(const Tensor& y, const Tensor& x, int axes);

}  // namespace gradus
