#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "train/causal_lm_run.h"
#include "train/recipe.h"

namespace gradus {

/// What a run will need, told by a step on the meta device: the same code without numbers.
struct TrainingPlan {
  int64_t parameters = 0, trainable_parameters = 0;
  int64_t max_steps = 0;  ///< 0: not known without the texts
  int64_t tokens_per_step = 0;
  /// Forward and backward: 2 M N K for each matrix product, attention over all pairs of positions; without what
  /// recomputation adds.
  double flops_per_token = 0;
  double step_flops = 0;  ///< of one step, recomputation included

  int64_t peak_bytes = 0;  ///< of the allocator: what the run writes as peak_bytes
  int64_t parameter_bytes = 0, optimizer_bytes = 0;
  int64_t step_bytes = 0, evaluation_bytes = 0;  ///< peaks of a training step and of an evaluation, all included

  double step_seconds = 0, eta_seconds = 0;  ///< estimates; 0 without a MachineSpeed
  int64_t batch_size = 0, accumulation = 0;
  bool gradient_checkpointing = false;
};

/// What this machine reaches, measured in a fraction of a second.
struct MachineSpeed {
  double flops_per_second = 0;  ///< of a matrix product
  double bytes_per_second = 0;  ///< of a copy, read and written
};
MachineSpeed measure_machine();

/// The facts that a plan needs, from the texts: a tokenizer is trained when the recipe wants one. Throws FileError when
/// the texts are missing.
LmDataFacts read_data_facts(const Recipe& recipe, const std::filesystem::path& tokenizer_from,
                            const CausalLmTask::Hooks& hooks);
/// The facts as far as the recipe alone tells them: at most this vocabulary, evaluation in full batches.
LmDataFacts assumed_data_facts(const Recipe& recipe);

/// Throws what a run would throw for impossible settings.
TrainingPlan plan_training(const Recipe& recipe, const LmDataFacts& facts, const MachineSpeed* speed = nullptr);

/// Chooses per_device_train_batch_size, gradient_accumulation_steps and gradient_checkpointing so that the plan keeps
/// within `limit` bytes: the rows of a step stay the same, the largest micro-batch that fits without recomputation is
/// taken, and where none fits the largest with it. Changes the recipe and gives its plan. Throws MemoryError, naming
/// the least that would do, when nothing fits.
TrainingPlan fit_to_memory(Recipe& recipe, const LmDataFacts& facts, int64_t limit);

/// Throws MemoryError when the plan needs more than `limit` (0: no limit).
void require_memory(const TrainingPlan& plan, int64_t limit);

}  // namespace gradus
