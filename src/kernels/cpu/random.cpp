#include <cmath>

#include "base/parallel.h"
#include "kernels/cpu/dense.h"
#include "kernels/ref/ref.h"

namespace gradus::cpu {

// Every number is a function of its index alone: pieces are computed as ref computes the whole.
void random(const RandomArgs& args) {
  if (!all_f32({args.y}) || !args.y.contiguous()) return ref::random(args);
  float* y = args.y.data<float>();
  parallel_for(args.y.count(), kCostlyGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const auto index = static_cast<uint64_t>(i);
      y[i] = static_cast<float>(args.distribution == Distribution::normal
                                    ? args.a + args.b * args.key.normal(index)
                                    : args.a + (args.b - args.a) * args.key.uniform(index));
    }
  });
}

void dropout(const DropoutArgs& args) {
  if (!all_f32({args.x}) || !args.y.contiguous()) return ref::dropout(args);
  const Tensor dense_x = dense(args.x);
  const float* x = dense_x.data<float>();
  float* y = args.y.data<float>();
  const float scale = static_cast<float>(1 / (1 - args.p));
  // uniform(i) = (bits >> 11) 2^-53 >= p, compared as integers
  const uint64_t bound = static_cast<uint64_t>(std::ceil(args.p * 0x1p53));
  const RandomKey key = args.key;
  parallel_for(dense_x.count(), kCostlyGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const auto r = philox(key.seed, key.stream, static_cast<uint64_t>(i));
      const uint64_t u = ((uint64_t{r[1]} << 32) | r[0]) >> 11;
      y[i] = u >= bound ? x[i] * scale : 0.0f;
    }
  });
}

}  // namespace gradus::cpu
