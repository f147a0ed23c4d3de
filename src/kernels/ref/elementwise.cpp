#include <cmath>
#include <limits>

#include "kernels/ref/ref.h"
#include "kernels/ref/scalar.h"
#include "kernels/walk.h"

namespace gradus::ref {

void copy(const CopyArgs& args) {
  dispatch_all(args.x.dtype(), [&](auto from) {
    using From = decltype(from);
    dispatch_all(args.y.dtype(), [&](auto to) {
      using To = decltype(to);
      const From* x = args.x.data<From>();
      To* y = args.y.data<To>();
      for_each_element<2>(args.x.shape(), {&args.x, &args.y},
                          [&](const auto& at) { y[at[1]] = convert<To>(x[at[0]]); });
    });
  });
}

void fill(const FillArgs& args) {
  dispatch_all(args.y.dtype(), [&](auto tag) {
    using T = decltype(tag);
    T* y = args.y.data<T>();
    const T value = convert<T>(args.value);
    for_each_element<1>(args.y.shape(), {&args.y}, [&](const auto& at) { y[at[0]] = value; });
  });
}

void iota(const IotaArgs& args) {
  dispatch_all(args.y.dtype(), [&](auto tag) {
    using T = decltype(tag);
    T* y = args.y.data<T>();
    for (int64_t i = 0; i < args.y.count(); ++i) y[i] = convert<T>(args.start + static_cast<double>(i) * args.step);
  });
}

void random(const RandomArgs& args) {
  dispatch_floating("random", args.y.dtype(), [&](auto tag) {
    using T = decltype(tag);
    T* y = args.y.data<T>();
    for (int64_t i = 0; i < args.y.count(); ++i) {
      const auto index = static_cast<uint64_t>(i);
      const double z = args.distribution == Distribution::normal ? args.a + args.b * args.key.normal(index)
                                                                 : args.a + (args.b - args.a) * args.key.uniform(index);
      y[i] = convert<T>(z);
    }
  });
}

void where(const WhereArgs& args) {
  dispatch_all(args.y.dtype(), [&](auto tag) {
    using T = decltype(tag);
    const bool* c = args.condition.data<bool>();
    const T *a = args.a.data<T>(), *b = args.b.data<T>();
    T* y = args.y.data<T>();
    for_each_element<4>(args.y.shape(), {&args.condition, &args.a, &args.b, &args.y},
                        [&](const auto& at) { y[at[3]] = c[at[0]] ? a[at[1]] : b[at[2]]; });
  });
}

void dropout(const DropoutArgs& args) {
  dispatch_floating("dropout", args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    const T* x = args.x.data<T>();
    T* y = args.y.data<T>();
    const A scale = static_cast<A>(1 / (1 - args.p));
    uint64_t i = 0;
    for_each_element<2>(args.x.shape(), {&args.x, &args.y}, [&](const auto& at) {
      y[at[1]] = args.key.uniform(i++) >= args.p ? convert<T>(static_cast<A>(x[at[0]]) * scale) : T{};
    });
  });
}

}  // namespace gradus::ref
