#include <cmath>
#include <limits>
#include <vector>

#include "kernels/ref/ref.h"
#include "kernels/ref/rows.h"
#include "kernels/ref/scalar.h"

namespace gradus::ref {

namespace {

// log sum_j exp x_j = top + log_sum, kept apart: the loss is exact for large logits too.
template <class A>
struct LogSumExp {
  A top = -std::numeric_limits<A>::infinity(), log_sum = 0;

  template <class X>
  LogSumExp(const X& x, int64_t n) {
    for (int64_t j = 0; j < n; ++j) top = std::max(top, static_cast<A>(x[j]));
    if (std::isinf(top) && top < 0) return;
    A sum = 0;
    for (int64_t j = 0; j < n; ++j) sum += std::exp(static_cast<A>(x[j]) - top);
    log_sum = std::log(sum);
  }
  A value() const { return top + log_sum; }
  A loss(A x) const { return top - x + log_sum; }
};

}  // namespace

void cross_entropy(const CrossEntropyArgs& args) {
  dispatch_floating("cross_entropy", args.logits.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    const Row<int64_t> labels = row_of<int64_t>(args.labels);
    A *loss = args.loss.data<A>(), *lse = args.lse.data<A>();
    for (int64_t i = 0; i < args.logits.size(0); ++i) {
      const Row<T> x = row_of<T>(args.logits, i * args.logits.strides()[0]);
      const LogSumExp<A> e(x, args.logits.size(1));
      lse[i] = e.value();
      loss[i] = labels[i] == kIgnoredLabel ? A(0) : e.loss(static_cast<A>(x[labels[i]]));
    }
  });
}

void cross_entropy_backward(const CrossEntropyBackwardArgs& args) {
  dispatch_floating("cross_entropy", args.logits.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    const Row<int64_t> labels = row_of<int64_t>(args.labels);
    const Row<A> lse = row_of<A>(args.lse), dloss = row_of<A>(args.dloss);
    const int64_t n = args.logits.size(1);
    for (int64_t i = 0; i < args.logits.size(0); ++i) {
      const Row<T> x = row_of<T>(args.logits, i * args.logits.strides()[0]);
      T* dx = args.dlogits.data<T>() + i * n;
      for (int64_t j = 0; j < n; ++j) {
        const A p = std::exp(static_cast<A>(x[j]) - lse[i]) - (j == labels[i] ? A(1) : A(0));
        dx[j] = labels[i] == kIgnoredLabel ? T{} : convert<T>(p * dloss[i]);
      }
    }
  });
}

void linear_cross_entropy(const LinearCrossEntropyArgs& args) {
  dispatch_floating("linear_cross_entropy", args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    const int64_t rows = args.x.size(0), width = args.x.size(1), vocabulary = args.w.size(0);
    const Row<int64_t> labels = row_of<int64_t>(args.labels);
    const auto x = [&](int64_t i) { return row_of<T>(args.x, i * args.x.strides()[0]); };
    const auto w = [&](int64_t j) { return row_of<T>(args.w, j * args.w.strides()[0]); };
    A* loss = args.loss.data<A>();
    const A cap = static_cast<A>(args.softcap);
    std::vector<A> logits(static_cast<size_t>(vocabulary)), dx(static_cast<size_t>(width));
    std::vector<A> dw(args.dw.defined() ? static_cast<size_t>(args.dw.count()) : 0);
    for (int64_t i = 0; i < rows; ++i) {
      std::fill(dx.begin(), dx.end(), A(0));
      loss[i] = 0;
      if (labels[i] != kIgnoredLabel) {
        for (int64_t j = 0; j < vocabulary; ++j) {
          A sum = 0;
          for (int64_t c = 0; c < width; ++c) sum += static_cast<A>(x(i)[c]) * static_cast<A>(w(j)[c]);
          logits[static_cast<size_t>(j)] = cap > 0 ? cap * std::tanh(sum / cap) : sum;
        }
        const LogSumExp<A> e(logits.data(), vocabulary);
        loss[i] = e.loss(logits[static_cast<size_t>(labels[i])]);
        for (int64_t j = 0; j < vocabulary; ++j) {
          const A p = std::exp(logits[static_cast<size_t>(j)] - e.top - e.log_sum) - (j == labels[i] ? A(1) : A(0));
          const A bent = cap > 0 ? logits[static_cast<size_t>(j)] / cap : A(0);
          const A d = p * (1 - bent * bent) * static_cast<A>(args.scale);
          for (int64_t c = 0; args.dx.defined() && c < width; ++c)
            dx[static_cast<size_t>(c)] += d * static_cast<A>(w(j)[c]);
          for (int64_t c = 0; args.dw.defined() && c < width; ++c)
            dw[static_cast<size_t>(j * width + c)] += d * static_cast<A>(x(i)[c]);
        }
      }
      if (args.dx.defined())
        for (int64_t c = 0; c < width; ++c) args.dx.data<T>()[i * width + c] = convert<T>(dx[static_cast<size_t>(c)]);
    }
    for (size_t k = 0; k < dw.size(); ++k) args.dw.data<T>()[k] = convert<T>(dw[k]);
  });
}

}  // namespace gradus::ref
