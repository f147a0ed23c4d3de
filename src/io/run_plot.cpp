#include "io/run_plot.h"

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "io/metrics.h"

namespace gradus {
namespace fs = std::filesystem;

namespace {

std::string column_of_x(const std::string& x) {
  if (x == "tokens") return "num_input_tokens_seen";
  if (x == "step" || x == "epoch") return x;
  throw ValueError("plot", "cannot draw over \"" + x + "\".", "choose step, epoch or tokens.");
}

// All rows that have both columns.
Series curve(const std::vector<MetricsRow>& rows, const std::string& x, const std::string& y) {
  Series s;
  for (const MetricsRow& row : rows) {
    const auto at = find_metric(row, x), value = find_metric(row, y);
    if (at && value) s.x.push_back(*at), s.y.push_back(*value);
  }
  return s;
}

// About a hundredth of the run on either side of a point; short runs are drawn as they are.
double smoothing_for(size_t points) { return points > 150 ? 1 - 100.0 / static_cast<double>(points) : 0; }

std::string name_of_run(const fs::path& run) {
  fs::path folder = fs::absolute(fs::is_directory(run) ? run : run.parent_path()).lexically_normal();
  if (folder.filename().empty()) folder = folder.parent_path();
  return folder.filename().string();
}

std::string count(double n) {
  for (const auto& [unit, suffix] : {std::pair{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e4, "k"}})
    if (n >= unit) return fmt::format("{:.1f}{}", n / (unit == 1e4 ? 1e3 : unit), suffix);
  return fmt::format("{:.0f}", n);
}

// "1200 steps · 19.7M tokens · loss 3.02 · eval loss 3.08"
std::string summary(const std::vector<MetricsRow>& rows) {
  double steps = 0, tokens = 0, loss = NAN, eval_loss = NAN;
  for (const MetricsRow& row : rows) {
    steps = std::max(steps, find_metric(row, "step").value_or(0));
    tokens = std::max(tokens, find_metric(row, "num_input_tokens_seen").value_or(0));
    loss = find_metric(row, "loss").value_or(loss);
    eval_loss = find_metric(row, "eval_loss").value_or(eval_loss);
  }
  std::string text = count(steps) + (steps == 1 ? " step" : " steps");
  if (tokens > 0) text += " · " + count(tokens) + " tokens";
  if (std::isfinite(loss)) text += fmt::format(" · loss {:.3f}", loss);
  if (std::isfinite(eval_loss)) text += fmt::format(" · eval loss {:.3f}", eval_loss);
  return text;
}

}  // namespace

Figure figure_of_runs(const std::vector<fs::path>& runs, const RunPlotOptions& options) {
  const std::string x = column_of_x(options.x);
  const bool alone = runs.size() == 1;
  Figure figure;
  Panel losses, rates;
  losses.share = 3.2;
  for (size_t i = 0; i < runs.size(); ++i) {
    const fs::path file = fs::is_directory(runs[i]) ? runs[i] / "metrics.jsonl" : runs[i];
    if (!fs::exists(file))
      throw FileError("plot", runs[i].string() + " holds no metrics.jsonl.",
                      "name the output folder of a training run.");
    const std::vector<MetricsRow> rows = read_metrics(file);
    const std::string name = name_of_run(runs[i]);
    Series train = curve(rows, x, "loss"), eval = curve(rows, x, "eval_loss"), rate = curve(rows, x, "learning_rate");
    if (train.x.empty() && eval.x.empty())
      throw FileError("plot", file.string() + " has no row with " + x + " and loss or eval_loss.",
                      "the run may not have reached its first logging step.");
    train.color = rate.color = series_color(i);
    train.smoothing = options.smoothing >= 0 ? options.smoothing : smoothing_for(train.x.size());
    train.label = alone ? "training" : name;
    eval.color = alone ? series_color(1) : series_color(i);
    eval.markers = true;
    if (!alone) eval.dash = {5, 4};
    eval.label = alone ? "held out" : name + " held out";
    rate.width = 1.5;
    if (alone) rate.color = series_color(2);
    if (!train.x.empty()) losses.series.push_back(std::move(train));
    if (!eval.x.empty()) losses.series.push_back(std::move(eval));
    if (!rate.x.empty()) rates.series.push_back(std::move(rate));
    if (alone) figure.subtitle = summary(rows);
    if (figure.title.empty() && alone) figure.title = name;
  }
  if (!alone) figure.title = fmt::format("{} runs", runs.size());
  if (!options.title.empty()) figure.title = options.title;
  losses.y = {"loss (nats per token)", options.log_y};
  rates.y.label = "learning rate";
  losses.x = rates.x = {options.x, options.log_x};
  figure.panels.push_back(std::move(losses));
  if (!rates.series.empty()) figure.panels.push_back(std::move(rates));
  return figure;
}

}  // namespace gradus
