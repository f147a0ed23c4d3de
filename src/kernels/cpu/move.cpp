#include "kernels/cpu/move.h"

#include <cstring>

#include "kernels/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/move.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/vector_loop.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

void bytes_moved(uint8_t* HWY_RESTRICT to, const uint8_t* HWY_RESTRICT from, size_t n) {
  const hn::ScalableTag<uint8_t> d;
  const size_t lanes = hn::Lanes(d);
  if (n < lanes) {
    std::memcpy(to, from, n);
    return;
  }
  size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    const auto a = hn::LoadU(d, from + i), b = hn::LoadU(d, from + i + lanes);
    const auto c = hn::LoadU(d, from + i + 2 * lanes), e = hn::LoadU(d, from + i + 3 * lanes);
    hn::StoreU(a, d, to + i);
    hn::StoreU(b, d, to + i + lanes);
    hn::StoreU(c, d, to + i + 2 * lanes);
    hn::StoreU(e, d, to + i + 3 * lanes);
  }
  for (; i + lanes <= n; i += lanes) hn::StoreU(hn::LoadU(d, from + i), d, to + i);
  if (i < n) hn::StoreU(hn::LoadU(d, from + n - lanes), d, to + n - lanes);  // some a second time
}

void floats_added(float* HWY_RESTRICT to, const float* HWY_RESTRICT from, size_t n) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(hn::Add(hn::LoadU(d, to + i), hn::LoadU(d, from + i)), d, to + i);
  for (; i < n; ++i) to[i] += from[i];
}

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::cpu {

HWY_EXPORT(bytes_moved);
HWY_EXPORT(floats_added);

void move_bytes(void* to, const void* from, size_t bytes) {
  constexpr size_t kStream = 1 << 20;  // from here on the C library writes past the caches
  if (bytes >= kStream) {
    std::memcpy(to, from, bytes);
    return;
  }
  HWY_DYNAMIC_DISPATCH(bytes_moved)(static_cast<uint8_t*>(to), static_cast<const uint8_t*>(from), bytes);
}

void add_floats(float* to, const float* from, int64_t n) {
  HWY_DYNAMIC_DISPATCH(floats_added)(to, from, static_cast<size_t>(n));
}

}  // namespace gradus::cpu
#endif
