#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "kernels/table.h"

using namespace gradus;

TEST_CASE("random numbers: the fast kernel follows the reference, also in the tails") {
  const int64_t n = int64_t{1} << 20;
  const Tensor fast = empty({n}), exact = empty({n}, Dtype::f64);
  for (Distribution distribution : {Distribution::normal, Distribution::uniform}) {
    cpu_kernels().random({.y = fast, .distribution = distribution, .key = {11, 12}, .a = 0, .b = 1});
    ref_kernels().random({.y = exact, .distribution = distribution, .key = {11, 12}, .a = 0, .b = 1});
    double worst = 0;
    for (int64_t i = 0; i < n; ++i) worst = std::max(worst, std::abs(fast.data<float>()[i] - exact.data<double>()[i]));
    CHECK(worst < (distribution == Distribution::normal ? 2e-6 : 1e-7));
  }
}
