// oneDNN's product of described operands. bf16 needs a processor that multiplies it; f32 goes the same way everywhere,
// so that layouts, alpha and beta are tested on any.
#include "kernels/cpu/onednn_matmul.h"

#include <doctest/doctest.h>

#include <cmath>

#include "base/half.h"
#include "base/precision.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/matmul.h"
#include "ops/shape.h"

using namespace gradus;

namespace {

void check_product(cpu::OperandType type, int64_t m, int64_t n, int64_t k, bool transpose_a, bool transpose_b) {
  CAPTURE(m);
  CAPTURE(transpose_a);
  CAPTURE(transpose_b);
  constexpr float kAlpha = 0.5f, kBeta = 0.25f;
  const int64_t lda = (transpose_a ? m : k) + 3, ldb = (transpose_b ? k : n) + 5, ldc = n + 2;
  const auto a = random_normal({transpose_a ? k : m, lda}, {1, 1}).to_vector<float>();
  const auto b = random_normal({transpose_b ? n : k, ldb}, {1, 2}).to_vector<float>();
  const auto before = random_normal({m, ldc}, {1, 3}).to_vector<float>();
  const auto shorter = [](const std::vector<float>& x) { return std::vector<bf16>(x.begin(), x.end()); };
  const std::vector<bf16> a16 = shorter(a), b16 = shorter(b);
  const bool is_short = type == cpu::OperandType::bf16;
  for (const float beta : {0.0f, kBeta}) {
    std::vector<float> c = before;
    const auto data = [&](const auto& f32, const auto& b16) -> const void* {
      return is_short ? static_cast<const void*>(b16.data()) : f32.data();
    };
    cpu::onednn_matmul({.type = type,
                        .transpose_a = transpose_a,
                        .transpose_b = transpose_b,
                        .m = m,
                        .n = n,
                        .k = k,
                        .alpha = kAlpha,
                        .beta = beta,
                        .a = data(a, a16),
                        .lda = lda,
                        .b = data(b, b16),
                        .ldb = ldb,
                        .c = c.data(),
                        .ldc = ldc});
    double most = 0;
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < ldc; ++j) {
        const auto at = static_cast<size_t>(i * ldc + j);
        double want = before[at];
        if (j < n) {
          want *= beta;
          for (int64_t l = 0; l < k; ++l) {
            const auto ai = static_cast<size_t>(transpose_a ? l * lda + i : i * lda + l);
            const auto bi = static_cast<size_t>(transpose_b ? j * ldb + l : l * ldb + j);
            want += kAlpha * (is_short ? double{a16[ai]} * double{b16[bi]} : double{a[ai]} * double{b[bi]});
          }
        }
        most = std::max(most, std::abs(want - static_cast<double>(c[at])));
      }
    CHECK(most < 1e-5 * std::sqrt(static_cast<double>(k)));
  }
}

void check_products(cpu::OperandType type) {
  for (const bool transpose_a : {false, true})
    for (const bool transpose_b : {false, true}) {
      check_product(type, 1, 7, 9, transpose_a, transpose_b);
      check_product(type, 65, 33, 130, transpose_a, transpose_b);
    }
}

}  // namespace

TEST_CASE("oneDNN's product: layouts, alpha and beta") { check_products(cpu::OperandType::f32); }

TEST_CASE("the same with bf16 operands, where the processor multiplies them") {
  if (!cpu::multiplies_bf16()) {
    MESSAGE("no AVX-512 BF16 here: not run");
    return;
  }
  check_products(cpu::OperandType::bf16);
}

TEST_CASE("rounded products are those of rounded operands") {
  const Tensor a = random_normal({130, 700}, {2, 1}), b = random_normal({700, 90}, {2, 2});
  const Tensor want = matmul(cast(cast(a, Dtype::bf16), Dtype::f32), cast(cast(b, Dtype::bf16), Dtype::f32));
  const RoundProducts rounded(ProductType::bf16);
  const auto x = matmul(a, b).to_vector<float>(), y = want.to_vector<float>();
  double most = 0;
  for (size_t i = 0; i < x.size(); ++i) most = std::max<double>(most, std::abs(x[i] - y[i]));
  CHECK(most < 2e-4);
}
