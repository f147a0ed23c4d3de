// gradus lab lr-range, gradus lab spikes
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/interrupt.h"
#include "cli/lab_text.h"
#include "cli/progress.h"
#include "cli/text_io.h"
#include "cli/verbs.h"
#include "io/spikes.h"
#include "train/causal_lm_run.h"
#include "train/lr_range.h"
#include "train/recipe.h"

namespace gradus::cli {

namespace {

struct RangeArguments {
  std::string recipe;
  std::vector<std::string> changes;
  LrRangeOptions options;
  PictureArguments picture;
  bool json = false;
};

void lr_range(const RangeArguments& args) {
  const Recipe recipe = Recipe::load(args.recipe, args.changes);
  const TrainSettings settings = train_settings(recipe);
  watch_interrupts();
  CausalLmTask task(recipe, {}, {});
  LrRange range;
  {
    std::unique_ptr<Progress> bar;
    if (is_terminal(2)) bar = std::make_unique<Progress>(args.options.steps);
    range = lr_range_test(task, settings, args.options, [&](int64_t step, const LrRangePoint& p) {
      if (bar)
        bar->update(step, {{"loss", fmt::format("{:.3f}", p.loss)}, {"lr", fmt::format("{:.2g}", p.learning_rate)}});
      return interrupted();
    });
  }
  if (interrupted()) throw CLI::RuntimeError(kInterrupted);
  args.picture.write(figure_of_lr_range(range, std::filesystem::path(args.recipe).filename().string()));
  if (args.json) {
    Json points = Json::array();
    for (const LrRangePoint& p : range.points)
      points.push_back(
          {{"learning_rate", p.learning_rate}, {"loss", json_number(p.loss)}, {"smoothed", json_number(p.smoothed)}});
    return write_output(dump_json({{"suggested", range.suggested},
                                   {"steepest", range.steepest},
                                   {"lowest", range.lowest},
                                   {"diverged", range.diverged > 0 ? Json(range.diverged) : Json()},
                                   {"points", points}}) +
                        "\n");
  }
  std::string out = fmt::format("{:>14}{:>12}{:>12}\n", "learning rate", "loss", "smoothed");
  const size_t step = std::max<size_t>(1, range.points.size() / 20);
  for (size_t i = 0; i < range.points.size(); i += step)
    out += fmt::format("{:>14.3g}{:>12.4f}{:>12.4f}\n", range.points[i].learning_rate, range.points[i].loss,
                       range.points[i].smoothed);
  out += fmt::format("\nsteepest fall at {:.3g}, lowest loss at {:.3g}", range.steepest, range.lowest);
  out += range.diverged > 0 ? fmt::format(", diverged at {:.3g}\n", range.diverged) : ", did not diverge: try --to\n";
  write_output(out + fmt::format("suggested learning rate: {:.2g}\n", range.suggested));
}

struct SpikeArguments {
  std::vector<std::string> runs;
  SpikeOptions options;
  bool json = false;
};

void spikes(const SpikeArguments& args) {
  Json all = Json::array();
  std::string out;
  for (const std::string& run : args.runs) {
    const std::filesystem::path file =
        std::filesystem::is_directory(run) ? std::filesystem::path(run) / "metrics.jsonl" : std::filesystem::path(run);
    if (!std::filesystem::exists(file))
      throw FileError("spikes", run + " holds no metrics.jsonl.", "name the output folder of a training run.");
    const std::vector<LossSpike> found = find_loss_spikes(read_metrics(file), args.options);
    Json list = Json::array();
    out += fmt::format("{}: {} spike{}\n", run, found.size(), found.size() == 1 ? "" : "s");
    if (!found.empty())
      out += fmt::format("{:>10}{:>10}{:>10}{:>12}{:>12}{:>10}{:>12}{:>14}\n", "from step", "peak at", "back at",
                         "before", "peak", "scatters", "grad norm", "learning rate");
    for (const LossSpike& s : found) {
      list.push_back({{"begin", s.begin},
                      {"peak_step", s.peak_step},
                      {"end", s.end < 0 ? Json() : Json(s.end)},
                      {"before", json_number(s.before)},
                      {"peak", json_number(s.peak)},
                      {"score", json_number(s.score)},
                      {"grad_norm", json_number(s.grad_norm)},
                      {"learning_rate", json_number(s.learning_rate)}});
      out += fmt::format("{:>10}{:>10}{:>10}{:>12.4f}{:>12.4f}{:>10.1f}{:>12.4g}{:>14.3g}\n", s.begin, s.peak_step,
                         s.end < 0 ? "never" : std::to_string(s.end), s.before, s.peak, s.score, s.grad_norm,
                         s.learning_rate);
    }
    all.push_back({{"run", run}, {"spikes", list}});
  }
  write_output(args.json ? dump_json({{"runs", all}}) + "\n" : out);
}

}  // namespace

void add_lab_lr_range(CLI::App& lab) {
  auto args = std::make_shared<RangeArguments>();
  CLI::App* verb =
      lab.add_subcommand("lr-range", "Learning-rate range test: a few steps of a recipe while the rate rises.");
  verb->add_option("RECIPE", args->recipe, "TOML file, as for gradus train")->required();
  verb->add_option("CHANGES", args->changes, "changes to the recipe: KEY=VALUE …");
  verb->add_option("--from", args->options.low, "first learning rate")->capture_default_str();
  verb->add_option("--to", args->options.high, "last one")->capture_default_str();
  verb->add_option("--steps", args->options.steps, "at equal ratios")->capture_default_str();
  verb->add_option("--smoothing", args->options.smoothing, "weight of the past in the average loss")
      ->capture_default_str();
  verb->add_option("--stop-factor", args->options.stop_factor,
                   "ends where the loss is above its lowest by so many times its fall")
      ->capture_default_str();
  args->picture.add_to(*verb);
  verb->add_flag("--json", args->json, "one JSON object on stdout");
  verb->footer("Nothing is saved. Example: gradus lab lr-range recipes/fortunes.toml --steps 120 -o range.png");
  verb->callback([args] { lr_range(*args); });
}

void add_lab_spikes(CLI::App& lab) {
  auto args = std::make_shared<SpikeArguments>();
  CLI::App* verb = lab.add_subcommand("spikes", "Find the spikes of the training loss in the logs of runs.");
  verb->add_option("RUN", args->runs, "folders with a metrics.jsonl, or such files")->required();
  verb->add_option("--window", args->options.window, "rows before a row that it is compared with")
      ->capture_default_str();
  verb->add_option("--threshold", args->options.threshold, "scatters above their median that make a spike")
      ->capture_default_str();
  verb->add_flag("--json", args->json, "one JSON object on stdout");
  verb->callback([args] { spikes(*args); });
}

}  // namespace gradus::cli
