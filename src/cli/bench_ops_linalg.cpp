// Linear algebra, and the norms over channels.
#include <cmath>

#include "cli/bench_ops.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/linalg.h"
#include "ops/matmul.h"
#include "ops/norm.h"
#include "ops/shape.h"

namespace gradus::cli {

std::vector<OpBench> linalg_benches() {
  const auto square = [](const Shape& s) {  // (batch, n): matrices, and right-hand sides
    return Tensors{random_normal({s[0], s[1], s[1]}, {1, 0}), random_normal({s[0], s[1], s[1]}, {1, 1})};
  };
  const auto symmetric = [](const Shape& s) {  // positive definite
    const Tensor a = random_normal({s[0], s[1], s[1]}, {1, 0}, 0, 1 / std::sqrt(static_cast<double>(s[1])));
    Tensor p = matmul(a, transpose(a));
    for (int64_t i = 0; i < s[0] * s[1]; ++i) p.data<float>()[i * s[1] + i % s[1]] += 1;
    return Tensors{p};
  };
  const auto with_channels = [](const Shape& s) {
    return Tensors{random_normal(s, {1, 0}), ones({s[1]}), zeros({s[1]})};
  };
  const std::vector<Shape> matrices{{1, 512}, {1, 1024}, {256, 32}};
  const std::vector<Shape> spectra{{1, 256}, {1, 512}, {64, 32}};
  const std::vector<Shape> images{{32, 64, 56, 56}, {16, 256, 14, 14}};
  using In = const Tensors&;
  return {
      {"solve", matrices, false, square, [](In x) { return solve(x[0], x[1]); }},
      {"inverse", matrices, true, square, [](In x) { return inverse(x[0]); }},
      {"cholesky", matrices, false, symmetric, [](In x) { return cholesky(x[0]); }},
      {"qr", matrices, false, square, [](In x) { return qr(x[0]).q; }},
      {"eigh", spectra, false, symmetric, [](In x) { return eigh(x[0]).vectors; }},
      {"svd", spectra, false, square, [](In x) { return svd(x[0]).u; }},
      {"batch_norm",
       {{32, 64, 56, 56}, {16, 256, 14, 14}, {4096, 256}},
       true,
       with_channels,
       [](In x) { return batch_norm(x[0], {}, {}, x[1], x[2], {.training = true}); }},
      {"batch_norm_eval", images, false, with_channels, [](In x) { return batch_norm(x[0], x[2], x[1], x[1], x[2]); }},
      {"group_norm", images, true, with_channels, [](In x) { return group_norm(x[0], 32, x[1], x[2]); }},
      {"instance_norm", images, true, with_channels, [](In x) { return instance_norm(x[0], x[1], x[2]); }},
  };
}

}  // namespace gradus::cli
