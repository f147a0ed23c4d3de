// gradus bench train
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "autograd/autograd.h"
#include "autograd/profile.h"
#include "base/error.h"
#include "base/parallel.h"
#include "cli/bench_models.h"
#include "cli/bench_timing.h"
#include "cli/verbs.h"
#include "models/model.h"
#include "nn/recompute.h"
#include "objectives/causal_lm.h"
#include "ops/create.h"
#include "ops/matmul.h"
#include "optim/adamw.h"
#include "tensor/allocator.h"

namespace gradus::cli {

namespace {

// VmHWM: the largest resident size that the process has had, in MB of 10^6 bytes.
double resident_peak_mb() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == "VmHWM:") {
      double kib = 0;
      status >> kib;
      return kib * 1024 / 1e6;
    }
  return 0;
}

struct Step {
  const CausalLm& model;
  AdamW& optimiser;
  Tensor ids, labels;
  const Recompute* recompute = nullptr;
  ProductType products = ProductType::f32;

  double operator()() const {
    const RoundProducts rounded(products);
    LmInput in;
    in.input_ids = ids;
    const Tensor loss = causal_lm_loss(model, model.hidden(in, {.training = true, .recompute = recompute}), labels);
    backward(loss);
    optimiser.step(3e-4, clip_factor(gradient_norm(model.parameters()), 1.0));
    for (const Parameter& p : model.parameters().all()) clear_grad(p.value);
    return loss.item();
  }
};

// GF/s of the step's largest product, alone: what the machine's limit is taken to be.
double product_alone(const BenchModel& s) {
  const int64_t rows = s.batch * s.context;
  const Tensor a = random_normal({rows, s.width}, {1, 1}), b = random_normal({s.width, 4 * s.width}, {1, 2});
  return 2.0 * static_cast<double>(rows * s.width * 4 * s.width) / median_seconds([&] { matmul(a, b); }) / 1e9;
}

// What all kernels of one slot took together.
struct KernelTime {
  std::string name;
  int64_t calls = 0;
  double seconds = 0, flops = 0;
};

std::vector<KernelTime> kernel_times(const std::vector<ProfileEvent>& events) {
  std::map<std::string, KernelTime> slots;
  for (const ProfileEvent& e : events) {
    KernelTime& k = slots[e.slot];
    k.name = e.slot;
    ++k.calls;
    k.seconds += e.seconds, k.flops += e.flops;
  }
  std::vector<KernelTime> times;
  for (const auto& slot : slots) times.push_back(slot.second);
  std::sort(times.begin(), times.end(), [](const auto& a, const auto& b) { return a.seconds > b.seconds; });
  return times;
}

Json kernels_json(const std::vector<KernelTime>& times, int steps) {
  Json list = Json::array();
  for (const KernelTime& k : times) {
    Json row{{"name", k.name}, {"calls", k.calls / steps}, {"ms", k.seconds / steps * 1e3}};
    if (k.flops > 0) row["gflops_per_s"] = k.flops / k.seconds / 1e9;
    list.push_back(row);
  }
  return list;
}

Json measure(const BenchModel& size, int steps) {
  const auto model = make_causal_lm(bench_config(size), {.seed = 1});
  AdamW optimiser(model->parameters(), {.beta2 = 0.95, .weight_decay = 0.1, .rules = undecayed_biases_and_norms()});
  const Tensor ids = bench_tokens(size);
  const Step step{*model, optimiser, ids, shift_labels(ids)};
  constexpr int kWarmUp = 2;
  for (int i = 0; i < kWarmUp; ++i) step();
  std::vector<double> seconds;
  double loss = 0;
  for (int i = 0; i < steps; ++i) {
    const double begin = seconds_now();
    loss = step();
    seconds.push_back(seconds_now() - begin);
  }
  const double peak_mb = resident_peak_mb(), step_s = median(seconds);
  std::vector<KernelTime> times;
  constexpr int kProfiled = 2;
  {
    const OpProfile profile;
    for (int i = 0; i < kProfiled; ++i) step();
    times = kernel_times(profile.events());
  }
  double product_s = 0, attention_s = 0, kernel_s = 0, flops = 0;
  for (const KernelTime& k : times) {
    const double s = k.seconds / kProfiled;
    kernel_s += s;
    flops += k.flops / kProfiled;
    if (k.flops > 0) product_s += s;
    if (k.name.rfind("attention", 0) == 0) attention_s += s;
  }
  const double alone = product_alone(size), reached = flops / product_s / 1e9;
  return {{"size", size.name},
          {"tokens_per_s", static_cast<double>(size.batch * size.context) / step_s},
          {"step_s", step_s},
          {"peak_mb", peak_mb},
          {"allocator_peak_mb", static_cast<double>(memory_stats().peak) / 1e6},
          {"parameters", model->parameters().count()},
          {"loss", loss},
          {"threads", threads()},
          {"products_share", product_s / kernel_s},
          {"products_gflops_per_s", reached},
          {"product_alone_gflops_per_s", alone},
          {"products_of_alone", reached / alone},
          {"attention_share", attention_s / kernel_s},
          {"outside_kernels_s", std::max(0.0, step_s - kernel_s)},
          {"kernels", kernels_json(times, kProfiled)}};
}

