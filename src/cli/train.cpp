// gradus train
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "cli/format.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/verbs.h"
#include "train/causal_lm_run.h"
#include "train/memory_plan.h"
#include "train/recipe.h"
#include "train/record_run.h"
#include "train/run_folder.h"
#include "train/trainer.h"

namespace gradus::cli {

namespace {

struct TrainArguments {
  std::string recipe, output_dir, resume;
  bool overwrite = false, json = false, dry_run = false, fit = false;
  std::vector<std::string> changes;
};

std::string formatted(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

/// Shows a run on stderr: a bar on a terminal, lines otherwise.
class Watcher final : public TrainObserver {
 public:
  void begin(const TrainProgress& p) override {
    by_time_ = p.max_time > 0;
    bar_ = by_time_ ? std::make_unique<Progress>(std::lround(p.max_time), std::lround(p.seconds), "second")
                    : std::make_unique<Progress>(p.max_steps, p.step);
  }
  void step(const TrainProgress& p) override {
    ProgressFields fields = {{"loss", formatted("%.3f", p.loss)},
                             {"", formatted("%.1fk tokens/s", p.tokens_per_second / 1000)},
                             {"peak", formatted("%.0f MB", static_cast<double>(p.peak_bytes) / 1e6)},
                             {"lr", formatted("%.2g", p.learning_rate)}};
    if (!held_out_.empty()) fields.insert(fields.begin() + 1, {"bits/byte", held_out_});
    if (by_time_) fields.insert(fields.begin(), {"step", std::to_string(p.step)});
    bar_->update(by_time_ ? std::lround(p.done * p.max_time) : p.step, std::move(fields));
  }
  void evaluated(int64_t step, const MetricsRow& row) override {
    if (const auto bits = find_metric(row, "eval_bits_per_byte")) held_out_ = formatted("%.3f", *bits);
    std::string line = "step " + std::to_string(step) + ", held out:";
    for (const auto& [name, v] : row) {  // "eval_mlm_loss" reads "mlm loss"
      if (name.rfind("eval_", 0) != 0 || v.integer || name == "eval_runtime") continue;
      std::string words = name.substr(5);
      std::replace(words.begin(), words.end(), '_', ' ');
      line += (line.back() == ':' ? " " : ", ") + words + " " + formatted("%.4f", v.value);
    }
    note(line);
  }
  void note(const std::string& line) override {
    if (bar_)
      bar_->note(line);
    else
      std::fprintf(stderr, "%s\n", line.c_str());
  }
  bool stop() override { return interrupted(); }
  void finish() {
    if (bar_) bar_->finish();
    bar_.reset();
  }

 private:
  std::unique_ptr<Progress> bar_;
  std::string held_out_;
  bool by_time_ = false;
};

/// What the checkpoint was made with and what is asked for now must be one model; other changes are told.
void compare_recipes(const Recipe& now, const Checkpoint& checkpoint, Watcher& watcher) {
  const std::filesystem::path file = checkpoint.path / "recipe.toml";
  if (!std::filesystem::exists(file)) return;
  for (const std::string& change : now.changes_since(Recipe::load(file))) {
    if (change.rfind("model.", 0) == 0 || change.rfind("tokenizer.", 0) == 0)
      throw ValueError("resume", "the recipe's " + change + " does not fit " + checkpoint.path.string() + ".",
                       "resume with the model it was made with, or start a new run in another folder.");
    if (change.rfind("train.output_dir", 0) != 0) watcher.note("changed since the checkpoint: " + change);
  }
}

void print_summary(const TrainOutcome& outcome, const std::filesystem::path& run) {
  Json json = {{"output_dir", run.string()}};
  for (const MetricsRow* row : {&outcome.evaluation, &outcome.summary})
    for (const auto& [name, v] : *row) {
      if (v.integer)
        json[name] = static_cast<int64_t>(v.value);
      else
        json[name] = v.value;
    }
  std::printf("%s\n", dump_json(json).c_str());
}

void say(const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); }

/// The facts of the texts where they are there, else what the recipe says.
LmDataFacts facts_of(const Recipe& recipe) {
  try {
    CausalLmTask::Hooks hooks;
    hooks.note = say;
    return read_data_facts(recipe, {}, hooks);
  } catch (const FileError& e) {
    say(std::string(e.what()) + "\nplanned without the texts: a vocabulary of tokenizer.vocab_size");
    return assumed_data_facts(recipe);
  }
}

std::string choice_of(const TrainingPlan& plan) {
  return "micro-batches of " + std::to_string(plan.batch_size) + ", " + std::to_string(plan.accumulation) +
         " a step, " + (plan.gradient_checkpointing ? "with" : "without") + " recomputation";
}

void print_plan(const TrainingPlan& plan, int64_t limit, bool json) {
  if (json) {
    Json out = {{"parameters", plan.parameters},
                {"trainable_parameters", plan.trainable_parameters},
                {"flops_per_token", plan.flops_per_token},
                {"step_flops", plan.step_flops},
                {"tokens_per_step", plan.tokens_per_step},
                {"max_steps", plan.max_steps > 0 ? Json(plan.max_steps) : Json()},
                {"peak_bytes", plan.peak_bytes},
                {"parameter_bytes", plan.parameter_bytes},
                {"optimizer_bytes", plan.optimizer_bytes},
                {"step_bytes", plan.step_bytes},
                {"evaluation_bytes", plan.evaluation_bytes},
                {"step_seconds", plan.step_seconds},
                {"eta_seconds", plan.eta_seconds},
                {"per_device_train_batch_size", plan.batch_size},
                {"gradient_accumulation_steps", plan.accumulation},
                {"gradient_checkpointing", plan.gradient_checkpointing},
                {"memory_limit", limit > 0 ? Json(limit) : Json()},
                {"fits", limit <= 0 || plan.peak_bytes <= limit}};
    std::printf("%s\n", dump_json(out).c_str());
    return;
  }
  const auto count = [](int64_t n) { return human_count(static_cast<double>(n)); };
  const auto bytes = [](int64_t n) { return human_bytes(static_cast<double>(n)); };
  std::printf("parameters        %s (%s trainable)\n", count(plan.parameters).c_str(),
              count(plan.trainable_parameters).c_str());
  std::printf("FLOPs per token   %s\n", human_count(plan.flops_per_token).c_str());
  std::printf("a step            %lld tokens: %s\n", static_cast<long long>(plan.tokens_per_step),
              choice_of(plan).c_str());
  std::printf("peak memory       %s (%lld bytes)\n", bytes(plan.peak_bytes).c_str(),
              static_cast<long long>(plan.peak_bytes));
  std::printf("  parameters      %s\n  optimiser       %s\n  in a step       %s more\n  evaluation      %s in all\n",
              bytes(plan.parameter_bytes).c_str(), bytes(plan.optimizer_bytes).c_str(),
              bytes(plan.step_bytes - plan.parameter_bytes - plan.optimizer_bytes).c_str(),
              bytes(plan.evaluation_bytes).c_str());
  if (limit > 0)
    std::printf("memory limit      %s: %s\n", bytes(limit).c_str(), plan.peak_bytes <= limit ? "fits" : "does not fit");
  if (plan.max_steps > 0)
    std::printf("ETA               about %s: %lld steps of %.3f s\n", human_duration(plan.eta_seconds).c_str(),
                static_cast<long long>(plan.max_steps), plan.step_seconds);
  else
    std::printf("ETA               about %.3f s a step\n", plan.step_seconds);
}

/// Before anything is touched: --dry-run, --fit, and a memory limit that the plan exceeds.
void plan_first(const TrainArguments& args, Recipe& recipe) {
  const int64_t limit = train_settings(recipe).memory_limit;
  if (const auto type = recipe.model().at("model_type").get<std::string>(); !is_causal_lm(type)) {
    if (args.dry_run || args.fit)
      throw ValueError("train",
                       "--dry-run and --fit plan causal language models (gpt2, llama); model.model_type is \"" + type +
                           "\", whose batches follow the texts' lengths.",
                       "train a few steps: peak_bytes stands in the last line of metrics.jsonl; train.memory_limit "
                       "holds for such runs too, from their first step on.");
    return;
  }
  if (args.fit && limit <= 0) throw ValueError("train", "--fit needs a limit.", "give one: train.memory_limit=2GB.");
  if (args.dry_run || args.fit) {
    const LmDataFacts facts = facts_of(recipe);
    if (args.fit) say("fitted into the limit: " + choice_of(fit_to_memory(recipe, facts, limit)));
    if (!args.dry_run) return;
    const MachineSpeed speed = measure_machine();
    print_plan(plan_training(recipe, facts, &speed), limit, args.json);
  } else if (limit > 0) {
    // The recipe alone gives an upper bound; only where that is too high are the texts asked.
    if (plan_training(recipe, assumed_data_facts(recipe)).peak_bytes > limit)
      require_memory(plan_training(recipe, facts_of(recipe)), limit);
  } else if (args.overwrite) {
    plan_training(recipe, assumed_data_facts(recipe));  // refuses what the run would, while the earlier one is there
  }
}

void train_from(const TrainArguments& args) {
  std::vector<std::string> changes = args.changes;
  if (!args.output_dir.empty()) changes.push_back("train.output_dir=" + args.output_dir);
  Recipe recipe = Recipe::load(args.recipe, changes);
  plan_first(args, recipe);
  if (args.dry_run) return;
  const TrainSettings settings = train_settings(recipe);
  const std::filesystem::path run = recipe.text("train.output_dir");
  const RunFolder folder = open_run_folder(run, args.resume, args.overwrite);
  const std::optional<Checkpoint>& from = folder.from;

  Watcher watcher;
  watch_interrupts();
  if (from) compare_recipes(recipe, *from, watcher);
  TaskHooks hooks;
  hooks.note = [&](const std::string& line) { watcher.note(line); };
  const auto task = make_train_task(recipe, from ? from->path : std::filesystem::path(), hooks);
  if (from) watcher.note("resuming from " + from->path.string());
  write_file_atomic(run / "recipe.toml", recipe.toml());

  const TrainOutcome outcome = train(*task, settings, {run, from, recipe.toml(), &watcher});
  watcher.finish();
  if (outcome.interrupted) {
    std::fprintf(stderr, "interrupted; saved %s/checkpoint-%lld\ngo on with the same command and --resume latest\n",
                 run.c_str(), static_cast<long long>(outcome.step));
    throw CLI::RuntimeError(kInterrupted);
  }
  if (outcome.skipped_steps > 0)
    std::fprintf(stderr, "%lld steps were skipped: their loss or gradient was not finite\n",
                 static_cast<long long>(outcome.skipped_steps));
  std::fprintf(stderr, "%lld steps in %.0f s; the model is in %s\n", static_cast<long long>(outcome.step),
               find_metric(outcome.summary, "train_runtime").value_or(0), run.c_str());
  if (args.json) print_summary(outcome, run);
}

std::string list_of_keys() {
  std::string text = "Keys of a recipe (each may be given as KEY=VALUE):\n";
  for (const RecipeKey& key : recipe_keys()) {
    std::string line = "  " + std::string(key.name) + " = " + key.otherwise;
    if (*key.help) line += std::string(std::max<int>(1, 46 - static_cast<int>(line.size())), ' ') + key.help;
    text += line + "\n";
  }
  return text +
         "  model.KEY                                   any key of the config.json of model.model_type (gpt2, llama, "
         "bert, t5, …)\n"
         "\n"
         "The folder of the run receives metrics.jsonl, tensorboard/, checkpoint-N/, recipe.toml and at the end\n"
         "the model as a Hugging Face directory, and loss.png.\n"
         "Ctrl-C finishes the step, saves a checkpoint and exits with 130.\n"
         "Example: gradus train recipes/fortunes.toml --output-dir runs/a train.max_steps=40 model.n_layer=2";
}

}  // namespace

void add_train(CLI::App& app) {
  auto* verb = app.add_subcommand("train", "Train a language model on texts, as a recipe says.");
  auto args = std::make_shared<TrainArguments>();
  verb->add_option("RECIPE", args->recipe, "TOML file with the sections [data], [tokenizer], [model], [train]")
      ->required();
  verb->add_option("-o,--output-dir", args->output_dir, "folder of the run (train.output_dir)");
  verb->add_option("--resume", args->resume,
                   "go on from a checkpoint: its path, or \"latest\" of the folder (a new run when it has none)");
  verb->add_flag("--overwrite", args->overwrite, "throw away what an earlier run left in the folder");
  verb->add_flag("--dry-run", args->dry_run, "train nothing: print parameters, FLOPs a token, peak memory and an ETA");
  verb->add_flag("--fit", args->fit,
                 "choose micro-batch, accumulation and recomputation so that train.memory_limit holds");
  verb->add_flag("--json", args->json, "print the results as one JSON object");
  verb->add_option("CHANGES", args->changes, "changes to the recipe: KEY=VALUE …");
  verb->footer(list_of_keys);
  verb->callback([args] { train_from(*args); });
}

}  // namespace gradus::cli
