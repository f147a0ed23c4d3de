#pragma once
#include <cstdint>
#include <memory>
#include <vector>

// How a Fourier transform of one length is done: the radices of its passes and their twiddle factors.
namespace gradus::cpu {

/// One pass of a Stockham transform (decimation in frequency). n values, `stride` transforms lying interleaved, are
/// seen as radix × m: butterflies over radix values m apart, times twiddles w^(p j), w = exp(-2πi/(radix m)).
template <class T>
struct FftPass {
  int radix;
  int64_t m;
  /// (m, radix - 1) pairs re im, j = 1 … radix - 1; empty for the last pass, where m = 1.
  std::vector<T> twiddles;
  /// The same for the first pass as (radix - 1, 2, m), so that vectors run along m.
  std::vector<T> planar;
};

template <class T>
struct FftPlan {
  int64_t n = 1;
  std::vector<FftPass<T>> passes;

  // A length with a large prime factor: a convolution with the chirp exp(-πi j²/n) (Bluestein 1970), by transforms of
  // a convenient length.
  std::shared_ptr<const FftPlan> convolution;  // null when there are passes
  std::vector<T> chirp;                        // (n) pairs
  std::vector<T> spectrum;                     // (convolution->n) pairs: of the conjugate chirp, over its length

  bool direct() const { return !convolution; }
};

/// exp(-2πi k/n), k = 0 … n/4: what turns a transform of n/2 pairs into one of n real numbers. (n/4 + 1) re, then im.
template <class T>
struct RealPlan {
  std::shared_ptr<const FftPlan<T>> half;
  std::vector<T> re, im;
};

/// Signals to be transformed side by side: number i of signal q at z + i z_step + q z_signal, its parts z_pair apart.
template <class T>
struct FftBlock {
  const T* z;
  T* y;
  int64_t z_step, z_signal, z_pair, y_step, y_signal;
  int64_t width, block;  ///< signals there are, and room for
  bool inverse;
  T scale;
};

/// Places that a buffer of n numbers takes, with a gap behind it: equal distances of a power of two share cache sets.
constexpr int64_t scratch_piece(int64_t n) { return (n + 47) / 16 * 16; }

/// Numbers that the transform of `s` interleaved signals needs as scratch.
template <class T>
int64_t scratch_size(const FftPlan<T>& plan, int64_t s) {
  return (plan.direct() ? 4 : 8) * scratch_piece((plan.direct() ? plan.n : plan.convolution->n) * s);
}

/// Plans are kept for the next call. n >= 1; for real_plan an even number.
template <class T>
std::shared_ptr<const FftPlan<T>> fft_plan(int64_t n);
template <class T>
std::shared_ptr<const RealPlan<T>> real_plan(int64_t n);

}  // namespace gradus::cpu
