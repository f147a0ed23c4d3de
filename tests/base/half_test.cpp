#include "base/half.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace gradus;

TEST_CASE("every f16 and bf16 bit pattern survives the way to f32 and back") {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    f16 h;
    h.bits = static_cast<uint16_t>(bits);
    bf16 b;
    b.bits = static_cast<uint16_t>(bits);
    if (std::isnan(static_cast<float>(h)))
      CHECK(std::isnan(static_cast<float>(f16(static_cast<float>(h)))));
    else
      CHECK(f16(static_cast<float>(h)).bits == h.bits);
    if (std::isnan(static_cast<float>(b)))
      CHECK(std::isnan(static_cast<float>(bf16(static_cast<float>(b)))));
    else
      CHECK(bf16(static_cast<float>(b)).bits == b.bits);
  }
}

TEST_CASE("rounding is to nearest, ties to even") {
  CHECK(f16(1.0f + 0x1p-11f).bits == f16(1.0f).bits);
  CHECK(f16(1.0f + 3 * 0x1p-11f).bits == f16(1.0f + 0x1p-9f).bits);
  CHECK(bf16(1.0f + 0x1p-8f).bits == bf16(1.0f).bits);
  CHECK(bf16(1.0f + 3 * 0x1p-8f).bits == bf16(1.0f + 0x1p-6f).bits);
  CHECK(static_cast<float>(f16(65519.0f)) == 65504.0f);
  CHECK(std::isinf(static_cast<float>(f16(65520.0f))));
  CHECK(static_cast<float>(f16(0x1p-24f)) == 0x1p-24f);
  CHECK(static_cast<float>(f16(-0x1p-26f)) == 0.0f);
  CHECK(std::isinf(static_cast<float>(bf16(std::numeric_limits<float>::max()))));
}
