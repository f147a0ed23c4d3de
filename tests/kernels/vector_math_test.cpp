#include "kernels/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/vector_math_test.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/vector_math.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

void apply(int function, const float* x, float* y, size_t n) {
  const hn::ScalableTag<float> d;
  for (size_t i = 0; i < n; i += hn::Lanes(d)) {
    const auto v = hn::LoadU(d, x + i);
    const auto r = function == 0   ? exp2_nonpositive(d, v)
                   : function == 1 ? exp(d, v)
                   : function == 2 ? sigmoid(d, v)
                   : function == 3 ? tanh(d, v)
                                   : erf(d, v);
    hn::StoreU(r, d, y + i);
  }
}

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace gradus::cpu {
HWY_EXPORT(apply);
}

namespace {

struct Function {
  const char* name;
  double (*truth)(double);
  float low, high;
  double ulp;
};
const Function kFunctions[] = {
    {"exp2_nonpositive", [](double x) { return std::exp2(x); }, -126, 0, 1.5},
    {"exp", [](double x) { return std::exp(x); }, -87.3f, 88.72f, 1.5},
    {"sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }, -87, 87, 3},
    {"tanh", [](double x) { return std::tanh(x); }, -10, 10, 3},
    {"erf", [](double x) { return std::erf(x); }, -6, 6, 2},
};

constexpr size_t kPoints = size_t{1} << 18;

}  // namespace

TEST_CASE("vector functions: a few units in the last place, on every instruction set of this machine") {
  constexpr float inf = std::numeric_limits<float>::infinity();
  for (int64_t targets = hwy::SupportedTargets(); targets != 0; targets &= targets - 1) {
    hwy::SetSupportedTargetsForTest(targets & -targets);
    CAPTURE(hwy::TargetName(targets & -targets));
    for (int k = 0; k < 5; ++k) {
      const Function& f = kFunctions[k];
      CAPTURE(f.name);
      std::vector<float> x(kPoints), y(kPoints);
      for (size_t i = 0; i < kPoints; ++i) x[i] = f.low + (f.high - f.low) * static_cast<float>(i) / (kPoints - 1);
      HWY_DYNAMIC_DISPATCH(gradus::cpu::apply)(k, x.data(), y.data(), kPoints);
      double worst = 0;
      for (size_t i = 0; i < kPoints; ++i) {
        const double truth = f.truth(x[i]);
        const float near = std::fabs(static_cast<float>(truth));
        worst = std::max(worst, std::fabs(y[i] - truth) / (std::nextafter(near, inf) - near));
      }
      CHECK(worst < f.ulp);
      const float nan = std::numeric_limits<float>::quiet_NaN();
      const std::vector<float> edge{nan, -inf, 0, -1000, nan, -inf, 0, -1000, nan, -inf, 0, -1000, nan, -inf, 0, -1000};
      std::vector<float> z(16);
      HWY_DYNAMIC_DISPATCH(gradus::cpu::apply)(k, edge.data(), z.data(), 16);
      CHECK(std::isnan(z[0]));
      CHECK(z[1] == doctest::Approx(f.truth(-inf)));
      CHECK(z[2] == static_cast<float>(f.truth(0)));
      CHECK(z[3] == doctest::Approx(f.truth(-1000)));
    }
  }
  hwy::SetSupportedTargetsForTest(0);
}
#endif
