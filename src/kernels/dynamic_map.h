#pragma once
#include <array>
#include <bit>
#include <cstdint>

namespace gradus {

/// The 256 numbers of the 8-bit "dynamic tree" type (Dettmers 2016, "8-Bit Approximations for Parallelism in Deep
/// Learning", as 8-bit optimisers use it): in each of the decades 1e-6 … 1 the middles of equal parts of [0.1, 1],
/// twice as many as in the decade below, and 0 and 1. With a sign half as many a side. Ascending.
struct DynamicMap {
  static const DynamicMap& with_sign();
  static const DynamicMap& without_sign();

  std::array<float, 256> value;
  /// The code whose number is nearest to x; of two equally near ones the smaller.
  uint8_t nearest(float x) const {
    uint32_t code = start_[bits_of(x)];
    while (code < 255 && x > middle_[code]) ++code;
    return static_cast<uint8_t>(code);
  }

 private:
  explicit DynamicMap(bool sign);
  static uint32_t bits_of(float x) {
    return std::bit_cast<uint32_t>(x) >> 16;
  }                                   // sign, exponent and seven bits of the mantissa
  std::array<float, 255> middle_;     // between code i and i + 1
  std::array<uint8_t, 65536> start_;  // the code of the least number with these upper bits
};

}  // namespace gradus
