#include "kernels/pad_place.h"
#include "kernels/ref/ref.h"
#include "kernels/ref/scalar.h"
#include "kernels/walk.h"

namespace gradus::ref {

void pad(const PadArgs& args) {
  const Shape& shape = args.y.shape();
  dispatch_all(args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    const T* x = args.x.data<T>();
    T* y = args.y.data<T>();
    for (int64_t i = 0; i < args.y.count(); ++i) {
      int64_t offset = 0, rest = i;
      bool inside = true;
      for (int axis = shape.rank() - 1; axis >= 0; --axis) {
        const int64_t at = padded_source(rest % shape[axis], args.before[axis], args.x.shape()[axis], args.mode);
        rest /= shape[axis];
        inside = inside && at >= 0;
        offset += at * args.x.strides()[axis];
      }
      y[i] = inside ? x[offset] : convert<T>(args.value);
    }
  });
}

void accumulate(const AccumulateArgs& args) {
  dispatch_floating("accumulate", args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    const T* x = args.x.data<T>();
    T* y = args.y.data<T>();
    for_each_element<2>(args.x.shape(), {&args.x, &args.y}, [&](const auto& at) {
      y[at[1]] = convert<T>(static_cast<A>(y[at[1]]) + static_cast<A>(x[at[0]]));
    });
  });
}

}  // namespace gradus::ref
