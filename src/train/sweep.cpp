#include "train/sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "tensor/allocator.h"
#include "train/causal_lm_run.h"
#include "train/recipe.h"
#include "train/run_folder.h"

namespace gradus {

namespace {

namespace fs = std::filesystem;

fs::path trial_folder(const fs::path& sweep, size_t index) { return sweep / fmt::format("trial-{:03}", index); }

Json json_of(const SweepSettings& settings) {
  Json json = Json::object();
  for (const auto& [key, value] : settings) json[key] = value;
  return json;
}

SweepSettings settings_of(const Json& json) {
  SweepSettings settings;
  for (const auto& [key, value] : json.items()) settings.emplace_back(key, value.get<std::string>());
  return settings;
}

// What a sweep is, to tell one from another.
Json identity(const SweepSpec& spec, const Recipe& base) {
  return {{"recipe", base.toml()}, {"strategy", spec.strategy}, {"trials", spec.trials},    {"eta", spec.eta},
          {"seed", spec.seed},     {"metric", spec.metric},     {"maximise", spec.maximise}};
}

void write_state(const fs::path& file, const Json& spec, const std::vector<SweepTrial>& trials) {
  Json list = Json::array();
  for (const SweepTrial& t : trials)
    list.push_back({{"settings", json_of(t.settings)},
                    {"state", t.state},
                    {"step", t.step},
                    {"metric", t.metric ? Json(*t.metric) : Json()},
                    {"error", t.error}});
  write_json(file, {{"sweep", spec}, {"trials", list}});
}

std::vector<SweepTrial> read_state(const fs::path& file, const Json& json) {
  std::vector<SweepTrial> trials;
  try {
    for (const Json& t : json.at("trials")) {
      SweepTrial trial;
      trial.settings = settings_of(t.at("settings"));
      trial.state = t.at("state").get<std::string>();
      trial.step = t.at("step").get<int64_t>();
      if (t.at("metric").is_number()) trial.metric = t.at("metric").get<double>();
      trial.error = t.at("error").get<std::string>();
      trials.push_back(std::move(trial));
    }
  } catch (const Json::exception&) {
    throw FileError("sweep", file.string() + " is not what gradus sweep writes.", "name a sweep's folder.");
  }
  return trials;
}

std::vector<size_t> ranked(const std::vector<SweepTrial>& trials, bool maximise) {
  std::vector<size_t> order(trials.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const auto &x = trials[a], &y = trials[b];
    const bool fx = x.metric.has_value(), fy = y.metric.has_value();
    if (fx != fy) return fx;
    if (!fx) return false;
    if (x.state == "dropped" || y.state == "dropped")
      if (x.step != y.step) return x.step > y.step;  // who went further was better
    return maximise ? *x.metric > *y.metric : *x.metric < *y.metric;
  });
  return order;
}

// The last finite value of a column of metrics.jsonl.
std::optional<double> metric_of(const fs::path& run, const std::string& name) {
  std::optional<double> last;
  for (const MetricsRow& row : read_metrics(run / "metrics.jsonl"))
    if (const auto value = find_metric(row, name)) last = std::isfinite(*value) ? value : std::nullopt;
  return last;
}

class TrialObserver final : public TrainObserver {
 public:
  TrialObserver(const SweepHooks& hooks, int64_t until) : hooks_(hooks), until_(until) {}
  void step(const TrainProgress& p) override {
    step_ = p.step;
    if (hooks_.step) hooks_.step(p);
  }
  bool stop() override {
    interrupted_ = interrupted_ || (hooks_.stop && hooks_.stop());
    return interrupted_ || (until_ > 0 && step_ >= until_);
  }
  bool interrupted() const { return interrupted_; }

 private:
  const SweepHooks& hooks_;
  int64_t until_, step_ = 0;
  bool interrupted_ = false;
};

class Sweep {
 public:
  Sweep(const SweepSpec& spec, const SweepHooks& hooks)
      : spec_(spec), hooks_(hooks), base_(Recipe::load(spec.recipe, spec.changes)), identity_(identity(spec, base_)) {
    if (spec.output_dir.empty()) throw ValueError("sweep", "there is no output folder.", "name one: --output-dir DIR.");
    if (base_.number("train.max_time") > 0)
      throw ValueError("sweep", "train.max_time makes trials depend on the machine's speed.",
                       "set train.max_steps instead, and train.max_time=0.");
    const std::vector<SweepSettings> settings = sweep_trials(spec);
    if (spec.strategy == "halving") {
      if (base_.integer("train.max_steps") < 1)
        throw ValueError("sweep", "successive halving counts steps: train.max_steps must be given.");
      rungs_ = halving_rungs(static_cast<int64_t>(settings.size()), spec.eta, base_.integer("train.max_steps"));
    } else {
      rungs_ = {-1};
    }
    for (size_t i = 0; i < settings.size(); ++i) {
      trials_.push_back({settings[i]});
      recipes_.push_back(recipe_of(i));
      train_settings(recipes_.back());  // what it refuses is refused before the first trial
    }
  }

