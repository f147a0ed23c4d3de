#pragma once
#include <type_traits>

#include "base/parallel.h"
#include "kernels/cpu/dense.h"
#include "kernels/cpu/half.h"
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

/// The same for range(const float* a, one_a, const float* b, one_b, Y* y, n) and operands of f32, f16 or bf16; Y is
/// float for a result of the operands' type.
template <class Y, class Range>
void for_broadcast_f32(const Tensor& a, const Tensor& b, const Tensor& y, const Range& range) {
  if (!is_16_bit(a)) return for_broadcast_rows(a, b, y, static_cast<Y*>(y.raw()), range);
  using Out = std::conditional_t<std::is_same_v<Y, float>, uint16_t, Y>;
  const auto run = [&](const uint16_t* x, bool one_x, const uint16_t* z, bool one_z, Out* out, size_t count) {
    float fx[kHalfRun], fz[kHalfRun], result[kHalfRun];
    if (one_x) widen(a.dtype(), x, fx, 1);
    if (one_z) widen(a.dtype(), z, fz, 1);
    for (size_t i = 0; i < count; i += kHalfRun) {
      const size_t n = std::min(kHalfRun, count - i);
      if (!one_x) widen(a.dtype(), x + i, fx, n);
      if (!one_z) widen(a.dtype(), z + i, fz, n);
      if constexpr (std::is_same_v<Y, float>) {
        range(fx, one_x, fz, one_z, result, n);
        narrow(a.dtype(), result, out + i, n);
      } else {
        range(fx, one_x, fz, one_z, out + i, n);
      }
    }
  };
  for_broadcast_rows<uint16_t>(a, b, y, static_cast<Out*>(y.raw()), run);
}

}  // namespace gradus::cpu
