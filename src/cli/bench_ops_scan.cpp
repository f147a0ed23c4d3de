// Reductions, scans, sorting, indexing.
#include "cli/bench_ops.h"
#include "ops/create.h"
#include "ops/index.h"
#include "ops/scan.h"
#include "ops/scatter.h"
#include "ops/shape.h"
#include "ops/sort.h"
#include "ops/statistics.h"

namespace gradus::cli {

std::vector<OpBench> scan_benches() {
  // (rows, n, m): (rows, n) numbers and (rows, m) places in rows of n
  const auto places = [](const Shape& s) {
    return Tensors{random_normal({s[0], s[1]}, {1, 0}), reshape(random_ids(s[0] * s[2], s[1]), {s[0], s[2]}),
                   random_normal({s[0], s[2]}, {1, 1})};
  };
  // (rows, width, n): a table, and n of its rows by number
  const auto slices = [](const Shape& s) {
    return Tensors{random_normal({s[0], s[1]}, {1, 0}), random_ids(s[2], s[0]), random_normal({s[2], s[1]}, {1, 1})};
  };
  using In = const Tensors&;
  return {
      {"sort", {{1000000}, {64, 16384}, {4096, 256}}, true, alike(1), [](In x) { return sort(x[0]).values; }},
      {"argsort", {{1000000}, {4096, 64}}, false, alike(1), [](In x) { return argsort(x[0]); }},
      {"topk_8", {{4096, 64}, {64, 50257}}, false, alike(1), [](In x) { return topk(x[0], 8).values; }},
      {"topk_256", {{64, 50257}}, true, alike(1), [](In x) { return topk(x[0], 256).values; }},
      {"cumsum", {{4000000}, {4096, 1024}}, true, alike(1), [](In x) { return cumsum(x[0], -1); }},
      {"cumsum_rows", {{4096, 1024}}, true, alike(1), [](In x) { return cumsum(x[0], 0); }},
      {"cumprod", {{4096, 1024}}, false, alike(1), [](In x) { return cumprod(x[0], -1); }},
      {"gather", {{4096, 1024, 1024}, {1, 1000000, 1000000}}, true, places, [](In x) { return gather(x[0], x[1]); }},
      {"scatter_add",
       {{4096, 1024, 1024}, {1, 1000000, 1000000}, {1, 1000, 1000000}},
       true,
       places,
       [](In x) { return scatter_add(x[0], x[1], x[2]); }},
      {"index_select", {{8192, 384, 4096}}, true, slices, [](In x) { return index_select(x[0], x[1]); }},
      {"index_add",
       {{8192, 384, 4096}, {8192, 64, 65536}},
       true,
       slices,
       [](In x) { return index_add(x[0], x[1], x[2]); }},
      {"argmax", {{4096, 1024}, {4000000}}, false, alike(1), [](In x) { return argmax(x[0], -1); }},
      {"argmax_rows", {{4096, 1024}}, false, alike(1), [](In x) { return argmax(x[0], 0); }},
      {"max_rows", {{4096, 1024}}, false, alike(1), [](In x) { return max(x[0], 0); }},
      {"var", {{4096, 1024}, {4000000}}, true, alike(1), [](In x) { return var(x[0], -1); }},
      {"var_rows", {{4096, 1024}}, false, alike(1), [](In x) { return var(x[0], 0); }},
      {"sum_channels",
       {{32, 64, 56, 56}},
       true,
       alike(1),
       [](In x) {
         return sum(x[0], {0, 2, 3});
       }},
      {"var_channels",
       {{32, 64, 56, 56}},
       true,
       alike(1),
       [](In x) {
         return var(x[0], {0, 2, 3});
       }},
      {"prod", {{4096, 1024}, {4000000}}, true, alike(1), [](In x) { return prod(x[0], -1); }},
      {"logsumexp", {{4096, 1024}, {64, 50257}}, true, alike(1), [](In x) { return logsumexp(x[0], -1); }},
  };
}

}  // namespace gradus::cli
