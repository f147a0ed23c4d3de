#pragma once
#include <cstdint>

#include "base/random.h"
#include "optim/adamw.h"
#include "train/task.h"

namespace gradus {

struct StepOptions {
  int64_t rows = 8;          ///< of a micro-batch
  int64_t accumulation = 1;  ///< micro-batches
  double learning_rate = 0;
  double max_grad_norm = 1;     ///< 0: no clipping
  RandomKey dropout = {};       ///< of this step
  bool check_gradients = true;  ///< that every trainable parameter got one
};

struct StepResult {
  double loss = 0;       ///< mean over all targets of the step
  double grad_norm = 0;  ///< before clipping
  int64_t tokens = 0, targets = 0;
  bool applied = true;  ///< false: loss or gradients were not finite, and the parameters stay as they were
};

/// One optimiser step: micro-batches forward and backward, each normalised by the number of targets of all of them (so
/// that the gradient is that of one big batch), clipping, AdamW. Gradients are gone afterwards.
/// Throws GradError listing the trainable parameters without a gradient, ValueError when nothing is to be predicted.
StepResult train_step(TrainTask& task, AdamW& optimizer, const StepOptions& options);

}  // namespace gradus
