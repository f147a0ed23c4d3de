#pragma once
#include <array>
#include <cstdint>

namespace gradus {

/// Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): 128 random bits that are a pure
/// function of (key, counter). No state: any thread can compute any number, so results do not depend on their count.
constexpr std::array<uint32_t, 4> philox(uint64_t key, uint64_t counter_hi, uint64_t counter_lo) {
  uint32_t c0 = static_cast<uint32_t>(counter_lo), c1 = static_cast<uint32_t>(counter_lo >> 32);
  uint32_t c2 = static_cast<uint32_t>(counter_hi), c3 = static_cast<uint32_t>(counter_hi >> 32);
  uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53u} * c0, p1 = uint64_t{0xCD9E8D57u} * c2;
    const uint32_t n0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0, n2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c1 = static_cast<uint32_t>(p1), c3 = static_cast<uint32_t>(p0), c0 = n0, c2 = n2;
    k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
  }
  return {c0, c1, c2, c3};
}

/// A stream of random numbers named by (seed, stream); `index` picks one of them.
struct RandomKey {
  uint64_t seed = 0;
  uint64_t stream = 0;

  uint64_t bits(uint64_t index) const;
  /// Uniform in [0, 1): 53 random bits.
  double uniform(uint64_t index) const;
  /// Standard normal (Box-Muller).
  double normal(uint64_t index) const;
  /// Uniform integer in [0, n), n > 0, without modulo bias to 2^-64.
  uint64_t below(uint64_t n, uint64_t index) const;
  /// An independent stream derived from this one.
  RandomKey fold(uint64_t name) const;
};

/// A 64-bit name for a stream, from text: parameter paths, "dropout", "shuffle". FNV-1a.
uint64_t stream_name(const char* text);

}  // namespace gradus
