#include "kernels/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/pair_loss.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/vector_loop.h"
#include "kernels/cpu/vector_math.h"
#include "kernels/table.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

// value(d, x, t) and slope(d, x, t); what they compute stands at PairLoss.
struct Mse {
  float a;
  template <class D, class V>
  HWY_INLINE V value(D, V x, V t) const {
    const V e = hn::Sub(x, t);
    return hn::Mul(e, e);
  }
  template <class D, class V>
  HWY_INLINE V slope(D, V x, V t) const {
    const V e = hn::Sub(x, t);
    return hn::Add(e, e);
  }
};

template <class D, class V>
HWY_INLINE V sign_of(D d, V e) {
  return hn::IfThenZeroElse(hn::Eq(e, hn::Zero(d)), hn::CopySign(hn::Set(d, 1.0f), e));
}

struct L1 {
  float a;
  template <class D, class V>
  HWY_INLINE V value(D, V x, V t) const {
    return hn::Abs(hn::Sub(x, t));
  }
  template <class D, class V>
  HWY_INLINE V slope(D d, V x, V t) const {
    const V e = hn::Sub(x, t);
    return hn::IfThenElse(hn::IsNaN(e), hn::Zero(d), sign_of(d, e));
  }
};

struct Huber {
  float a;
  template <class D, class V>
  HWY_INLINE V value(D d, V x, V t) const {
    const V e = hn::Abs(hn::Sub(x, t)), a_ = hn::Set(d, a), half = hn::Set(d, 0.5f);
    const V outer = hn::Mul(a_, hn::NegMulAdd(half, a_, e));
    return hn::IfThenElse(hn::Lt(e, a_), hn::Mul(half, hn::Mul(e, e)), outer);
  }
  template <class D, class V>
  HWY_INLINE V slope(D d, V x, V t) const {
    const V e = hn::Sub(x, t), a_ = hn::Set(d, a);
    return hn::IfThenElse(hn::Lt(hn::Abs(e), a_), e, hn::Mul(a_, L1{a}.slope(d, x, t)));
  }
};

struct SmoothL1 {  // huber / a
  float a;
  template <class D, class V>
  HWY_INLINE V value(D d, V x, V t) const {
    return hn::Div(Huber{a}.value(d, x, t), hn::Set(d, a));
  }
  template <class D, class V>
  HWY_INLINE V slope(D d, V x, V t) const {
    return hn::Div(Huber{a}.slope(d, x, t), hn::Set(d, a));
  }
};

struct Bce {
  float a;
  template <class D, class V>
  static HWY_INLINE V bounded_log(D d, V y) {
    const V low = hn::Set(d, -100.0f);
    return hn::IfThenElse(hn::Lt(y, low), low, y);
  }
  template <class D, class V>
  HWY_INLINE V value(D d, V x, V t) const {
    const V miss = hn::Mul(hn::Sub(t, hn::Set(d, 1.0f)), bounded_log(d, log1p(d, hn::Neg(x))));
    return hn::NegMulAdd(t, bounded_log(d, log(d, x)), miss);
  }
  template <class D, class V>
  HWY_INLINE V slope(D d, V x, V t) const {
    const V variance = hn::Mul(hn::Sub(hn::Set(d, 1.0f), x), x), least = hn::Set(d, 1e-12f);
    return hn::Div(hn::Sub(x, t), hn::IfThenElse(hn::Lt(variance, least), least, variance));
  }
};

struct BceLogits {
  float a;
  template <class D, class V>
  HWY_INLINE V value(D d, V x, V t) const {
    const V tail = log1p_unit(d, exp(d, hn::Neg(hn::Abs(x))));
    const V weight = hn::Sub(hn::IfThenElseZero(hn::Gt(x, hn::Zero(d)), hn::Set(d, 1.0f)), t);
    return hn::MulAdd(weight, x, tail);
  }
  template <class D, class V>
  HWY_INLINE V slope(D d, V x, V t) const {
    return hn::Sub(sigmoid(d, x), t);
  }
};

template <class F>
struct Value {
  F f;
  float scale;
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x, V t) const {
    return hn::Mul(f.value(d, x, t), hn::Set(d, scale));
  }
};
// With one upstream gradient for all, which `scale` then holds.
template <class F>
struct ScaledSlope {
  F f;
  float scale;
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x, V t) const {
    return hn::Mul(f.slope(d, x, t), hn::Set(d, scale));
  }
};
template <class F>
struct Slope {
  F f;
  float scale;
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x, V t, V dy) const {
    return hn::Mul(f.slope(d, x, t), hn::Mul(dy, hn::Set(d, scale)));
  }
};

