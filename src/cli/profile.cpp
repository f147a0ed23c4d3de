// gradus profile: where a training step spends its time and memory.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "autograd/profile.h"
#include "base/error.h"
#include "base/parallel.h"
#include "cli/bench_models.h"
#include "cli/format.h"
#include "cli/text_io.h"
#include "cli/verbs.h"
#include "io/flame.h"
#include "tensor/allocator.h"
#include "train/causal_lm_run.h"
#include "train/profile_report.h"
#include "train/recipe.h"

namespace gradus::cli {

namespace {

struct ProfileArguments {
  std::string target, by = "op", trace, flame;
  std::vector<std::string> changes;
  int steps = 2, top = 25;
  double width = 1600, scale = 2;
  bool json = false;
};

/// What is trained: a recipe's model on its texts, or one of the benchmark's.
struct Subject {
  std::string name;
  std::unique_ptr<TrainTask> task;
  OptimizerSettings optimizer;
  StepOptions step;
};

Subject subject_of(const ProfileArguments& args) {
  if (const BenchModel* size = bench_model(args.target)) {
    if (!args.changes.empty()) throw ValueError("profile", "changes belong to a recipe, not to " + args.target + ".");
    return {"gpt2 " + args.target, std::make_unique<RandomTokensTask>(*size), bench_optimizer(), bench_step(*size)};
  }
  const Recipe recipe = Recipe::load(args.target, args.changes);
  const TrainSettings settings = train_settings(recipe);
  CausalLmTask::Hooks hooks;
  hooks.note = [](const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); };
  StepOptions step = step_options(settings);
  step.dropout = RandomKey{settings.seed, stream_name("dropout")};
  step.check_gradients = false;
  return {args.target, std::make_unique<CausalLmTask>(recipe, "", hooks), settings.optimizer, step};
}

struct Measured {
  std::vector<ProfileEvent> all, last;  // events of all steps, and of the last
  double seconds = 0;                   // of all steps
  int64_t peak = 0;
};

Measured measure(Subject& subject, int steps) {
  const auto optimizer = make_optimizer(subject.task->parameters(), subject.optimizer);
  train_step(*subject.task, *optimizer, subject.step);  // the first touches memory that later ones find warm
  reset_peak_memory();
  Measured m;
  for (int i = 0; i < steps; ++i) {
    const OpProfile profile;
    train_step(*subject.task, *optimizer, subject.step);
    m.seconds += profile.seconds();
    m.last = profile.events();
    m.all.insert(m.all.end(), m.last.begin(), m.last.end());
  }
  m.peak = memory_stats().peak;
  return m;
}

ProfileBy key_of(const std::string& by) {
  return by == "module" ? ProfileBy::module : by == "kernel" ? ProfileBy::kernel : ProfileBy::op;
}

Json report_of(const Subject& subject, const Measured& m, const ProfileArguments& args) {
  const double n = args.steps, step = m.seconds / n;
  double kernels = 0;
  Json rows = Json::array(), phases = Json::object();
  for (const ProfileEvent& e : m.all) {
    kernels += e.seconds / n;
    const char* phase = name_of(e.phase);
    phases[phase] = (phases.contains(phase) ? phases[phase].get<double>() : 0.0) + e.seconds / n * 1e3;
  }
  for (const ProfileRow& r : profile_rows(m.all, key_of(args.by))) {
    Json row{{args.by, args.by == "module" ? r.scope : r.op}};
    if (args.by != "module") row["phase"] = name_of(r.phase);
    row["calls"] = static_cast<double>(r.calls) / n;
    row["ms"] = r.seconds / n * 1e3;
    row["share"] = r.seconds / n / step;
    row["operand_bytes"] = static_cast<double>(r.bytes) / n;
    row["allocated_bytes"] = static_cast<double>(r.allocated) / n;
    row["gb_per_s"] = static_cast<double>(r.bytes) / r.seconds / 1e9;
    if (r.flops > 0) row["gflops_per_s"] = r.flops / r.seconds / 1e9;
    rows.push_back(std::move(row));
  }
  return {{"target", subject.name}, {"steps", args.steps}, {"threads", threads()},
          {"step_ms", step * 1e3},  {"phases_ms", phases}, {"outside_kernels_ms", (step - kernels) * 1e3},
          {"peak_bytes", m.peak},   {"by", args.by},       {"rows", rows}};
}

std::string readable(const Json& r, int top) {
  const auto number = [](const Json& row, const char* key) { return row[key].get<double>(); };
  const std::string by = r["by"].get<std::string>();
  std::string out =
      fmt::format("{}: {:.1f} ms a step on {} threads, {} of tensors at the peak\n", r["target"].get<std::string>(),
                  number(r, "step_ms"), r["threads"].get<int>(), human_bytes(number(r, "peak_bytes")));
  for (const auto& [phase, ms] : r["phases_ms"].items()) out += fmt::format("{} {:.1f} ms, ", phase, ms.get<double>());
  out += fmt::format("outside kernels {:.1f} ms\n\n", number(r, "outside_kernels_ms"));
  const bool modules = by == "module";
  out += fmt::format("{:<34}{:>8}{:>11}{:>8}{:>11}{:>8}{:>8}\n", by, "calls", "ms a step", "share", "allocated", "GB/s",
                     "GF/s");
  int shown = 0;
  double rest = 0;
  for (const Json& row : r["rows"]) {
    if (++shown > top) {
      rest += number(row, "ms");
      continue;
    }
    std::string name = row[by].get<std::string>();
    if (modules && name.empty()) name = "(outside of modules)";
    if (!modules && row["phase"] != "forward") name += " (" + row["phase"].get<std::string>() + ")";
    out += fmt::format("{:<34}{:>8.0f}{:>11.2f}{:>7.1f}%{:>11}{:>8.1f}{:>8}\n", name, number(row, "calls"),
                       number(row, "ms"), 100 * number(row, "share"), human_bytes(number(row, "allocated_bytes")),
                       number(row, "gb_per_s"),
                       row.contains("gflops_per_s") ? fmt::format("{:.0f}", number(row, "gflops_per_s")) : "");
  }
  if (shown > top)
    out += fmt::format("{:<34}{:>8}{:>11.2f}\n", fmt::format("{} more rows (--top)", shown - top), "", rest);
  return out;
}

void profile(const ProfileArguments& args) {
  Subject subject = subject_of(args);
  const Measured m = measure(subject, args.steps);
  const Json report = report_of(subject, m, args);
  if (!args.flame.empty()) {
    const std::string title = "One training step of " + subject.name;
    write_png(args.flame, render_flame(flame_chart(m.last, title), args.width, args.scale));
    std::fprintf(stderr, "wrote %s\n", args.flame.c_str());
  }
  if (!args.trace.empty()) {
    write_chrome_trace(args.trace, m.last, "gradus " + subject.name);
    std::fprintf(stderr, "wrote %s: open it at https://ui.perfetto.dev or chrome://tracing\n", args.trace.c_str());
  }
  write_output(args.json ? dump_json(report) + "\n" : readable(report, args.top));
}

}  // namespace

