#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "kernels/cpu/simd.h"

#include "hwy/targets.h"

// GRADUS_TEST_TARGET=AVX2 (or baseline) runs the kernels as on a processor that has no more. Says so and passes when
// this one has not even that.
int main(int argc, char** argv) {
  if (const char* wanted = std::getenv("GRADUS_TEST_TARGET"); wanted && *wanted) {
    int64_t found = 0;
    for (int64_t rest = hwy::SupportedTargets() & HWY_TARGETS; rest != 0; rest &= rest - 1) {
      const int64_t target = rest & -rest;
      if (std::string(wanted) == (target == HWY_STATIC_TARGET ? "baseline" : hwy::TargetName(target))) found = target;
    }
    if (found == 0) {
      std::printf("no %s here\n", wanted);
      return 0;
    }
    hwy::SetSupportedTargetsForTest(found);
  }
  return doctest::Context(argc, argv).run();
}
