#include "kernels/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/cross_entropy.cpp"
#include <cmath>

#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/row_exp.h"
#include "kernels/table.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

// log sum_j exp x_j = top + log_sum, kept apart: the loss is exact for large logits too.
void log_sum_exp(const float* x, size_t n, float* top, float* log_sum) {
  *top = row_max(x, n);
  *log_sum = std::log(sum_exp(x, n, *top));
}

struct Probability {  // exp(x - lse) * scale
  float lse, scale;
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    return hn::Mul(exp(d, hn::Sub(x, hn::Set(d, lse))), hn::Set(d, scale));
  }
};

void probabilities(const float* x, float* y, size_t n, float lse, float scale) {
  map(Probability{lse, scale}, n, y, x);
}

struct Times {
  float by;
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    return hn::Mul(x, hn::Set(d, by));
  }
};

// x becomes scale * softmax(x); returns as log_sum_exp.
void softmax_in_place(float* x, size_t n, float scale, float* top, float* log_sum) {
  *top = row_max(x, n);
  const float sum = store_exp(x, x, n, *top);
  *log_sum = std::log(sum);
  map(Times{scale / sum}, n, x, x);
}

struct Capped {  // c tanh(x / c)
  float cap;
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    return hn::Mul(hn::Set(d, cap), tanh(d, hn::Div(x, hn::Set(d, cap))));
  }
};
void cap_row(float* x, size_t n, float cap) { map(Capped{cap}, n, x, x); }

struct CappedSlope {  // dz (1 - (z / c)^2)
  float cap;
  template <class D, class V>
  HWY_INLINE V operator()(D d, V dz, V z) const {
    const V bent = hn::Div(z, hn::Set(d, cap));
    return hn::Mul(dz, hn::NegMulAdd(bent, bent, hn::Set(d, 1.0f)));
  }
};
void cap_row_backward(float* dz, const float* z, size_t n, float cap) { map(CappedSlope{cap}, n, dz, dz, z); }

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>
#include <cstring>
#include <vector>

#include "base/parallel.h"
#include "kernels/cpu/dense.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/scratch.h"
#include "kernels/ref/ref.h"

namespace gradus::cpu {

HWY_EXPORT(log_sum_exp);
HWY_EXPORT(probabilities);
HWY_EXPORT(softmax_in_place);
HWY_EXPORT(cap_row);
HWY_EXPORT(cap_row_backward);

void cross_entropy(const CrossEntropyArgs& args) {
  if (!all_f32({args.logits})) return ref::cross_entropy(args);
  const Tensor x = dense(args.logits), labels = dense(args.labels);
  const int64_t n = x.size(1);
  const int64_t* label = labels.data<int64_t>();
  float *loss = args.loss.data<float>(), *lse = args.lse.data<float>();
  const auto row = HWY_DYNAMIC_DISPATCH(log_sum_exp);
  parallel_for(x.size(0), rows_for(kCostlyGrain, n), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float* xi = x.data<float>() + i * n;
      float top, log_sum;
      row(xi, static_cast<size_t>(n), &top, &log_sum);
      lse[i] = top + log_sum;
      loss[i] = label[i] == kIgnoredLabel ? 0.0f : top - xi[label[i]] + log_sum;
    }
  });
}

void cross_entropy_backward(const CrossEntropyBackwardArgs& args) {
  if (!all_f32({args.logits})) return ref::cross_entropy_backward(args);
  const Tensor x = dense(args.logits), labels = dense(args.labels), lse = dense(args.lse), dloss = dense(args.dloss);
  const int64_t n = x.size(1);
  const int64_t* label = labels.data<int64_t>();
  const auto row = HWY_DYNAMIC_DISPATCH(probabilities);
  parallel_for(x.size(0), rows_for(kCostlyGrain, n), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      float* dx = args.dlogits.data<float>() + i * n;
      if (label[i] == kIgnoredLabel) {
        std::fill(dx, dx + n, 0.0f);
        continue;
      }
      const float scale = dloss.data<float>()[i];
      row(x.data<float>() + i * n, dx, static_cast<size_t>(n), lse.data<float>()[i], scale);
      dx[label[i]] -= scale;
    }
  });
}

namespace {

// Rows of logits held at a time: enough that the products run at full speed and that adding into dw, which passes over
// the whole of it for every block, costs little beside them; few enough that the block stays near 100 MB. Equal blocks.
int64_t block_rows(int64_t rows, int64_t classes) {
  const int64_t most = std::clamp<int64_t>((int64_t{1} << 25) / classes, 256, 2048);
  const int64_t blocks = (rows + most - 1) / most;
  return std::min(rows, ((rows + blocks - 1) / blocks + 15) / 16 * 16);
}

// The rows that count, and their labels. Ignored ones cost nothing.
std::vector<int64_t> counted_rows(const int64_t* label, int64_t n) {
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < n; ++i)
    if (label[i] != kIgnoredLabel) rows.push_back(i);
  return rows;
}

}  // namespace

