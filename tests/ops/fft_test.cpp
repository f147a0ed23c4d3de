#include "ops/fft.h"

#include <cmath>

#include "kernels/table.h"
#include "ops/complex.h"
#include "ops/elementwise.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "support/threads.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

// (n, n, 2): exp(∓2πi jk/n)
Tensor dft_matrix(int64_t n, double sign, Dtype dtype) {
  std::vector<double> pairs;
  for (int64_t k = 0; k < n; ++k)
    for (int64_t j = 0; j < n; ++j) {
      const double angle = 2 * 3.14159265358979323846 * static_cast<double>(j * k % n) / static_cast<double>(n);
      pairs.push_back(std::cos(angle));
      pairs.push_back(sign * std::sin(angle));
    }
  return cast(from_vector(pairs, {n, n, 2}), dtype);
}

// By the definition, along the last axis before the pair.
Tensor plain_fft(const Tensor& z, double sign) {
  const Tensor w = dft_matrix(z.shape().back(1), sign, z.dtype());
  return sum(complex_mul(unsqueeze(z, -3), w), -2);
}

}  // namespace

OP_CASE("fft") {
  for (int64_t n : {1, 2, 3, 4, 5, 7, 8, 11, 12, 16, 30, 32, 35, 64, 100})
    check({.call = [](const Tensors& in) { return fft(in[0]); },
           .composed = [](const Tensors& in) { return plain_fft(in[0], -1); },
           .inputs = {normal({2, n, 2})},
           .second_order = n < 20});
  // Other axes: signals side by side, more and fewer than a vector holds.
  for (const Shape& shape : {Shape{16, 3, 2}, {20, 9, 2}, {2, 12, 17, 2}, {11, 8, 2}})
    check({.call = [](const Tensors& in) { return fft(in[0], {.axis = -2}); },
           .composed = [](const Tensors& in) { return transpose(plain_fft(transpose(in[0], -3, -2), -1), -3, -2); },
           .inputs = {normal(shape)},
           .second_order = false});
  // Many short rows.
  check({.call = [](const Tensors& in) { return fft(in[0]); },
         .composed = [](const Tensors& in) { return plain_fft(in[0], -1); },
         .inputs = {normal({3, 13, 6, 2})},
         .second_order = false});
  CHECK(fft(zeros({0, 4, 2})).count() == 0);
  CHECK_THROWS_AS(fft(zeros({3, 0, 2})), ShapeError);
  CHECK_THROWS_AS(fft(zeros({2})), ShapeError);
  CHECK_THROWS_AS(fft(zeros({4, 3})), ShapeError);
  CHECK_THROWS_AS(fft(zeros({4, 2}), {.axis = 1}), IndexError);
  CHECK_THROWS_AS(fft(zeros({4, 2}), {.n = -1}), ValueError);
}

OP_CASE("ifft") {
  for (FftNorm norm : {FftNorm::backward, FftNorm::ortho, FftNorm::forward})
    for (int64_t n : {6, 13, 32}) {
      const double scale = norm == FftNorm::backward ? 1.0 / static_cast<double>(n)
                           : norm == FftNorm::ortho  ? 1 / std::sqrt(static_cast<double>(n))
                                                     : 1;
      check({.call = [=](const Tensors& in) { return ifft(in[0], {.norm = norm}); },
             .composed = [=](const Tensors& in) { return mul(plain_fft(in[0], 1), scale); },
             .inputs = {normal({2, n, 2})}});
      const Tensor z = normal({3, n, 2}, 4);
      check_close(ifft(fft(z, {.norm = norm}), {.norm = norm}), z, 0x1p-52);
    }
  check({.call = [](const Tensors& in) { return ifft(in[0], {.n = 9, .axis = 0}); }, .inputs = {normal({5, 3, 2})}});
  check({.call = [](const Tensors& in) { return ifft(in[0], {.n = 3, .axis = 0}); }, .inputs = {normal({5, 3, 2})}});
}

OP_CASE("rfft") {
  for (int64_t n : {1, 2, 3, 4, 5, 6, 8, 13, 16, 22, 30, 32, 64, 70, 128})
    check({.call = [](const Tensors& in) { return rfft(in[0]); },
           .composed = [n](const Tensors& in) { return narrow(plain_fft(complex(in[0]), -1), -2, 0, n / 2 + 1); },
           .inputs = {normal({3, n})},
           .second_order = n < 20});
  check({.call = [](const Tensors& in) { return rfft(in[0], {.n = 10, .axis = 0, .norm = FftNorm::ortho}); },
         .inputs = {normal({7, 3})}});
  CHECK_THROWS_AS(rfft(scalar(1)), IndexError);
  CHECK_THROWS_AS(rfft(arange(4)), DtypeError);
  CHECK_THROWS_AS(rfft(zeros({1, 1, 1, 1, 1, 1, 1, 4})), ShapeError);
}

