#include <cmath>
#include <vector>

#include "kernels/ref/ref.h"
#include "kernels/ref/scalar.h"

// Batch and group norm of x (B, C, S). A `set` is what shares a mean: a channel of all entries, or neighbouring
// channels of one entry.
namespace gradus::ref {

namespace {

// Element (b, c, s) of a tensor, in the accumulator type.
template <class T>
struct Volume {
  T* data;
  Strides strides;
  explicit Volume(const Tensor& x) : data(x.data<T>()), strides(x.strides()) {}
  T& at(int64_t b, int64_t c, int64_t s) const { return data[b * strides[0] + c * strides[1] + s * strides[2]]; }
  accumulator_t<T> get(int64_t b, int64_t c, int64_t s) const { return static_cast<accumulator_t<T>>(at(b, c, s)); }
};

template <class T>
accumulator_t<T> channel_value(const Tensor& x, int64_t c, accumulator_t<T> otherwise) {
  return x.defined() ? static_cast<accumulator_t<T>>(x.data<T>()[c * x.strides()[0]]) : otherwise;
}

struct Set {
  int64_t b, b_end, c, c_end;
};
Set channel_set(const Tensor& x, int64_t c) { return {0, x.shape()[0], c, c + 1}; }
Set group_set(const Tensor& x, int64_t groups, int64_t i) {
  const int64_t size = x.shape()[1] / groups, c = i % groups * size;
  return {i / groups, i / groups + 1, c, c + size};
}
int64_t count_of(const Set& set, const Tensor& x) { return (set.b_end - set.b) * (set.c_end - set.c) * x.shape()[2]; }

template <class F>
void visit(const Set& set, int64_t spatial, const F& f) {
  for (int64_t b = set.b; b < set.b_end; ++b)
    for (int64_t c = set.c; c < set.c_end; ++c)
      for (int64_t s = 0; s < spatial; ++s) f(b, c, s);
}

template <class T, class A>
void moments(const Tensor& x, const Set& set, A& mean, A& variance) {
  const Volume<T> v(x);
  const A n = static_cast<A>(count_of(set, x));
  A sum = 0, squares = 0;
  visit(set, x.shape()[2], [&](int64_t b, int64_t c, int64_t s) { sum += v.get(b, c, s); });
  mean = sum / n;
  visit(set, x.shape()[2], [&](int64_t b, int64_t c, int64_t s) {
    const A d = v.get(b, c, s) - mean;
    squares += d * d;
  });
  variance = squares / n;
}

template <class T, class A>
void normalise(const Tensor& x, const Tensor& weight, const Tensor& bias, const Set& set, A mean, A rstd,
               const Tensor& y) {
  const Volume<T> from(x), to(y);
  visit(set, x.shape()[2], [&](int64_t b, int64_t c, int64_t s) {
    to.at(b, c, s) =
        convert<T>((from.get(b, c, s) - mean) * rstd * channel_value<T>(weight, c, 1) + channel_value<T>(bias, c, 0));
  });
}

// With h = (x - mean) rstd and g = dy weight: dx = rstd (g - mean(g) - h mean(g h)), or rstd g when the mean is given;
// adds dy h to dweight and dy to dbias.
template <class T, class A>
void backward(const Tensor& x, const Tensor& weight, const Tensor& dy, const Set& set, A mean, A rstd, bool given,
              const Tensor& dx, std::vector<A>& dweight, std::vector<A>& dbias) {
  const Volume<T> vx(x), vdy(dy);
  const A n = static_cast<A>(count_of(set, x));
  A sum = 0, product = 0;
  visit(set, x.shape()[2], [&](int64_t b, int64_t c, int64_t s) {
    const A h = (vx.get(b, c, s) - mean) * rstd, d = vdy.get(b, c, s), w = channel_value<T>(weight, c, 1);
    sum += d * w;
    product += d * w * h;
    dweight[static_cast<size_t>(c)] += d * h;
    dbias[static_cast<size_t>(c)] += d;
  });
  if (!dx.defined()) return;
  const Volume<T> vdx(dx);
  visit(set, x.shape()[2], [&](int64_t b, int64_t c, int64_t s) {
    const A h = (vx.get(b, c, s) - mean) * rstd, g = vdy.get(b, c, s) * channel_value<T>(weight, c, 1);
    vdx.at(b, c, s) = convert<T>(rstd * (given ? g : g - (sum + h * product) / n));
  });
}

template <class T, class A>
void store(const std::vector<A>& values, const Tensor& to) {
  if (!to.defined()) return;
  for (size_t i = 0; i < values.size(); ++i) to.data<T>()[i] = convert<T>(values[i]);
}

}  // namespace

void batch_norm(const BatchNormArgs& args) {
  dispatch_floating("batch_norm", args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    A *mean = args.mean.data<A>(), *variance = args.variance.data<A>();
    for (int64_t c = 0; c < args.x.shape()[1]; ++c) {
      const Set set = channel_set(args.x, c);
      if (!args.given) moments<T>(args.x, set, mean[c], variance[c]);
      normalise<T>(args.x, args.weight, args.bias, set, mean[c], 1 / std::sqrt(variance[c] + static_cast<A>(args.eps)),
                   args.y);
    }
  });
}

void batch_norm_backward(const BatchNormBackwardArgs& args) {
  dispatch_floating("batch_norm", args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    const A *mean = args.mean.data<A>(), *variance = args.variance.data<A>();
    std::vector<A> dweight(static_cast<size_t>(args.x.shape()[1])), dbias(dweight.size());
    for (int64_t c = 0; c < args.x.shape()[1]; ++c)
      backward<T>(args.x, args.weight, args.dy, channel_set(args.x, c), mean[c],
                  1 / std::sqrt(variance[c] + static_cast<A>(args.eps)), args.given, args.dx, dweight, dbias);
    store<T>(dweight, args.dweight);
    store<T>(dbias, args.dbias);
  });
}

void group_norm(const GroupNormArgs& args) {
  dispatch_floating("group_norm", args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    A *mean = args.mean.data<A>(), *rstd = args.rstd.data<A>();
    for (int64_t i = 0; i < args.mean.count(); ++i) {
      const Set set = group_set(args.x, args.groups, i);
      A variance = 0;
      moments<T>(args.x, set, mean[i], variance);
      rstd[i] = 1 / std::sqrt(variance + static_cast<A>(args.eps));
      normalise<T>(args.x, args.weight, args.bias, set, mean[i], rstd[i], args.y);
    }
  });
}

void group_norm_backward(const GroupNormBackwardArgs& args) {
  dispatch_floating("group_norm", args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    const A *mean = args.mean.data<A>(), *rstd = args.rstd.data<A>();
    std::vector<A> dweight(static_cast<size_t>(args.x.shape()[1])), dbias(dweight.size());
    for (int64_t i = 0; i < args.mean.count(); ++i)
      backward<T>(args.x, args.weight, args.dy, group_set(args.x, args.groups, i), mean[i], rstd[i], false, args.dx,
                  dweight, dbias);
    store<T>(dweight, args.dweight);
    store<T>(dbias, args.dbias);
  });
}

}  // namespace gradus::ref