Recompute recompute_named(const std::string& how) {
  if (how == "each") return Recompute::every_block();
  if (how == "sqrt") return Recompute::sqrt();
  char* end = nullptr;
  const long segments = std::strtol(how.c_str(), &end, 10);
  if (how.empty() || *end != '\0' || segments < 1)
    throw ValueError("bench train", "--checkpointing " + how + " is neither each nor sqrt nor a number of segments.");
  return Recompute::segments(segments);
}

// Steps with and without gradient checkpointing, in turns, so that both see the same machine.
Json compare_checkpointing(const BenchModel& size, int steps, const std::string& how) {
  const Recompute recompute = recompute_named(how);
  const auto model = make_causal_lm(bench_config(size), {.seed = 1});
  AdamW optimiser(model->parameters(), {.beta2 = 0.95, .weight_decay = 0.1, .rules = undecayed_biases_and_norms()});
  const Tensor ids = bench_tokens(size);
  const Step plain{*model, optimiser, ids, shift_labels(ids)}, again{*model, optimiser, ids, plain.labels, &recompute};
  for (const Step* step : {&plain, &again}) (*step)();  // warm-up
  const int64_t held = memory_stats().current;
  struct Measured {
    std::vector<double> seconds;
    double peak_mb = 0;
  } one, two;
  for (int i = 0; i < steps; ++i)
    for (const auto& [step, measured] : {std::pair{&plain, &one}, {&again, &two}}) {
      reset_peak_memory();
      const double begin = seconds_now();
      (*step)();
      measured->seconds.push_back(seconds_now() - begin);
      measured->peak_mb = static_cast<double>(memory_stats().peak - held) / 1e6;
    }
  const double plain_s = median(one.seconds), again_s = median(two.seconds);
  return {{"size", size.name},
          {"checkpointing", how},
          {"held_mb", static_cast<double>(held) / 1e6},
          {"step_s", plain_s},
          {"step_mb", one.peak_mb},
          {"checkpointed_step_s", again_s},
          {"checkpointed_step_mb", two.peak_mb},
          {"slowdown", again_s / plain_s},
          {"memory_ratio", two.peak_mb / one.peak_mb},
          {"threads", threads()}};
}

// Steps in f32 and with products of shorter operands, in turns, so that both see the same machine; each from the same
// parameters on tokens of its own, so that the losses compare.
Json compare_products(const BenchModel& size, int steps, const std::string& dtype) {
  const ProductType type = dtype == "bf16" ? ProductType::bf16 : ProductType::f16;
  const auto one = make_causal_lm(bench_config(size), {.seed = 1}),
             two = make_causal_lm(bench_config(size), {.seed = 1});
  const AdamW::Options options{.beta2 = 0.95, .weight_decay = 0.1, .rules = undecayed_biases_and_norms()};
  AdamW first(one->parameters(), options), second(two->parameters(), options);
  const Tensor ids = bench_tokens(size), labels = shift_labels(ids);
  const Step plain{*one, first, ids, labels}, rounded{*two, second, ids, labels, nullptr, type};
  std::vector<double> plain_seconds, rounded_seconds;
  double plain_loss = plain(), rounded_loss = rounded();  // warm-up
  const auto timed = [](const Step& step, std::vector<double>& seconds) {
    const double begin = seconds_now(), loss = step();
    seconds.push_back(seconds_now() - begin);
    return loss;
  };
  for (int i = 0; i < steps; ++i)
    plain_loss = timed(plain, plain_seconds), rounded_loss = timed(rounded, rounded_seconds);
  const double plain_s = median(plain_seconds), rounded_s = median(rounded_seconds);
  return {{"size", size.name},
          {"dtype", dtype},
          {"f32_step_s", plain_s},
          {"step_s", rounded_s},
          {"ratio", plain_s / rounded_s},
          {"f32_loss", plain_loss},
          {"loss", rounded_loss},
          {"threads", threads()}};
}

