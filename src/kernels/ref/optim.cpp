#include <algorithm>
#include <bit>
#include <cmath>

#include "base/error.h"
#include "kernels/dynamic_map.h"
#include "kernels/ref/ref.h"
#include "kernels/ref/scalar.h"

namespace gradus::ref {

// p -= lr weight_decay p;  m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g^2;
// p -= lr (m / (1-b1^t)) / (sqrt(v / (1-b2^t)) + eps)
void adamw(const AdamWArgs& args) {
  dispatch_floating("adamw", args.p.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    T* p = args.p.data<T>();
    const T* g = args.g.data<T>();
    A *m = args.m.data<A>(), *v = args.v.data<A>();
    const double t = static_cast<double>(args.step);
    const A keep = static_cast<A>(1 - args.lr * args.weight_decay);
    const A rate = static_cast<A>(args.lr / (1 - std::pow(args.beta1, t)));
    const A root = static_cast<A>(1 / std::sqrt(1 - std::pow(args.beta2, t)));
    const A b1 = static_cast<A>(args.beta1), c1 = static_cast<A>(1 - args.beta1);
    const A b2 = static_cast<A>(args.beta2), c2 = static_cast<A>(1 - args.beta2);
    const A eps = static_cast<A>(args.eps), scale = static_cast<A>(args.grad_scale);
    for (int64_t i = 0; i < args.p.count(); ++i) {
      const A d = static_cast<A>(g[i]) * scale;
      m[i] = b1 * m[i] + c1 * d;
      v[i] = b2 * v[i] + c2 * d * d;
      p[i] = convert<T>(static_cast<A>(p[i]) * keep - rate * m[i] / (std::sqrt(v[i]) * root + eps));
    }
  });
}

namespace {

// One number of one rule; a, b and c are read and written whether or not the rule has them.
template <class A>
void optim_number(OptimRule f, const OptimNumbers& n, bool has_a, bool has_b, bool has_c, A& p, A g, A& a, A& b, A& c) {
  const auto num = [](double x) { return static_cast<A>(x); };
  const auto lerp = [](A from, A to, A by) { return from + by * (to - from); };
  const double t = static_cast<double>(n.step);
  const A lr = num(n.lr), wd = num(n.weight_decay), eps = num(n.eps), b1 = num(n.beta1), b2 = num(n.beta2);
  const A root2 = num(1 / std::sqrt(1 - std::pow(n.beta2, t)));
  switch (f) {
    case OptimRule::sgd: {
      g += wd * p;
      if (has_a) {
        a = n.step == 1 ? g : b1 * a + num(1 - n.dampening) * g;
        g = n.nesterov ? g + b1 * a : a;
      }
      p -= lr * g;
      return;
    }
    case OptimRule::adam:
      g += wd * p;
      a = lerp(a, g, num(1 - n.beta1));
      b = b2 * b + num(1 - n.beta2) * g * g;
      p -= num(n.lr / (1 - std::pow(n.beta1, t))) * a / (std::sqrt(b) * root2 + eps);
      return;
    case OptimRule::rmsprop: {
      g += wd * p;
      a = b2 * a + num(1 - n.beta2) * g * g;
      A variance = a;
      if (has_c) {
        c = lerp(c, g, num(1 - n.beta2));
        variance = std::max(a - c * c, A{0});
      }
      A d = g / (std::sqrt(variance) + eps);
      if (has_b) d = b = b1 * b + d;
      p -= lr * d;
      return;
    }
    case OptimRule::adagrad:
      g += wd * p;
      a += g * g;
      p -= lr * g / (std::sqrt(a) + eps);
      return;
    case OptimRule::lion: {
      const A u = b1 * a + num(1 - n.beta1) * g;
      p = p * num(1 - n.lr * n.weight_decay) - lr * static_cast<A>((u > 0) - (u < 0));
      a = b2 * a + num(1 - n.beta2) * g;
      return;
    }
    case OptimRule::schedule_free: {
      b = b2 * b + num(1 - n.beta2) * g * g;
      const A d = g / (std::sqrt(b) * root2 + eps) + wd * p;
      p = lerp(p, a, num(n.weight)) + num(n.lr * (n.beta1 * (1 - n.weight) - 1)) * d;
      a -= lr * d;
      return;
    }
  }
}

}  // namespace

void optim(const OptimArgs& args) {
  dispatch_floating("optim", args.p.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    T* p = args.p.data<T>();
    const T* g = args.g.data<T>();
    const auto of = [](const Tensor& x) { return x.defined() ? x.data<A>() : nullptr; };
    A *a = of(args.a), *b = of(args.b), *c = of(args.c), none[3] = {};
    for (int64_t i = 0; i < args.p.count(); ++i) {
      A x = static_cast<A>(p[i]);
      optim_number<A>(args.f, args.n, a, b, c, x, static_cast<A>(g[i]) * static_cast<A>(args.n.grad_scale),
                      a ? a[i] : none[0], b ? b[i] : none[1], c ? c[i] : none[2]);
      p[i] = convert<T>(x);
    }
  });
}