OP_CASE("irfft") {
  for (int64_t n : {1, 2, 3, 4, 5, 6, 8, 13, 16, 22, 30, 32, 64, 70, 128})
    check({.call = [n](const Tensors& in) { return irfft(in[0], {.n = n}); },
           .composed =
               [n](const Tensors& in) {
                 // Bins n/2 + 1 … n - 1 are the conjugates of the lower ones; the single bins count as real.
                 const Tensor z = in[0];
                 const int64_t twins = (n - 1) / 2;
                 const Tensor low = mul(z, [&] {
                   std::vector<double> keep(static_cast<size_t>(2 * (n / 2 + 1)), 1);
                   keep[1] = 0;
                   if (n % 2 == 0) keep.back() = 0;
                   return cast(from_vector(keep, {n / 2 + 1, 2}), z.dtype());
                 }());
                 const Tensor high = complex_conj(slice(low, -2, twins, 0, -1));
                 return div(complex_real(plain_fft(concat({low, high}, -2), 1)), static_cast<double>(n));
               },
           .inputs = {normal({3, n / 2 + 1, 2})},
           .second_order = n < 20});
  check({.call = [](const Tensors& in) { return irfft(in[0], {.axis = 0, .norm = FftNorm::ortho}); },
         .inputs = {normal({5, 3, 2})}});
  check({.call = [](const Tensors& in) { return irfft(in[0], {.n = 12, .axis = 0}); }, .inputs = {normal({5, 3, 2})}});
  CHECK_THROWS_AS(irfft(zeros({1, 2})), ShapeError);
}

OP_CASE("fftn") {
  check({.call = [](const Tensors& in) { return fftn(in[0]); },
         .composed = [](const Tensors& in) { return fft(fft(in[0], {.axis = -2}), {.axis = -1}); },
         .inputs = {normal({2, 3, 4, 2})}});
  const Tensor z = normal({3, 4, 5, 2});
  check_close(ifftn(fftn(z, {.axes = {0, 1, 2}}), {.axes = {0, 1, 2}}), z, 0x1p-52);
  CHECK_THROWS_AS(fftn(z, {.n = {4}}), ValueError);
  CHECK_THROWS_AS(fftn(z, {.axes = {0, 0}}), IndexError);
  CHECK_THROWS_AS(fftn(z, {.axes = Axes()}), ValueError);
}

OP_CASE("rfftn") {
  check({.call = [](const Tensors& in) { return rfftn(in[0]); },
         .composed = [](const Tensors& in) { return narrow(fftn(complex(in[0])), -2, 0, 3); },
         .inputs = {normal({2, 3, 4})}});
  for (int64_t n : {4, 5}) {
    const Tensor x = normal({2, 3, n});
    check_close(irfftn(rfftn(x), {.n = {3, n}}), x, 0x1p-52);
  }
}

OP_CASE("fftshift") {
  check({.call = [](const Tensors& in) { return fftshift(in[0], {0, 1}); }, .inputs = {normal({4, 5})}});
  using List = std::vector<int64_t>;
  CHECK(fftshift(arange(5), 0).to_vector<int64_t>() == List{3, 4, 0, 1, 2});
  CHECK(ifftshift(fftshift(arange(5), 0), 0).to_vector<int64_t>() == List{0, 1, 2, 3, 4});
  CHECK(fftfreq(5, 0.5, Dtype::f64).to_vector<double>() == std::vector<double>{0, 0.4, 0.8, -0.8, -0.4});
  CHECK(fftfreq(4, 1, Dtype::f64).to_vector<double>() == std::vector<double>{0, 0.25, -0.5, -0.25});
  CHECK(rfftfreq(4, 1, Dtype::f64).to_vector<double>() == std::vector<double>{0, 0.25, 0.5});
  CHECK_THROWS_AS(fftfreq(0), ValueError);
}

OP_CASE("fft_conv1d") {
  for (const auto& [length, taps] : {std::pair<int64_t, int64_t>{1, 1}, {7, 7}, {9, 3}, {5, 11}})
    check({.call = [](const Tensors& in) { return fft_conv1d(in[0], in[1]); },
           .composed =
               [length = length, taps = taps](const Tensors& in) {
                 Tensors y;
                 for (int64_t t = 0; t < length; ++t) {
                   Tensor v = mul(select(in[0], -1, t), select(in[1], -1, 0));
                   for (int64_t s = 1; s <= t && s < taps; ++s)
                     v = add(v, mul(select(in[0], -1, t - s), select(in[1], -1, s)));
                   y.push_back(v);
                 }
                 return stack(y, -1);
               },
           .inputs = {normal({2, 3, length}, 1), normal({3, taps}, 2)},
           .tolerance = 4});
  CHECK_THROWS_AS(fft_conv1d(zeros({0}), zeros({3})), ShapeError);
  CHECK_THROWS_AS(fft_conv1d(zeros({3}), zeros({3}, Dtype::f64)), DtypeError);
}

TEST_CASE("fft: long transforms, and the same bits on any number of threads") {
  for (int64_t n : {1000, 1024, 4096, 2187, 4099, 8192}) {
    const Tensor x = cast(normal({3, n}), Dtype::f32);
    const Tensor exact = rfft(cast(x, Dtype::f64));
    check_close(rfft(x), exact, 0x1p-23, 1, "rfft " + std::to_string(n));
    check_close(irfft(cast(exact, Dtype::f32), {.n = n}), x, 0x1p-23, 1, "irfft " + std::to_string(n));
    check_close(narrow(fft(complex(x)), 1, 0, n / 2 + 1), exact, 0x1p-23, 1, "fft " + std::to_string(n));
    const UseRefKernels plain;
    if (n < 1100) check_close(exact, rfft(cast(x, Dtype::f64)), 0x1p-52, 4, "against plain loops");
  }
  const Tensor x = cast(normal({67, 300}), Dtype::f32);
  check_threads([&] { return Tensors{rfft(x), rfft(x, {.axis = 0}), rfftn(x), irfft(rfft(x))}; }, "fft threads");
}
