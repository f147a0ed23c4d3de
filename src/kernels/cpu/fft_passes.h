// The passes of a Stockham Fourier transform. Included once for every Highway target (see simd.h), after highway.h.
#if defined(GRADUS_FFT_PASSES_H) == defined(HWY_TARGET_TOGGLE)
#ifdef GRADUS_FFT_PASSES_H
#undef GRADUS_FFT_PASSES_H
#else
#define GRADUS_FFT_PASSES_H
#endif

#include "kernels/cpu/fft_plan.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// cos and sin of 2πk/R.
template <int R>
struct OddRoots;
template <>
struct OddRoots<3> {
  static constexpr double kCos[] = {1, -0.5, -0.5};
  static constexpr double kSin[] = {0, 0.86602540378443864676, -0.86602540378443864676};
};
template <>
struct OddRoots<5> {
  static constexpr double kCos[] = {1, 0.30901699437494742410, -0.80901699437494742410, -0.80901699437494742410,
                                    0.30901699437494742410};
  static constexpr double kSin[] = {0, 0.95105651629515357212, 0.58778525229247312917, -0.58778525229247312917,
                                    -0.95105651629515357212};
};
template <>
struct OddRoots<7> {
  static constexpr double kCos[] = {1,
                                    0.62348980185873353053,
                                    -0.22252093395631440429,
                                    -0.90096886790241912624,
                                    -0.90096886790241912624,
                                    -0.22252093395631440429,
                                    0.62348980185873353053};
  static constexpr double kSin[] = {0,
                                    0.78183148246802980871,
                                    0.97492791218182360702,
                                    0.43388373911755812048,
                                    -0.43388373911755812048,
                                    -0.97492791218182360702,
                                    -0.78183148246802980871};
};

/// (re, im)_j = sum_k (re, im)_k exp(-2πi jk/R), in place.
template <int R, class D, class V>
HWY_INLINE void butterfly(D d, V (&re)[R], V (&im)[R]) {
  if constexpr (R == 2) {
    const V r = re[1], i = im[1];
    re[1] = hn::Sub(re[0], r), im[1] = hn::Sub(im[0], i);
    re[0] = hn::Add(re[0], r), im[0] = hn::Add(im[0], i);
  } else if constexpr (R == 4) {
    const V r0 = hn::Add(re[0], re[2]), i0 = hn::Add(im[0], im[2]);
    const V r1 = hn::Sub(re[0], re[2]), i1 = hn::Sub(im[0], im[2]);
    const V r2 = hn::Add(re[1], re[3]), i2 = hn::Add(im[1], im[3]);
    const V r3 = hn::Sub(re[1], re[3]), i3 = hn::Sub(im[1], im[3]);
    re[0] = hn::Add(r0, r2), im[0] = hn::Add(i0, i2);
    re[1] = hn::Add(r1, i3), im[1] = hn::Sub(i1, r3);
    re[2] = hn::Sub(r0, r2), im[2] = hn::Sub(i0, i2);
    re[3] = hn::Sub(r1, i3), im[3] = hn::Add(i1, r3);
  } else {
    using T = hn::TFromD<D>;
    constexpr int kHalf = (R - 1) / 2;
    V sum_re[kHalf], sum_im[kHalf], dif_re[kHalf], dif_im[kHalf];
    const V first_re = re[0], first_im = im[0];
#pragma GCC unroll 8
    for (int k = 0; k < kHalf; ++k) {
      sum_re[k] = hn::Add(re[k + 1], re[R - 1 - k]), sum_im[k] = hn::Add(im[k + 1], im[R - 1 - k]);
      dif_re[k] = hn::Sub(re[k + 1], re[R - 1 - k]), dif_im[k] = hn::Sub(im[k + 1], im[R - 1 - k]);
      re[0] = hn::Add(re[0], sum_re[k]), im[0] = hn::Add(im[0], sum_im[k]);
    }
#pragma GCC unroll 8
    for (int j = 1; j <= kHalf; ++j) {
      V even_re = first_re, even_im = first_im, odd_re = hn::Zero(d), odd_im = hn::Zero(d);
#pragma GCC unroll 8
      for (int k = 0; k < kHalf; ++k) {
        const V c = hn::Set(d, static_cast<T>(OddRoots<R>::kCos[j * (k + 1) % R]));
        const V s = hn::Set(d, static_cast<T>(OddRoots<R>::kSin[j * (k + 1) % R]));
        even_re = hn::MulAdd(c, sum_re[k], even_re), even_im = hn::MulAdd(c, sum_im[k], even_im);
        odd_re = hn::MulAdd(s, dif_re[k], odd_re), odd_im = hn::MulAdd(s, dif_im[k], odd_im);
      }
      re[j] = hn::Add(even_re, odd_im), im[j] = hn::Sub(even_im, odd_re);
      re[R - j] = hn::Sub(even_re, odd_im), im[R - j] = hn::Add(even_im, odd_re);
    }
  }
}