// What lies beyond the end counts 0, whatever the loss makes of it.
template <class F>
float sum_values(const F& f, const float* x, const float* t, size_t n) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  FloatVec s0 = hn::Zero(d), s1 = s0;
  size_t i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    s0 = hn::Add(s0, f.value(d, hn::LoadU(d, x + i), hn::LoadU(d, t + i)));
    s1 = hn::Add(s1, f.value(d, hn::LoadU(d, x + i + lanes), hn::LoadU(d, t + i + lanes)));
  }
  for (; i < n; i += lanes) {
    const size_t rest = n - i < lanes ? n - i : lanes;
    const FloatVec v = f.value(d, load_some(d, x + i, rest), load_some(d, t + i, rest));
    s0 = hn::Add(s0, hn::IfThenElseZero(hn::FirstN(d, rest), v));
  }
  return lane_sum(hn::Add(s0, s1));
}

template <class Then>
void dispatch_loss(PairLoss f, float a, const Then& then) {
  switch (f) {
    case PairLoss::mse: return then(Mse{a});
    case PairLoss::l1: return then(L1{a});
    case PairLoss::smooth_l1: return then(SmoothL1{a});
    case PairLoss::huber: return then(Huber{a});
    case PairLoss::bce: return then(Bce{a});
    case PairLoss::bce_logits: return then(BceLogits{a});
  }
}

void loss_range(PairLoss f, float a, float scale, const float* x, const float* t, float* y, size_t n) {
  dispatch_loss(f, a, [&](auto loss) { map(Value<decltype(loss)>{loss, scale}, n, y, x, t); });
}
float loss_sum(PairLoss f, float a, const float* x, const float* t, size_t n) {
  float sum = 0;
  dispatch_loss(f, a, [&](auto loss) { sum = sum_values(loss, x, t, n); });
  return sum;
}
// dy is null where `scale` holds it already.
void slope_range(PairLoss f, float a, float scale, const float* x, const float* t, const float* dy, float* dx,
                 size_t n) {
  dispatch_loss(f, a, [&](auto loss) {
    if (dy)
      map(Slope<decltype(loss)>{loss, scale}, n, dx, x, t, dy);
    else
      map(ScaledSlope<decltype(loss)>{loss, scale}, n, dx, x, t);
  });
}

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>
#include <vector>

#include "base/parallel.h"
#include "kernels/cpu/dense.h"
#include "kernels/ref/ref.h"

namespace gradus::cpu {

HWY_EXPORT(loss_range);
HWY_EXPORT(loss_sum);
HWY_EXPORT(slope_range);

void pair_loss(const PairLossArgs& args) {
  if (!all_f32({args.x})) return ref::pair_loss(args);
  const Tensor dense_x = dense(args.x), dense_t = dense(args.target);
  const float *x = dense_x.data<float>(), *t = dense_t.data<float>();
  float* y = args.y.data<float>();
  const float a = static_cast<float>(args.a);
  const int64_t n = args.x.count();
  if (args.y.rank() == args.x.rank()) {
    const auto range = HWY_DYNAMIC_DISPATCH(loss_range);
    parallel_for(n, kCostlyGrain, [&](int64_t begin, int64_t end) {
      range(args.f, a, static_cast<float>(args.scale), x + begin, t + begin, y + begin,
            static_cast<size_t>(end - begin));
    });
    return;
  }
  const auto sum = HWY_DYNAMIC_DISPATCH(loss_sum);
  std::vector<float> parts(static_cast<size_t>((n + kCostlyGrain - 1) / kCostlyGrain));
  parallel_for(n, kCostlyGrain, [&](int64_t begin, int64_t end) {
    parts[static_cast<size_t>(begin / kCostlyGrain)] =
        sum(args.f, a, x + begin, t + begin, static_cast<size_t>(end - begin));
  });
  double total = 0;
  for (const float part : parts) total += static_cast<double>(part);
  *y = static_cast<float>(total * args.scale);
}

void pair_loss_backward(const PairLossBackwardArgs& args) {
  if (!all_f32({args.x})) return ref::pair_loss_backward(args);
  const Tensor dense_x = dense(args.x), dense_t = dense(args.target);
  const float *x = dense_x.data<float>(), *t = dense_t.data<float>();
  float* dx = args.dx.data<float>();
  const int64_t n = args.x.count();
  const Strides& steps = args.dy.strides();
  const bool one = n > 0 && std::all_of(steps.begin(), steps.end(), [](int64_t step) { return step == 0; });
  const Tensor dense_dy = one ? args.dy : dense(args.dy);
  const float* dy = dense_dy.data<float>();
  const float a = static_cast<float>(args.a), scale = static_cast<float>(args.scale) * (one ? *dy : 1);
  const auto range = HWY_DYNAMIC_DISPATCH(slope_range);
  parallel_for(n, kCostlyGrain, [&](int64_t begin, int64_t end) {
    range(args.f, a, scale, x + begin, t + begin, one ? nullptr : dy + begin, dx + begin,
          static_cast<size_t>(end - begin));
  });
}

}  // namespace gradus::cpu
#endif
