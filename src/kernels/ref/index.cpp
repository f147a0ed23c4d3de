#include <algorithm>

#include "kernels/ref/ref.h"
#include "kernels/ref/rows.h"
#include "kernels/ref/scalar.h"

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

// When nobody has looked before.
bool lies_within(int64_t index, int64_t size, bool* outside) {
  if (!outside || (index >= 0 && index < size)) return true;
  *outside = true;
  return false;
}

}  // namespace

void gather(const GatherArgs& args) {
  if (args.y.count() == 0) return;
  const int64_t step = args.x.strides()[args.axis], size = args.x.shape()[args.axis];
  if (!lies_within(0, size, args.outside)) return;
  const Tensor base = frozen(args.x, args.y.shape(), args.axis);
  dispatch_all(args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    dispatch_index("gather", args.index.dtype(), [&](auto id) {
      const auto* index = args.index.data<decltype(id)>();
      const T* x = args.x.data<T>();
      T* y = args.y.data<T>();
      for_each_element<3>(args.y.shape(), {&base, &args.index, &args.y}, [&](const auto& at) {
        if (lies_within(index[at[1]], size, args.outside)) y[at[2]] = x[at[0] + index[at[1]] * step];
      });
    });
  });
}

void scatter(const ScatterArgs& args) {
  if (!args.x.defined())
    fill({.y = args.y, .value = 0});
  else if (args.x.raw() != args.y.raw())
    copy({.x = args.x, .y = args.y});
  if (args.src.count() == 0) return;
  const int64_t step = args.y.strides()[args.axis], size = args.y.shape()[args.axis];
  if (!lies_within(0, size, args.outside)) return;
  const Tensor base = frozen(args.y, args.src.shape(), args.axis);
  dispatch_all(args.src.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    dispatch_index("scatter", args.index.dtype(), [&](auto id) {
      const auto* index = args.index.data<decltype(id)>();
      const T* src = args.src.data<T>();
      T* y = args.y.data<T>();
      const auto run = [&](auto f) {
        for_each_element<3>(args.src.shape(), {&base, &args.index, &args.src}, [&](const auto& at) {
          if (!lies_within(index[at[1]], size, args.outside)) return;
          T& to = y[at[0] + index[at[1]] * step];
          to = f(to, src[at[2]]);
        });
      };
      const auto combine = [&](auto f) {
        run([f](T to, T from) { return convert<T>(f(static_cast<A>(to), static_cast<A>(from))); });
      };
      switch (args.f) {
        case Scatter::assign: return run([](T, T from) { return from; });
        case Scatter::add: return combine([](A to, A from) { return plus(to, from); });
        case Scatter::mul: return combine([](A to, A from) { return times(to, from); });
        case Scatter::max: return combine([](A to, A from) { return larger(to, from); });
        case Scatter::min: return combine([](A to, A from) { return smaller(to, from); });
      }
    });
  });
}

void nonzero(const NonzeroArgs& args) {
  dispatch_all(args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    const T* x = args.x.data<T>();
    int64_t* y = args.y.data<int64_t>();
    const Shape& shape = args.x.shape();
    Shape place = Shape::filled(shape.rank(), 0);
    for_each_element<1>(shape, {&args.x}, [&](const auto& at) {
      if (static_cast<accumulator_t<T>>(x[at[0]]) != 0) y = std::copy(place.begin(), place.end(), y);
      for (int axis = shape.rank() - 1; axis >= 0; --axis) {
        if (++place[axis] < shape[axis]) break;
        place[axis] = 0;
      }
    });
  });
}

void triangle(const TriangleArgs& args) {
  const int64_t rows = args.x.size(-2), columns = args.x.size(-1);
  dispatch_all(args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    T* y = args.y.data<T>();
    for_each_row<1>(args.x.shape(), {&args.x}, [&](int64_t row, const auto& at) {
      const Row<T> x = row_of<T>(args.x, at[0]);
      // Columns [0, cut) lie below the diagonal k (upper) or up to it (lower).
      const int64_t cut = std::clamp<int64_t>(row % rows + args.k + (args.upper ? 0 : 1), 0, columns);
      for (int64_t j = 0; j < columns; ++j) *y++ = (j < cut) != args.upper ? x[j] : T{};
    });
  });
}

}  // namespace gradus::ref
