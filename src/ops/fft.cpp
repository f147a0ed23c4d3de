#include "ops/fft.h"

#include <cmath>
#include <string>

#include "autograd/record.h"
#include "kernels/table.h"
#include "ops/check.h"
#include "ops/complex.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/pad.h"
#include "ops/rearrange.h"
#include "ops/shape.h"

namespace gradus {

namespace {

constexpr int64_t kLongest = int64_t{1} << 40;

double scale_of(FftNorm norm, int64_t n, bool inverse) {
  const double count = static_cast<double>(n);
  if (norm == FftNorm::ortho) return 1 / std::sqrt(count);
  return (norm == FftNorm::backward) == inverse ? 1 / count : 1;
}

int64_t length_of(const char* op, const Tensor& x, int64_t wanted, int64_t without) {
  if (wanted < 0 || wanted > kLongest) throw ValueError(op, "a transform of length " + std::to_string(wanted) + ".");
  const int64_t n = wanted == 0 ? without : wanted;
  if (n < 1) throw ShapeError(op, "no entries to transform in " + x.describe() + ".");
  return n;
}

// x with n entries along an axis: cut, or continued by zeros.
Tensor resized(const Tensor& x, int axis, int64_t n) {
  if (x.shape()[axis] == n) return x;
  if (x.shape()[axis] > n) return narrow(x, axis, 0, n);
  std::vector<int64_t> pads(static_cast<size_t>(2 * (x.rank() - axis)), 0);
  pads.back() = n - x.shape()[axis];
  return pad(x, pads);
}

// Both z and y as kernels want them: the axis stands before the pair.
Tensor dft(const Tensor& z, int axis, bool inverse, double scale) {
  Tensor y = empty_like(z);
  const NoGrad views;
  kernels(z.device())
      .fft({.z = transpose(z.detach(), axis, -2), .y = transpose(y, axis, -2), .inverse = inverse, .scale = scale});
  return y;
}

// The matrix F of the transform is symmetric, so its adjoint is its conjugate: dz = scale conj(F) dy.
Tensor recorded_dft(const Tensor& z, int axis, bool inverse, double scale) {
  Tensor y = dft(z, axis, inverse, scale);
  record(inverse ? "ifft" : "fft", {z}, y,
         [axis, inverse, scale](const Tensor& dy) { return recorded_dft(dy, axis, !inverse, scale); });
  return y;
}

Tensor irfft_last(const Tensor& z, int64_t n, double scale, double interior);

// Along the last axis, interior bins times a factor (see RfftArgs). An interior bin stands for its conjugate twin too,
// but its gradient does not: rfft with factor f and irfft with f/2 are adjoint to each other.
Tensor rfft_last(const Tensor& x, double scale, double interior) {
  const int64_t n = x.shape().back();
  Shape shape = x.shape();
  shape[shape.rank() - 1] = n / 2 + 1;
  shape.push_back(2);
  Tensor y = empty(shape, x.dtype(), x.device());
  kernels(x.device()).rfft({.x = x, .y = y, .scale = scale, .interior = interior});
  record("rfft", {x}, y, [n, scale, interior](const Tensor& dy) { return irfft_last(dy, n, scale, interior / 2); });
  return y;
}

Tensor irfft_last(const Tensor& z, int64_t n, double scale, double interior) {
  Shape shape = z.shape();
  shape.erase(shape.rank() - 1);
  shape[shape.rank() - 1] = n;
  Tensor y = empty(shape, z.dtype(), z.device());
  kernels(z.device()).irfft({.z = z, .y = y, .scale = scale, .interior = interior});
  record("irfft", {z}, y, [scale, interior](const Tensor& dy) { return rfft_last(dy, scale, 2 * interior); });
  return y;
}

Tensor complex_transform(const char* op, const Tensor& z, const FftOptions& o, bool inverse) {
  require_complex(op, z);
  require_rank(op, "z", z, 2);
  const int axis = wrap_axis(op, o.axis, z.rank() - 1);
  const int64_t n = length_of(op, z, o.n, z.shape()[axis]);
  return recorded_dft(resized(z, axis, n), axis, inverse, scale_of(o.norm, n, inverse));
}

// Calls one(x, entries along the axis, axis) for each of the axes, from the last named to the first or back.
template <class F>
Tensor each_axis(const char* op, const Tensor& x, int rank, const FftnOptions& o, bool last_first, F one) {
  const Axes axes = o.axes.wrapped(op, rank);
  if (axes.size() == 0) throw ValueError(op, "no axis to transform.");
  if (o.n.rank() != 0 && o.n.rank() != axes.size())
    throw ValueError(op, std::to_string(o.n.rank()) + " lengths for " + std::to_string(axes.size()) + " axes.");
  Tensor y = x;
  for (int i = 0; i < axes.size(); ++i) {
    const int k = last_first ? axes.size() - 1 - i : i;
    y = one(y, FftOptions{o.n.rank() == 0 ? 0 : o.n[k], axes[k], o.norm}, k == axes.size() - 1);
  }
  return y;
}

}  // namespace

Tensor fft(const Tensor& z, FftOptions o) { return complex_transform("fft", z, o, false); }
Tensor ifft(const Tensor& z, FftOptions o) { return complex_transform("ifft", z, o, true); }

Tensor rfft(const Tensor& x, FftOptions o) {
  require_floating("rfft", x);
  const int axis = wrap_axis("rfft", o.axis, x.rank());
  const int64_t n = length_of("rfft", x, o.n, x.shape()[axis]);
  const Tensor signal = transpose(resized(x, axis, n), axis, -1);
  return transpose(rfft_last(signal, scale_of(o.norm, n, false), 1), axis, -2);
}

Tensor irfft(const Tensor& z, FftOptions o) {
  require_complex("irfft", z);
  require_rank("irfft", "z", z, 2);
  const int axis = wrap_axis("irfft", o.axis, z.rank() - 1);
  const int64_t n = length_of("irfft", z, o.n, 2 * (z.shape()[axis] - 1));
  const Tensor bins = transpose(resized(z, axis, n / 2 + 1), axis, -2);
  return transpose(irfft_last(bins, n, scale_of(o.norm, n, true), 1), axis, -1);
}

Tensor fftn(const Tensor& z, FftnOptions o) {
  require_complex("fftn", z);
  return each_axis("fftn", z, z.rank() - 1, o, true,
                   [](const Tensor& x, const FftOptions& one, bool) { return fft(x, one); });
}

Tensor ifftn(const Tensor& z, FftnOptions o) {
  require_complex("ifftn", z);
  return each_axis("ifftn", z, z.rank() - 1, o, true,
                   [](const Tensor& x, const FftOptions& one, bool) { return ifft(x, one); });
}

Tensor rfftn(const Tensor& x, FftnOptions o) {
  require_floating("rfftn", x);
  return each_axis("rfftn", x, x.rank(), o, true,
                   [](const Tensor& y, const FftOptions& one, bool last) { return last ? rfft(y, one) : fft(y, one); });
}

Tensor irfftn(const Tensor& z, FftnOptions o) {
  require_complex("irfftn", z);
  return each_axis("irfftn", z, z.rank() - 1, o, false, [](const Tensor& y, const FftOptions& one, bool last) {
    return last ? irfft(y, one) : ifft(y, one);
  });
}

static Tensor shifted(const char* op, const Tensor& x, const Axes& axes, bool back) {
  require_defined(op, x);
  std::vector<int64_t> shifts;
  for (int axis : axes.wrapped(op, x.rank())) {
    const int64_t n = x.shape()[axis];
    shifts.push_back(back ? (n + 1) / 2 : n / 2);
  }
  return roll(x, shifts, axes);
}

Tensor fftshift(const Tensor& x, const Axes& axes) { return shifted("fftshift", x, axes, false); }
Tensor ifftshift(const Tensor& x, const Axes& axes) { return shifted("ifftshift", x, axes, true); }

static double bin_width(const char* op, int64_t n, double d, Dtype dtype) {
  if (n < 1 || n > kLongest || d == 0 || !is_floating(dtype))
    throw ValueError(op, "needs n of at least 1, a distance other than 0 and a floating type.");
  return static_cast<double>(n) * d;
}

Tensor fftfreq(int64_t n, double d, Dtype dtype) {
  const double width = bin_width("fftfreq", n, d, dtype);
  const Tensor bins = concat({arange((n + 1) / 2, Dtype::f64), arange(n / 2, Dtype::f64, -static_cast<double>(n / 2))});
  return cast(div(bins, width), dtype);
}

Tensor rfftfreq(int64_t n, double d, Dtype dtype) {
  const double width = bin_width("rfftfreq", n, d, dtype);
  return cast(div(arange(n / 2 + 1, Dtype::f64), width), dtype);
}

// The smallest even number >= n without a prime factor above 5; for very long signals, where those are rare, a power of
// two.
static int64_t good_length(int64_t n) {
  if (n > (1 << 24)) {
    int64_t power = 1 << 25;
    while (power < n) power *= 2;
    return power;
  }
  for (int64_t m = n + n % 2;; m += 2) {
    int64_t rest = m;
    for (int factor : {2, 3, 5})
      while (rest % factor == 0) rest /= factor;
    if (rest == 1) return m;
  }
}

Tensor fft_conv1d(const Tensor& x, const Tensor& k) {
  for (const Tensor& t : {x, k}) {
    require_floating("fft_conv1d", t);
    require_rank("fft_conv1d", "an operand", t, 1);
    if (t.shape().back() < 1 || t.shape().back() > kLongest)
      throw ShapeError("fft_conv1d", "no entries to convolve in " + t.describe() + ".");
  }
  require_same("fft_conv1d", {x, k});
  const int64_t length = x.shape().back();
  const Tensor kernel = k.shape().back() > length ? narrow(k, -1, 0, length) : k;
  const int64_t n = good_length(length + kernel.shape().back() - 1);
  const Tensor bins = complex_mul(rfft(x, {.n = n}), rfft(kernel, {.n = n}));
  return narrow(irfft(bins, {.n = n}), -1, 0, length);
}

}  // namespace gradus
