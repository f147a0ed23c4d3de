// The ops of a decoder and its training.
#include "cli/bench_ops.h"
#include "kernels/table.h"
#include "ops/activation.h"
#include "ops/attention.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/loss.h"
#include "ops/matmul.h"
#include "ops/norm.h"
#include "ops/softmax.h"

namespace gradus::cli {

std::vector<OpBench> core_benches() {
  const auto with_weights = [](int weights) {
    return [weights](const Shape& s) {
      Tensors xs{random_normal(s, {1, 0})};
      for (int i = 0; i < weights; ++i) xs.push_back(random_normal({s.back()}, {1, 5}));
      return xs;
    };
  };
  const auto factors = [](const Shape& s) {  // (m, k, n) or (batch, m, k, n)
    Shape a = s, b = s;
    a.erase(s.rank() - 1);
    b.erase(s.rank() - 3);
    return Tensors{random_normal(a, {1, 1}), random_normal(b, {1, 2})};
  };
  const auto heads = [](const Shape& s) {  // (batch, heads, time, d): as (batch, time, heads, d)
    Tensors xs;
    for (uint64_t i = 0; i < 3; ++i) xs.push_back(random_normal({s[0], s[2], s[1], s[3]}, {1, i}));
    return xs;
  };
  const auto classes = [](const Shape& s) { return Tensors{random_normal(s, {1, 0}), random_ids(s[0], s[1])}; };
  const auto rows = [](const Shape& s) { return Tensors{random_normal({s[1], s[2]}, {1, 0}), random_ids(s[0], s[1])}; };
  const auto moments = [](const Shape& s) {
    Tensors xs = alike(3)(s);
    xs.push_back(ones(s));
    return xs;
  };
  using In = const Tensors&;
  return {
      {"add", {{64}, {4096, 1536}}, true, alike(2), [](In x) { return add(x[0], x[1]); }},
      {"mul", {{4096, 1536}}, true, alike(2), [](In x) { return mul(x[0], x[1]); }},
      {"gelu", {{4096, 1536}}, true, alike(1), [](In x) { return gelu(x[0]); }},
      {"gelu_tanh", {{4096, 1536}}, true, alike(1), [](In x) { return gelu_tanh(x[0]); }},
      {"silu", {{4096, 1536}}, true, alike(1), [](In x) { return silu(x[0]); }},
      {"swiglu", {{4096, 1024}}, true, alike(2), [](In x) { return swiglu(x[0], x[1]); }},
      {"softmax", {{6144, 256}, {4096, 1024}}, true, alike(1), [](In x) { return softmax(x[0]); }},
      {"layer_norm",
       {{4096, 384}, {2048, 768}},
       true,
       with_weights(2),
       [](In x) { return layer_norm(x[0], x[1], x[2]); }},
      {"rms_norm", {{4096, 384}}, true, with_weights(1), [](In x) { return rms_norm(x[0], x[1]); }},
      {"cross_entropy", {{4096, 8192}}, true, classes, [](In x) { return cross_entropy(x[0], x[1]); }},
      {"embedding", {{4096, 8192, 384}}, true, rows, [](In x) { return embedding(x[0], x[1]); }},
      {"adamw",
       {{14000000}},
       false,
       moments,
       [](In x) {
         kernels(Device::cpu)
             .adamw({.p = x[0],
                     .g = x[1],
                     .m = x[2],
                     .v = x[3],
                     .lr = 1e-4,
                     .beta1 = 0.9,
                     .beta2 = 0.999,
                     .eps = 1e-8,
                     .weight_decay = 0.1,
                     .grad_scale = 1,
                     .step = 10});
         return x[0];
       }},
      {"attention",
       {{1, 8, 512, 64}, {1, 8, 2048, 64}, {1, 8, 4096, 64}, {16, 6, 256, 64}, {2, 12, 1024, 64}},
       true,
       heads,
       [](In x) { return attention(x[0], x[1], x[2]); }},
      {"matmul",
       {{4, 4, 4},
        {64, 64, 64},
        {4096, 384, 1152},
        {4096, 384, 1536},
        {4096, 1536, 384},
        {4096, 384, 8192},
        {2048, 768, 3072},
        {2048, 3072, 768},
        {96, 256, 64, 256}},
       true,
       factors,
       [](In x) { return matmul(x[0], x[1]); }},
  };
}

}  // namespace gradus::cli
