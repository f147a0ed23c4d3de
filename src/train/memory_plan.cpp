#include "train/memory_plan.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "autograd/autograd.h"
#include "base/error.h"
#include "kernels/cost.h"
#include "ops/create.h"
#include "ops/matmul.h"
#include "ops/shape.h"
#include "tensor/allocator.h"
#include "train/step_statistics.h"
#include "train/trainer.h"

namespace gradus {

namespace {

constexpr Device kMeta = Device::meta;

int64_t bytes_in_use() { return memory_stats(kMeta).current; }

// Peak of f() above `before`.
template <class F>
int64_t peak_of(int64_t before, const F& f) {
  reset_peak_memory(kMeta);
  f();
  return memory_stats(kMeta).peak - before;
}

// The shortest of the calls in this time: what else runs on the machine only makes them longer.
double seconds_of(const std::function<void()>& f, double at_least) {
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); };
  f();  // touches the memory
  double shortest = std::numeric_limits<double>::infinity();
  for (const auto began = Clock::now(); since(began) < at_least;) {
    const auto call = Clock::now();
    f();
    shortest = std::min(shortest, since(call));
  }
  return shortest;
}

// Shares of the machine's best that kernels reach in a training step: products of a step beside one alone, attention's
// small tiles, element-wise kernels beside a copy.
double estimated_seconds(const CountCosts& costs, const MachineSpeed& speed) {
  constexpr double kProducts = 0.75, kAttention = 0.5, kMoves = 0.6, kCall = 4e-6;
  return costs.product_flops / (kProducts * speed.flops_per_second) +
         costs.attention_flops / (kAttention * speed.flops_per_second) +
         costs.moved_bytes / (kMoves * speed.bytes_per_second) + kCall * static_cast<double>(costs.calls);
}

std::string megabytes(int64_t bytes) { return std::to_string((bytes + 999999) / 1000000) + " MB"; }

}  // namespace

MachineSpeed measure_machine() {
  const NoGrad no_grad;
  constexpr int64_t kSide = 512, kNumbers = 8 << 20;
  const Tensor a = ones({kSide, kSide}), b = ones({kSide, kSide});
  const Tensor from = ones({kNumbers}), to = ones({kNumbers});
  MachineSpeed speed;
  speed.flops_per_second = 2.0 * kSide * kSide * kSide / seconds_of([&] { matmul(a, b); }, 0.1);
  speed.bytes_per_second = 2.0 * static_cast<double>(from.bytes()) /
                           seconds_of(
                               [&] {
                                 kernels(Device::cpu).copy({from, to});
                               },
                               0.05);
  return speed;
}

LmDataFacts read_data_facts(const Recipe& recipe, const std::filesystem::path& tokenizer_from,
                            const CausalLmTask::Hooks& hooks) {
  CausalLmTask::Hooks on_meta = hooks;
  on_meta.device = kMeta;
  return CausalLmTask(recipe, tokenizer_from, on_meta).facts();
}

LmDataFacts assumed_data_facts(const Recipe& recipe) {
  LmDataFacts facts;
  const std::string path = recipe.text("tokenizer.path");
  facts.vocabulary = path.empty() ? recipe.integer("tokenizer.vocab_size") : Tokenizer::load(path).vocab_size();
  if (const Json& model = recipe.model(); model.contains("vocab_size") && model["vocab_size"].is_number_integer())
    facts.vocabulary = std::min(facts.vocabulary, std::max<int64_t>(1, model["vocab_size"].get<int64_t>()));
  if (!recipe.texts("data.eval_files").empty() || recipe.number("data.eval_fraction") > 0)
    facts.eval_rows = recipe.integer("train.per_device_eval_batch_size");
  return facts;
}