/// Numbers as two planes, or (im null) as pairs; `swapped` exchanges the parts, which turns a transform into the
/// inverse.
template <class T>
struct FftSource {
  const T* re;
  const T* im;
  bool swapped;
};
template <class T>
struct FftTarget {
  T* re;
  T* im;
  bool swapped;
  T scale;
};

template <class D, class V, class T = hn::TFromD<D>>
HWY_INLINE void store_pairs(D d, V re, V im, T* y) {
  if constexpr (hn::MaxLanes(d) == 1)
    y[0] = hn::GetLane(re), y[1] = hn::GetLane(im);
  else
    hn::StoreInterleaved2(re, im, d, y);
}

template <class D, class V, class T = hn::TFromD<D>>
HWY_INLINE void load_pairs(D d, const T* z, V& re, V& im) {
  if constexpr (hn::MaxLanes(d) == 1)
    re = hn::Set(d, z[0]), im = hn::Set(d, z[1]);
  else
    hn::LoadInterleaved2(d, z, re, im);
}

template <class D, class V, class T = hn::TFromD<D>>
HWY_INLINE void store_scaled(D d, const FftTarget<T>& y, int64_t at, V re, V im) {
  const V scale = hn::Set(d, y.scale);
  re = hn::Mul(re, scale), im = hn::Mul(im, scale);
  if (y.im) {
    hn::StoreU(re, d, y.re + at);
    hn::StoreU(im, d, y.im + at);
  } else if (y.swapped)
    store_pairs(d, im, re, y.re + 2 * at);
  else
    store_pairs(d, re, im, y.re + 2 * at);
}

/// Columns q0 … q1 of a pass: x is seen as (radix, m, s), y as (m, radix, s).
template <int R, bool kLast, class D, class T = hn::TFromD<D>>
HWY_NOINLINE void pass_columns(D d, const FftPass<T>& pass, const T* HWY_RESTRICT xr, const T* HWY_RESTRICT xi,
                               const FftTarget<T>& y, int64_t s, int64_t q0, int64_t q1) {
  using V = hn::Vec<D>;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d)), m = kLast ? 1 : pass.m, arm = m * s;
  const T* twiddles = pass.twiddles.data();
  for (int64_t p = 0; p < m; ++p) {
    V wr[R], wi[R];
    if constexpr (!kLast) {
#pragma GCC unroll 8
      for (int j = 1; j < R; ++j) {
        wr[j] = hn::Set(d, twiddles[2 * (j - 1)]);
        wi[j] = hn::Set(d, twiddles[2 * (j - 1) + 1]);
      }
      twiddles += 2 * (R - 1);
    }
    for (int64_t q = q0; q < q1; q += lanes) {
      V re[R], im[R];
#pragma GCC unroll 8
      for (int k = 0; k < R; ++k) {
        re[k] = hn::LoadU(d, xr + p * s + k * arm + q);
        im[k] = hn::LoadU(d, xi + p * s + k * arm + q);
      }
      butterfly<R>(d, re, im);
#pragma GCC unroll 8
      for (int j = 0; j < R; ++j) {
        if constexpr (kLast) {
          store_scaled(d, y, j * s + q, re[j], im[j]);
        } else {
          V r = re[j], i = im[j];
          if (j > 0) {
            r = hn::NegMulAdd(im[j], wi[j], hn::Mul(re[j], wr[j]));
            i = hn::MulAdd(im[j], wr[j], hn::Mul(re[j], wi[j]));
          }
          const int64_t at = (R * p + j) * s + q;
          hn::StoreU(r, d, y.re + at);
          hn::StoreU(i, d, y.im + at);
        }
      }
    }
  }
}