void adamw_8bit(const AdamW8bitArgs& args) {
  const OptimNumbers& n = args.n;
  const float t = static_cast<float>(n.step);
  const float rate = static_cast<float>(n.lr / (1 - std::pow(n.beta1, t)));
  const float root = static_cast<float>(1 / std::sqrt(1 - std::pow(n.beta2, t)));
  const float keep = static_cast<float>(1 - n.lr * n.weight_decay), eps = static_cast<float>(n.eps);
  const float b1 = static_cast<float>(n.beta1), c1 = static_cast<float>(1 - n.beta1);
  const float b2 = static_cast<float>(n.beta2), c2 = static_cast<float>(1 - n.beta2);
  const DynamicMap &m_map = DynamicMap::with_sign(), &v_map = DynamicMap::without_sign();
  uint8_t *m_code = args.m.data<uint8_t>(), *v_code = args.v.data<uint8_t>();
  float *m_scale = args.m_scale.data<float>(), *v_scale = args.v_scale.data<float>();
  dispatch_floating("adamw_8bit", args.p.dtype(), [&](auto tag) {
    using T = decltype(tag);
    T* p = args.p.data<T>();
    const T* g = args.g.data<T>();
    for (int64_t begin = 0, block = 0; begin < args.p.count(); begin += args.kBlock, ++block) {
      const int64_t size = std::min(args.kBlock, args.p.count() - begin);
      float m[AdamW8bitArgs::kBlock], v[AdamW8bitArgs::kBlock], m_most = 0, v_most = 0;
      for (int64_t k = 0; k < size; ++k) {
        const int64_t i = begin + k;
        const float d = static_cast<float>(g[i]) * static_cast<float>(n.grad_scale);
        m[k] = b1 * m_map.value[m_code[i]] * m_scale[block] + c1 * d;
        v[k] = b2 * v_map.value[v_code[i]] * v_scale[block] + c2 * d * d;
        p[i] = convert<T>(static_cast<float>(p[i]) * keep - rate * m[k] / (std::sqrt(v[k]) * root + eps));
        m_most = std::max(m_most, std::abs(m[k])), v_most = std::max(v_most, v[k]);
      }
      m_scale[block] = m_most, v_scale[block] = v_most;
      for (int64_t k = 0; k < size; ++k) {
        m_code[begin + k] = m_map.nearest(m_most > 0 ? m[k] / m_most : 0);
        v_code[begin + k] = v_map.nearest(v_most > 0 ? v[k] / v_most : 0);
      }
    }
  });
}

// The short type's neighbours of x lie at the bits that are cut off: below and above. Adding random bits to these
// before cutting carries with the probability wanted. f16 has fewer exponents: where its numbers are subnormal the
// distance grows, so x is compared with its two neighbours instead.
void round_stochastic(const RoundStochasticArgs& args) {
  const float* x = args.x.data<float>();
  if (args.y.dtype() == Dtype::bf16) {
    bf16* y = args.y.data<bf16>();
    for (int64_t i = 0; i < args.x.count(); ++i) {
      const auto bits = std::bit_cast<uint32_t>(x[i]);
      const auto noise = static_cast<uint32_t>(args.key.bits(static_cast<uint64_t>(i)) & 0xffff);
      const uint32_t up = (bits + noise) >> 16;
      const bool finite = (bits & 0x7f800000u) != 0x7f800000u && (up & 0x7f80u) != 0x7f80u;
      if (finite)
        y[i].bits = static_cast<uint16_t>(up);
      else
        y[i] = bf16(x[i]);
    }
    return;
  }
  f16* y = args.y.data<f16>();
  for (int64_t i = 0; i < args.x.count(); ++i) {
    f16 low(std::abs(x[i]));  // towards zero first
    if (static_cast<float>(low) > std::abs(x[i])) --low.bits;
    f16 high = low;
    ++high.bits;
    const float below = low, above = high, magnitude = std::abs(x[i]);
    const bool finite = std::isfinite(x[i]) && std::isfinite(above);
    if (!finite) {
      y[i] = f16(x[i]);
      continue;
    }
    const double share = (static_cast<double>(magnitude) - below) / (static_cast<double>(above) - below);
    y[i] = args.key.uniform(static_cast<uint64_t>(i)) < share ? high : low;
    if (std::signbit(x[i])) y[i].bits |= 0x8000u;
  }
}

}  // namespace gradus::ref
