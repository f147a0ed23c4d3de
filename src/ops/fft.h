#pragma once
#include "ops/axes.h"
#include "tensor/tensor.h"

namespace gradus {

// Fourier transforms. Complex tensors are pairs in a last axis of size 2 (ops/complex.h), and that axis is not counted:
// axis -1 is the last axis of the signal on either side. Any length: 2, 3, 5 and 7 are the factors that are fast, a
// large prime costs about ten times as much. Floating types; f16 and bf16 compute in f32. Throw ShapeError for a signal
// without entries, IndexError for an axis out of range, ValueError for a negative length.

/// Where the factor 1/n stands: in the inverse (backward), in the transform (forward), or 1/sqrt n in both (ortho).
enum class FftNorm : uint8_t { backward, ortho, forward };

struct FftOptions {
  /// Entries of the signal (for irfft: of the result); 0: as many as there are (irfft: 2 (bins - 1)). A longer input
  /// is cut, a shorter one continued by zeros.
  int64_t n = 0;
  int axis = -1;
  FftNorm norm = FftNorm::backward;
};

/// y_k = sum_j z_j exp(-2πi jk/n); z (*, n, *, 2) -> same shape.
Tensor fft(const Tensor& z, FftOptions options = {});
/// y_j = 1/n sum_k z_k exp(2πi jk/n)
Tensor ifft(const Tensor& z, FftOptions options = {});
/// The bins 0 … n/2 of a real signal, the others being their conjugates: x (*, n, *) -> (*, n/2 + 1, *, 2).
Tensor rfft(const Tensor& x, FftOptions options = {});
/// The real signal of n entries that such bins z (*, n/2 + 1, *, 2) belong to -> (*, n, *). For an odd n say so in the
/// options. The imaginary parts of bin 0 and, for an even n, of bin n/2 are not read.
Tensor irfft(const Tensor& z, FftOptions options = {});

struct FftnOptions {
  /// Entries along each of the axes (for irfftn: of the result); empty: as many as there are.
  Shape n = {};
  Axes axes = {-2, -1};
  FftNorm norm = FftNorm::backward;
};

/// Along several axes, two unless said otherwise: one transform after another. The real ones take the last of the axes.
Tensor fftn(const Tensor& z, FftnOptions options = {});
Tensor ifftn(const Tensor& z, FftnOptions options = {});
Tensor rfftn(const Tensor& x, FftnOptions options = {});
Tensor irfftn(const Tensor& z, FftnOptions options = {});

/// Moves frequency 0 to the middle of the axes named, and back. Any tensor: here a pair axis counts as one.
Tensor fftshift(const Tensor& x, const Axes& axes);
Tensor ifftshift(const Tensor& x, const Axes& axes);
/// The frequencies of the bins, in turns per unit, for samples d units apart: (n) 0, 1, …, -1 over n d.
Tensor fftfreq(int64_t n, double d = 1, Dtype dtype = Dtype::f32);
/// (n/2 + 1)
Tensor rfftfreq(int64_t n, double d = 1, Dtype dtype = Dtype::f32);

/// Causal convolution with a kernel as long as the signal or of any other length, in O(L log L):
/// y_t = sum_{s <= t} k_s x_{t-s}; x (*, L), k (*, K), leading axes broadcast -> (*, L). Transforms of at least L + K -
/// 1 entries keep the end from wrapping round (Gu et al. 2022, "S4").
Tensor fft_conv1d(const Tensor& x, const Tensor& k);

}  // namespace gradus
