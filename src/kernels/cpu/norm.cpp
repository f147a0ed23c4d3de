#include "kernels/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/norm.cpp"
#include <cmath>

#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/vector_loop.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

struct SumOfDeviations : SumOf {
  float mean;
  explicit SumOfDeviations(float mean) : mean(mean) {}
  template <class D, class V>
  HWY_INLINE V operator()(D d, V s, V x) const {
    const V c = hn::Sub(x, hn::Set(d, mean));
    return hn::MulAdd(c, c, s);
  }
};

// (x - mean) rstd, times weight, plus bias, when they are there
struct Normalise {
  float mean, rstd;
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    return hn::Mul(hn::Sub(x, hn::Set(d, mean)), hn::Set(d, rstd));
  }
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x, V weight) const {
    return hn::Mul((*this)(d, x), weight);
  }
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x, V weight, V bias) const {
    return hn::MulAdd((*this)(d, x), weight, bias);
  }
};
struct AddBias {
  template <class D, class V>
  HWY_INLINE V operator()(D, V y, V bias) const {
    return hn::Add(y, bias);
  }
};

void layer_norm_rows(const float* x, const float* weight, const float* bias, float eps, float* y, float* mean,
                     float* rstd, size_t rows, size_t n) {
  for (size_t r = 0; r < rows; ++r, x += n, y += n) {
    mean[r] = sum_of(x, n) / static_cast<float>(n);
    const float variance = lane_sum(fold(SumOfDeviations(mean[r]), 0, mean[r], n, x)) / static_cast<float>(n);
    rstd[r] = 1 / std::sqrt(variance + eps);
    const Normalise f{mean[r], rstd[r]};
    if (weight && bias)
      map(f, n, y, x, weight, bias);
    else if (weight)
      map(f, n, y, x, weight);
    else
      map(f, n, y, x);
    if (bias && !weight) map(AddBias(), n, y, y, bias);
  }
}

void rms_norm_rows(const float* x, const float* weight, float eps, float* y, float* rstd, size_t rows, size_t n) {
  for (size_t r = 0; r < rows; ++r, x += n, y += n) {
    rstd[r] = 1 / std::sqrt(lane_sum(fold(SumOfSquares(), 0, 0, n, x)) / static_cast<float>(n) + eps);
    if (weight)
      map(Normalise{0, rstd[r]}, n, y, x, weight);
    else
      map(Normalise{0, rstd[r]}, n, y, x);
  }
}

// Both norms: h = (x - mean) rstd with mean = 0 for the root mean square, g = dy weight.
// Adds dy h to dweight and dy to dbias; dx = rstd (g - mean(g) - h mean(g h)), without the mean(g) for `rms`.
// x, weight, dy hold `n` numbers a row; weight, dx, dweight, dbias may be null.
void norm_backward_rows(const float* x, const float* weight, const float* mean, const float* rstd, const float* dy,
                        float* dx, float* dweight, float* dbias, size_t rows, size_t n) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  const FloatVec one = hn::Set(d, 1.0f);
  for (size_t r = 0; r < rows; ++r, x += n, dy += n) {
    const FloatVec mu = hn::Set(d, mean ? mean[r] : 0.0f), scale = hn::Set(d, rstd[r]);
    FloatVec sum = hn::Zero(d), product = sum;
    size_t i = 0;
    for (; i + lanes <= n; i += lanes) {
      const FloatVec h = hn::Mul(hn::Sub(hn::LoadU(d, x + i), mu), scale), v = hn::LoadU(d, dy + i);
      const FloatVec g = weight ? hn::Mul(v, hn::LoadU(d, weight + i)) : v;
      sum = hn::Add(sum, g);
      product = hn::MulAdd(g, h, product);
      if (dweight) hn::StoreU(hn::MulAdd(v, h, hn::LoadU(d, dweight + i)), d, dweight + i);
      if (dbias) hn::StoreU(hn::Add(v, hn::LoadU(d, dbias + i)), d, dbias + i);
    }
    if (const size_t rest = n - i; rest > 0) {
      const FloatVec h = hn::Mul(hn::Sub(load_some(d, x + i, rest), mu), scale), v = load_some(d, dy + i, rest);
      const FloatVec g = weight ? hn::Mul(v, load_some(d, weight + i, rest)) : v;
      sum = hn::Add(sum, g);
      product = hn::MulAdd(g, h, product);
      if (dweight) store_some(hn::MulAdd(v, h, load_some(d, dweight + i, rest)), d, dweight + i, rest);
      if (dbias) store_some(hn::Add(v, load_some(d, dbias + i, rest)), d, dbias + i, rest);
    }
    if (!dx) continue;
    const FloatVec level = hn::Set(d, mean ? lane_sum(sum) / static_cast<float>(n) : 0.0f);
    const FloatVec tilt = hn::Set(d, lane_sum(product) / static_cast<float>(n));
    for (i = 0; i < n; i += lanes) {
      const size_t rest = n - i;
      const bool whole = rest >= lanes;
      const FloatVec w = !weight ? one : whole ? hn::LoadU(d, weight + i) : load_some(d, weight + i, rest);
      const FloatVec h = hn::Mul(hn::Sub(whole ? hn::LoadU(d, x + i) : load_some(d, x + i, rest), mu), scale);
      const FloatVec g = hn::Mul(whole ? hn::LoadU(d, dy + i) : load_some(d, dy + i, rest), w);
      const FloatVec v = hn::Mul(scale, hn::NegMulAdd(h, tilt, hn::Sub(g, level)));
      if (whole)
        hn::StoreU(v, d, dx + i);
      else
        store_some(v, d, dx + i, rest);
    }
    dx += n;
  }
}

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <vector>

