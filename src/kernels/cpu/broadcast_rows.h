#pragma once
#include "base/parallel.h"
#include "kernels/cpu/dense.h"
#include "kernels/walk.h"

namespace gradus::cpu {

/// comparisons of f32, in compare.cpp
void compare(const BinaryArgs& args);

/// Calls range(a, one_a, b, one_b, y, n) in parallel over runs of two broadcast operands of type X and a dense result
/// whose numbers are at `out`: along a run an operand is dense, or a single number (`one_a`, `one_b`; not both).
template <class X = float, class Y, class Range>
void for_broadcast_rows(const Tensor& a, const Tensor& b, const Tensor& y, Y* out, const Range& range) {
  const LoopNest<3> nest(y.shape(), {&a, &b, &y});
  const int64_t inner = nest.inner(), step_a = nest.inner_stride(0), step_b = nest.inner_stride(1);
  if (inner > 1) {
    // Neither dense nor a single number along the innermost axis: lay it out first.
    const bool lay_a = step_a != 1 && step_a != 0, lay_b = step_b != 1 && step_b != 0;
    if (lay_a || lay_b || (step_a == 0 && step_b == 0))
      return for_broadcast_rows<X>(lay_a || step_b == 0 ? dense(a) : a, lay_b ? dense(b) : b, y, out, range);
  }
  const X *pa = a.data<X>(), *pb = b.data<X>();
  const bool one_a = step_a == 0 && inner > 1, one_b = step_b == 0 && inner > 1;
  if (nest.rows() == 1) {
    parallel_for(inner, kCheapGrain, [&](int64_t begin, int64_t end) {
      range(pa + begin * step_a, one_a, pb + begin * step_b, one_b, out + begin, static_cast<size_t>(end - begin));
    });
    return;
  }
  parallel_for(nest.rows(), rows_for(kCheapGrain, inner), [&](int64_t begin, int64_t end) {
    nest.visit(begin, end, [&](const auto& at) {
      range(pa + at[0], one_a, pb + at[1], one_b, out + at[2], static_cast<size_t>(inner));
    });
  });
}

}  // namespace gradus::cpu