TrainingPlan plan_training(const Recipe& recipe, const LmDataFacts& facts, const MachineSpeed* speed) {
  const TrainSettings settings = train_settings(recipe);
  TrainingPlan plan;
  plan.batch_size = settings.train_batch_size, plan.accumulation = settings.accumulation;
  plan.gradient_checkpointing = recipe.flag("train.gradient_checkpointing");

  CausalLmTask::Hooks hooks;
  hooks.device = kMeta;
  hooks.assumed = facts;
  const int64_t before = bytes_in_use();
  CausalLmTask task(recipe, {}, hooks);
  const bool steps_known = settings.max_steps > 0 || facts.train_tokens > 0;
  constexpr int64_t kUnknown = int64_t{1} << 40;  // a run of epochs without its texts: no setting lies beyond it
  int64_t steps = optimizer_steps(task, settings);
  plan.max_steps = steps_known ? steps : 0;
  if (!steps_known) steps = kUnknown;
  if (steps_known) learning_rate_schedule(settings, steps);
  for (const Parameter& p : task.parameters().all()) {
    plan.parameters += p.value.count();
    if (requires_grad(p.value)) plan.trainable_parameters += p.value.count();
  }
  plan.parameter_bytes = bytes_in_use() - before;
  const auto optimizer = make_optimizer(task.parameters(), settings.optimizer);
  auto average = weight_average(task.parameters(), settings, steps);
  if (average) average->update(std::max<int64_t>(1, steps));
  plan.optimizer_bytes = bytes_in_use() - before - plan.parameter_bytes;

  plan.tokens_per_step = settings.train_batch_size * settings.accumulation * task.block_size();
  {
    const CountCosts costs;
    plan.step_bytes = peak_of(before, [&] {
      const StepStatistics statistics(task.parameters(), {settings.log_update_ratio, false, false});
      train_step(task, *optimizer, step_options(settings));
      if (average) average->update(std::max<int64_t>(1, steps));
    });
    plan.step_flops = costs.product_flops + costs.attention_flops;
    if (speed) plan.step_seconds = estimated_seconds(costs, *speed);
  }
  plan.evaluation_bytes = peak_of(before, [&] {
    optimizer->show_evaluated();
    if (average) average->show();
    const RoundProducts rounded(settings.products);
    task.evaluate(settings.eval_batch_size);
    if (average) average->hide();
    optimizer->show_trained();
  });
  plan.peak_bytes = std::max(plan.step_bytes, plan.evaluation_bytes);

  double flops = plan.step_flops;
  if (plan.gradient_checkpointing) {
    Recipe kept = Recipe::parse(recipe.toml(), "recipe", {"train.gradient_checkpointing=false"});
    flops = plan_training(kept, facts).step_flops;
  }
  plan.flops_per_token = flops / static_cast<double>(plan.tokens_per_step);
  plan.eta_seconds = plan.step_seconds * static_cast<double>(plan.max_steps);
  if (settings.max_time > 0)
    plan.eta_seconds = plan.max_steps > 0 ? std::min(plan.eta_seconds, settings.max_time) : settings.max_time;
  return plan;
}

TrainingPlan fit_to_memory(Recipe& recipe, const LmDataFacts& facts, int64_t limit) {
  const int64_t rows =
      recipe.integer("train.per_device_train_batch_size") * recipe.integer("train.gradient_accumulation_steps");
  if (rows < 1) throw ValueError("fit", "a step needs at least one row.");
  std::optional<TrainingPlan> least;
  for (const bool recompute : {false, true})
    for (int64_t batch = rows; batch >= 1; --batch) {
      if (rows % batch != 0) continue;
      Recipe candidate = Recipe::parse(recipe.toml(), "recipe");
      candidate.set("train.per_device_train_batch_size", batch);
      candidate.set("train.gradient_accumulation_steps", rows / batch);
      candidate.set("train.gradient_checkpointing", recompute || recipe.flag("train.gradient_checkpointing"));
      TrainingPlan plan = plan_training(candidate, facts);
      int64_t eval = candidate.integer("train.per_device_eval_batch_size");
      while (eval > 1 && plan.evaluation_bytes > std::max(limit, plan.step_bytes)) {
        candidate.set("train.per_device_eval_batch_size", eval /= 2);
        plan = plan_training(candidate, facts);
      }
      if (plan.peak_bytes <= limit) {
        recipe = candidate;
        return plan;
      }
      if (!least || plan.peak_bytes < least->peak_bytes) least = plan;
    }
  throw MemoryError("fit",
                    "no batch of " + std::to_string(rows) + " rows a step fits into " + megabytes(limit) +
                        ": with micro-batches of " + std::to_string(least->batch_size) +
                        (least->gradient_checkpointing ? " and recomputation" : "") + " it still needs " +
                        megabytes(least->peak_bytes) + ".",
                    "a shorter data.block_size, a smaller model, or train.optim=adamw_8bit.");
}

void require_memory(const TrainingPlan& plan, int64_t limit) {
  if (limit <= 0 || plan.peak_bytes <= limit) return;
  throw MemoryError("train",
                    "the run needs " + std::to_string(plan.peak_bytes) + " bytes of tensors, train.memory_limit is " +
                        std::to_string(limit) + ".",
                    "--fit chooses batch, accumulation and recomputation for it; --dry-run shows the plan.");
}

}  // namespace gradus
