#include "kernels/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/optim_rules.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/vector_loop.h"

#ifndef GRADUS_OPTIM_STEP
#define GRADUS_OPTIM_STEP
#include "kernels/args/optim.h"
namespace gradus::cpu {
struct OptimStep {
  float lr, decay, keep, scale;  // keep: 1 - lr decay
  float b1, c1, b2, c2, eps;     // c = 1 - b
  float fresh;                   // sgd: 1 - dampening
  float rate, root;              // lr / (1 - beta1^t), 1 / sqrt(1 - beta2^t)
  float weight, back;            // schedule_free: of z in the average; lr (beta1 (1 - weight) - 1)
  bool nesterov, first;
};
struct OptimPlaces {
  float* p;
  const float* g;
  float *a, *b, *c;  // null where the rule has none
};
}  // namespace gradus::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

using D = Floats;
using V = FloatVec;

// The equations stand beside OptimArgs.
template <OptimRule f>
HWY_INLINE void rule(D d, const OptimStep& s, const OptimPlaces& has, V& p, V g, V& a, V& b, V& c) {
  const auto set = [&](float x) { return hn::Set(d, x); };
  g = hn::Mul(g, set(s.scale));
  if constexpr (f == OptimRule::lion) {
    const V u = hn::MulAdd(set(s.b1), a, hn::Mul(set(s.c1), g));
    const V sign = hn::IfThenZeroElse(hn::Eq(u, hn::Zero(d)), hn::CopySign(set(1), u));
    p = hn::NegMulAdd(set(s.lr), sign, hn::Mul(p, set(s.keep)));
    a = hn::MulAdd(set(s.b2), a, hn::Mul(set(s.c2), g));
  } else if constexpr (f == OptimRule::schedule_free) {
    b = hn::MulAdd(set(s.b2), b, hn::Mul(set(s.c2), hn::Mul(g, g)));
    V step = hn::Div(g, hn::MulAdd(hn::Sqrt(b), set(s.root), set(s.eps)));
    step = hn::MulAdd(set(s.decay), p, step);
    p = hn::MulAdd(set(s.back), step, hn::MulAdd(set(s.weight), hn::Sub(a, p), p));
    a = hn::NegMulAdd(set(s.lr), step, a);
  } else {
    g = hn::MulAdd(set(s.decay), p, g);
    if constexpr (f == OptimRule::sgd) {
      if (has.a) {
        a = s.first ? g : hn::MulAdd(set(s.b1), a, hn::Mul(set(s.fresh), g));
        g = s.nesterov ? hn::MulAdd(set(s.b1), a, g) : a;
      }
      p = hn::NegMulAdd(set(s.lr), g, p);
    } else if constexpr (f == OptimRule::adam) {
      a = hn::MulAdd(set(s.c1), hn::Sub(g, a), a);
      b = hn::MulAdd(set(s.b2), b, hn::Mul(set(s.c2), hn::Mul(g, g)));
      p = hn::NegMulAdd(set(s.rate), hn::Div(a, hn::MulAdd(hn::Sqrt(b), set(s.root), set(s.eps))), p);
    } else if constexpr (f == OptimRule::rmsprop) {
      a = hn::MulAdd(set(s.b2), a, hn::Mul(set(s.c2), hn::Mul(g, g)));
      V variance = a;
      if (has.c) {
        c = hn::MulAdd(set(s.c2), hn::Sub(g, c), c);
        variance = hn::Max(hn::NegMulAdd(c, c, a), hn::Zero(d));
      }
      V step = hn::Div(g, hn::Add(hn::Sqrt(variance), set(s.eps)));
      if (has.b) step = b = hn::MulAdd(set(s.b1), b, step);
      p = hn::NegMulAdd(set(s.lr), step, p);
    } else {  // adagrad
      a = hn::MulAdd(g, g, a);
      p = hn::NegMulAdd(set(s.lr), hn::Div(g, hn::Add(hn::Sqrt(a), set(s.eps))), p);
    }
  }
}

template <OptimRule f>
void run(const OptimStep& s, const OptimPlaces& at, size_t n) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  const V zero = hn::Zero(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto load = [&](const float* x) { return x ? hn::LoadU(d, x + i) : zero; };
    V p = hn::LoadU(d, at.p + i), a = load(at.a), b = load(at.b), c = load(at.c);
    rule<f>(d, s, at, p, hn::LoadU(d, at.g + i), a, b, c);
    hn::StoreU(p, d, at.p + i);
    if (at.a) hn::StoreU(a, d, at.a + i);
    if (at.b) hn::StoreU(b, d, at.b + i);
    if (at.c) hn::StoreU(c, d, at.c + i);
  }
  if (const size_t rest = n - i; rest > 0) {
    const auto load = [&](const float* x) { return x ? load_some(d, x + i, rest) : zero; };
    V p = load(at.p), a = load(at.a), b = load(at.b), c = load(at.c);
    rule<f>(d, s, at, p, load(at.g), a, b, c);
    store_some(p, d, at.p + i, rest);
    if (at.a) store_some(a, d, at.a + i, rest);
    if (at.b) store_some(b, d, at.b + i, rest);
    if (at.c) store_some(c, d, at.c + i, rest);
  }
}

void optim_range(OptimRule f, const OptimStep& s, const OptimPlaces& at, size_t n) {
  switch (f) {
#define GRADUS_RULE(name) \
  case OptimRule::name: return run<OptimRule::name>(s, at, n);
    GRADUS_OPTIM_RULES(GRADUS_RULE)
#undef GRADUS_RULE
  }
}

