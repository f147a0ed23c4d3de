#include <vector>

#include "base/parallel.h"
#include "kernels/ref/ref.h"
#include "kernels/ref/scalar.h"
#include "kernels/walk.h"

namespace gradus::ref {

void matmul(const MatmulArgs& args) {
  const Tensor &a = args.a, &b = args.b, &y = args.y;
  if (y.count() == 0) return;
  const int64_t m = y.shape().back(1), n = y.shape().back(), k = a.shape().back();
  const int64_t a_row = a.strides().back(1), a_col = a.strides().back(), b_row = b.strides().back(1),
                b_col = b.strides().back(), y_row = y.strides().back(1), y_col = y.strides().back();
  dispatch_floating("matmul", y.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    const T *pa = a.data<T>(), *pb = b.data<T>();
    const T* bias = args.bias.defined() ? args.bias.data<T>() : nullptr;
    T* py = y.data<T>();
    const auto one = [&](const T* x, const T* w, T* out) {
      parallel_for(m, 16, [&](int64_t begin, int64_t end) {
        std::vector<A> row(static_cast<size_t>(n));
        for (int64_t i = begin; i < end; ++i) {
          for (int64_t j = 0; j < n; ++j)
            row[static_cast<size_t>(j)] = (bias ? static_cast<A>(bias[j * args.bias.strides()[0]]) : A{}) +
                                          (args.accumulate ? static_cast<A>(out[i * y_row + j * y_col]) : A{});
          for (int64_t p = 0; p < k; ++p) {
            const A v = static_cast<A>(x[i * a_row + p * a_col]);
            const T* wp = w + p * b_row;
            for (int64_t j = 0; j < n; ++j) row[static_cast<size_t>(j)] += v * static_cast<A>(wp[j * b_col]);
          }
          for (int64_t j = 0; j < n; ++j) out[i * y_row + j * y_col] = convert<T>(row[static_cast<size_t>(j)]);
        }
      });
    };
    if (k == 0) return one(py, py, py);  // nothing is read: the product is the bias
    const Tensor la = matrix_corners(a), lb = matrix_corners(b), ly = matrix_corners(y);
    for_each_element<3>(ly.shape(), {&la, &lb, &ly}, [&](const auto& at) { one(pa + at[0], pb + at[1], py + at[2]); });
  });
}

}  // namespace gradus::ref
