#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace gradus {

/// Whether all of p[0] … p[n - 1] lie in [0, bound). Without branches, for vectors: only when v >= 0 and v < bound
/// neither v nor bound - 1 - v has its sign bit set.
template <class T>
bool all_within(const T* p, int64_t n, int64_t bound) {
  using U = std::make_unsigned_t<T>;
  if (bound <= 0) return n == 0;
  const U last = static_cast<U>(std::min<int64_t>(bound, std::numeric_limits<T>::max()) - 1);
  U signs = 0;
  for (int64_t i = 0; i < n; ++i) signs |= static_cast<U>(p[i]) | (last - static_cast<U>(p[i]));
  return signs >> (8 * sizeof(U) - 1) == 0;
}

}  // namespace gradus