  SweepResult run() {
    std::error_code error;
    fs::create_directories(spec_.output_dir, error);
    if (error)
      throw FileError("sweep", "cannot make the folder " + spec_.output_dir.string() + ": " + error.message() + ".");
    const FolderLock lock(spec_.output_dir);
    const fs::path file = spec_.output_dir / "sweep.json";
    if (fs::exists(file)) resume(file);
    keep();
    for (size_t rung = 0; rung < rungs_.size() && !interrupted_; ++rung) {
      for (size_t i = 0; i < trials_.size() && !interrupted_; ++i)
        if (trials_[i].state == "waiting" && !reached(trials_[i], rung)) run_trial(i, rung);
      if (!interrupted_ && rung + 1 < rungs_.size()) drop(rung);
    }
    return {trials_, ranked(trials_, spec_.maximise), interrupted_};
  }

 private:
  Recipe recipe_of(size_t i) const {
    std::vector<std::string> changes = spec_.changes;
    for (const auto& [key, value] : trials_[i].settings) changes.push_back(key + "=" + value);
    changes.push_back("train.output_dir=" + trial_folder(spec_.output_dir, i).string());
    if (rungs_.size() > 1) {  // what is compared is measured then
      changes.emplace_back("train.eval_strategy=steps");
      changes.push_back("train.eval_steps=" + std::to_string(rungs_[0]));
      changes.push_back("train.logging_steps=" +
                        std::to_string(std::min(rungs_[0], base_.integer("train.logging_steps"))));
    }
    return Recipe::load(spec_.recipe, changes);
  }

  void resume(const fs::path& file) {
    const Json json = read_json(file);
    if (!json.is_object() || !json.contains("sweep") || !json.contains("trials"))
      throw FileError("sweep", file.string() + " is not what gradus sweep writes.");
    const std::vector<SweepTrial> before = read_state(file, json);
    bool same = json["sweep"] == identity_ && before.size() == trials_.size();
    for (size_t i = 0; same && i < trials_.size(); ++i) same = before[i].settings == trials_[i].settings;
    if (!same)
      throw ValueError("sweep", spec_.output_dir.string() + " holds another sweep.",
                       "give the same recipe, changes and options to go on with it, or another --output-dir.");
    trials_ = before;
  }

  void keep() const { write_state(spec_.output_dir / "sweep.json", identity_, trials_); }

  bool reached(const SweepTrial& t, size_t rung) const { return rungs_[rung] > 0 && t.step >= rungs_[rung]; }

  void run_trial(size_t i, size_t rung) {
    SweepTrial& trial = trials_[i];
    const bool last = rung + 1 == rungs_.size();
    const int64_t until = last ? -1 : rungs_[rung];
    if (hooks_.trial)
      hooks_.trial(static_cast<int64_t>(i), static_cast<int64_t>(trials_.size()), trial.settings, until);
    const fs::path folder = trial_folder(spec_.output_dir, i);
    try {
      TrialObserver observer(hooks_, until);
      reset_peak_memory();  // each trial tells its own
      const RunFolder run = open_run_folder(folder, "latest", false);
      CausalLmTask task(recipes_[i], run.from ? run.from->path : fs::path(), {});
      write_file_atomic(folder / "recipe.toml", recipes_[i].toml());
      const TrainOutcome outcome =
          train(task, train_settings(recipes_[i]), {folder, run.from, recipes_[i].toml(), &observer});
      if (observer.interrupted()) {
        interrupted_ = true;
        return;
      }
      trial.step = outcome.step;
      trial.metric = metric_of(folder, spec_.metric);
      if (!trial.metric)
        throw ValueError("sweep", folder.string() + "/metrics.jsonl has no finite " + spec_.metric + ".",
                         "choose a column it has with --metric (loss when nothing is held out).");
      if (last) trial.state = "done";
    } catch (const Error& e) {
      trial.state = "failed";
      trial.error = e.what();
    }
    keep();
    if (hooks_.ended) hooks_.ended(static_cast<int64_t>(i), trial);
  }

  // The best 1/eta of the trials that ran in this rung go on.
  void drop(size_t rung) {
    std::vector<size_t> running;
    for (const size_t i : ranked(trials_, spec_.maximise))
      if (trials_[i].state == "waiting") running.push_back(i);
    size_t keep_count = trials_.size();
    for (size_t r = 0; r <= rung; ++r) keep_count /= static_cast<size_t>(spec_.eta);
    keep_count = std::max<size_t>(keep_count, 1);
    for (size_t k = keep_count; k < running.size(); ++k) trials_[running[k]].state = "dropped";
    keep();
  }

  const SweepSpec& spec_;
  const SweepHooks& hooks_;
  Recipe base_;
  Json identity_;
  std::vector<int64_t> rungs_;
  std::vector<SweepTrial> trials_;
  std::vector<Recipe> recipes_;
  bool interrupted_ = false;
};

}  // namespace

SweepResult run_sweep(const SweepSpec& spec, const SweepHooks& hooks) { return Sweep(spec, hooks).run(); }

SweepResult read_sweep(const fs::path& output_dir) {
  const fs::path file = output_dir / "sweep.json";
  const Json json = read_json(file);
  if (!json.is_object() || !json.contains("sweep") || !json.contains("trials"))
    throw FileError("sweep", file.string() + " is not what gradus sweep writes.", "name a sweep's folder.");
  SweepResult result;
  result.trials = read_state(file, json);
  result.order = ranked(result.trials, json["sweep"].is_object() && json["sweep"].value("maximise", false));
  return result;
}

}  // namespace gradus
