#include <vector>

#include "kernels/ref/ref.h"
#include "kernels/ref/scalar.h"

namespace gradus::ref {

namespace {

using ConvPlace = std::array<int64_t, 3>;

template <class F>
void for_each_place(const Tensor& x, F&& f) {  // of the last three axes
  ConvPlace p;
  for (p[0] = 0; p[0] < x.shape()[2]; ++p[0])
    for (p[1] = 0; p[1] < x.shape()[3]; ++p[1])
      for (p[2] = 0; p[2] < x.shape()[4]; ++p[2]) f(static_cast<const ConvPlace&>(p));
}

int64_t conv_offset(const Tensor& x, int64_t i, int64_t j, const ConvPlace& p) {
  const Strides& s = x.strides();
  return i * s[0] + j * s[1] + p[0] * s[2] + p[1] * s[3] + p[2] * s[4];
}

// Calls f(c, at, t) for every product that makes y[b, o, p]: input channel, place in x, place in w.
template <class F>
void for_each_product(const Tensor& x, const Tensor& w, const ConvGeometry& g, int64_t o, const ConvPlace& p, F&& f) {
  const int64_t channels = w.shape()[1], first = o / (w.shape()[0] / g.groups) * channels;
  for (int64_t c = 0; c < channels; ++c)
    for_each_place(w, [&](const ConvPlace& t) {
      ConvPlace at;
      for (int i = 0; i < 3; ++i) {
        at[i] = p[i] * g.stride[i] + t[i] * g.dilation[i] - g.padding[i];
        if (at[i] < 0 || at[i] >= x.shape()[2 + i]) return;
      }
      f(first + c, c, static_cast<const ConvPlace&>(at), t);
    });
}

// Calls f(offset in x, offset in w, offset in y) for every product of the convolution.
template <class F>
void for_each_term(const Tensor& x, const Tensor& w, const Tensor& y, const ConvGeometry& g, F&& f) {
  for (int64_t b = 0; b < y.shape()[0]; ++b)
    for (int64_t o = 0; o < y.shape()[1]; ++o)
      for_each_place(y, [&](const ConvPlace& p) {
        for_each_product(x, w, g, o, p, [&](int64_t from, int64_t c, const ConvPlace& at, const ConvPlace& t) {
          f(conv_offset(x, b, from, at), conv_offset(w, o, c, t), conv_offset(y, b, o, p));
        });
      });
}

template <class T, class A>
void store_sums(const Tensor& y, const std::vector<A>& sums) {
  T* to = y.data<T>();
  for (int64_t i = 0; i < y.count(); ++i) to[i] = convert<T>(sums[static_cast<size_t>(i)]);
}

}  // namespace

void conv(const ConvArgs& args) {
  dispatch_floating("conv", args.y.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    const T *x = args.x.data<T>(), *w = args.w.data<T>();
    std::vector<A> sums(static_cast<size_t>(args.y.count()), A(0));
    for_each_term(args.x, args.w, args.y, args.geometry, [&](int64_t i, int64_t j, int64_t k) {
      sums[static_cast<size_t>(k)] += static_cast<A>(x[i]) * static_cast<A>(w[j]);
    });
    if (args.bias.defined()) {
      const T* bias = args.bias.data<T>();
      const int64_t places = args.y.strides()[1], channels = args.y.shape()[1];
      for (int64_t i = 0; i < args.y.count(); ++i)
        sums[static_cast<size_t>(i)] += static_cast<A>(bias[i / places % channels * args.bias.strides()[0]]);
    }
    store_sums<T>(args.y, sums);
  });
}

void conv_backward_data(const ConvBackwardDataArgs& args) {
  dispatch_floating("conv_backward_data", args.dx.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    const T *dy = args.dy.data<T>(), *w = args.w.data<T>();
    std::vector<A> sums(static_cast<size_t>(args.dx.count()), A(0));
    for_each_term(args.dx, args.w, args.dy, args.geometry, [&](int64_t i, int64_t j, int64_t k) {
      sums[static_cast<size_t>(i)] += static_cast<A>(dy[k]) * static_cast<A>(w[j]);
    });
    store_sums<T>(args.dx, sums);
  });
}

void conv_backward_weights(const ConvBackwardWeightsArgs& args) {
  dispatch_floating("conv_backward_weights", args.dw.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    const T *dy = args.dy.data<T>(), *x = args.x.data<T>();
    std::vector<A> sums(static_cast<size_t>(args.dw.count()), A(0));
    for_each_term(args.x, args.dw, args.dy, args.geometry, [&](int64_t i, int64_t j, int64_t k) {
      sums[static_cast<size_t>(j)] += static_cast<A>(dy[k]) * static_cast<A>(x[i]);
    });
    store_sums<T>(args.dw, sums);
  });
}

}  // namespace gradus::ref
