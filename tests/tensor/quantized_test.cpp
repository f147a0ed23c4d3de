// Packed formats against the gguf package: tests/golden/make_gguf_goldens.py made the numbers.
#include "tensor/quantized.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/random.h"
#include "io/safetensors.h"

using namespace gradus;

namespace {

const char* const kGolden = GRADUS_TEST_DIR "/golden/gguf.safetensors";

std::vector<float> noise(int64_t n, uint64_t seed) {
  const RandomKey key{seed, 0};
  std::vector<float> x;
  for (int64_t i = 0; i < n; ++i) {
    const auto at = static_cast<uint64_t>(i);
    // Sums of uniform numbers: near to normal, as weights are.
    double v = 0;
    for (uint64_t part = 0; part < 6; ++part) v += key.uniform(6 * at + part) - 0.5;
    x.push_back(static_cast<float>(v));
  }
  return x;
}

// Root of the mean squared error of rounding, over that of the numbers themselves.
double relative_error(QuantFormat format, const std::vector<float>& x) {
  const QuantLayout& layout = layout_of(format);
  std::vector<std::byte> packed(x.size() / static_cast<size_t>(layout.block) * static_cast<size_t>(layout.bytes));
  std::vector<float> back(x.size());
  const auto n = static_cast<int64_t>(x.size());
  quantize(format, x.data(), n, packed.data());
  dequantize(format, packed.data(), n, back.data());
  double error = 0, size = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    error += (x[i] - back[i]) * (x[i] - back[i]);
    size += x[i] * x[i];
  }
  return std::sqrt(error / size);
}

}  // namespace

TEST_CASE("blocks unpack to the gguf package's floats, to the last bit") {
  const Safetensors golden(kGolden);
  for (int f = 0; f < kQuantFormats; ++f) {
    const auto format = static_cast<QuantFormat>(f);
    const std::string name = layout_of(format).name;
    CAPTURE(name);
    const Tensor blocks = golden.load(name + ".blocks"), floats = golden.load(name + ".floats");
    std::vector<float> got(static_cast<size_t>(floats.count()));
    dequantize(format, reinterpret_cast<const std::byte*>(blocks.data<uint8_t>()), floats.count(), got.data());
    CHECK(std::memcmp(got.data(), floats.raw(), floats.bytes()) == 0);
  }
}

TEST_CASE("rounding gives the gguf package's bytes where it can round") {
  const Safetensors golden(kGolden);
  const Tensor x = golden.load("x");
  int formats = 0;
  for (int f = 0; f < kQuantFormats; ++f) {
    const auto format = static_cast<QuantFormat>(f);
    const std::string name = layout_of(format).name;
    if (!golden.contains(name + ".rounded")) continue;
    ++formats;
    CAPTURE(name);
    const Tensor want = golden.load(name + ".rounded");
    std::vector<std::byte> got(want.bytes());
    quantize(format, x.data<float>(), x.count(), got.data());
    CHECK(std::memcmp(got.data(), want.raw(), want.bytes()) == 0);
  }
  CHECK(formats == 7);
}

TEST_CASE("the k formats round with little error") {
  // What llama.cpp's own rounding (llama-cpp-python 0.3.36) leaves of numbers of this distribution.
  const std::vector<float> x = noise(1 << 16, 3);
  const std::pair<QuantFormat, double> bounds[] = {{QuantFormat::q2_k, 0.2903},
                                                   {QuantFormat::q3_k, 0.1465},
                                                   {QuantFormat::q4_k, 0.0691},
                                                   {QuantFormat::q5_k, 0.0350},
                                                   {QuantFormat::q6_k, 0.01716}};
  for (const auto& [format, bound] : bounds) {
    const double error = relative_error(format, x);
    MESSAGE(layout_of(format).name << ": " << error);
    CHECK(error < bound);
  }
}

TEST_CASE("rounding what was unpacked changes little; zeros and constants are exact") {
  for (int f = 0; f < kQuantFormats; ++f) {
    const auto format = static_cast<QuantFormat>(f);
    CAPTURE(layout_of(format).name);
    const std::vector<float> zeros(512, 0.0f);
    std::vector<std::byte> packed(4096);
    std::vector<float> back(512, 1.0f);
    quantize(format, zeros.data(), 512, packed.data());
    dequantize(format, packed.data(), 512, back.data());
    for (const float v : back) CHECK(v == 0);
    // Not finite, enormous and denormal numbers: any bytes, but no undefined behaviour.
    std::vector<float> odd(512, 0.5f);
    odd[3] = NAN, odd[40] = INFINITY, odd[80] = -INFINITY, odd[120] = 3e38f, odd[200] = 1e-42f, odd[300] = -3e38f;
    quantize(format, odd.data(), 512, packed.data());
    dequantize(format, packed.data(), 512, back.data());
  }
}

TEST_CASE("a packed matrix checks its rows and its storage") {
  const Tensor x = from_vector(noise(512, 1), {2, 256});
  const QuantTensor q = quantized(x, QuantFormat::q4_k);
  CHECK(q.describe() == "(2, 256) q4_k");
  CHECK(q.row_bytes() == 144);
  CHECK(q.dequantized().shape() == Shape{2, 256});
  CHECK_THROWS_WITH_AS(quantized(from_vector(noise(66, 1), {2, 33}), QuantFormat::q8_0),
                       doctest::Contains("whole blocks"), ShapeError);
  const Ref<Storage> storage = make_ref<Storage>(Device::cpu, 143);
  CHECK_THROWS_WITH_AS(QuantTensor(storage, QuantFormat::q4_k, 1, 256), doctest::Contains("143 bytes"), ShapeError);
  CHECK_THROWS_WITH_AS(quant_format_from_name("q9"), doctest::Contains("q4_0"), ValueError);
  CHECK(quant_format_from_name("Q5_K") == QuantFormat::q5_k);
}
