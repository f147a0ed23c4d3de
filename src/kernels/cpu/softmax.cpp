#include "kernels/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/softmax.cpp"
#include <cmath>
#include <limits>

#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/row_exp.h"
#include "kernels/table.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

struct Scale {
  float by;
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    return hn::Mul(x, hn::Set(d, by));
  }
};

struct LogProbability {
  float top, log_sum;
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    return hn::Sub(hn::Sub(x, hn::Set(d, top)), hn::Set(d, log_sum));
  }
};

// y may be x.
void softmax_rows(const float* x, float* y, size_t rows, size_t n, bool log) {
  for (size_t r = 0; r < rows; ++r, x += n, y += n) {
    const float top = row_max(x, n);
    if (log) {
      const float sum = sum_exp(x, n, top);
      map(LogProbability{top, sum == 0 ? 0.0f : std::log(sum)}, n, y, x);
    } else {
      const float sum = store_exp(x, y, n, top);
      map(Scale{sum == 0 ? 0.0f : 1 / sum}, n, y, y);
    }
  }
}

struct SoftmaxSlope {  // y (dy - sum(dy y))
  float sum;
  template <class D, class V>
  HWY_INLINE V operator()(D d, V y, V dy) const {
    return hn::Mul(y, hn::Sub(dy, hn::Set(d, sum)));
  }
};

struct LogSoftmaxSlope {  // dy - exp(y) sum(dy)
  float sum;
  template <class D, class V>
  HWY_INLINE V operator()(D d, V y, V dy) const {
    return hn::NegMulAdd(exp(d, y), hn::Set(d, sum), dy);
  }
};

void softmax_backward_rows(const float* y, const float* dy, float* dx, size_t rows, size_t n, bool log) {
  for (size_t r = 0; r < rows; ++r, y += n, dy += n, dx += n) {
    if (log)
      map(LogSoftmaxSlope{sum_of(dy, n)}, n, dx, y, dy);
    else
      map(SoftmaxSlope{lane_sum(fold(SumOfProducts(), 0, 0, n, y, dy))}, n, dx, y, dy);
  }
}

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "base/parallel.h"
#include "kernels/cpu/dense.h"
#include "kernels/ref/ref.h"

namespace gradus::cpu {

HWY_EXPORT(softmax_rows);
HWY_EXPORT(softmax_backward_rows);

void softmax(const SoftmaxArgs& args) {
  if (!all_f32({args.x})) return ref::softmax(args);
  if (args.x.count() == 0) return;
  if (!args.x.contiguous()) copy({.x = args.x, .y = args.y});  // then in place
  const float* x = args.x.contiguous() ? args.x.data<float>() : args.y.data<float>();
  const int64_t n = args.x.shape().back();
  const auto range = HWY_DYNAMIC_DISPATCH(softmax_rows);
  parallel_for(args.x.count() / n, rows_for(kCostlyGrain, n), [&](int64_t begin, int64_t end) {
    range(x + begin * n, args.y.data<float>() + begin * n, static_cast<size_t>(end - begin), static_cast<size_t>(n),
          args.log);
  });
}

void softmax_backward(const SoftmaxBackwardArgs& args) {
  if (!all_f32({args.y})) return ref::softmax_backward(args);
  if (args.y.count() == 0) return;
  const Tensor y = dense(args.y), dy = dense(args.dy);
  const int64_t n = y.shape().back();
  const auto range = HWY_DYNAMIC_DISPATCH(softmax_backward_rows);
  parallel_for(y.count() / n, rows_for(kCostlyGrain, n), [&](int64_t begin, int64_t end) {
    range(y.data<float>() + begin * n, dy.data<float>() + begin * n, args.dx.data<float>() + begin * n,
          static_cast<size_t>(end - begin), static_cast<size_t>(n), args.log);
  });
}

}  // namespace gradus::cpu
#endif