void add_profile(CLI::App& app) {
  auto args = std::make_shared<ProfileArguments>();
  CLI::App* verb = app.add_subcommand("profile", "Where a training step spends its time and memory, op by op.");
  verb->footer("Nothing is saved of what is trained. The sizes:\n" + std::string(kBenchModels) +
               "GB/s counts every operand once. Pictures and traces show the last step.\n"
               "Example: gradus profile recipes/fortunes.toml --flame step.png --trace step.json");
  verb->add_option("TARGET", args->target, "a recipe, or s or m: GPT-2 on random tokens, as in gradus bench train")
      ->required();
  verb->add_option("CHANGES", args->changes, "changes to the recipe: KEY=VALUE …");
  verb->add_option("--steps", args->steps, "steps to average over, after one to warm up")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  verb->add_option("--by", args->by, "what a row is")
      ->check(CLI::IsMember({"op", "kernel", "module"}))
      ->capture_default_str();
  verb->add_option("--top", args->top, "rows to print")->check(CLI::Range(1, 100000))->capture_default_str();
  verb->add_option("--flame", args->flame, "draw a flame chart: a PNG");
  verb->add_option("--width", args->width, "of the chart, in logical pixels")
      ->check(CLI::Range(400.0, 8000.0))
      ->capture_default_str();
  verb->add_option("--scale", args->scale, "pixels a logical pixel")
      ->check(CLI::Range(0.5, 4.0))
      ->capture_default_str();
  verb->add_option("--trace", args->trace, "write a trace for Perfetto or chrome://tracing: JSON");
  verb->add_flag("--json", args->json, "one JSON object on stdout");
  verb->callback([args] { profile(*args); });
}

}  // namespace gradus::cli
