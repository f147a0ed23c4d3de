#include "kernels/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/fft.cpp"
#include <algorithm>
#include <utility>

#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/fft_passes.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

int64_t block_f32() { return static_cast<int64_t>(hn::Lanes(hn::ScalableTag<float>())); }

/// One dense row of pairs.
template <class T>
void fft_row(const FftPlan<T>& plan, const T* z, T* y, bool inverse, T scale, T* scratch) {
  transform(plan, FftSource<T>{z, nullptr, inverse}, FftTarget<T>{y, nullptr, inverse, scale}, 1, Scratch<T>(scratch));
}

/// `width` signals of a block that holds `block`: gathered side by side, transformed together, and put back.
template <class T>
void fft_block(const FftPlan<T>& plan, const FftBlock<T>& b, T* scratch) {
  Scratch<T> pieces(scratch);
  const int64_t count = plan.n * b.block;
  T *xr = pieces.take(count), *xi = pieces.take(count), *yr = pieces.take(count), *yi = pieces.take(count);
  // Neighbouring pairs of a full block are taken apart and joined again by vectors.
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const bool vectors = lanes > 1 && b.width == b.block && b.block % lanes == 0;
  for (int64_t i = 0; i < plan.n; ++i) {
    const T* z = b.z + i * b.z_step;
    T *re = xr + i * b.block, *im = xi + i * b.block;
    if (vectors && b.z_signal == 2 && b.z_pair == 1) {
      split_pairs(z, b.block, re, im);
      continue;
    }
    for (int64_t q = 0; q < b.width; ++q, z += b.z_signal) re[q] = z[0], im[q] = z[b.z_pair];
    std::fill(re + b.width, re + b.block, T(0));
    std::fill(im + b.width, im + b.block, T(0));
  }
  if (b.inverse) std::swap(xr, xi), std::swap(yr, yi);
  transform(plan, FftSource<T>{xr, xi, false}, FftTarget<T>{yr, yi, false, b.scale}, b.block, pieces);
  if (b.inverse) std::swap(yr, yi);
  for (int64_t i = 0; i < plan.n; ++i) {
    T* y = b.y + i * b.y_step;
    const T *re = yr + i * b.block, *im = yi + i * b.block;
    if (vectors && b.y_signal == 2)
      for (int64_t q = 0; q < b.block; q += lanes)
        store_pairs(d, hn::LoadU(d, re + q), hn::LoadU(d, im + q), y + 2 * q);
    else
      for (int64_t q = 0; q < b.width; ++q, y += b.y_signal) y[0] = re[q], y[1] = im[q];
  }
}

/// x (n = 2h) -> y (h + 1) pairs, from the transform Z of the h pairs (x_2j, x_2j+1):
/// y_k = E_k + w^k O_k, w = exp(-2πi/n), E = (Z_k + conj Z_(h-k))/2, O = (Z_k - conj Z_(h-k))/2i.
template <class T>
void rfft_even(const RealPlan<T>& plan, const T* x, T* y, T scale, T interior, T* scratch) {
  const int64_t h = plan.half->n;
  Scratch<T> pieces(scratch);
  T *zr = pieces.take(h), *zi = pieces.take(h);
  transform(*plan.half, FftSource<T>{x, nullptr, false}, FftTarget<T>{zr, zi, false, 1}, 1, pieces);
  y[0] = (zr[0] + zi[0]) * scale, y[1] = 0;
  y[2 * h] = (zr[0] - zi[0]) * scale, y[2 * h + 1] = 0;
  int64_t k = 1;
  const auto pairs = [&](auto d, int64_t most) HWY_ATTR {
    using V = hn::Vec<decltype(d)>;
    const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
    const V factor = hn::Set(d, scale * interior * T(0.5));
    for (; k + lanes - 1 <= most; k += lanes) {
      const int64_t twin = h - k - lanes + 1;
      const V a = hn::LoadU(d, zr + k), b = hn::LoadU(d, zi + k);
      const V c = hn::Reverse(d, hn::LoadU(d, zr + twin)), e = hn::Reverse(d, hn::LoadU(d, zi + twin));
      const V even_re = hn::Add(a, c), even_im = hn::Sub(b, e), odd_re = hn::Add(b, e), odd_im = hn::Sub(c, a);
      const V wr = hn::LoadU(d, plan.re.data() + k), wi = hn::LoadU(d, plan.im.data() + k);
      const V pr = hn::NegMulAdd(wi, odd_im, hn::Mul(wr, odd_re)), pi = hn::MulAdd(wi, odd_re, hn::Mul(wr, odd_im));
      store_pairs(d, hn::Mul(factor, hn::Add(even_re, pr)), hn::Mul(factor, hn::Add(even_im, pi)), y + 2 * k);
      store_pairs(d, hn::Reverse(d, hn::Mul(factor, hn::Sub(even_re, pr))),
                  hn::Reverse(d, hn::Mul(factor, hn::Sub(pi, even_im))), y + 2 * twin);
    }
  };
  pairs(hn::ScalableTag<T>(), (h - 1) / 2);
  pairs(hn::CappedTag<T, 1>(), h / 2);
}

