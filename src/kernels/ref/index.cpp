#include "kernels/ref/ref.h"
#include "kernels/ref/scalar.h"
#include "kernels/walk.h"

namespace gradus::ref {

void embedding(const EmbeddingArgs& args) {
  const int64_t n = args.ids.count(), width = args.table.size(1);
  const int64_t row = args.table.strides()[0], column = args.table.strides()[1];
  dispatch_all(args.table.dtype(), [&](auto tag) {
    using T = decltype(tag);
    dispatch_index("embedding", args.ids.dtype(), [&](auto id) {
      const auto* ids = args.ids.data<decltype(id)>();
      const T* table = args.table.data<T>();
      T* y = args.y.data<T>();
      for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < width; ++j) y[i * width + j] = table[ids[i] * row + j * column];
    });
  });
}

void embedding_backward(const EmbeddingBackwardArgs& args) {
  fill({.y = args.dtable, .value = 0});
  const int64_t n = args.ids.count(), width = args.dtable.size(1);
  dispatch_floating("embedding", args.dy.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    dispatch_index("embedding", args.ids.dtype(), [&](auto id) {
      const auto* ids = args.ids.data<decltype(id)>();
      const T* dy = args.dy.data<T>();
      T* dtable = args.dtable.data<T>();
      for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < width; ++j) {
          T& d = dtable[ids[i] * width + j];
          d = convert<T>(static_cast<A>(d) + static_cast<A>(dy[i * width + j]));
        }
    });
  });
}

namespace {

// x seen with `axis` frozen at its first entry and stretched over the index's shape.
Tensor frozen(const Tensor& x, const Shape& shape, int axis) {
  Strides strides = x.strides();
  strides[axis] = 0;
  return x.strided(shape, strides);
}

}  // namespace

void gather(const GatherArgs& args) {
  if (args.y.count() == 0) return;
  const int64_t step = args.x.strides()[args.axis];
  const Tensor base = frozen(args.x, args.y.shape(), args.axis);
  dispatch_all(args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    dispatch_index("gather", args.index.dtype(), [&](auto id) {
      const auto* index = args.index.data<decltype(id)>();
      const T* x = args.x.data<T>();
      T* y = args.y.data<T>();
      for_each_element<3>(args.y.shape(), {&base, &args.index, &args.y},
                          [&](const auto& at) { y[at[2]] = x[at[0] + index[at[1]] * step]; });
    });
  });
}

void scatter_add(const ScatterAddArgs& args) {
  fill({.y = args.dx, .value = 0});
  if (args.dy.count() == 0) return;
  const int64_t step = args.dx.strides()[args.axis];
  const Tensor base = frozen(args.dx, args.dy.shape(), args.axis);
  dispatch_floating("scatter_add", args.dy.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    dispatch_index("scatter_add", args.index.dtype(), [&](auto id) {
      const auto* index = args.index.data<decltype(id)>();
      const T* dy = args.dy.data<T>();
      T* dx = args.dx.data<T>();
      for_each_element<3>(args.dy.shape(), {&base, &args.index, &args.dy}, [&](const auto& at) {
        T& d = dx[at[0] + index[at[1]] * step];
        d = convert<T>(static_cast<A>(d) + static_cast<A>(dy[at[2]]));
      });
    });
  });
}

}  // namespace gradus::ref
