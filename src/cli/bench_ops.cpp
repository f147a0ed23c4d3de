// gradus bench ops
#include "cli/bench_ops.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <regex>

#include "autograd/autograd.h"
#include "base/json.h"
#include "cli/bench_timing.h"
#include "cli/verbs.h"
#include "ops/create.h"

namespace gradus::cli {

Tensor random_ids(int64_t n, int64_t bound) {
  std::vector<int64_t> ids;
  for (int64_t i = 0; i < n; ++i)
    ids.push_back(static_cast<int64_t>(RandomKey{2, 1}.below(static_cast<uint64_t>(bound), static_cast<uint64_t>(i))));
  return from_vector(ids);
}

std::function<Tensors(const Shape&)> alike(int count) {
  return [count](const Shape& s) {
    Tensors xs;
    for (int i = 0; i < count; ++i) xs.push_back(random_normal(s, {1, static_cast<uint64_t>(i)}));
    return xs;
  };
}

namespace {

std::vector<OpBench> op_benches() {
  std::vector<OpBench> all;
  for (const auto family :
       {core_benches, pointwise_benches, conv_benches, diff_benches, linalg_benches, shapes_benches, scan_benches})
    for (OpBench& bench : family()) all.push_back(std::move(bench));
  return all;
}

constexpr double kLeastSeconds = 0.25;

double forward_seconds(const OpBench& b, const Tensors& operands, double (*now)()) {
  const NoGrad off;
  return median_seconds([&] { b.call(operands); }, kLeastSeconds, now);
}

double gradient_seconds(const OpBench& b, Tensors operands, double (*now)()) {
  for (Tensor& x : operands)
    if (is_floating(x.dtype())) require_grad(x);
  const Tensor dy = random_normal(b.call(operands).shape(), {1, 9});
  return median_seconds(
      [&] {
        for (const Tensor& x : operands) clear_grad(x);
        backward(b.call(operands), dy);
      },
      kLeastSeconds, now);
}

Json measure(const std::string& only, double (*now)()) {
  const std::regex wanted(only);
  Json rows = Json::array();
  for (const OpBench& b : op_benches())
    for (const Shape& shape : b.shapes) {
      const Tensors operands = b.operands(shape);
      const std::vector<int64_t> sizes(shape.begin(), shape.end());
      const auto row = [&](const std::string& name, auto&& seconds) {
        if (!std::regex_search(name, wanted)) return;
        rows.push_back({{"name", name}, {"shape", sizes}, {"median_s", seconds()}});
      };
      row(b.name, [&] { return forward_seconds(b, operands, now); });
      if (b.gradient) row(std::string(b.name) + "+grad", [&] { return gradient_seconds(b, operands, now); });
    }
  return rows;
}

}  // namespace

void add_bench_ops(CLI::App& bench) {
  struct Args {
    std::string only;
    bool json = false, processor = false;
  };
  auto args = std::make_shared<Args>();
  CLI::App* verb = bench.add_subcommand("ops", "Single operations, forward and with their gradient.");
  verb->footer("bench/ops.py sets them beside PyTorch and says what the numbers of each shape mean.");
  verb->add_option("--only", args->only, "regular expression: rows whose name matches");
  verb->add_flag("--cpu-time", args->processor,
                 "processor time instead of the clock's: for busy machines, with OMP_NUM_THREADS=1");
  verb->add_flag("--json", args->json, "a JSON list of {name, shape, median_s}");
  verb->callback([args] {
    const Json rows = measure(args->only, args->processor ? processor_seconds_now : seconds_now);
    if (args->json) {
      std::puts(dump_json(rows).c_str());
      return;
    }
    for (const Json& row : rows)
      std::printf("%-20s %-24s %12.1f us\n", row["name"].get<std::string>().c_str(), dump_json(row["shape"]).c_str(),
                  1e6 * row["median_s"].get<double>());
  });
}

}  // namespace gradus::cli
