#pragma once
#include <cstdint>

#include "tensor/tensor.h"

// Kernel arguments: cumulative sums, sorting, histograms. See kernels/table.h.
// The order of numbers is NumPy's: NaN is larger than everything else, +0 and -0 are equal.
namespace gradus {

enum class Scan : uint8_t { sum, prod, logsumexp };

/// y_i = x_0 + … + x_i along `axis` (or the product, or log sum exp). `exclusive` leaves x_i out; `reverse` starts at
/// the end. y has x's type or (sum and product of integers, which wrap) i64; logsumexp is for floating types.
struct ScanArgs {
  Scan f;
  const Tensor& x;
  const Tensor& y;
  int axis;
  bool exclusive, reverse;
};
/// y_i = a_i y_(i-1) + b_i along `axis`, y_(-1) = 0; `reverse`: y_i = a_i y_(i+1) + b_i. One shape.
struct LinearScanArgs {
  const Tensor& a;
  const Tensor& b;
  const Tensor& y;
  int axis;
  bool reverse;
};
/// values_i = the largest (smallest) of x_0 … x_i along `axis`, index_i (i64) = where it stands, the last at a tie;
/// a NaN stays. Any dtype.
struct ExtremeScanArgs {
  bool largest;
  const Tensor& x;
  const Tensor& values;
  const Tensor& index;
  int axis;
};
/// x (*, n) sorted along the last axis, stably: values (undefined when unwanted) and index (i64), where each stood.
/// Any dtype.
struct SortArgs {
  const Tensor& x;
  bool descending;
  const Tensor& values;
  const Tensor& index;
};
/// The k largest (smallest) of each row of x (*, n), best first, at a tie the first: values and index (*, k), i64.
/// Any dtype, k <= n.
struct TopkArgs {
  const Tensor& x;
  bool largest;
  const Tensor& values;
  const Tensor& index;
};
/// y (i64, values' shape) = the number of entries of `sorted` that are less than the value (`right`: or equal).
/// sorted is (n), or has values' rank and its sizes but for the last axis. One dtype, any.
struct SearchsortedArgs {
  const Tensor& sorted;
  const Tensor& values;
  const Tensor& y;
  bool right;
};
/// y_i (i64, bins) = how many x lie in bin i of equal bins over [low, high]; the last bin includes high; what lies
/// outside and NaN do not count. low < high. x any type but bool.
struct HistogramArgs {
  const Tensor& x;
  double low, high;
  const Tensor& y;
};

#define GRADUS_SCAN_KERNELS(X)      \
  X(scan, ScanArgs)                 \
  X(linear_scan, LinearScanArgs)    \
  X(extreme_scan, ExtremeScanArgs)  \
  X(sort, SortArgs)                 \
  X(topk, TopkArgs)                 \
  X(searchsorted, SearchsortedArgs) \
  X(histogram, HistogramArgs)

}  // namespace gradus
