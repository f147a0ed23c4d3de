#include <cmath>
#include <vector>

#include "kernels/ref/ref.h"
#include "kernels/ref/rows.h"
#include "kernels/ref/scalar.h"

namespace gradus::ref {

namespace {

// A vector of parameters that may be missing.
template <class T>
struct Optional {
  T* data = nullptr;
  int64_t stride = 0;
  explicit Optional(const Tensor& t) {
    if (t.defined()) data = t.data<T>(), stride = t.strides()[0];
  }
  accumulator_t<T> get(int64_t i, accumulator_t<T> otherwise) const {
    return data ? static_cast<accumulator_t<T>>(data[i * stride]) : otherwise;
  }
};

template <class T, class A>
void store(const Tensor& to, const std::vector<A>& values) {
  if (!to.defined()) return;
  T* p = to.data<T>();
  for (size_t i = 0; i < values.size(); ++i) p[i] = convert<T>(values[i]);
}

}  // namespace

void layer_norm(const LayerNormArgs& args) {
  dispatch_floating("layer_norm", args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    const Optional<T> weight(args.weight), bias(args.bias);
    A *mean = args.mean.data<A>(), *rstd = args.rstd.data<A>();
    const int64_t n = args.x.shape().back();
    for_each_row<2>(args.x.shape(), {&args.x, &args.y}, [&](int64_t r, const auto& at) {
      const Row<T> x = row_of<T>(args.x, at[0]), y = row_of<T>(args.y, at[1]);
      A sum = 0, squares = 0;
      for (int64_t i = 0; i < n; ++i) sum += static_cast<A>(x[i]);
      mean[r] = sum / static_cast<A>(n);
      for (int64_t i = 0; i < n; ++i) squares += (static_cast<A>(x[i]) - mean[r]) * (static_cast<A>(x[i]) - mean[r]);
      rstd[r] = 1 / std::sqrt(squares / static_cast<A>(n) + static_cast<A>(args.eps));
      for (int64_t i = 0; i < n; ++i)
        y[i] = convert<T>((static_cast<A>(x[i]) - mean[r]) * rstd[r] * weight.get(i, 1) + bias.get(i, 0));
    });
  });
}

// With h = (x - mean) rstd and g = dy weight: dx = rstd (g - mean(g) - h mean(g h)), dweight = sum dy h, dbias = sum
// dy.
void layer_norm_backward(const LayerNormBackwardArgs& args) {
  dispatch_floating("layer_norm", args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    const Optional<T> weight(args.weight);
    const A *mean = args.mean.data<A>(), *rstd = args.rstd.data<A>();
    const int64_t n = args.x.shape().back();
    std::vector<A> dweight(static_cast<size_t>(n)), dbias(dweight.size());
    for_each_row<2>(args.x.shape(), {&args.x, &args.dy}, [&](int64_t r, const auto& at) {
      const Row<T> x = row_of<T>(args.x, at[0]), dy = row_of<T>(args.dy, at[1]);
      A sum = 0, product = 0;
      for (int64_t i = 0; i < n; ++i) {
        const A h = (static_cast<A>(x[i]) - mean[r]) * rstd[r], d = static_cast<A>(dy[i]);
        sum += d * weight.get(i, 1);
        product += d * weight.get(i, 1) * h;
        dweight[static_cast<size_t>(i)] += d * h;
        dbias[static_cast<size_t>(i)] += d;
      }
      if (!args.dx.defined()) return;
      T* dx = args.dx.data<T>() + r * n;
      for (int64_t i = 0; i < n; ++i) {
        const A h = (static_cast<A>(x[i]) - mean[r]) * rstd[r], g = static_cast<A>(dy[i]) * weight.get(i, 1);
        dx[i] = convert<T>(rstd[r] * (g - (sum + h * product) / static_cast<A>(n)));
      }
    });
    store<T>(args.dweight, dweight);
    store<T>(args.dbias, dbias);
  });
}

void rms_norm(const RmsNormArgs& args) {
  dispatch_floating("rms_norm", args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    const Optional<T> weight(args.weight);
    A* rstd = args.rstd.data<A>();
    const int64_t n = args.x.shape().back();
    for_each_row<2>(args.x.shape(), {&args.x, &args.y}, [&](int64_t r, const auto& at) {
      const Row<T> x = row_of<T>(args.x, at[0]), y = row_of<T>(args.y, at[1]);
      A squares = 0;
      for (int64_t i = 0; i < n; ++i) squares += static_cast<A>(x[i]) * static_cast<A>(x[i]);
      rstd[r] = 1 / std::sqrt(squares / static_cast<A>(n) + static_cast<A>(args.eps));
      for (int64_t i = 0; i < n; ++i) {
        const T h = convert<T>(static_cast<A>(x[i]) * rstd[r]);
        y[i] = convert<T>(static_cast<A>(h) * weight.get(i, 1));
      }
    });
  });
}

// With h = x rstd and g = dy weight: dx = rstd (g - h mean(g h)), dweight = sum dy h.
void rms_norm_backward(const RmsNormBackwardArgs& args) {
  dispatch_floating("rms_norm", args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    const Optional<T> weight(args.weight);
    const A* rstd = args.rstd.data<A>();
    const int64_t n = args.x.shape().back();
    std::vector<A> dweight(static_cast<size_t>(n));
    for_each_row<2>(args.x.shape(), {&args.x, &args.dy}, [&](int64_t r, const auto& at) {
      const Row<T> x = row_of<T>(args.x, at[0]), dy = row_of<T>(args.dy, at[1]);
      A product = 0;
      for (int64_t i = 0; i < n; ++i) {
        const A h = static_cast<A>(x[i]) * rstd[r], d = static_cast<A>(dy[i]);
        product += d * weight.get(i, 1) * h;
        dweight[static_cast<size_t>(i)] += d * static_cast<A>(convert<T>(h));
      }
      if (!args.dx.defined()) return;
      T* dx = args.dx.data<T>() + r * n;
      for (int64_t i = 0; i < n; ++i) {
        const A h = static_cast<A>(x[i]) * rstd[r], g = static_cast<A>(dy[i]) * weight.get(i, 1);
        dx[i] = convert<T>(rstd[r] * (g - h * product / static_cast<A>(n)));
      }
    });
    store<T>(args.dweight, dweight);
  });
}

}  // namespace gradus::ref
