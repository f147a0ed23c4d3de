#include "base/random.h"

#include <cmath>

namespace gradus {

uint64_t RandomKey::bits(uint64_t index) const {
  const auto r = philox(seed, stream, index);
  return (uint64_t{r[1]} << 32) | r[0];
}

double RandomKey::uniform(uint64_t index) const { return static_cast<double>(bits(index) >> 11) * 0x1p-53; }

double RandomKey::normal(uint64_t index) const {
  const auto r = philox(seed, stream, index);
  const uint64_t a = (uint64_t{r[1]} << 32) | r[0], b = (uint64_t{r[3]} << 32) | r[2];
  const double u = (static_cast<double>(a >> 11) + 1.0) * 0x1p-53;  // in (0, 1]: the logarithm is finite
  const double v = static_cast<double>(b >> 11) * 0x1p-53;
  // z = sqrt(-2 ln u) cos(2 pi v)
  return std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586476925 * v);
}

uint64_t RandomKey::below(uint64_t n, uint64_t index) const {
  return static_cast<uint64_t>((static_cast<unsigned __int128>(bits(index)) * n) >> 64);
}

RandomKey RandomKey::fold(uint64_t name) const {
  const auto r = philox(seed, stream ^ 0x9E3779B97F4A7C15u, name);
  return {seed, (uint64_t{r[1]} << 32) | r[0]};
}

uint64_t stream_name(const char* text) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (; *text; ++text) hash = (hash ^ static_cast<unsigned char>(*text)) * 0x100000001b3u;
  return hash;
}

}  // namespace gradus