template <class T, int R, bool kLast>
void pass_of_radix(const FftPass<T>& pass, const T* xr, const T* xi, const FftTarget<T>& y, int64_t s) {
  int64_t q = 0;
  const auto columns = [&](auto d) HWY_ATTR {
    const int64_t stop = s - (s - q) % static_cast<int64_t>(hn::Lanes(d));
    if (stop > q) pass_columns<R, kLast>(d, pass, xr, xi, y, s, q, stop);
    q = std::max(q, stop);
  };
  columns(hn::ScalableTag<T>());
  if constexpr (hn::MaxLanes(hn::ScalableTag<T>()) > 4) columns(hn::CappedTag<T, 4>());
  columns(hn::CappedTag<T, 1>());
}

template <class T, bool kLast>
void run_pass(const FftPass<T>& pass, const T* xr, const T* xi, const FftTarget<T>& y, int64_t s) {
  switch (pass.radix) {
    case 2: return pass_of_radix<T, 2, kLast>(pass, xr, xi, y, s);
    case 3: return pass_of_radix<T, 3, kLast>(pass, xr, xi, y, s);
    case 4: return pass_of_radix<T, 4, kLast>(pass, xr, xi, y, s);
    case 5: return pass_of_radix<T, 5, kLast>(pass, xr, xi, y, s);
    default: return pass_of_radix<T, 7, kLast>(pass, xr, xi, y, s);
  }
}

/// The first pass of a single transform (s = 1), of radix 4: vectors run along m, whose neighbours have other twiddles.
template <class T>
HWY_NOINLINE void first_pass(const FftPass<T>& pass, const FftSource<T>& x, T* HWY_RESTRICT yr, T* HWY_RESTRICT yi) {
  const int64_t m = pass.m;
  const T* w = pass.planar.data();
  int64_t p = 0;
  const auto columns = [&](auto d) HWY_ATTR {
    using V = hn::Vec<decltype(d)>;
    const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
    for (; p + lanes <= m; p += lanes) {
      V re[4], im[4];
#pragma GCC unroll 4
      for (int k = 0; k < 4; ++k) {
        const int64_t at = p + k * m;
        if (x.im) {
          re[k] = hn::LoadU(d, x.re + at), im[k] = hn::LoadU(d, x.im + at);
        } else
          load_pairs(d, x.re + 2 * at, re[k], im[k]);
        if (x.swapped) std::swap(re[k], im[k]);
      }
      butterfly<4>(d, re, im);
#pragma GCC unroll 4
      for (int j = 1; j < 4; ++j) {
        const V wr = hn::LoadU(d, w + 2 * (j - 1) * m + p), wi = hn::LoadU(d, w + (2 * (j - 1) + 1) * m + p);
        const V r = re[j];
        re[j] = hn::NegMulAdd(im[j], wi, hn::Mul(r, wr));
        im[j] = hn::MulAdd(im[j], wr, hn::Mul(r, wi));
      }
      if constexpr (hn::MaxLanes(d) == 1) {
        for (int j = 0; j < 4; ++j) yr[4 * p + j] = hn::GetLane(re[j]), yi[4 * p + j] = hn::GetLane(im[j]);
      } else {
        hn::StoreInterleaved4(re[0], re[1], re[2], re[3], d, yr + 4 * p);
        hn::StoreInterleaved4(im[0], im[1], im[2], im[3], d, yi + 4 * p);
      }
    }
  };
  columns(hn::ScalableTag<T>());
  columns(hn::CappedTag<T, 1>());
}

/// Hands out pieces of one buffer.
template <class T>
class Scratch {
 public:
  explicit Scratch(T* begin) : next_(begin) {}
  T* take(int64_t n) {
    T* piece = next_;
    next_ += scratch_piece(n);
    return piece;
  }

 private:
  T* next_;
};

template <class T>
void split_pairs(const T* z, int64_t n, T* re, T* im) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::Vec<decltype(d)> r, v;
    load_pairs(d, z + 2 * i, r, v);
    hn::StoreU(r, d, re + i);
    hn::StoreU(v, d, im + i);
  }
  for (; i < n; ++i) re[i] = z[2 * i], im[i] = z[2 * i + 1];
}

