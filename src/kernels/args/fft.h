#pragma once
#include <cstdint>

#include "tensor/tensor.h"

// Kernel arguments: complex numbers (pairs in a last axis of size 2) and Fourier transforms. See kernels/table.h.
namespace gradus {

/// y = a b, or a conj(b); all (*, 2), a and b broadcast to y's shape by stride 0.
struct ComplexMulArgs {
  const Tensor& a;
  const Tensor& b;
  const Tensor& y;
  bool conj_b;
};
enum class ComplexPart : uint8_t { modulus, argument };
/// y (*) = |z| or arg z; z (*, 2).
struct ComplexPartArgs {
  ComplexPart f;
  const Tensor& z;
  const Tensor& y;
};

/// y_k = scale sum_j z_j exp(∓2πi jk/n), + when inverse; z and y (*, n, 2), n >= 1. Both may have any strides (another
/// axis than the last comes as a transposed view), but pairs of y lie together.
struct FftArgs {
  const Tensor& z;
  const Tensor& y;
  bool inverse;
  double scale;
};
/// y_k = scale f_k sum_j x_j exp(-2πi jk/n), k = 0 … n/2; x (*, n), y (*, n/2 + 1, 2). f_k is `interior`, but 1 for k =
/// 0 and k = n/2, which have no conjugate twin.
struct RfftArgs {
  const Tensor& x;
  const Tensor& y;
  double scale, interior;
};
/// y_j = scale Re(sum over all n bins z_k exp(2πi jk/n)), the upper half being the conjugate of the lower; z (*, n/2 +
/// 1, 2), y (*, n). Interior bins are multiplied by `interior` first; imaginary parts of bins 0 and n/2 are not read.
struct IrfftArgs {
  const Tensor& z;
  const Tensor& y;
  double scale, interior;
};

#define GRADUS_FFT_KERNELS(X)      \
  X(complex_mul, ComplexMulArgs)   \
  X(complex_part, ComplexPartArgs) \
  X(fft, FftArgs)                  \
  X(rfft, RfftArgs)                \
  X(irfft, IrfftArgs)

}  // namespace gradus
