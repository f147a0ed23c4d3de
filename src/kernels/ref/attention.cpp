#include <cmath>
#include <limits>
#include <vector>

#include "kernels/ref/ref.h"
#include "kernels/ref/scalar.h"

namespace gradus::ref {

namespace {

// Element (b, t, h, d) of a (B, T, heads, D) view.
template <class T>
struct Heads {
  T* data;
  Strides s;
  explicit Heads(const Tensor& x) : data(x.data<T>()), s(x.strides()) {}
  T& operator()(int64_t b, int64_t t, int64_t h, int64_t d) const {
    return data[b * s[0] + t * s[1] + h * s[2] + d * s[3]];
  }
};

template <class A>
A square(A x) {
  return x * x;
}

template <class Args>
bool visible(const Args& a, int64_t b, int64_t i, int64_t j) {
  const int64_t own = i + a.k.shape()[1] - a.q.shape()[1];
  if (a.causal && j > own) return false;
  if (a.window > 0 && (j - own >= a.window || own - j >= a.window)) return false;
  if (a.first.defined() && j < a.first.template data<int32_t>()[b * a.first.strides()[0] + i * a.first.strides()[1]])
    return false;
  return !a.mask.defined() || a.mask.template data<bool>()[b * a.mask.strides()[0] + j * a.mask.strides()[1]];
}

// scale * q_i . k_j, capped, or -inf where query i does not see key j
template <class A, class T, class Args>
A score(const Args& a, const Heads<T>& q, const Heads<T>& k, int64_t b, int64_t i, int64_t j, int64_t h, int64_t g) {
  if (!visible(a, b, i, j)) return -std::numeric_limits<A>::infinity();
  A s = 0;
  for (int64_t d = 0; d < a.q.shape()[3]; ++d) s += static_cast<A>(q(b, i, h, d)) * static_cast<A>(k(b, j, g, d));
  s *= static_cast<A>(a.scale);
  const A cap = static_cast<A>(a.softcap);
  return cap > 0 ? cap * std::tanh(s / cap) : s;
}

}  // namespace

void attention(const AttentionArgs& args) {
  const int64_t batch = args.q.shape()[0], queries = args.q.shape()[1], heads = args.q.shape()[2];
  const int64_t depth = args.q.shape()[3], keys = args.k.shape()[1];
  dispatch_floating("attention", args.q.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    constexpr A inf = std::numeric_limits<A>::infinity();
    const Heads<T> q(args.q), k(args.k), v(args.v), o(args.o);
    A* lse = args.lse.data<A>();
    std::vector<A> p(static_cast<size_t>(keys));
    for (int64_t b = 0; b < batch; ++b)
      for (int64_t h = 0; h < heads; ++h)
        for (int64_t i = 0; i < queries; ++i) {
          const int64_t g = h / (heads / args.k.shape()[2]);
          A top = -inf, total = 0;
          for (int64_t j = 0; j < keys; ++j) {
            p[static_cast<size_t>(j)] = score<A>(args, q, k, b, i, j, h, g);
            top = larger(top, p[static_cast<size_t>(j)]);
          }
          const A shift = top == -inf ? A(0) : top;
          for (A& x : p) total += x = std::exp(x - shift);
          for (int64_t d = 0; d < depth; ++d) {
            A sum = 0;
            for (int64_t j = 0; j < keys; ++j)
              if (visible(args, b, i, j)) sum += p[static_cast<size_t>(j)] * static_cast<A>(v(b, j, g, d));
            o(b, i, h, d) = convert<T>(top == -inf ? A(0) : sum / total);
          }
          lse[(b * heads + h) * queries + i] = top == -inf ? -inf : shift + std::log(total);
        }
  });
}

// ds_ij = p_ij (do_i . v_j - do_i . o_i), times 1 - (s_ij / c)^2 when capped; dq_i = scale sum_j ds_ij k_j;
// dk_j = scale sum_i ds_ij q_i; dv_j = sum_i p_ij do_i (Dao, "FlashAttention-2", 2023, algorithm 2).
void attention_backward(const AttentionBackwardArgs& args) {
  const int64_t batch = args.q.shape()[0], queries = args.q.shape()[1], heads = args.q.shape()[2];
  const int64_t depth = args.q.shape()[3], keys = args.k.shape()[1], groups = args.k.shape()[2];
  dispatch_floating("attention_backward", args.q.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    const Heads<T> q(args.q), k(args.k), v(args.v), o(args.o), d_o(args.d_o), dq(args.dq), dk(args.dk), dv(args.dv);
    const A* lse = args.lse.data<A>();
    const A scale = static_cast<A>(args.scale);
    std::vector<A> dq_row(static_cast<size_t>(depth)), dk_sum, dv_sum;
    for (int64_t b = 0; b < batch; ++b)
      for (int64_t g = 0; g < groups; ++g) {
        dk_sum.assign(static_cast<size_t>(keys * depth), A(0));
        dv_sum.assign(static_cast<size_t>(keys * depth), A(0));
        for (int64_t h = g * (heads / groups); h < (g + 1) * (heads / groups); ++h)
          for (int64_t i = 0; i < queries; ++i) {
            A delta = 0;
            for (int64_t d = 0; d < depth; ++d)
              delta += static_cast<A>(d_o(b, i, h, d)) * static_cast<A>(o(b, i, h, d));
            dq_row.assign(static_cast<size_t>(depth), A(0));
            for (int64_t j = 0; j < keys; ++j) {
              if (!visible(args, b, i, j)) continue;
              const A s = score<A>(args, q, k, b, i, j, h, g);
              const A p = std::exp(s - lse[(b * heads + h) * queries + i]);
              const A slope = args.softcap > 0 ? 1 - square(s / static_cast<A>(args.softcap)) : A(1);
              A dp = 0;
              for (int64_t d = 0; d < depth; ++d) dp += static_cast<A>(d_o(b, i, h, d)) * static_cast<A>(v(b, j, g, d));
              const A ds = p * (dp - delta) * slope * scale;
              for (int64_t d = 0; d < depth; ++d) {
                const auto at = static_cast<size_t>(j * depth + d);
                dq_row[static_cast<size_t>(d)] += ds * static_cast<A>(k(b, j, g, d));
                dk_sum[at] += ds * static_cast<A>(q(b, i, h, d));
                dv_sum[at] += p * static_cast<A>(d_o(b, i, h, d));
              }
            }
            for (int64_t d = 0; d < depth; ++d) dq(b, i, h, d) = convert<T>(dq_row[static_cast<size_t>(d)]);
          }
        for (int64_t j = 0; j < keys; ++j)
          for (int64_t d = 0; d < depth; ++d) {
            dk(b, j, g, d) = convert<T>(dk_sum[static_cast<size_t>(j * depth + d)]);
            dv(b, j, g, d) = convert<T>(dv_sum[static_cast<size_t>(j * depth + d)]);
          }
      }
  });
}

}  // namespace gradus::ref
