#include <algorithm>

#include "base/parallel.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/lapack.h"
#include "kernels/cpu/packed_dot.h"
#include "kernels/cpu/scratch.h"
#include "kernels/ref/ref.h"
#include "kernels/walk.h"

namespace gradus::cpu {

namespace {

// How a matrix lies in memory, in oneDNN's terms.
struct Layout {
  bool transposed = false;
  int64_t ld = 0;
};

// False when neither axis has unit stride.
bool layout_of(const Tensor& x, Layout& layout) {
  const int64_t rows = x.shape().back(1), columns = x.shape().back();
  const int64_t row = x.strides().back(1), column = x.strides().back();
  if ((column == 1 || columns == 1) && (row >= columns || rows == 1)) {
    layout = {false, std::max(rows == 1 ? columns : row, columns)};
    return true;
  }
  if ((row == 1 || rows == 1) && (column >= rows || columns == 1)) {
    layout = {true, std::max(columns == 1 ? rows : column, rows)};
    return true;
  }
  return false;
}

Tensor dense(const Tensor& x, Dtype dtype) {
  Tensor y = empty(x.shape(), dtype);
  cpu_kernels().copy({.x = x, .y = y});
  return y;
}

struct BiasEpilogue {
  const float* bias;
  float* y;
  int64_t ld;
};

void add_bias(const void* context, int64_t row, int64_t rows, int64_t column, int64_t columns) {
  const auto& e = *static_cast<const BiasEpilogue*>(context);
  for (int64_t i = row; i < row + rows; ++i)
    for (int64_t j = column; j < column + columns; ++j) e.y[i * e.ld + j] += e.bias[j];
}

// Calls f(offsets of a, b, y) for each product of a batch, on all threads.
template <class F>
void for_each_product(const MatmulArgs& args, const F& f) {
  const Tensor xa = matrix_corners(args.a), xb = matrix_corners(args.b), xy = matrix_corners(args.y);
  const LoopNest<3> nest(xy.shape(), {&xa, &xb, &xy});
  const int64_t inner = nest.inner();
  parallel_for(xy.count(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      nest.visit(i / inner, i / inner + 1, [&](const std::array<int64_t, 3>& at) {
        const int64_t column = i % inner;
        f(at[0] + column * nest.inner_stride(0), at[1] + column * nest.inner_stride(1),
          at[2] + column * nest.inner_stride(2));
      });
  });
}

// x W^T for a few rows of x, as in decoding: each row of W is read once, as fast as memory gives it.
void few_rows(const MatmulArgs& args, const Layout& la, const Layout& lb) {
  const int64_t m = args.y.size(0), n = args.y.size(1), k = args.a.size(1), ldy = std::max(args.y.strides()[0], n);
  const auto* w = reinterpret_cast<const std::byte*>(args.b.data<float>());
  const size_t row_bytes = static_cast<size_t>(lb.ld) * sizeof(float);
  parallel_for(n, 64, [&](int64_t begin, int64_t end) {
    for (int64_t i = 0; i < m; ++i) {
      float* y = args.y.data<float>() + i * ldy;
      dot_floats(nullptr, w + static_cast<size_t>(begin) * row_bytes, row_bytes, end - begin, k,
                 args.a.data<float>() + i * la.ld, y + begin);
      if (args.bias.defined())
        for (int64_t j = begin; j < end; ++j) y[j] += args.bias.data<float>()[j];
    }
  });
}

Gemm gemm_of(const MatmulArgs& args, const Layout& la, const Layout& lb) {
  Gemm g;
  g.m = args.y.shape().back(1), g.n = args.y.shape().back(), g.k = args.a.shape().back();
  g.transpose_a = la.transposed, g.lda = la.ld, g.transpose_b = lb.transposed, g.ldb = lb.ld;
  g.ldc = std::max(args.y.strides().back(1), g.n);
  g.beta = args.accumulate ? 1.0f : 0.0f;
  g.type = product_type();
  return g;
}

void matmul_f32(const MatmulArgs& args, const Layout& la, const Layout& lb) {
  constexpr int64_t kFewRows = 4, kWorthIt = 1 << 14;
  if (args.y.rank() == 2 && args.y.size(0) <= kFewRows && !args.accumulate && !la.transposed && lb.transposed &&
      args.b.count() >= kWorthIt && product_type() == ProductType::f32)
    return few_rows(args, la, lb);
  Gemm g = gemm_of(args, la, lb);
  const float *a = args.a.data<float>(), *b = args.b.data<float>();
  float* y = args.y.data<float>();
  if (args.y.rank() == 2) {
    g.a = a, g.b = b, g.c = y;
    const BiasEpilogue epilogue{args.bias.defined() ? args.bias.data<float>() : nullptr, y, g.ldc};
    gemm(g, &epilogue, epilogue.bias ? add_bias : nullptr);
    return;
  }
  for_each_product(args, [&](int64_t at_a, int64_t at_b, int64_t at_y) {
    Gemm one = g;
    one.a = a + at_a;
    one.b = b + at_b;
    one.c = y + at_y;
    gemm_block(one);
  });
}

// OpenBLAS counts columns where we count rows: it is asked for y^T = b^T a^T.
void matmul_f64(const MatmulArgs& args, const Layout& la, const Layout& lb) {
  const int64_t n = args.y.shape().back(), k = args.a.shape().back(), ldy = std::max(args.y.strides().back(1), n);
  const double *a = args.a.data<double>(), *b = args.b.data<double>();
  double* y = args.y.data<double>();
  const auto product = [&](const double* pa, const double* pb, double* py, int64_t rows) {
    lapack::gemm<double>(lb.transposed, la.transposed, n, rows, k, 1, pb, lb.ld, pa, la.ld, args.accumulate ? 1 : 0, py,
                         ldy);
  };
  const int64_t m = args.y.shape().back(1);
  if (std::max({m, n, k, la.ld, lb.ld, ldy}) > INT32_MAX) return ref::matmul(args);  // OpenBLAS counts in 32 bits
  if (args.y.rank() > 2)
    return for_each_product(
        args, [&](int64_t at_a, int64_t at_b, int64_t at_y) { product(a + at_a, b + at_b, y + at_y, m); });
  const int64_t strip = std::max<int64_t>(32, ((m + 7) / 8 + 15) / 16 * 16);
  parallel_for(m, strip, [&](int64_t begin, int64_t end) {
    product(a + begin * (la.transposed ? 1 : la.ld), b, y + begin * ldy, end - begin);
    if (!args.bias.defined()) return;
    for (int64_t i = begin; i < end; ++i)
      for (int64_t j = 0; j < n; ++j) y[i * ldy + j] += args.bias.data<double>()[j];
  });
}

}  // namespace

int64_t matmul_scratch(const MatmulArgs& args) {
  const Dtype dtype = args.y.dtype();
  if (args.y.count() == 0 || args.a.shape().back() == 0 || dtype == Dtype::f64) return 0;
  const int64_t m = args.y.shape().back(1), k = args.a.shape().back();
  Layout la{false, k}, lb{false, args.y.shape().back()};
  int64_t copies = 0;
  const auto copied = [&](const Tensor& x) { copies += x.count() * static_cast<int64_t>(sizeof(float)); };
  if (dtype != Dtype::f32) {
    copied(args.a), copied(args.b), copied(args.y);
  } else {
    if (!layout_of(args.a, la)) copied(args.a);
    if (!layout_of(args.b, lb)) copied(args.b);
  }
  const Gemm g = gemm_of(args, la, lb);
  if (args.y.rank() == 2) return copies + gemm_scratch(g);
  const int64_t products = args.y.count() / std::max<int64_t>(1, m * g.n);
  return copies + gemm_block_scratch(g) * std::min<int64_t>(products, threads());
}

void matmul(const MatmulArgs& args) {
  const Dtype dtype = args.y.dtype();
  const bool half = dtype == Dtype::f16 || dtype == Dtype::bf16;
  if (args.y.count() == 0) return;
  if (args.a.shape().back() == 0) return ref::matmul(args);
  if (half) {  // products of halves are exact in f32
    const Tensor y = args.accumulate ? dense(args.y, Dtype::f32) : empty(args.y.shape());
    const Tensor bias = args.bias.defined() ? dense(args.bias, Dtype::f32) : Tensor();
    matmul({.a = dense(args.a, Dtype::f32),
            .b = dense(args.b, Dtype::f32),
            .y = y,
            .bias = bias,
            .accumulate = args.accumulate});
    cpu_kernels().copy({.x = y, .y = args.y});
    return;
  }
  if (args.y.strides().back() != 1 && args.y.shape().back() != 1) return ref::matmul(args);
  if (args.y.shape().back(1) > 1 && args.y.strides().back(1) < args.y.shape().back()) return ref::matmul(args);
  if (args.bias.defined() && args.y.rank() > 2) return ref::matmul(args);
  if (args.bias.defined() && !args.bias.contiguous())
    return matmul({args.a, args.b, args.y, dense(args.bias, dtype), args.accumulate});
  Layout la, lb;
  if (!layout_of(args.a, la)) return matmul({dense(args.a, dtype), args.b, args.y, args.bias, args.accumulate});
  if (!layout_of(args.b, lb)) return matmul({args.a, dense(args.b, dtype), args.y, args.bias, args.accumulate});
  if (dtype == Dtype::f64) return matmul_f64(args, la, lb);
  matmul_f32(args, la, lb);
}

}  // namespace gradus::cpu
