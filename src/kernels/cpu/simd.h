// How a file of Highway kernels begins. It is compiled once for every target; the best one that the processor has is
// chosen at run time.
//
//   #include "kernels/cpu/simd.h"
//   #undef HWY_TARGET_INCLUDE
//   #define HWY_TARGET_INCLUDE "kernels/cpu/this_file.cpp"
//   #include "hwy/foreach_target.h"
//   #include "hwy/highway.h"
//   #include "kernels/cpu/vector_math.h"  // when exp and its kin are wanted
//
//   HWY_BEFORE_NAMESPACE();
//   namespace gradus::cpu::HWY_NAMESPACE { void inner(...) {...} }
//   HWY_AFTER_NAMESPACE();
//
//   #if HWY_ONCE
//   namespace gradus::cpu {
//   HWY_EXPORT(inner);
//   void outer(...) { HWY_DYNAMIC_DISPATCH(inner)(...); }
//   }
//   #endif
#pragma once

// AVX-512, AVX2 and the baseline are enough on x86; vectors of unknown size cannot be held in arrays of accumulators.
#define HWY_DISABLED_TARGETS \
  (HWY_AVX3_DL | HWY_SSE4 | HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