void print_products(const Json& r) {
  const auto number = [&](const char* key) { return r[key].get<double>(); };
  const std::string dtype = r["dtype"].get<std::string>();
  std::printf("gpt2 %s, %d threads\n", r["size"].get<std::string>().c_str(), r["threads"].get<int>());
  std::printf("%-14s %8.3f s a step  loss %.4f\n", "f32", number("f32_step_s"), number("f32_loss"));
  std::printf("%-14s %8.3f s a step  loss %.4f\n", (dtype + " products").c_str(), number("step_s"), number("loss"));
  std::printf("%.2f times the speed of f32\n", number("ratio"));
}

void print_checkpointing(const Json& r) {
  const auto number = [&](const char* key) { return r[key].get<double>(); };
  std::printf("gpt2 %s, %.0f MB of parameters and moments, %d threads\n%-24s %8s %16s\n",
              r["size"].get<std::string>().c_str(), number("held_mb"), r["threads"].get<int>(), "", "s a step",
              "MB on top, peak");
  std::printf("%-24s %8.3f %16.0f\n", "without checkpointing", number("step_s"), number("step_mb"));
  std::printf("%-24s %8.3f %16.0f\n", ("segments: " + r["checkpointing"].get<std::string>()).c_str(),
              number("checkpointed_step_s"), number("checkpointed_step_mb"));
  std::printf("%.2f of the memory, %.2f times as long\n", number("memory_ratio"), number("slowdown"));
}

void print(const Json& r) {
  const auto number = [&](const char* key) { return r[key].get<double>(); };
  std::printf("gpt2 %s: %.0f tokens/s, %.3f s a step, peak %.0f MB resident (%.0f MB of tensors), %d threads\n",
              r["size"].get<std::string>().c_str(), number("tokens_per_s"), number("step_s"), number("peak_mb"),
              number("allocator_peak_mb"), r["threads"].get<int>());
  std::printf("matrix products %.0f %% of the kernels' time, at %.0f GF/s: %.0f %% of one product alone (%.0f GF/s)\n",
              100 * number("products_share"), number("products_gflops_per_s"), 100 * number("products_of_alone"),
              number("product_alone_gflops_per_s"));
  std::printf("attention %.0f %%; outside kernels %.1f ms\n\n%-26s %7s %10s %8s\n", 100 * number("attention_share"),
              1e3 * number("outside_kernels_s"), "kernel", "calls", "ms a step", "GF/s");
  for (const Json& k : r["kernels"])
    std::printf("%-26s %7lld %10.2f %8s\n", k["name"].get<std::string>().c_str(),
                static_cast<long long>(k["calls"].get<int64_t>()), k["ms"].get<double>(),
                k.contains("gflops_per_s") ? std::to_string(std::lround(k["gflops_per_s"].get<double>())).c_str() : "");
}

}  // namespace

void add_bench_train(CLI::App& bench) {
  struct Args {
    std::string size = "s", checkpointing, dtype = "f32";
    int steps = 5;
    bool json = false;
  };
  auto args = std::make_shared<Args>();
  CLI::App* verb = bench.add_subcommand("train", "One full training step of a GPT-2: forward, backward, clip, AdamW.");
  verb->footer(
      std::string(kBenchModels) +
      "f32, dropout 0, random tokens; median after two warm-up steps. bench/train_step.py sets it beside PyTorch.");
  verb->add_option("size", args->size, "s or m")->check(CLI::IsMember({"s", "m"}))->capture_default_str();
  verb->add_option("--steps", args->steps, "steps to time")->check(CLI::Range(1, 1000))->capture_default_str();
  verb->add_option("--checkpointing", args->checkpointing,
                   "set gradient checkpointing beside the plain step: each (block), sqrt, or a number of segments");
  verb->add_option("--dtype", args->dtype, "set a step whose products round to bf16 or f16 beside the plain step")
      ->check(CLI::IsMember({"f32", "bf16", "f16"}))
      ->capture_default_str();
  verb->add_flag("--json", args->json, "one JSON object on stdout");
  verb->callback([args] {
    const BenchModel& size = *bench_model(args->size);
    const bool compare = !args->checkpointing.empty(), rounded = args->dtype != "f32";
    if (compare && rounded) throw ValueError("bench train", "--checkpointing and --dtype are compared one at a time.");
    const Json result = compare   ? compare_checkpointing(size, args->steps, args->checkpointing)
                        : rounded ? compare_products(size, args->steps, args->dtype)
                                  : measure(size, args->steps);
    if (args->json)
      std::puts(dump_json(result).c_str());
    else
      (compare ? print_checkpointing : rounded ? print_products : print)(result);
  });
}

}  // namespace gradus::cli
