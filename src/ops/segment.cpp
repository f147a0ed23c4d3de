#include "ops/segment.h"

#include <string>

#include "ops/check.h"
#include "ops/create.h"
#include "ops/index_internal.h"
#include "ops/scatter_internal.h"

namespace gradus {

namespace {

// Rows are sent to a base of segments that does not count itself where something arrives.
Tensor reduced(const char* op, const Tensor& x, const Tensor& ids, int64_t segments, ScatterMode mode) {
  require_rank(op, "x", x, 1);
  require_index(op, ids);
  require_same_device(op, {x, ids});
  require_shape(op, "ids", ids, {x.shape()[0]});
  if (segments < 0) throw ShapeError(op, "cannot make " + std::to_string(segments) + " segments.");
  require_indices(op, ids, segments);
  Shape shape = x.shape();
  shape[0] = segments;
  const Tensor wide = widen_index(ids, x.shape(), 0);
  if (mode == ScatterMode::sum) return add_into_zeros(shape, wide, x, 0);
  const Tensor base = full(shape, mode == ScatterMode::prod, x.dtype(), x.device());
  return reduce_unchecked(base, wide, x, 0, {.mode = mode, .include_self = mode == ScatterMode::prod});
}

}  // namespace

Tensor segment_sum(const Tensor& x, const Tensor& ids, int64_t segments) {
  return reduced("segment_sum", x, ids, segments, ScatterMode::sum);
}
Tensor segment_mean(const Tensor& x, const Tensor& ids, int64_t segments) {
  require_floating("segment_mean", x);
  return reduced("segment_mean", x, ids, segments, ScatterMode::mean);
}
Tensor segment_prod(const Tensor& x, const Tensor& ids, int64_t segments) {
  return reduced("segment_prod", x, ids, segments, ScatterMode::prod);
}
Tensor segment_max(const Tensor& x, const Tensor& ids, int64_t segments) {
  return reduced("segment_max", x, ids, segments, ScatterMode::max);
}
Tensor segment_min(const Tensor& x, const Tensor& ids, int64_t segments) {
  return reduced("segment_min", x, ids, segments, ScatterMode::min);
}

}  // namespace gradus
