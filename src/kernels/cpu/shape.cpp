#include <algorithm>
#include <cstring>

#include "base/parallel.h"
#include "kernels/cpu/dense.h"
#include "kernels/pad_place.h"
#include "kernels/ref/ref.h"
#include "kernels/ref/scalar.h"
#include "kernels/walk.h"

namespace gradus::cpu {

namespace {

// Row by row of y: the middle is copied, the frame filled. Elements are moved as bits of their size.
template <class T>
void pad_rows(const PadArgs& args, T value) {
  const int last = args.y.rank() - 1;
  const Shape &to = args.y.shape(), &from = args.x.shape();
  const int64_t width = to[last], n = from[last], before = args.before[last], step = args.x.strides()[last];
  const T* x = static_cast<const T*>(args.x.raw());
  T* y = static_cast<T*>(args.y.raw());
  parallel_for(args.y.count() / width, rows_for(kCheapGrain, width), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      int64_t offset = 0, rest = row;
      bool inside = true;
      for (int axis = last - 1; axis >= 0; --axis) {
        const int64_t at = padded_source(rest % to[axis], args.before[axis], from[axis], args.mode);
        rest /= to[axis];
        inside = inside && at >= 0;
        offset += at * args.x.strides()[axis];
      }
      T* out = y + row * width;
      if (!inside) {
        std::fill_n(out, width, value);
        continue;
      }
      const T* in = x + offset;
      const auto side = [&](int64_t i, int64_t stop) {
        for (; i < stop; ++i) {
          const int64_t at = padded_source(i, before, n, args.mode);
          out[i] = at < 0 ? value : in[at * step];
        }
      };
      side(0, before);
      if (step == 1 && n > 0)
        std::memcpy(out + before, in, static_cast<size_t>(n) * sizeof(T));
      else
        for (int64_t i = 0; i < n; ++i) out[before + i] = in[i * step];
      side(before + n, width);
    }
  });
}

}  // namespace

void pad(const PadArgs& args) {
  if (args.y.count() == 0) return;
  dispatch_all(args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    const T value = ref::convert<T>(args.value);
    const auto rows = [&](auto bits) {
      std::memcpy(&bits, &value, sizeof value);
      pad_rows(args, bits);
    };
    if constexpr (sizeof(T) == 1)
      rows(uint8_t{});
    else if constexpr (sizeof(T) == 2)
      rows(uint16_t{});
    else if constexpr (sizeof(T) == 4)
      rows(uint32_t{});
    else
      rows(uint64_t{});
  });
}

void accumulate(const AccumulateArgs& args) {
  if (!all_f32({args.x})) return ref::accumulate(args);
  const LoopNest<2> nest(args.x.shape(), {&args.x, &args.y});
  const float* x = args.x.data<float>();
  float* y = args.y.data<float>();
  const int64_t inner = nest.inner(), step_x = nest.inner_stride(0), step_y = nest.inner_stride(1);
  const auto add_run = [=](const float* from, float* to, int64_t n) {
    if (step_x == 1 && step_y == 1)
      for (int64_t i = 0; i < n; ++i) to[i] += from[i];
    else
      for (int64_t i = 0; i < n; ++i) to[i * step_y] += from[i * step_x];
  };
  if (nest.rows() == 1)
    return parallel_for(inner, kCheapGrain, [&](int64_t begin, int64_t end) {
      add_run(x + begin * step_x, y + begin * step_y, end - begin);
    });
  parallel_for(nest.rows(), rows_for(kCheapGrain, inner), [&](int64_t begin, int64_t end) {
    nest.visit(begin, end, [&](const auto& at) { add_run(x + at[0], y + at[1], inner); });
  });
}

}  // namespace gradus::cpu
