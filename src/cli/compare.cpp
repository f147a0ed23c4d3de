// gradus compare
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "cli/lab_text.h"
#include "cli/text_io.h"
#include "cli/verbs.h"
#include "train/compare_runs.h"

namespace gradus::cli {

namespace {

struct CompareArguments {
  std::vector<std::string> runs;
  bool json = false;
};

Json number_or_null(const std::optional<double>& v, bool integer) {
  if (!v || !std::isfinite(*v)) return {};
  return integer ? Json(static_cast<int64_t>(*v)) : Json(*v);
}

Json json_of(const RunComparison& c) {
  Json runs = Json::array(), settings = Json::array(), outcome = Json::array();
  for (const RunFacts& r : c.runs) {
    Json spikes = Json::array();
    for (const LossSpike& s : r.spikes) spikes.push_back(s.peak_step);
    runs.push_back({{"run", r.path.string()}, {"name", r.name}, {"finished", r.finished}, {"loss_spikes_at", spikes}});
  }
  for (const auto& s : c.settings) {
    Json values = Json::array();
    for (const std::string& v : s.values) values.push_back(v.empty() ? Json() : parse_json(v, s.key));
    settings.push_back({{"key", s.key}, {"values", values}});
  }
  for (const auto& o : c.outcomes) {
    Json values = Json::array();
    for (const auto& v : o.values) values.push_back(number_or_null(v, o.integer));
    outcome.push_back({{"name", o.name}, {"values", values}});
  }
  return {{"runs", runs},
          {"settings", settings},
          {"outcome", outcome},
          {"judged_by", c.best < 0 ? Json() : Json(c.judged_by)},
          {"best", c.best < 0 ? Json() : Json(c.runs[static_cast<size_t>(c.best)].path.string())}};
}

std::string cell(const std::string& value) {
  if (value.empty()) return "-";
  const bool plain = value.size() > 2 && value.front() == '"' && value.find('\\') == std::string::npos;
  const std::string text = plain ? value.substr(1, value.size() - 2) : value;
  return text.size() > 40 ? text.substr(0, 37) + "..." : text;
}

// Rows of equal length, the columns as wide as they need.
std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows)
    for (size_t i = 0; i < row.size(); ++i) {
      if (i >= widths.size()) widths.push_back(0);
      widths[i] = std::max(widths[i], row[i].size());
    }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i)
      line += i == 0 ? fmt::format("{:<{}}", row[i], widths[i]) : fmt::format("  {:>{}}", row[i], widths[i]);
    out += line + "\n";
  }
  return out;
}

std::string readable(const RunComparison& c) {
  std::vector<std::string> head{""};
  for (const RunFacts& r : c.runs) head.push_back(r.name + (r.finished ? "" : " (unfinished)"));
  std::vector<std::vector<std::string>> settings{head}, outcomes{head};
  settings[0][0] = "setting";
  outcomes[0][0] = "outcome";
  for (const auto& s : c.settings) {
    std::vector<std::string> row{s.key};
    for (const std::string& v : s.values) row.push_back(cell(v));
    settings.push_back(row);
  }
  for (const auto& o : c.outcomes) {
    std::vector<std::string> row{o.name};
    for (const auto& v : o.values)
      row.push_back(!v ? "-" : o.integer ? fmt::format("{}", static_cast<int64_t>(*v)) : fmt::format("{:.6g}", *v));
    outcomes.push_back(row);
  }
  std::string out = c.settings.empty() ? "the settings are the same\n" : table(settings);
  out += "\n" + table(outcomes);
  if (c.best < 0) return out;
  const RunFacts& best = c.runs[static_cast<size_t>(c.best)];
  const double low = find_metric(best.outcome, c.judged_by).value_or(0);
  out += fmt::format("\n{} has the lowest {}: {:.5g}", best.name, c.judged_by, low);
  for (size_t i = 0; i < c.runs.size(); ++i)
    if (static_cast<int>(i) != c.best)
      out += fmt::format(", {:.3g} below {}", find_metric(c.runs[i].outcome, c.judged_by).value_or(0) - low,
                         c.runs[i].name);
  return out + "\n";
}

}  // namespace

void add_compare(CLI::App& app) {
  auto args = std::make_shared<CompareArguments>();
  CLI::App* verb = app.add_subcommand("compare", "Say which settings of training runs differ, and what came of it.");
  verb->add_option("RUN", args->runs, "two or more folders of runs")->required()->expected(2, 1000);
  verb->add_flag("--json", args->json, "one JSON object on stdout");
  verb->footer("Example: gradus compare runs/a runs/b");
  verb->callback([args] {
    const RunComparison c = compare_runs({args->runs.begin(), args->runs.end()});
    write_output(args->json ? dump_json(json_of(c)) + "\n" : readable(c));
  });
}

}  // namespace gradus::cli
