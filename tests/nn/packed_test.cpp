#include "nn/packed.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "autograd/autograd.h"
#include "base/error.h"
#include "kernels/table.h"
#include "ops/create.h"
#include "support/threads.h"

using namespace gradus;

namespace {

Tensor noise(const Shape& shape, uint64_t seed) { return random_normal(shape, {seed, 0}, 0, 1); }

double difference(const Tensor& a, const Tensor& b) {
  const auto x = a.to_vector<double>(), y = b.to_vector<double>();
  REQUIRE(x.size() == y.size());
  double error = 0, size = 0;
  for (size_t i = 0; i < x.size(); ++i) error += (x[i] - y[i]) * (x[i] - y[i]), size += y[i] * y[i];
  return std::sqrt(error / size);
}

}  // namespace

TEST_CASE("products with packed weights are those with the unpacked ones") {
  for (int f = 0; f < kQuantFormats; ++f) {
    const auto format = static_cast<QuantFormat>(f);
    const bool blocks = layout_of(format).block > 1;
    CAPTURE(layout_of(format).name);
    for (const auto& [rows, columns] :
         {std::pair<int64_t, int64_t>{7, 256}, {130, 512}, {5, 96}, {9, 576}, {6, 288}, {3, 992}}) {
      if (columns % layout_of(format).block != 0) continue;
      const QuantTensor w = quantized(noise({rows, columns}, 1), format);
      const Tensor bias = noise({rows}, 2);
      for (const int64_t m : {1, 3, 9, 40}) {
        CAPTURE(m);
        const Tensor x = noise({m, columns}, 3);
        Tensor want;
        {
          const UseRefKernels plain;
          want = packed_linear(x, w, bias);
        }
        // Few rows are rounded to 8 bits: an error below one part in 127 of each block's largest number.
        CHECK(difference(packed_linear(x, w, bias), want) < (blocks && m < 40 ? 3e-2 : 1e-5));
      }
    }
  }
  // 16-bit rows may have any length.
  const QuantTensor odd = quantized(noise({5, 37}, 1), QuantFormat::bf16);
  const Tensor x = noise({2, 3, 37}, 3);
  const UseRefKernels plain;
  CHECK(packed_linear(x, odd).shape() == Shape{2, 3, 5});
}

TEST_CASE("rows of activations that are exact in 8 bits multiply exactly") {
  // x = integers from -127 to 127 with 127 in each block: rounding changes nothing.
  for (const int64_t columns : {64, 256, 512, 800})
    for (const int64_t m : {1, 6}) {
      std::vector<float> values;
      for (int64_t i = 0; i < m * columns; ++i)
        values.push_back(static_cast<float>(i % 32 == 5 ? 127 : (i * 37) % 255 - 127));
      const Tensor x = from_vector(values, {m, columns});
      for (int f = static_cast<int>(QuantFormat::q4_0); f < kQuantFormats; ++f) {
        const auto format = static_cast<QuantFormat>(f);
        if (columns % layout_of(format).block != 0) continue;
        CAPTURE(layout_of(format).name);
        CAPTURE(columns);
        const QuantTensor w = quantized(noise({9, columns}, 4), format);
        const Tensor got = packed_linear(x, w);
        const UseRefKernels plain;
        CHECK(difference(got, packed_linear(x, w)) < 2e-6);
      }
    }
}

TEST_CASE("packed products do not depend on the number of threads") {
  const QuantTensor w = quantized(noise({300, 256}, 1), QuantFormat::q4_k);
  const Tensor one = noise({1, 256}, 2), few = noise({7, 256}, 2), many = noise({40, 256}, 2);
  testing::check_threads(
      [&] {
        return Tensors{packed_linear(one, w), packed_linear(few, w), packed_linear(many, w)};
      },
      "packed_linear");
}

TEST_CASE("rows of a packed embedding, and refusals") {
  const QuantTensor w = quantized(noise({6, 64}, 1), QuantFormat::q5_1);
  const Tensor all = w.dequantized();
  const Tensor rows = packed_embedding(w, from_vector<int64_t>({5, 0, 5}, {3, 1}));
  CHECK(rows.shape() == Shape{3, 1, 64});
  CHECK(rows.to_vector<float>()[64 + 7] == all.to_vector<float>()[7]);
  CHECK_THROWS_AS(packed_embedding(w, from_vector<int64_t>({6}, {1})), IndexError);
  CHECK_THROWS_AS(packed_linear(noise({1, 63}, 1), w), ShapeError);
  CHECK_THROWS_AS(packed_linear(random_normal({1, 64}, {1, 0}, 0, 1, Dtype::f64), w), DtypeError);
  Tensor x = noise({1, 64}, 1);
  require_grad(x);
  CHECK_THROWS_WITH_AS(packed_linear(x, w), doctest::Contains("no gradient"), GradError);
}
