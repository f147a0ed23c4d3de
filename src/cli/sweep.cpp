// gradus sweep
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/interrupt.h"
#include "cli/lab_text.h"
#include "cli/progress.h"
#include "cli/text_io.h"
#include "cli/verbs.h"
#include "train/sweep.h"

namespace gradus::cli {

namespace {

struct SweepArguments {
  SweepSpec spec;
  std::string recipe, output_dir;
  std::vector<std::string> over;
  bool json = false, list = false;
  PictureArguments picture;
};

std::string text_of(const SweepSettings& settings) {
  std::string text;
  for (const auto& [key, value] : settings) text += (text.empty() ? "" : " ") + key + "=" + value;
  return text;
}

Json json_of(const SweepSpec& spec, const SweepResult& r) {
  Json rows = Json::array();
  for (const size_t i : r.order) {
    const SweepTrial& t = r.trials[i];
    Json settings = Json::object();
    for (const auto& [key, value] : t.settings) settings[key] = value;
    rows.push_back({{"trial", i},
                    {"settings", settings},
                    {"state", t.state},
                    {"step", t.step},
                    {"metric", t.metric ? Json(*t.metric) : Json()},
                    {"error", t.error.empty() ? Json() : Json(t.error)},
                    {"run", (spec.output_dir / fmt::format("trial-{:03}", i)).string()}});
  }
  return {{"output_dir", spec.output_dir.string()},
          {"strategy", spec.strategy},
          {"metric", spec.metric},
          {"interrupted", r.interrupted},
          {"trials", rows}};
}

std::string readable(const SweepSpec& spec, const SweepResult& r) {
  std::vector<size_t> widths;
  for (const SweepAxis& axis : spec.axes) {
    size_t width = axis.key.size();
    for (const SweepTrial& t : r.trials) width = std::max(width, t.settings[widths.size()].second.size());
    widths.push_back(width);
  }
  std::string out = "trial";
  for (size_t a = 0; a < spec.axes.size(); ++a) out += fmt::format("  {:>{}}", spec.axes[a].key, widths[a]);
  out += fmt::format("  {:>12}  {:>8}  state\n", spec.metric, "step");
  for (const size_t i : r.order) {
    const SweepTrial& t = r.trials[i];
    out += fmt::format("{:>5}", i);
    for (size_t a = 0; a < spec.axes.size(); ++a) out += fmt::format("  {:>{}}", t.settings[a].second, widths[a]);
    out += fmt::format("  {:>12}  {:>8}  {}\n", t.metric ? fmt::format("{:.5g}", *t.metric) : "-", t.step, t.state);
  }
  for (const size_t i : r.order)
    if (!r.trials[i].error.empty()) out += fmt::format("\ntrial {} failed: {}\n", i, r.trials[i].error);
  return out;
}

void sweep(SweepArguments& args) {
  SweepSpec& spec = args.spec;
  spec.recipe = args.recipe;
  spec.output_dir = args.output_dir;
  for (const std::string& text : args.over) spec.axes.push_back(parse_sweep_axis(text));
  if (args.list) {
    Json rows = Json::array();
    std::string text;
    for (const SweepSettings& s : sweep_trials(spec)) {
      text += text_of(s) + "\n";
      Json settings = Json::object();
      for (const auto& [key, value] : s) settings[key] = value;
      rows.push_back(settings);
    }
    return write_output(args.json ? dump_json({{"trials", rows}}) + "\n" : text);
  }
  watch_interrupts();
  std::unique_ptr<Progress> bar;
  SweepHooks hooks;
  hooks.trial = [&](int64_t i, int64_t n, const SweepSettings& settings, int64_t until) {
    std::fprintf(stderr, "trial %lld of %lld%s: %s\n", static_cast<long long>(i), static_cast<long long>(n),
                 until > 0 ? fmt::format(", to step {}", until).c_str() : "", text_of(settings).c_str());
  };
  hooks.step = [&](const TrainProgress& p) {
    if (!is_terminal(2)) return;
    if (!bar) bar = std::make_unique<Progress>(p.max_steps, p.step);
    bar->update(p.step, {{"loss", fmt::format("{:.3f}", p.loss)}});
  };
  hooks.ended = [&](int64_t, const SweepTrial& t) {
    bar.reset();
    const std::string line =
        t.metric ? fmt::format("  step {}: {} {:.5g}", t.step, spec.metric, *t.metric) : "  failed: " + t.error;
    std::fprintf(stderr, "%s\n", line.c_str());
  };
  hooks.stop = interrupted;
  const SweepResult result = run_sweep(spec, hooks);
  bar.reset();
  if (result.interrupted) {
    std::fprintf(stderr, "interrupted; go on with the same command\n");
    throw CLI::RuntimeError(kInterrupted);
  }
  const Figure figure = figure_of_sweep(spec, result);
  if (!figure.panels.empty()) {
    if (args.picture.output.empty()) args.picture.output = (spec.output_dir / "sweep.png").string();
    args.picture.write(figure);
  }
  write_output(args.json ? dump_json(json_of(spec, result)) + "\n" : readable(spec, result));
  const bool any = !result.order.empty() && result.trials[result.order[0]].metric.has_value();
  if (!any) throw CLI::RuntimeError(1);
}

}  // namespace

void add_sweep(CLI::App& app) {
  auto args = std::make_shared<SweepArguments>();
  CLI::App* verb = app.add_subcommand("sweep", "Search settings of a recipe: grid, random, successive halving.");
  SweepSpec& spec = args->spec;
  verb->add_option("RECIPE", args->recipe, "TOML file, as for gradus train")->required();
  verb->add_option("CHANGES", spec.changes, "changes to the recipe, for all trials: KEY=VALUE …");
  verb->add_option("--over", args->over,
                   "what varies: KEY=A,B,C, or a range KEY=log:LOW:HIGH, uniform:…, int:…, on a grid with :POINTS")
      ->required()
      ->allow_extra_args(false);
  verb->add_option("--strategy", spec.strategy, "grid, random or halving (successive halving)")->capture_default_str();
  verb->add_option("--trials", spec.trials, "how many are drawn: random; halving without it takes the grid");
  verb->add_option("--eta", spec.eta, "halving: one of so many goes on, for so many times as long")
      ->capture_default_str();
  verb->add_option("--seed", spec.seed, "of the drawn settings")->capture_default_str();
  verb->add_option("--metric", spec.metric, "column of metrics.jsonl that is compared, its last value")
      ->capture_default_str();
  verb->add_flag("--maximise", spec.maximise, "the largest is best");
  verb->add_option("-o,--output-dir", args->output_dir, "folder of the sweep: trial-NNN/, sweep.json, sweep.png");
  verb->add_flag("--list", args->list, "print the trials and run none");
  verb->add_flag("--json", args->json, "one JSON object on stdout");
  args->picture.add_to(*verb, "--picture");
  verb->footer(
      "The same command goes on where it was interrupted or killed. Each trial is a run of its own, in the folder "
      "that\n"
      "gradus train makes: gradus plot and gradus compare read it.\n"
      "Example: gradus sweep recipes/fortunes.toml --over train.learning_rate=log:1e-3:1e-2:4 \\\n"
      "             --over model.n_layer=2,4 --output-dir runs/sweep train.max_steps=200");
  verb->callback([args] { sweep(*args); });
}

}  // namespace gradus::cli
