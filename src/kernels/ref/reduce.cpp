#include <limits>

#include "kernels/ref/ref.h"
#include "kernels/ref/scalar.h"
#include "kernels/walk.h"

namespace gradus::ref {

namespace {

// y seen with x's shape: stride 0 along every reduced axis.
Tensor expanded_output(const Tensor& x, const Tensor& y) {
  Strides strides = y.strides();
  for (int axis = 0; axis < x.rank(); ++axis)
    if (y.shape()[axis] != x.shape()[axis]) strides[axis] = 0;
  return y.strided(x.shape(), strides);
}

}  // namespace

void reduce(const ReduceArgs& args) {
  dispatch_all(args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    // The running values: f64 for every floating type, so that one long chain of additions stays an oracle.
    using A = std::conditional_t<is_floating(dtype_of<T>), double, int64_t>;
    const T* x = args.x.data<T>();
    T* y = args.y.data<T>();
    std::vector<A> total(static_cast<size_t>(args.y.count()), A{});
    std::vector<char> seen(total.size(), 0);
    if (args.x.count() > 0) {
      const Tensor index = expanded_output(args.x, args.y);
      for_each_element<2>(args.x.shape(), {&args.x, &index}, [&](const auto& at) {
        const A v = static_cast<A>(x[at[0]]);
        const auto i = static_cast<size_t>(at[1]);
        if (args.f == Reduction::sum)
          total[i] += v;
        else if (!seen[i])
          total[i] = v;
        else
          total[i] = args.f == Reduction::max ? larger(total[i], v) : smaller(total[i], v);
        seen[i] = 1;
      });
    }
    for (size_t i = 0; i < total.size(); ++i) y[i] = convert<T>(total[i]);
  });
}

void argmax(const ArgmaxArgs& args) {
  Shape outer = args.x.shape();
  Strides strides = args.x.strides();
  const int64_t n = outer[args.axis], step = strides[args.axis];
  outer.erase(args.axis);
  strides.erase(args.axis);
  dispatch_all(args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    const T* x = args.x.data<T>();
    int64_t* y = args.y.data<int64_t>();
    if (args.y.count() == 0) return;
    const Tensor first = args.x.strided(outer, strides);
    for_each_element<2>(outer, {&first, &args.y}, [&](const auto& at) {
      int64_t best = 0;
      for (int64_t i = 1; i < n; ++i)
        if (x[at[0] + i * step] > x[at[0] + best * step]) best = i;
      y[at[1]] = best;
    });
  });
}

void sum_squares(const SumSquaresArgs& args) {
  double total = 0;
  dispatch_floating("sum_squares", args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    const T* x = args.x.data<T>();
    for_each_element<1>(args.x.shape(), {&args.x}, [&](const auto& at) {
      const double v = static_cast<double>(x[at[0]]);
      total += v * v;
    });
  });
  args.result.data<double>()[0] = total;
}

}  // namespace gradus::ref