// m and v of one block, updated, beside the new p; gives their largest magnitudes.
void adamw_block(const OptimStep& s, float* p, const float* g, float* m, float* v, size_t n, float* m_most,
                 float* v_most) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  V top_m = hn::Zero(d), top_v = hn::Zero(d);
  const auto one = [&](V& pi, V gi, V& mi, V& vi) {
    gi = hn::Mul(gi, hn::Set(d, s.scale));
    mi = hn::MulAdd(hn::Set(d, s.b1), mi, hn::Mul(hn::Set(d, s.c1), gi));
    vi = hn::MulAdd(hn::Set(d, s.b2), vi, hn::Mul(hn::Set(d, s.c2), hn::Mul(gi, gi)));
    const V below = hn::MulAdd(hn::Sqrt(vi), hn::Set(d, s.root), hn::Set(d, s.eps));
    pi = hn::NegMulAdd(hn::Set(d, s.rate), hn::Div(mi, below), hn::Mul(pi, hn::Set(d, s.keep)));
    top_m = hn::Max(top_m, hn::Abs(mi)), top_v = hn::Max(top_v, vi);
  };
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    V pi = hn::LoadU(d, p + i), mi = hn::LoadU(d, m + i), vi = hn::LoadU(d, v + i);
    one(pi, hn::LoadU(d, g + i), mi, vi);
    hn::StoreU(pi, d, p + i), hn::StoreU(mi, d, m + i), hn::StoreU(vi, d, v + i);
  }
  if (const size_t rest = n - i; rest > 0) {
    V pi = load_some(d, p + i, rest), mi = load_some(d, m + i, rest), vi = load_some(d, v + i, rest);
    one(pi, load_some(d, g + i, rest), mi, vi);
    store_some(pi, d, p + i, rest), store_some(mi, d, m + i, rest), store_some(vi, d, v + i, rest);
  }
  *m_most = hn::GetLane(hn::MaxOfLanes(d, top_m));
  *v_most = hn::GetLane(hn::MaxOfLanes(d, top_v));
}

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>
#include <cmath>

#include "base/parallel.h"
#include "kernels/cpu/dense.h"
#include "kernels/dynamic_map.h"
#include "kernels/ref/ref.h"

namespace gradus::cpu {

HWY_EXPORT(optim_range);
HWY_EXPORT(adamw_block);

namespace {

OptimStep step_of(const OptimNumbers& n) {
  const auto t = static_cast<double>(n.step);
  return {.lr = static_cast<float>(n.lr),
          .decay = static_cast<float>(n.weight_decay),
          .keep = static_cast<float>(1 - n.lr * n.weight_decay),
          .scale = static_cast<float>(n.grad_scale),
          .b1 = static_cast<float>(n.beta1),
          .c1 = static_cast<float>(1 - n.beta1),
          .b2 = static_cast<float>(n.beta2),
          .c2 = static_cast<float>(1 - n.beta2),
          .eps = static_cast<float>(n.eps),
          .fresh = static_cast<float>(1 - n.dampening),
          .rate = static_cast<float>(n.lr / (1 - std::pow(n.beta1, t))),
          .root = static_cast<float>(1 / std::sqrt(1 - std::pow(n.beta2, t))),
          .weight = static_cast<float>(n.weight),
          .back = static_cast<float>(n.lr * (n.beta1 * (1 - n.weight) - 1)),
          .nesterov = n.nesterov,
          .first = n.step == 1};
}

}  // namespace

void optim(const OptimArgs& args) {
  if (!all_f32({args.p, args.g, args.a, args.b, args.c})) return ref::optim(args);
  const OptimStep step = step_of(args.n);
  const auto of = [](const Tensor& x, int64_t begin) { return x.defined() ? x.data<float>() + begin : nullptr; };
  const auto range = HWY_DYNAMIC_DISPATCH(optim_range);
  parallel_for(args.p.count(), kCheapGrain, [&](int64_t begin, int64_t end) {
    range(args.f, step, {of(args.p, begin), of(args.g, begin), of(args.a, begin), of(args.b, begin), of(args.c, begin)},
          static_cast<size_t>(end - begin));
  });
}

void adamw_8bit(const AdamW8bitArgs& args) {
  if (!all_f32({args.p, args.g})) return ref::adamw_8bit(args);
  constexpr int64_t kBlock = AdamW8bitArgs::kBlock;
  const OptimStep step = step_of(args.n);
  const DynamicMap &m_map = DynamicMap::with_sign(), &v_map = DynamicMap::without_sign();
  const auto block_step = HWY_DYNAMIC_DISPATCH(adamw_block);
  parallel_for(args.p.count(), kCostlyGrain / kBlock * kBlock, [&](int64_t from, int64_t to) {
    float m[kBlock], v[kBlock];
    for (int64_t begin = from; begin < to; begin += kBlock) {
      const int64_t n = std::min(kBlock, to - begin), block = begin / kBlock;
      uint8_t *m_code = args.m.data<uint8_t>() + begin, *v_code = args.v.data<uint8_t>() + begin;
      float &m_scale = args.m_scale.data<float>()[block], &v_scale = args.v_scale.data<float>()[block];
      for (int64_t i = 0; i < n; ++i) m[i] = m_map.value[m_code[i]] * m_scale, v[i] = v_map.value[v_code[i]] * v_scale;
      block_step(step, args.p.data<float>() + begin, args.g.data<float>() + begin, m, v, static_cast<size_t>(n),
                 &m_scale, &v_scale);
      const float m_by = m_scale > 0 ? 1 / m_scale : 0, v_by = v_scale > 0 ? 1 / v_scale : 0;
      for (int64_t i = 0; i < n; ++i) m_code[i] = m_map.nearest(m[i] * m_by), v_code[i] = v_map.nearest(v[i] * v_by);
    }
  });
}

}  // namespace gradus::cpu
#endif
