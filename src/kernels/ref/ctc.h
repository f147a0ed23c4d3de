#pragma once
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "kernels/ref/ref.h"
#include "kernels/ref/scalar.h"

namespace gradus::ref {

/// log(e^a + e^b + e^c), also of -infinities
template <class A>
A log_sum(A a, A b, A c = -std::numeric_limits<A>::infinity()) {
  const A top = std::max(std::max(a, b), c);
  return std::isinf(top) ? top : top + std::log(std::exp(a - top) + std::exp(b - top) + std::exp(c - top));
}

/// Forward and backward pass of one sequence. The target is spread out with blanks around every label: 2S + 1 states.
template <class T>
struct CtcSequence {
  using A = accumulator_t<T>;
  static constexpr A kNever = -std::numeric_limits<A>::infinity();

  const T* log_probs;  // of step t and class c at [t * step_t + c * step_c]
  int64_t step_t, step_c;
  const int64_t* target;
  int64_t step_target;
  int64_t length, labels, blank;  // steps, S
  A* alpha;                       // rows of `width` states

  int64_t width;

  template <class Args>
  CtcSequence(const Args& args, int64_t n)
      : log_probs(row<T>(args.log_probs, 1, n)),
        step_t(args.log_probs.strides()[0]),
        step_c(args.log_probs.strides()[2]),
        target(row<int64_t>(args.targets, 0, n)),
        step_target(args.targets.strides()[1]),
        length(*row<int64_t>(args.input_lengths, 0, n)),
        labels(*row<int64_t>(args.target_lengths, 0, n)),
        blank(args.blank),
        alpha(row<A>(args.alpha, 0, n)),
        width(args.alpha.size(2)) {}

  /// Where entry n of an axis begins; nowhere in an empty tensor.
  template <class X>
  static X* row(const Tensor& x, int axis, int64_t n) {
    return x.count() == 0 ? nullptr : x.data<X>() + n * x.strides()[axis];
  }

  int64_t states() const { return 2 * labels + 1; }
  int64_t label(int64_t state) const { return state % 2 ? target[state / 2 * step_target] : blank; }
  A emission(int64_t t, int64_t state) const { return static_cast<A>(log_probs[t * step_t + label(state) * step_c]); }
  /// Whether a path may leave out the blank before this state.
  bool jumps(int64_t state) const { return state % 2 && state > 1 && label(state) != label(state - 2); }

  /// alpha[t, s] = log p(steps 0 … t, ending in state s); returns -log p(target).
  A forward() {
    if (length == 0) return labels == 0 ? A(0) : -kNever;
    for (int64_t t = 0; t < length; ++t) {
      A *now = alpha + t * width, *before = now - width;
      for (int64_t s = 0; s < states(); ++s) {
        A sum = kNever;
        if (t == 0) {
          sum = s < 2 ? A(0) : kNever;
        } else {
          sum = s == 0 ? before[s] : log_sum(before[s], before[s - 1], jumps(s) ? before[s - 2] : kNever);
        }
        now[s] = sum + emission(t, s);
      }
    }
    const A* last = alpha + (length - 1) * width;
    return -(labels == 0 ? last[0] : log_sum(last[states() - 1], last[states() - 2]));
  }

  /// Calls put(t, row), where row[c] = -p(class c at step t | target) dloss, for all steps.
  template <class Put>
  void backward(A loss, A dloss, int64_t classes, const Put& put) {
    std::vector<A> beta(static_cast<size_t>(states()), kNever), next = beta, row(static_cast<size_t>(classes));
    if (std::isinf(loss)) return;
    for (int64_t t = length - 1; t >= 0; --t) {
      std::fill(row.begin(), row.end(), A(0));
      // beta[s] = log p(steps after t | state s at t)
      for (int64_t s = states() - 1; s >= 0; --s) {
        const auto onward = [&](int64_t to) { return next[static_cast<size_t>(to)] + emission(t + 1, to); };
        A sum = s + 2 >= states() ? A(0) : kNever;
        if (t + 1 < length) {
          sum = onward(s);
          if (s + 1 < states())
            sum = log_sum(sum, onward(s + 1), s + 2 < states() && jumps(s + 2) ? onward(s + 2) : kNever);
        }
        beta[static_cast<size_t>(s)] = sum;
        const A path = alpha[t * width + s] + sum + loss;
        row[static_cast<size_t>(label(s))] -= std::exp(path) * dloss;
      }
      put(t, row);
      std::swap(beta, next);
    }
  }
};

/// Column n of dlog_probs.
template <class T>
void ctc_gradient(const CtcBackwardArgs& args, int64_t n) {
  using A = accumulator_t<T>;
  const int64_t steps = args.log_probs.size(0), batch = args.log_probs.size(1), classes = args.log_probs.size(2);
  const auto put = [&](int64_t t, const std::vector<A>& row) {
    T* out = args.dlog_probs.data<T>() + (t * batch + n) * classes;
    for (int64_t c = 0; c < classes; ++c) out[c] = convert<T>(row[static_cast<size_t>(c)]);
  };
  const std::vector<A> nothing(static_cast<size_t>(classes));
  for (int64_t t = 0; t < steps; ++t) put(t, nothing);
  const A loss = args.loss.data<A>()[n], dloss = args.dloss.data<A>()[n * args.dloss.strides()[0]];
  CtcSequence<T>(args, n).backward(loss, dloss, classes, put);
}

}  // namespace gradus::ref