/// The reverse: Z_k = E_k + i O_k, E = z_k + conj z_(h-k), O = (z_k - conj z_(h-k)) w^-k, then the inverse transform.
template <class T>
void irfft_even(const RealPlan<T>& plan, const T* z, T* y, T scale, T interior, T* scratch) {
  const int64_t h = plan.half->n;
  Scratch<T> pieces(scratch);
  T *zr = pieces.take(h), *zi = pieces.take(h);
  zr[0] = z[0] + z[2 * h], zi[0] = z[0] - z[2 * h];
  int64_t k = 1;
  const auto pairs = [&](auto d, int64_t most) HWY_ATTR {
    using V = hn::Vec<decltype(d)>;
    const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
    const V factor = hn::Set(d, interior);
    for (; k + lanes - 1 <= most; k += lanes) {
      const int64_t twin = h - k - lanes + 1;
      V a, b, c, e;
      load_pairs(d, z + 2 * k, a, b);
      load_pairs(d, z + 2 * twin, c, e);
      c = hn::Reverse(d, c), e = hn::Reverse(d, e);
      const V even_re = hn::Add(a, c), even_im = hn::Sub(b, e), dif_re = hn::Sub(a, c), dif_im = hn::Add(b, e);
      const V wr = hn::LoadU(d, plan.re.data() + k), wi = hn::LoadU(d, plan.im.data() + k);
      const V odd_re = hn::MulAdd(dif_im, wi, hn::Mul(dif_re, wr));
      const V odd_im = hn::NegMulAdd(dif_re, wi, hn::Mul(dif_im, wr));
      hn::StoreU(hn::Mul(factor, hn::Sub(even_re, odd_im)), d, zr + k);
      hn::StoreU(hn::Mul(factor, hn::Add(even_im, odd_re)), d, zi + k);
      hn::StoreU(hn::Reverse(d, hn::Mul(factor, hn::Add(even_re, odd_im))), d, zr + twin);
      hn::StoreU(hn::Reverse(d, hn::Mul(factor, hn::Sub(odd_re, even_im))), d, zi + twin);
    }
  };
  pairs(hn::ScalableTag<T>(), (h - 1) / 2);
  pairs(hn::CappedTag<T, 1>(), h / 2);
  transform(*plan.half, FftSource<T>{zi, zr, false}, FftTarget<T>{y, nullptr, true, scale}, 1, pieces);
}

/// Odd lengths take the complex transform.
template <class T>
void rfft_odd(const FftPlan<T>& plan, const T* x, T* y, T scale, T interior, T* scratch) {
  Scratch<T> pieces(scratch);
  T *zero = pieces.take(plan.n), *yr = pieces.take(plan.n), *yi = pieces.take(plan.n);
  std::fill_n(zero, plan.n, T(0));
  transform(plan, FftSource<T>{x, zero, false}, FftTarget<T>{yr, yi, false, scale}, 1, pieces);
  y[0] = yr[0], y[1] = 0;
  for (int64_t k = 1; k <= plan.n / 2; ++k) y[2 * k] = interior * yr[k], y[2 * k + 1] = interior * yi[k];
}

