#include "kernels/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/optim.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/vector_loop.h"

#ifndef GRADUS_ADAMW_STEP
#define GRADUS_ADAMW_STEP
namespace gradus::cpu {
struct AdamWStep {
  float keep;  // 1 - lr weight_decay
  float rate;  // lr / (1 - beta1^t)
  float root;  // 1 / sqrt(1 - beta2^t)
  float b1, c1, b2, c2, eps, scale;
};
}  // namespace gradus::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

// m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g^2;  p = keep p - rate m / (root sqrt(v) + eps)
HWY_INLINE void adamw_step(Floats d, const AdamWStep& s, FloatVec& p, FloatVec g, FloatVec& m, FloatVec& v) {
  g = hn::Mul(g, hn::Set(d, s.scale));
  m = hn::MulAdd(hn::Set(d, s.b1), m, hn::Mul(hn::Set(d, s.c1), g));
  v = hn::MulAdd(hn::Set(d, s.b2), v, hn::Mul(hn::Set(d, s.c2), hn::Mul(g, g)));
  const FloatVec below = hn::MulAdd(hn::Sqrt(v), hn::Set(d, s.root), hn::Set(d, s.eps));
  p = hn::NegMulAdd(hn::Set(d, s.rate), hn::Div(m, below), hn::Mul(p, hn::Set(d, s.keep)));
}

void adamw_range(const AdamWStep& s, float* p, const float* g, float* m, float* v, size_t n) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    FloatVec pi = hn::LoadU(d, p + i), mi = hn::LoadU(d, m + i), vi = hn::LoadU(d, v + i);
    adamw_step(d, s, pi, hn::LoadU(d, g + i), mi, vi);
    hn::StoreU(pi, d, p + i);
    hn::StoreU(mi, d, m + i);
    hn::StoreU(vi, d, v + i);
  }
  if (const size_t rest = n - i; rest > 0) {
    FloatVec pi = load_some(d, p + i, rest), mi = load_some(d, m + i, rest), vi = load_some(d, v + i, rest);
    adamw_step(d, s, pi, load_some(d, g + i, rest), mi, vi);
    store_some(pi, d, p + i, rest);
    store_some(mi, d, m + i, rest);
    store_some(vi, d, v + i, rest);
  }
}

// In f64: squares of small gradients would vanish in f32.
double sum_squares_range(const float* x, size_t n) {
  const hn::ScalableTag<double> d;
  const hn::Rebind<float, decltype(d)> half;
  const size_t lanes = hn::Lanes(d);
  auto s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
  size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    const auto x0 = hn::PromoteTo(d, hn::LoadU(half, x + i));
    const auto x1 = hn::PromoteTo(d, hn::LoadU(half, x + i + lanes));
    const auto x2 = hn::PromoteTo(d, hn::LoadU(half, x + i + 2 * lanes));
    const auto x3 = hn::PromoteTo(d, hn::LoadU(half, x + i + 3 * lanes));
    s0 = hn::MulAdd(x0, x0, s0);
    s1 = hn::MulAdd(x1, x1, s1);
    s2 = hn::MulAdd(x2, x2, s2);
    s3 = hn::MulAdd(x3, x3, s3);
  }
  double sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3))));
  for (; i < n; ++i) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return sum;
}

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <cmath>
#include <vector>

#include "base/parallel.h"
#include "kernels/cpu/dense.h"
#include "kernels/ref/ref.h"

namespace gradus::cpu {

HWY_EXPORT(adamw_range);
HWY_EXPORT(sum_squares_range);

void adamw(const AdamWArgs& args) {
  if (!all_f32({args.p, args.g, args.m, args.v})) return ref::adamw(args);
  const double t = static_cast<double>(args.step);
  const AdamWStep step{.keep = static_cast<float>(1 - args.lr * args.weight_decay),
                       .rate = static_cast<float>(args.lr / (1 - std::pow(args.beta1, t))),
                       .root = static_cast<float>(1 / std::sqrt(1 - std::pow(args.beta2, t))),
                       .b1 = static_cast<float>(args.beta1),
                       .c1 = static_cast<float>(1 - args.beta1),
                       .b2 = static_cast<float>(args.beta2),
                       .c2 = static_cast<float>(1 - args.beta2),
                       .eps = static_cast<float>(args.eps),
                       .scale = static_cast<float>(args.grad_scale)};
  float *p = args.p.data<float>(), *m = args.m.data<float>(), *v = args.v.data<float>();
  const float* g = args.g.data<float>();
  const auto range = HWY_DYNAMIC_DISPATCH(adamw_range);
  parallel_for(args.p.count(), kCheapGrain, [&](int64_t begin, int64_t end) {
    range(step, p + begin, g + begin, m + begin, v + begin, static_cast<size_t>(end - begin));
  });
}

void sum_squares(const SumSquaresArgs& args) {
  if (!all_f32({args.x})) return ref::sum_squares(args);
  const Tensor x = dense(args.x);
  std::vector<double> partial(static_cast<size_t>((x.count() + kCheapGrain - 1) / kCheapGrain));
  const auto range = HWY_DYNAMIC_DISPATCH(sum_squares_range);
  parallel_for(x.count(), kCheapGrain, [&](int64_t begin, int64_t end) {
    partial[static_cast<size_t>(begin / kCheapGrain)] =
        range(x.data<float>() + begin, static_cast<size_t>(end - begin));
  });
  double sum = 0;
  for (double s : partial) sum += s;
  args.result.data<double>()[0] = sum;
}

}  // namespace gradus::cpu
#endif