template <class T>
void transform_direct(const FftPlan<T>& plan, const FftSource<T>& x, const FftTarget<T>& y, int64_t s,
                      Scratch<T> scratch) {
  const int64_t n = plan.n, count = static_cast<int64_t>(plan.passes.size());
  T* planes[2][2];
  for (auto& plane : planes)
    for (T*& part : plane) part = scratch.take(n * s);
  const T *re = x.swapped ? x.im : x.re, *im = x.swapped ? x.re : x.im;
  int64_t i = 0, stride = s;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(hn::ScalableTag<T>()));
  if (s == 1 && count > 1 && plan.passes[0].radix == 4 && plan.passes[0].m >= lanes) {
    first_pass(plan.passes[0], x, planes[0][0], planes[0][1]);
    re = planes[0][0], im = planes[0][1];
    i = 1, stride = 4;
  } else if (!x.im) {
    split_pairs(x.re, n, planes[1][0], planes[1][1]);
    re = planes[1][x.swapped], im = planes[1][!x.swapped];
  }
  for (; i + 1 < count; ++i) {
    const FftPass<T>& pass = plan.passes[static_cast<size_t>(i)];
    T* const* to = planes[i % 2];
    run_pass<T, false>(pass, re, im, FftTarget<T>{to[0], to[1], false, 1}, stride);
    re = to[0], im = to[1];
    stride *= pass.radix;
  }
  if (count > 0) return run_pass<T, true>(plan.passes[static_cast<size_t>(i)], re, im, y, stride);
  const hn::CappedTag<T, 1> one;
  for (int64_t q = 0; q < s; ++q) store_scaled(one, y, q, hn::Set(one, re[q]), hn::Set(one, im[q]));
}

/// y_k = c_k sum_j (x_j c_j) conj(c_(k-j)), c the chirp: a circular convolution of at least 2n - 1 places.
template <class T>
void transform_by_convolution(const FftPlan<T>& plan, const FftSource<T>& x, const FftTarget<T>& y, int64_t s,
                              Scratch<T> scratch) {
  const int64_t n = plan.n, length = plan.convolution->n;
  T *ar = scratch.take(length * s), *ai = scratch.take(length * s);
  T *br = scratch.take(length * s), *bi = scratch.take(length * s);
  const int64_t step = x.im ? 1 : 2;
  const T *re = x.re, *im = x.im ? x.im : x.re + 1;
  if (x.swapped) std::swap(re, im);
  for (int64_t j = 0; j < n; ++j) {
    const T cr = plan.chirp[static_cast<size_t>(2 * j)], ci = plan.chirp[static_cast<size_t>(2 * j + 1)];
    for (int64_t q = j * s; q < (j + 1) * s; ++q) {
      const T vr = re[q * step], vi = im[q * step];
      ar[q] = vr * cr - vi * ci, ai[q] = vr * ci + vi * cr;
    }
  }
  std::fill(ar + n * s, ar + length * s, T(0));
  std::fill(ai + n * s, ai + length * s, T(0));
  transform_direct(*plan.convolution, FftSource<T>{ar, ai, false}, FftTarget<T>{br, bi, false, 1}, s, scratch);
  for (int64_t j = 0; j < length; ++j) {
    const T cr = plan.spectrum[static_cast<size_t>(2 * j)], ci = plan.spectrum[static_cast<size_t>(2 * j + 1)];
    for (int64_t q = j * s; q < (j + 1) * s; ++q) {
      const T vr = br[q], vi = bi[q];
      br[q] = vr * cr - vi * ci, bi[q] = vr * ci + vi * cr;
    }
  }
  transform_direct(*plan.convolution, FftSource<T>{bi, br, false}, FftTarget<T>{ai, ar, false, 1}, s, scratch);
  const hn::CappedTag<T, 1> one;
  for (int64_t k = 0; k < n; ++k) {
    const T cr = plan.chirp[static_cast<size_t>(2 * k)], ci = plan.chirp[static_cast<size_t>(2 * k + 1)];
    for (int64_t q = k * s; q < (k + 1) * s; ++q)
      store_scaled(one, y, q, hn::Set(one, ar[q] * cr - ai[q] * ci), hn::Set(one, ar[q] * ci + ai[q] * cr));
  }
}

/// y = transform of x: s transforms of plan.n numbers that lie interleaved; pairs only with s = 1.
template <class T>
void transform(const FftPlan<T>& plan, const FftSource<T>& x, const FftTarget<T>& y, int64_t s, Scratch<T> scratch) {
  if (plan.direct())
    transform_direct(plan, x, y, s, scratch);
  else
    transform_by_convolution(plan, x, y, s, scratch);
}

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
