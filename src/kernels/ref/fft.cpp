#include <complex>
#include <vector>

#include "kernels/ref/ref.h"
#include "kernels/ref/scalar.h"
#include "kernels/unit_root.h"
#include "kernels/walk.h"

namespace gradus::ref {

namespace {

using Complex = std::complex<double>;

std::vector<Complex> unit_roots(int64_t n) {
  std::vector<Complex> roots;
  for (int64_t k = 0; k < n; ++k) roots.emplace_back(unit_root(k, n).re, unit_root(k, n).im);
  return roots;
}

// The definition: y_k = sum_j z_j exp(∓2πi jk/n) for the first y.size() bins.
void dft(const std::vector<Complex>& z, const std::vector<Complex>& roots, bool inverse, std::vector<Complex>& y) {
  const size_t n = z.size();
  for (size_t k = 0; k < y.size(); ++k) {
    Complex sum = 0;
    for (size_t j = 0; j < n; ++j) {
      const Complex w = roots[j * k % n];
      sum += z[j] * (inverse ? std::conj(w) : w);
    }
    y[k] = sum;
  }
}

// A row of pairs, or of numbers when `pair` is 0.
template <class T>
struct Signal {
  T* data;
  int64_t step, pair;
  Complex get(int64_t i) const {
    const double re = static_cast<double>(data[i * step]);
    return {re, pair == 0 ? 0 : static_cast<double>(data[i * step + pair])};
  }
  void set(int64_t i, Complex v) const {
    data[i * step] = convert<T>(v.real());
    if (pair != 0) data[i * step + pair] = convert<T>(v.imag());
  }
};

Tensor leading(const Tensor& x, int axes) {
  Shape shape = x.shape();
  Strides strides = x.strides();
  for (int i = 0; i < axes; ++i) shape.erase(shape.rank() - 1), strides.erase(strides.rank() - 1);
  return x.strided(shape, strides);
}

// Calls row(from, to) for every vector to be transformed.
template <class F>
void for_each_signal(const char* op, const Tensor& x, bool x_pairs, const Tensor& y, bool y_pairs, F&& row) {
  if (y.count() == 0) return;
  dispatch_floating(op, x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    const Tensor from = leading(x, x_pairs ? 2 : 1), to = leading(y, y_pairs ? 2 : 1);
    const auto signal_at = [](const Tensor& t, bool pairs, int64_t offset) {
      return Signal<T>{t.data<T>() + offset, t.strides().back(pairs), pairs ? t.strides().back() : 0};
    };
    for_each_element<2>(from.shape(), {&from, &to},
                        [&](const auto& at) { row(signal_at(x, x_pairs, at[0]), signal_at(y, y_pairs, at[1])); });
  });
}

}  // namespace

void fft(const FftArgs& args) {
  const int64_t n = args.z.shape().back(1);
  const auto roots = unit_roots(n);
  std::vector<Complex> in(static_cast<size_t>(n)), out(in.size());
  for_each_signal("fft", args.z, true, args.y, true, [&](const auto& z, const auto& y) {
    for (int64_t i = 0; i < n; ++i) in[static_cast<size_t>(i)] = z.get(i);
    dft(in, roots, args.inverse, out);
    for (int64_t i = 0; i < n; ++i) y.set(i, args.scale * out[static_cast<size_t>(i)]);
  });
}

void rfft(const RfftArgs& args) {
  const int64_t n = args.x.shape().back();
  const auto roots = unit_roots(n);
  std::vector<Complex> in(static_cast<size_t>(n)), out(static_cast<size_t>(n / 2 + 1));
  for_each_signal("rfft", args.x, false, args.y, true, [&](const auto& x, const auto& y) {
    for (int64_t i = 0; i < n; ++i) in[static_cast<size_t>(i)] = x.get(i);
    dft(in, roots, false, out);
    for (int64_t k = 0; k <= n / 2; ++k)
      y.set(k, args.scale * (k == 0 || 2 * k == n ? 1 : args.interior) * out[static_cast<size_t>(k)]);
  });
}

void irfft(const IrfftArgs& args) {
  const int64_t n = args.y.shape().back();
  const auto roots = unit_roots(n);
  std::vector<Complex> in(static_cast<size_t>(n)), out(in.size());
  for_each_signal("irfft", args.z, true, args.y, false, [&](const auto& z, const auto& y) {
    for (int64_t k = 0; k <= n / 2; ++k) {
      const bool single = k == 0 || 2 * k == n;
      const Complex v = single ? z.get(k).real() : args.interior * z.get(k);
      in[static_cast<size_t>(k)] = v;
      if (!single) in[static_cast<size_t>(n - k)] = std::conj(v);
    }
    dft(in, roots, true, out);
    for (int64_t j = 0; j < n; ++j) y.set(j, args.scale * out[static_cast<size_t>(j)].real());
  });
}

void complex_mul(const ComplexMulArgs& args) {
  if (args.y.count() == 0) return;
  dispatch_floating("complex_mul", args.y.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    const T *pa = args.a.data<T>(), *pb = args.b.data<T>();
    T* py = args.y.data<T>();
    const int64_t step_a = args.a.strides().back(), step_b = args.b.strides().back(), step_y = args.y.strides().back();
    const Tensor a = leading(args.a, 1), b = leading(args.b, 1), y = leading(args.y, 1);
    for_each_element<3>(y.shape(), {&a, &b, &y}, [&](const auto& at) {
      const T *u = pa + at[0], *v = pb + at[1];
      const A ar = static_cast<A>(u[0]), ai = static_cast<A>(u[step_a]);
      const A br = static_cast<A>(v[0]), bi = args.conj_b ? -static_cast<A>(v[step_b]) : static_cast<A>(v[step_b]);
      py[at[2]] = convert<T>(ar * br - ai * bi);
      py[at[2] + step_y] = convert<T>(ar * bi + ai * br);
    });
  });
}

void complex_part(const ComplexPartArgs& args) {
  if (args.y.count() == 0) return;
  dispatch_floating("complex_part", args.y.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    const T* pz = args.z.data<T>();
    T* py = args.y.data<T>();
    const int64_t step = args.z.strides().back();
    const Tensor z = leading(args.z, 1);
    for_each_element<2>(z.shape(), {&z, &args.y}, [&](const auto& at) {
      const A re = static_cast<A>(pz[at[0]]), im = static_cast<A>(pz[at[0] + step]);
      py[at[1]] = convert<T>(args.f == ComplexPart::modulus ? std::hypot(re, im) : std::atan2(im, re));
    });
  });
}

}  // namespace gradus::ref