template <class T>
void irfft_odd(const FftPlan<T>& plan, const T* z, T* y, T scale, T interior, T* scratch) {
  Scratch<T> pieces(scratch);
  const int64_t n = plan.n;
  T *zr = pieces.take(n), *zi = pieces.take(n), *imaginary = pieces.take(n);
  zr[0] = z[0], zi[0] = 0;
  for (int64_t k = 1; k <= n / 2; ++k) {
    zr[k] = zr[n - k] = interior * z[2 * k];
    zi[k] = interior * z[2 * k + 1];
    zi[n - k] = -zi[k];
  }
  transform(plan, FftSource<T>{zi, zr, false}, FftTarget<T>{imaginary, y, false, scale}, 1, pieces);
}

/// y_i = a_i b_i or a_i conj(b_i) for n pairs.
void multiply_pairs(const float* a, const float* b, float* y, int64_t n, bool conj_b) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto sign = hn::Set(d, conj_b ? -1.0f : 1.0f);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::Vec<decltype(d)> ar, ai, br, bi;
    load_pairs(d, a + 2 * i, ar, ai);
    load_pairs(d, b + 2 * i, br, bi);
    bi = hn::Mul(bi, sign);
    store_pairs(d, hn::NegMulAdd(ai, bi, hn::Mul(ar, br)), hn::MulAdd(ai, br, hn::Mul(ar, bi)), y + 2 * i);
  }
  for (; i < n; ++i) {
    const float ar = a[2 * i], ai = a[2 * i + 1], br = b[2 * i], bi = conj_b ? -b[2 * i + 1] : b[2 * i + 1];
    y[2 * i] = ar * br - ai * bi, y[2 * i + 1] = ar * bi + ai * br;
  }
}

// One name for each type, for the dispatch.
#define GRADUS_FFT_ROWS(name, Plan)                                                                         \
  void name##_f32(const Plan<float>& p, const float* x, float* y, float s, float i, float* scratch) {       \
    name(p, x, y, s, i, scratch);                                                                           \
  }                                                                                                         \
  void name##_f64(const Plan<double>& p, const double* x, double* y, double s, double i, double* scratch) { \
    name(p, x, y, s, i, scratch);                                                                           \
  }
GRADUS_FFT_ROWS(rfft_even, RealPlan)
GRADUS_FFT_ROWS(irfft_even, RealPlan)
GRADUS_FFT_ROWS(rfft_odd, FftPlan)
GRADUS_FFT_ROWS(irfft_odd, FftPlan)
#undef GRADUS_FFT_ROWS

void fft_row_f32(const FftPlan<float>& p, const float* z, float* y, bool inverse, float scale, float* scratch) {
  fft_row(p, z, y, inverse, scale, scratch);
}
void fft_row_f64(const FftPlan<double>& p, const double* z, double* y, bool inverse, double scale, double* scratch) {
  fft_row(p, z, y, inverse, scale, scratch);
}
void fft_block_f32(const FftPlan<float>& p, const FftBlock<float>& b, float* scratch) { fft_block(p, b, scratch); }
void fft_block_f64(const FftPlan<double>& p, const FftBlock<double>& b, double* scratch) { fft_block(p, b, scratch); }

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <type_traits>

#include "base/parallel.h"
#include "kernels/cpu/dense.h"
#include "kernels/cpu/half.h"
#include "kernels/ref/ref.h"
#include "kernels/walk.h"