int64_t linear_cross_entropy_scratch(const LinearCrossEntropyArgs& args) {
  if (!all_f32({args.x, args.w})) return 0;
  const int64_t n = args.x.size(0), width = args.x.size(1), classes = args.w.size(0);
  if (n == 0) return 0;
  const int64_t block = block_rows(n, classes);
  const ProductType type = product_type();
  int64_t products = gemm_scratch(
      {.transpose_b = true, .m = block, .n = classes, .k = width, .lda = width, .ldb = width, .type = type});
  if (args.dx.defined())
    products = std::max(
        products, gemm_scratch({.m = block, .n = width, .k = classes, .lda = classes, .ldb = width, .type = type}));
  if (args.dw.defined())
    products = std::max(
        products,
        gemm_scratch(
            {.transpose_a = true, .m = classes, .n = width, .k = block, .lda = classes, .ldb = width, .type = type}));
  // Without gradients, as in evaluation, rows are mostly padded: those that count are gathered.
  const int64_t gathered = args.dx.defined() || args.dw.defined() ? 0 : block * width;
  return (block * classes + gathered) * static_cast<int64_t>(sizeof(float)) + products;
}

void linear_cross_entropy(const LinearCrossEntropyArgs& args) {
  if (!all_f32({args.x, args.w})) return ref::linear_cross_entropy(args);
  const Tensor x = dense(args.x), w = dense(args.w), labels = dense(args.labels);
  const int64_t n = x.size(0), width = x.size(1), classes = w.size(0);
  const int64_t* label = labels.data<int64_t>();
  float* loss = args.loss.data<float>();
  const bool gradients = args.dx.defined() || args.dw.defined();
  const float scale = static_cast<float>(args.scale);
  const std::vector<int64_t> rows = counted_rows(label, n);
  const int64_t counted = static_cast<int64_t>(rows.size());
  const bool all = counted == n;
  if (!all) {
    std::fill(loss, loss + n, 0.0f);
    if (args.dx.defined()) fill({.y = args.dx, .value = 0});
  }
  if (args.dw.defined() && counted == 0) fill({.y = args.dw, .value = 0});
  if (counted == 0) return;

  const ProductType type = product_type();
  const int64_t block = block_rows(counted, classes);
  const Tensor logits = empty({block, classes});
  const Tensor gathered = all ? Tensor() : empty({block, width});
  const Tensor scattered = all || !args.dx.defined() ? Tensor() : empty({block, width});
  const size_t row_bytes = static_cast<size_t>(width) * sizeof(float);
  const auto with_gradient = HWY_DYNAMIC_DISPATCH(softmax_in_place);
  const auto loss_only = HWY_DYNAMIC_DISPATCH(log_sum_exp);
  const float cap = static_cast<float>(args.softcap);
  const auto bend = HWY_DYNAMIC_DISPATCH(cap_row);
  const auto bend_backward = HWY_DYNAMIC_DISPATCH(cap_row_backward);

  for (int64_t start = 0; start < counted; start += block) {
    const int64_t m = std::min(block, counted - start);
    const float* xs = x.data<float>() + start * width;
    if (!all) {
      for (int64_t i = 0; i < m; ++i)
        std::memcpy(gathered.data<float>() + i * width, x.data<float>() + rows[static_cast<size_t>(start + i)] * width,
                    row_bytes);
      xs = gathered.data<float>();
    }
    float* z = logits.data<float>();
    // z = x w^T
    gemm({.transpose_b = true,
          .m = m,
          .n = classes,
          .k = width,
          .a = xs,
          .lda = width,
          .b = w.data<float>(),
          .ldb = width,
          .c = z,
          .ldc = classes,
          .type = type});
    // z becomes dz = scale (softmax(z) - onehot), times 1 - (z / c)^2 when capped
    parallel_for(m, rows_for(kCostlyGrain, classes), [&](int64_t begin, int64_t end) {
      std::vector<float> capped(cap > 0 && gradients ? static_cast<size_t>(classes) : 0);
      for (int64_t i = begin; i < end; ++i) {
        const int64_t row = rows[static_cast<size_t>(start + i)];
        float *zi = z + i * classes, top, log_sum;
        if (cap > 0) bend(zi, static_cast<size_t>(classes), cap);
        if (!capped.empty()) std::copy(zi, zi + classes, capped.begin());
        const float at_label = zi[label[row]];
        if (gradients) {
          with_gradient(zi, static_cast<size_t>(classes), scale, &top, &log_sum);
          zi[label[row]] -= scale;
          if (!capped.empty()) bend_backward(zi, capped.data(), static_cast<size_t>(classes), cap);
        } else {
          loss_only(zi, static_cast<size_t>(classes), &top, &log_sum);
        }
        loss[row] = top - at_label + log_sum;
      }
    });
    if (args.dx.defined()) {  // dx = dz w
      float* to = all ? args.dx.data<float>() + start * width : scattered.data<float>();
      gemm({.m = m,
            .n = width,
            .k = classes,
            .a = z,
            .lda = classes,
            .b = w.data<float>(),
            .ldb = width,
            .c = to,
            .ldc = width,
            .type = type});
      for (int64_t i = 0; !all && i < m; ++i)
        std::memcpy(args.dx.data<float>() + rows[static_cast<size_t>(start + i)] * width, to + i * width, row_bytes);
    }
    if (args.dw.defined())  // dw += dz^T x
      gemm({.transpose_a = true,
            .m = classes,
            .n = width,
            .k = m,
            .a = z,
            .lda = classes,
            .b = xs,
            .ldb = width,
            .beta = start == 0 ? 0.0f : 1.0f,
            .c = args.dw.data<float>(),
            .ldc = width,
            .type = type});
  }
}

}  // namespace gradus::cpu
#endif
