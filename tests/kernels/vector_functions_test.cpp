// The functions that vector_math_test.cpp does not know: logarithms, powers, trigonometry.
#include "kernels/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/vector_functions_test.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/vector_pow.h"
#include "kernels/cpu/vector_trig.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

template <class F>
void map_function(const F& f, const float* x, float* y, size_t n) {
  const hn::ScalableTag<float> d;
  for (size_t i = 0; i < n; i += hn::Lanes(d)) hn::StoreU(f(d, hn::LoadU(d, x + i)), d, y + i);
}

void apply_function(int function, const float* x, float* y, size_t n) {
  switch (function) {
    case 0: return map_function([](auto d, auto v) HWY_ATTR { return exp2(d, v); }, x, y, n);
    case 1: return map_function([](auto d, auto v) HWY_ATTR { return expm1(d, v); }, x, y, n);
    case 2: return map_function([](auto d, auto v) HWY_ATTR { return log(d, v); }, x, y, n);
    case 3: return map_function([](auto d, auto v) HWY_ATTR { return log2(d, v); }, x, y, n);
    case 4: return map_function([](auto d, auto v) HWY_ATTR { return log10(d, v); }, x, y, n);
    case 5: return map_function([](auto d, auto v) HWY_ATTR { return log1p(d, v); }, x, y, n);
    case 6: return map_function([](auto d, auto v) HWY_ATTR { return log1p_unit(d, v); }, x, y, n);
    case 7: return map_function([](auto d, auto v) HWY_ATTR { return sin(d, v); }, x, y, n);
    case 8: return map_function([](auto d, auto v) HWY_ATTR { return cos(d, v); }, x, y, n);
    case 9: return map_function([](auto d, auto v) HWY_ATTR { return tan(d, v); }, x, y, n);
    case 10: return map_function([](auto d, auto v) HWY_ATTR { return asin(d, v); }, x, y, n);
    case 11: return map_function([](auto d, auto v) HWY_ATTR { return acos(d, v); }, x, y, n);
    case 12: return map_function([](auto d, auto v) HWY_ATTR { return atan(d, v); }, x, y, n);
    case 13: return map_function([](auto d, auto v) HWY_ATTR { return sinh(d, v); }, x, y, n);
    case 14: return map_function([](auto d, auto v) HWY_ATTR { return cosh(d, v); }, x, y, n);
    case 15: return map_function([](auto d, auto v) HWY_ATTR { return asinh(d, v); }, x, y, n);
    case 16: return map_function([](auto d, auto v) HWY_ATTR { return acosh(d, v); }, x, y, n);
    case 17: return map_function([](auto d, auto v) HWY_ATTR { return atanh(d, v); }, x, y, n);
    default: return map_function([](auto d, auto v) HWY_ATTR { return pow(d, v, hn::Set(d, 2.7f)); }, x, y, n);
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
HWY_EXPORT(apply_function);
}

namespace {

struct Function {
  int number;
  const char* name;
  double (*truth)(double);
  float low, high;
  double ulp;
  double absolute = 0;  // error that is allowed besides, near zeros that are no powers of two
};
const Function kFunctions[] = {
    {0, "exp2", [](double x) { return std::exp2(x); }, -126, 127.9f, 1.5},
    {1, "expm1", [](double x) { return std::expm1(x); }, -20, 88.7f, 2},
    {1, "expm1", [](double x) { return std::expm1(x); }, -0.5f, 0.5f, 2},
    {2, "log", [](double x) { return std::log(x); }, 0.01f, 4, 1.5},
    {2, "log", [](double x) { return std::log(x); }, 1e-40f, 1e-37f, 1.5},
    {2, "log", [](double x) { return std::log(x); }, 1e30f, 3.4e38f, 1.5},
    {3, "log2", [](double x) { return std::log2(x); }, 0.01f, 4, 2.5},
    {4, "log10", [](double x) { return std::log10(x); }, 0.01f, 4, 3},
    {5, "log1p", [](double x) { return std::log1p(x); }, -0.99f, 4, 2.5},
    {5, "log1p", [](double x) { return std::log1p(x); }, -1e-3f, 1e-3f, 2},
    {6, "log1p_unit", [](double x) { return std::log1p(x); }, 0, 1, 2},
    {6, "log1p_unit", [](double x) { return std::log1p(x); }, 0, 1e-6f, 2},
    {7, "sin", [](double x) { return std::sin(x); }, -10, 10, 2, 1e-9},
    {7, "sin", [](double x) { return std::sin(x); }, -2999, 2999, 2, 4e-7},
    {8, "cos", [](double x) { return std::cos(x); }, -10, 10, 2, 1e-9},
    {8, "cos", [](double x) { return std::cos(x); }, -2999, 2999, 2, 4e-7},
    {9, "tan", [](double x) { return std::tan(x); }, -1.5f, 1.5f, 3.5},
    {10, "asin", [](double x) { return std::asin(x); }, -1, 1, 2.5},
    {11, "acos", [](double x) { return std::acos(x); }, -1, 1, 2.5},
    {12, "atan", [](double x) { return std::atan(x); }, -20, 20, 2.5},
    {13, "sinh", [](double x) { return std::sinh(x); }, -10, 10, 3},
    {14, "cosh", [](double x) { return std::cosh(x); }, -10, 10, 2.5},
    {15, "asinh", [](double x) { return std::asinh(x); }, -10, 10, 3.5},
    {16, "acosh", [](double x) { return std::acosh(x); }, 1, 10, 3.5},
    {17, "atanh", [](double x) { return std::atanh(x); }, -0.999f, 0.999f, 3.5},
    {18, "x^2.7", [](double x) { return std::pow(x, static_cast<double>(2.7f)); }, 1e-3f, 1e6f, 1.01},
};

constexpr size_t kPoints = size_t{1} << 17;

}  // namespace

TEST_CASE("logarithms, powers, trigonometry: a few units in the last place, on every instruction set") {
  constexpr float inf = std::numeric_limits<float>::infinity();
  for (int64_t targets = hwy::SupportedTargets(); targets != 0; targets &= targets - 1) {
    hwy::SetSupportedTargetsForTest(targets & -targets);
    CAPTURE(hwy::TargetName(targets & -targets));
    for (const Function& f : kFunctions) {
      CAPTURE(f.name);
      CAPTURE(f.low);
      std::vector<float> x(kPoints), y(kPoints);
      for (size_t i = 0; i < kPoints; ++i) x[i] = f.low + (f.high - f.low) * static_cast<float>(i) / (kPoints - 1);
      HWY_DYNAMIC_DISPATCH(gradus::cpu::apply_function)(f.number, x.data(), y.data(), kPoints);
      double worst = 0;
      float at = 0;
      for (size_t i = 0; i < kPoints; ++i) {
        const double truth = f.truth(static_cast<double>(x[i]));
        const float near = std::fabs(static_cast<float>(truth));
        const double unit = static_cast<double>(std::nextafter(near, inf) - near);
        const double error = std::fabs(static_cast<double>(y[i]) - truth) / std::max(unit, f.absolute);
        if (error > worst) worst = error, at = x[i];
      }
      CAPTURE(at);
      CHECK(worst < f.ulp);
      const std::vector<float> nan(16, std::numeric_limits<float>::quiet_NaN());
      HWY_DYNAMIC_DISPATCH(gradus::cpu::apply_function)(f.number, nan.data(), y.data(), 16);
      CHECK(std::isnan(y[0]));
    }
  }
  hwy::SetSupportedTargetsForTest(0);
}
#endif
