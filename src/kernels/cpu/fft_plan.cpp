#include "kernels/cpu/fft_plan.h"

#include <complex>
#include <map>
#include <mutex>

#include "kernels/unit_root.h"

namespace gradus::cpu {

namespace {

// The radices of a length, fours first: the first pass runs along m, and later strides are multiples of 4. Empty when
// a factor is left over.
std::vector<int> radices_of(int64_t n) {
  std::vector<int> radices;
  while (n % 4 == 0) radices.push_back(4), n /= 4;
  for (int radix : {2, 3, 5, 7})
    while (n % radix == 0) radices.push_back(radix), n /= radix;
  return n == 1 ? radices : std::vector<int>();
}

template <class T>
std::vector<FftPass<T>> passes_of(int64_t n, const std::vector<int>& radices) {
  std::vector<FftPass<T>> passes;
  for (size_t i = 0; i < radices.size(); ++i) {
    FftPass<T> pass{radices[i], n / radices[i], {}, {}};
    const auto factor = [&](int64_t p, int j) { return unit_root(p * j, n); };
    if (pass.m > 1)
      for (int64_t p = 0; p < pass.m; ++p)
        for (int j = 1; j < pass.radix; ++j) {
          pass.twiddles.push_back(static_cast<T>(factor(p, j).re));
          pass.twiddles.push_back(static_cast<T>(factor(p, j).im));
        }
    if (i == 0)
      for (int j = 1; j < pass.radix; ++j) {
        for (int64_t p = 0; p < pass.m; ++p) pass.planar.push_back(static_cast<T>(factor(p, j).re));
        for (int64_t p = 0; p < pass.m; ++p) pass.planar.push_back(static_cast<T>(factor(p, j).im));
      }
    n = pass.m;
    passes.push_back(std::move(pass));
  }
  return passes;
}

// In double and without hurry: a radix-2 transform of the chirp, once a plan.
void transform(std::vector<std::complex<double>>& z) {
  const size_t n = z.size();
  for (size_t i = 1, j = 0; i < n; ++i) {
    size_t bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) std::swap(z[i], z[j]);
  }
  for (size_t length = 2; length <= n; length *= 2)
    for (size_t start = 0; start < n; start += length)
      for (size_t k = 0; k < length / 2; ++k) {
        const UnitRoot w = unit_root(static_cast<int64_t>(k), static_cast<int64_t>(length));
        const auto odd = z[start + k + length / 2] * std::complex<double>(w.re, w.im);
        const auto even = z[start + k];
        z[start + k] = even + odd;
        z[start + k + length / 2] = even - odd;
      }
}

template <class T>
void make_chirp(FftPlan<T>& plan) {
  const int64_t n = plan.n;
  int64_t length = 16;
  while (length < 2 * n - 1) length *= 2;
  plan.convolution = fft_plan<T>(length);
  std::vector<std::complex<double>> conjugate(static_cast<size_t>(length));
  int64_t square = 0;  // j² mod 2n
  for (int64_t j = 0; j < n; ++j) {
    const UnitRoot w = unit_root(square, 2 * n);
    plan.chirp.push_back(static_cast<T>(w.re));
    plan.chirp.push_back(static_cast<T>(w.im));
    conjugate[static_cast<size_t>(j)] = {w.re, -w.im};
    if (j > 0) conjugate[static_cast<size_t>(length - j)] = {w.re, -w.im};
    square = (square + 2 * j + 1) % (2 * n);
  }
  transform(conjugate);
  for (const auto& v : conjugate) {
    plan.spectrum.push_back(static_cast<T>(v.real() / static_cast<double>(length)));
    plan.spectrum.push_back(static_cast<T>(v.imag() / static_cast<double>(length)));
  }
}

template <class T>
std::shared_ptr<FftPlan<T>> make_plan(int64_t n, const FftPlan<T>*) {
  auto plan = std::make_shared<FftPlan<T>>();
  plan->n = n;
  const auto radices = radices_of(n);
  if (n > 1 && radices.empty())
    make_chirp(*plan);
  else
    plan->passes = passes_of<T>(n, radices);
  return plan;
}

template <class T>
std::shared_ptr<RealPlan<T>> make_plan(int64_t n, const RealPlan<T>*) {
  auto plan = std::make_shared<RealPlan<T>>();
  plan->half = fft_plan<T>(n / 2);
  for (int64_t k = 0; k <= n / 4; ++k) {
    plan->re.push_back(static_cast<T>(unit_root(k, n).re));
    plan->im.push_back(static_cast<T>(unit_root(k, n).im));
  }
  return plan;
}

// A program that transforms ever new lengths does not keep them all.
template <class Plan>
std::shared_ptr<const Plan> cached(int64_t n) {
  constexpr size_t kMost = 64;
  static std::mutex mutex;
  static std::map<int64_t, std::shared_ptr<const Plan>> plans;
  {
    const std::lock_guard lock(mutex);
    if (const auto found = plans.find(n); found != plans.end()) return found->second;
  }
  std::shared_ptr<const Plan> plan = make_plan(n, static_cast<const Plan*>(nullptr));
  const std::lock_guard lock(mutex);
  if (plans.size() >= kMost) plans.clear();
  plans[n] = plan;
  return plan;
}

}  // namespace

template <class T>
std::shared_ptr<const FftPlan<T>> fft_plan(int64_t n) {
  return cached<FftPlan<T>>(n);
}
template <class T>
std::shared_ptr<const RealPlan<T>> real_plan(int64_t n) {
  return cached<RealPlan<T>>(n);
}
template std::shared_ptr<const FftPlan<float>> fft_plan(int64_t);
template std::shared_ptr<const FftPlan<double>> fft_plan(int64_t);
template std::shared_ptr<const RealPlan<float>> real_plan(int64_t);
template std::shared_ptr<const RealPlan<double>> real_plan(int64_t);

}  // namespace gradus::cpu