namespace gradus::cpu {

HWY_EXPORT(block_f32);
HWY_EXPORT(fft_row_f32);
HWY_EXPORT(fft_row_f64);
HWY_EXPORT(fft_block_f32);
HWY_EXPORT(fft_block_f64);
HWY_EXPORT(rfft_even_f32);
HWY_EXPORT(rfft_even_f64);
HWY_EXPORT(rfft_odd_f32);
HWY_EXPORT(rfft_odd_f64);
HWY_EXPORT(irfft_even_f32);
HWY_EXPORT(irfft_even_f64);
HWY_EXPORT(irfft_odd_f32);
HWY_EXPORT(irfft_odd_f64);
HWY_EXPORT(multiply_pairs);

// The function for T of the target that the processor has.
#define GRADUS_FFT(name)                       \
  [] {                                         \
    if constexpr (std::is_same_v<T, float>)    \
      return HWY_DYNAMIC_DISPATCH(name##_f32); \
    else                                       \
      return HWY_DYNAMIC_DISPATCH(name##_f64); \
  }()

namespace {

template <class T>
void fft_of(const FftArgs& args) {
  const int64_t n = args.z.shape().back(1);
  const auto plan = fft_plan<T>(n);
  const T* z = args.z.data<T>();
  T* y = args.y.data<T>();
  const T scale = static_cast<T>(args.scale);
  const Tensor from = matrix_corners(args.z), to = matrix_corners(args.y);
  const LoopNest<2> nest(from.shape(), {&from, &to});
  const int64_t z_step = args.z.strides().back(1), z_pair = args.z.strides().back(), y_step = args.y.strides().back(1);
  const int64_t block = HWY_DYNAMIC_DISPATCH(block_f32)(), inner = nest.inner();
  const bool dense_rows = z_pair == 1 && (z_step == 2 || n == 1) && (y_step == 2 || n == 1);

  // Rows whose first pass has no vectors of its own go side by side too, if there are enough.
  const bool lonely = plan->passes.size() < 2 || plan->passes[0].radix != 4;
  if (dense_rows && !(lonely && inner >= block)) {
    const int64_t size = scratch_size(*plan, 1);
    return parallel_for(nest.rows() * inner, rows_for(kCostlyGrain, n), [&](int64_t begin, int64_t end) {
      const Tensor scratch = empty({size}, args.z.dtype());
      for (int64_t i = begin; i < end; ++i)
        nest.visit(i / inner, i / inner + 1, [&](const auto& at) {
          GRADUS_FFT(fft_row)
          (*plan, z + at[0] + i % inner * nest.inner_stride(0), y + at[1] + i % inner * nest.inner_stride(1),
           args.inverse, scale, scratch.data<T>());
        });
    });
  }
  const int64_t blocks = (inner + block - 1) / block;
  const int64_t size = scratch_size(*plan, block) + 4 * scratch_piece(n * block);
  parallel_for(nest.rows() * blocks, rows_for(kCostlyGrain, n * block), [&](int64_t begin, int64_t end) {
    const Tensor scratch = empty({size}, args.z.dtype());
    for (int64_t i = begin; i < end; ++i)
      nest.visit(i / blocks, i / blocks + 1, [&](const auto& at) {
        const int64_t first = i % blocks * block;
        const FftBlock<T> b{z + at[0] + first * nest.inner_stride(0),
                            y + at[1] + first * nest.inner_stride(1),
                            z_step,
                            nest.inner_stride(0),
                            z_pair,
                            y_step,
                            nest.inner_stride(1),
                            std::min(block, inner - first),
                            block,
                            args.inverse,
                            scale};
        GRADUS_FFT(fft_block)(*plan, b, scratch.data<T>());
      });
  });
}

// Calls row(i, scratch) for every one of `rows` dense rows of n numbers.
template <class T, class F>
void real_rows(int64_t rows, int64_t n, int64_t scratch_needed, const F& row) {
  parallel_for(rows, rows_for(kCostlyGrain, n), [&](int64_t begin, int64_t end) {
    const Tensor scratch = empty({scratch_needed}, dtype_of<T>);
    for (int64_t i = begin; i < end; ++i) row(i, scratch.data<T>());
  });
}

// Both directions share everything but the function of a row.
template <class T, class Even, class Odd>
void real_transform(const T* from, int64_t from_row, T* to, int64_t to_row, int64_t rows, int64_t n, double scale,
                    double interior, Even even, Odd odd) {
  const T s = static_cast<T>(scale), f = static_cast<T>(interior);
  const auto all = [&](const auto& plan, const FftPlan<T>& complex, auto function) {
    real_rows<T>(rows, n, scratch_size(complex, 1) + 3 * scratch_piece(n),
                 [&](int64_t i, T* scratch) { function(plan, from + i * from_row, to + i * to_row, s, f, scratch); });
  };
  if (n % 2 == 0) {
    const auto plan = real_plan<T>(n);
    all(*plan, *plan->half, even);
  } else {
    const auto plan = fft_plan<T>(n);
    all(*plan, *plan, odd);
  }
}

template <class T>
void rfft_of(const RfftArgs& args) {
  const Tensor x = dense(args.x);
  const int64_t n = x.shape().back(), width = 2 * (n / 2 + 1);
  real_transform<T>(x.data<T>(), n, args.y.data<T>(), width, x.count() / n, n, args.scale, args.interior,
                    GRADUS_FFT(rfft_even), GRADUS_FFT(rfft_odd));
}

template <class T>
void irfft_of(const IrfftArgs& args) {
  const Tensor z = dense(args.z);
  const int64_t n = args.y.shape().back(), width = 2 * (n / 2 + 1);
  real_transform<T>(z.data<T>(), width, args.y.data<T>(), n, args.y.count() / n, n, args.scale, args.interior,
                    GRADUS_FFT(irfft_even), GRADUS_FFT(irfft_odd));
}

}  // namespace

void fft(const FftArgs& args) {
  if (args.y.count() == 0) return;
  if (is_16_bit(args.z)) {
    const Tensor y = empty(args.y.shape());
    fft({.z = copy_in_f32(args.z), .y = y, .inverse = args.inverse, .scale = args.scale});
    return copy({.x = y, .y = args.y});
  }
  if (args.z.dtype() == Dtype::f64)
    fft_of<double>(args);
  else
    fft_of<float>(args);
}

void rfft(const RfftArgs& args) {
  if (args.y.count() == 0) return;
  if (is_16_bit(args.x)) {
    const Tensor y = empty(args.y.shape());
    rfft({.x = copy_in_f32(args.x), .y = y, .scale = args.scale, .interior = args.interior});
    return copy({.x = y, .y = args.y});
  }
  if (args.x.dtype() == Dtype::f64)
    rfft_of<double>(args);
  else
    rfft_of<float>(args);
}

void irfft(const IrfftArgs& args) {
  if (args.y.count() == 0) return;
  if (is_16_bit(args.z)) {
    const Tensor y = empty(args.y.shape());
    irfft({.z = copy_in_f32(args.z), .y = y, .scale = args.scale, .interior = args.interior});
    return copy({.x = y, .y = args.y});
  }
  if (args.z.dtype() == Dtype::f64)
    irfft_of<double>(args);
  else
    irfft_of<float>(args);
}

void complex_mul(const ComplexMulArgs& args) {
  if (args.y.count() == 0) return;
  const auto pairs = [](const Tensor& x) { return x.strides().back() == 1; };
  if (!all_f32({args.y}) || !pairs(args.a) || !pairs(args.b) || !pairs(args.y)) return ref::complex_mul(args);
  const LoopNest<3> nest(args.y.shape(), {&args.a, &args.b, &args.y});
  for (int k = 0; k < 3; ++k)
    if (nest.inner_stride(k) != 1) return ref::complex_mul(args);
  const float *a = args.a.data<float>(), *b = args.b.data<float>();
  float* y = args.y.data<float>();
  const int64_t n = nest.inner() / 2;
  if (nest.rows() == 1)
    return parallel_for(n, kCheapGrain, [&](int64_t begin, int64_t end) {
      HWY_DYNAMIC_DISPATCH(multiply_pairs)(a + 2 * begin, b + 2 * begin, y + 2 * begin, end - begin, args.conj_b);
    });
  parallel_for(nest.rows(), rows_for(kCheapGrain, n), [&](int64_t begin, int64_t end) {
    nest.visit(begin, end, [&](const auto& at) {
      HWY_DYNAMIC_DISPATCH(multiply_pairs)(a + at[0], b + at[1], y + at[2], n, args.conj_b);
    });
  });
}

}  // namespace gradus::cpu
#endif
