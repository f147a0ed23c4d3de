// gradus bench optim
#include <CLI/CLI.hpp>
#include <cstdio>
#include <ctime>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>

#include "autograd/autograd.h"
#include "base/json.h"
#include "base/parallel.h"
#include "cli/bench_timing.h"
#include "cli/verbs.h"
#include "kernels/table.h"
#include "ops/create.h"
#include "ops/matmul.h"
#include "ops/shape.h"
#include "optim/muon.h"
#include "optim/registry.h"

namespace gradus::cli {

namespace {

constexpr int64_t kSide = 2048, kMatrices = 4, kNumbers = kMatrices * kSide * kSide;

// Processor time a thread: what other programs take meanwhile does not count.
double processor_seconds() {
  timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9) / threads();
}

double timed(const std::function<void()>& f) {
  const double begin = processor_seconds();
  f();
  return processor_seconds() - begin;
}

// f and g in turns, so that both see the same machine.
std::pair<double, double> in_turns(int times, const std::function<void()>& f, const std::function<void()>& g) {
  f(), g();
  std::vector<double> one, two;
  for (int i = 0; i < times; ++i) one.push_back(timed(f)), two.push_back(timed(g));
  return {median(one), median(two)};
}

// Bytes that a step must read and write: parameter and gradient, and each state there and back.
double moved_bytes(const Optimizer& optimizer) {
  double bytes = 12.0 * kNumbers;
  for (const auto& [name, tensor] : optimizer.state())
    if (name != "step") bytes += 2.0 * static_cast<double>(tensor.bytes());
  return bytes;
}

Json step_row(const std::string& name, const std::string& args, int times) {
  Parameters store({.seed = 1});
  for (int64_t i = 0; i < kMatrices; ++i)
    set_grad(store.make("h." + std::to_string(i), {kSide, kSide}, Init::normal_of(0.02)),
             random_normal({kSide, kSide}, {2, static_cast<uint64_t>(i)}));
  OptimizerSettings settings;
  settings.optim = name, settings.optim_args = args;
  const auto optimizer = make_optimizer(store, settings);
  const Tensor from = ones({kNumbers}), to = ones({kNumbers});
  const auto [copy_s, step_s] = in_turns(
      times, [&] { kernels(Device::cpu).copy({.x = from, .y = to}); }, [&] { optimizer->step(1e-4); });
  const double copied = 8.0 * kNumbers / copy_s / 1e9, reached = moved_bytes(*optimizer) / step_s / 1e9;
  return {{"optim", name},
          {"step_s", step_s},
          {"gb_per_s", reached},
          {"copy_gb_per_s", copied},
          {"of_copy", reached / copied}};
}

// Products of one iteration on (n, n): three of 2 n^3.
Json newton_schulz_row(int times) {
  constexpr int64_t kSize = 1024, kSteps = 5;
  const Tensor x = random_normal({kSize, kSize}, {3, 1}), y = random_normal({kSize, kSize}, {3, 2});
  const auto [product_s, iterations_s] = in_turns(
      times, [&] { matmul(x, y); }, [&] { newton_schulz(x, kSteps); });
  const double product = 2.0 * kSize * kSize * kSize;
  const double alone = product / product_s / 1e9, reached = 3 * kSteps * product / iterations_s / 1e9;
  return {{"gflops_per_s", reached}, {"product_gflops_per_s", alone}, {"of_product", reached / alone}};
}

}  // namespace

void add_bench_optim(CLI::App& bench) {
  struct Args {
    int times = 7;
    bool json = false;
  };
  auto args = std::make_shared<Args>();
  CLI::App* verb = bench.add_subcommand("optim", "Optimiser steps over 16.8 million f32 numbers beside a copy.");
  verb->footer(
      "Bytes that a step has to move a second of processor time, beside those of a copy taken in turns; Newton-Schulz\n"
      "iterations of Muon on 1024 x 1024 beside one matrix product.");
  verb->add_option("--times", args->times, "repetitions")->check(CLI::Range(1, 1000))->capture_default_str();
  verb->add_flag("--json", args->json, "one JSON object on stdout");
  verb->callback([args] {
    const NoGrad no_grad;
    Json out = {{"threads", threads()}, {"steps", Json::array()}};
    for (const auto& [name, options] : {std::pair{"adamw_torch", "{}"},
                                        {"adam", "{}"},
                                        {"sgd", R"({"momentum": 0.9})"},
                                        {"rmsprop", "{}"},
                                        {"adagrad", "{}"},
                                        {"lion_32bit", "{}"},
                                        {"schedule_free_adamw", "{}"},
                                        {"adamw_8bit", "{}"},
                                        {"adafactor", "{}"}})
      out["steps"].push_back(step_row(name, options, args->times));
    out["newton_schulz"] = newton_schulz_row(args->times);
    if (args->json) {
      std::puts(dump_json(out).c_str());
      return;
    }
    std::printf("%-22s %8s %8s %8s\n", "step", "ms", "GB/s", "of copy");
    for (const Json& row : out["steps"])
      std::printf("%-22s %8.1f %8.1f %7.0f%%\n", row["optim"].get<std::string>().c_str(),
                  row["step_s"].get<double>() * 1e3, row["gb_per_s"].get<double>(), row["of_copy"].get<double>() * 100);
    const Json& ns = out["newton_schulz"];
    std::printf("%-22s %8s %8.1f %7.0f%% of a product (GFLOP/s)\n", "newton_schulz", "",
                ns["gflops_per_s"].get<double>(), ns["of_product"].get<double>() * 100);
  });
}

}  // namespace gradus::cli
