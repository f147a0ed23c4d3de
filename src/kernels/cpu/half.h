#pragma once
#include <algorithm>
#include <utility>

#include "base/parallel.h"
#include "kernels/cpu/cpu.h"

// f16 and bf16 compute in f32, between two conversions, a run at a time: so the f32 numbers never leave the cache.
namespace gradus::cpu {

inline bool is_16_bit(const Tensor& x) { return x.dtype() == Dtype::f16 || x.dtype() == Dtype::bf16; }

/// n numbers of the 16-bit type `dtype`, to f32 and back (rounded to nearest even).
void widen(Dtype dtype, const uint16_t* x, float* y, size_t n);
void narrow(Dtype dtype, const float* x, uint16_t* y, size_t n);

constexpr size_t kHalfRun = 1024;

/// Calls f(y, n, x...) for runs of dense operands of one type, f32, f16 or bf16, on all threads.
template <class F, class... X>
void for_f32_runs(int64_t grain, const Tensor& y, const F& f, const X&... x) {
  parallel_for(y.count(), grain, [&](int64_t begin, int64_t end) {
    if (!is_16_bit(y))
      return f(y.data<float>() + begin, static_cast<size_t>(end - begin), (x.template data<float>() + begin)...);
    float buffers[sizeof...(X)][kHalfRun];
    for (; begin < end; begin += kHalfRun) {
      const size_t n = std::min(kHalfRun, static_cast<size_t>(end - begin));
      [&]<size_t... k>(std::index_sequence<k...>) {
        (widen(y.dtype(), x.template data<uint16_t>() + begin, buffers[k], n), ...);
        f(buffers[0], n, buffers[k]...);
      }
      (std::index_sequence_for<X...>());
      narrow(y.dtype(), buffers[0], y.data<uint16_t>() + begin, n);
    }
  });
}

inline Tensor copy_in_f32(const Tensor& x) {
  const Tensor y = empty(x.shape(), Dtype::f32);
  copy({.x = x, .y = y});
  return y;
}

}  // namespace gradus::cpu
