#include "train/compare_runs.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "train/toml_json.h"

namespace gradus {

namespace {

namespace fs = std::filesystem;

constexpr const char* kLast[] = {"step",
                                 "epoch",
                                 "num_input_tokens_seen",
                                 "loss",
                                 "train_loss",
                                 "eval_loss",
                                 "eval_perplexity",
                                 "eval_bits_per_byte",
                                 "grad_norm",
                                 "skipped_steps",
                                 "parameters",
                                 "peak_bytes",
                                 "train_runtime",
                                 "train_tokens_per_second"};

std::string folder_name(const fs::path& path) {
  const fs::path whole = fs::absolute(path).lexically_normal();
  return whole.filename().empty() ? whole.parent_path().filename().string() : whole.filename().string();
}

std::vector<std::pair<std::string, std::string>> settings_in(const fs::path& recipe) {
  std::vector<std::pair<std::string, std::string>> all;
  const Json sections = parse_toml(read_file(recipe, 1 << 20), recipe.string());
  for (const auto& [section, keys] : sections.items()) {
    if (!keys.is_object()) continue;
    for (const auto& [key, value] : keys.items()) all.emplace_back(section + "." + key, dump_json(value));
  }
  return all;
}

std::string setting_of(const RunFacts& run, const std::string& key) {
  for (const auto& [name, value] : run.settings)
    if (name == key) return value;
  return "";
}

// What finally decides between the runs.
void judge(RunComparison& c) {
  bool one_tokenizer = true;
  for (const auto& s : c.settings)
    one_tokenizer &= s.key.rfind("tokenizer.", 0) != 0 && s.key.rfind("data.", 0) != 0 && s.key != "model.vocab_size";
  std::vector<const char*> columns = {"eval_loss", "eval_bits_per_byte"};
  if (!one_tokenizer) std::swap(columns[0], columns[1]);
  columns.push_back("train_loss");
  for (const char* column : columns)
    for (const auto& o : c.outcomes) {
      if (o.name != column) continue;
      if (!std::all_of(o.values.begin(), o.values.end(), [](const auto& v) { return v.has_value(); })) continue;
      size_t best = 0;
      for (size_t i = 0; i < o.values.size(); ++i)
        if (std::isfinite(*o.values[i]) && !(*o.values[best] <= *o.values[i])) best = i;
      if (!std::isfinite(*o.values[best])) continue;
      c.best = static_cast<int>(best);
      c.judged_by = column;
      return;
    }
}

}  // namespace

RunFacts read_run(const fs::path& run) {
  const fs::path file = fs::is_directory(run) ? run / "metrics.jsonl" : run;
  if (!fs::exists(file))
    throw FileError("compare", run.string() + " holds no metrics.jsonl.", "name the output folder of a training run.");
  RunFacts facts;
  facts.path = run;
  facts.name = folder_name(fs::is_directory(run) ? run : run.parent_path());
  const fs::path recipe = file.parent_path() / "recipe.toml";
  if (fs::exists(recipe)) facts.settings = settings_in(recipe);
  const std::vector<MetricsRow> rows = read_metrics(file);
  if (rows.empty())
    throw FileError("compare", file.string() + " has no row.", "the run may not have reached its first logging step.");
  facts.finished = find_metric(rows.back(), "train_runtime").has_value();
  double best = INFINITY, best_step = -1;
  for (const MetricsRow& row : rows)
    if (const auto loss = find_metric(row, "eval_loss"); loss && *loss < best)
      best = *loss, best_step = find_metric(row, "step").value_or(-1);
  for (const char* name : kLast) {
    for (size_t i = rows.size(); i-- > 0;)
      if (const auto at = std::find_if(rows[i].begin(), rows[i].end(), [&](const auto& e) { return e.first == name; });
          at != rows[i].end()) {
        facts.outcome.push_back(*at);
        break;
      }
    if (std::string(name) == "eval_loss" && std::isfinite(best)) {
      facts.outcome.emplace_back("best_eval_loss", best);
      facts.outcome.emplace_back("best_eval_step", static_cast<int64_t>(best_step));
    }
  }
  facts.spikes = find_loss_spikes(rows);
  facts.outcome.emplace_back("loss_spikes", static_cast<int64_t>(facts.spikes.size()));
  return facts;
}

RunComparison compare_runs(const std::vector<fs::path>& runs) {
  if (runs.size() < 2) throw ValueError("compare", "there is one run only.", "name two or more.");
  RunComparison c;
  for (const fs::path& run : runs) c.runs.push_back(read_run(run));

  std::vector<std::string> keys;
  for (const RunFacts& r : c.runs)
    for (const auto& [key, value] : r.settings)
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
  for (const std::string& key : keys) {
    if (key == "train.output_dir") continue;
    RunComparison::Setting setting{key, {}};
    for (const RunFacts& r : c.runs) setting.values.push_back(setting_of(r, key));
    const bool same = std::all_of(setting.values.begin(), setting.values.end(),
                                  [&](const std::string& v) { return v == setting.values[0]; });
    if (!same) c.settings.push_back(std::move(setting));
  }

  for (const RunFacts& r : c.runs)
    for (const auto& [name, value] : r.outcome) {
      const auto known =
          std::find_if(c.outcomes.begin(), c.outcomes.end(), [&, n = name](const auto& o) { return o.name == n; });
      if (known == c.outcomes.end()) c.outcomes.push_back({name, {}, value.integer});
    }
  for (auto& o : c.outcomes)
    for (const RunFacts& r : c.runs) o.values.push_back(find_metric(r.outcome, o.name));
  judge(c);
  return c;
}

}  // namespace gradus