#include "base/parallel.h"
#include "kernels/cpu/dense.h"
#include "kernels/ref/ref.h"

namespace gradus::cpu {

HWY_EXPORT(layer_norm_rows);
HWY_EXPORT(rms_norm_rows);
HWY_EXPORT(norm_backward_rows);

namespace {

const float* data_or_null(const Tensor& x) { return x.defined() ? x.data<float>() : nullptr; }
float* at(const Tensor& x, int64_t offset) { return x.defined() ? x.data<float>() + offset : nullptr; }

// `mean` is undefined for the root mean square.
void backward(const Tensor& x_, const Tensor& weight_, const Tensor& mean_, const Tensor& rstd_, const Tensor& dy_,
              const Tensor& dx, const Tensor& dweight, const Tensor& dbias) {
  const Tensor x = dense(x_), weight = dense(weight_), mean = dense(mean_), rstd = dense(rstd_), dy = dense(dy_);
  const int64_t n = x.shape().back(), rows = n == 0 ? 0 : x.count() / n, grain = rows_for_partials(rows, n);
  const int64_t pieces = (rows + grain - 1) / grain;
  const bool sums = dweight.defined() || dbias.defined();
  // One pair of sums a piece, added in order afterwards: the result does not depend on the threads.
  std::vector<float> partial(sums ? static_cast<size_t>(pieces * 2 * n) : 0);
  const auto range = HWY_DYNAMIC_DISPATCH(norm_backward_rows);
  parallel_for(rows, grain, [&](int64_t begin, int64_t end) {
    float* mine = sums ? partial.data() + begin / grain * 2 * n : nullptr;
    range(x.data<float>() + begin * n, data_or_null(weight), at(mean, begin), at(rstd, begin),
          dy.data<float>() + begin * n, at(dx, begin * n), dweight.defined() ? mine : nullptr,
          dbias.defined() ? mine + n : nullptr, static_cast<size_t>(end - begin), static_cast<size_t>(n));
  });
  for (int which = 0; which < 2; ++which) {
    const Tensor& to = which == 0 ? dweight : dbias;
    if (!to.defined()) continue;
    float* out = to.data<float>();
    for (int64_t i = 0; i < n; ++i) {
      float sum = 0;
      for (int64_t p = 0; p < pieces; ++p) sum += partial[static_cast<size_t>((2 * p + which) * n + i)];
      out[i] = sum;
    }
  }
}

}  // namespace

void layer_norm(const LayerNormArgs& args) {
  if (!all_f32({args.x})) return ref::layer_norm(args);
  if (args.x.count() == 0) return;
  const Tensor x = dense(args.x), weight = dense(args.weight), bias = dense(args.bias);
  const int64_t n = x.shape().back();
  const auto range = HWY_DYNAMIC_DISPATCH(layer_norm_rows);
  parallel_for(x.count() / n, rows_for(kCheapGrain, n), [&](int64_t begin, int64_t end) {
    range(x.data<float>() + begin * n, data_or_null(weight), data_or_null(bias), static_cast<float>(args.eps),
          args.y.data<float>() + begin * n, args.mean.data<float>() + begin, args.rstd.data<float>() + begin,
          static_cast<size_t>(end - begin), static_cast<size_t>(n));
  });
}

void layer_norm_backward(const LayerNormBackwardArgs& args) {
  if (!all_f32({args.x})) return ref::layer_norm_backward(args);
  backward(args.x, args.weight, args.mean, args.rstd, args.dy, args.dx, args.dweight, args.dbias);
}

void rms_norm(const RmsNormArgs& args) {
  if (!all_f32({args.x})) return ref::rms_norm(args);
  if (args.x.count() == 0) return;
  const Tensor x = dense(args.x), weight = dense(args.weight);
  const int64_t n = x.shape().back();
  const auto range = HWY_DYNAMIC_DISPATCH(rms_norm_rows);
  parallel_for(x.count() / n, rows_for(kCheapGrain, n), [&](int64_t begin, int64_t end) {
    range(x.data<float>() + begin * n, data_or_null(weight), static_cast<float>(args.eps),
          args.y.data<float>() + begin * n, args.rstd.data<float>() + begin, static_cast<size_t>(end - begin),
          static_cast<size_t>(n));
  });
}

void rms_norm_backward(const RmsNormBackwardArgs& args) {
  if (!all_f32({args.x})) return ref::rms_norm_backward(args);
  backward(args.x, args.weight, {}, args.rstd, args.dy, args.dx, args.dweight, {});
}

}  // namespace gradus::cpu
#endif
