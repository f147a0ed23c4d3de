#pragma once
#include <cstdint>

#include "base/precision.h"
#include "base/random.h"
#include "optim/optimizer.h"
#include "train/task.h"

namespace gradus {

struct StepOptions {
  int64_t rows = 8;          ///< of a micro-batch
  int64_t accumulation = 1;  ///< micro-batches
  double learning_rate = 0;
  double max_grad_norm = 1;                 ///< 0: no clipping
  RandomKey dropout = {};                   ///< of this step
  bool check_gradients = true;              ///< that every trainable parameter got one
  ProductType products = ProductType::f32;  ///< operands of matrix products, forward and backward
  double loss_scale = 1;                    ///< the loss is multiplied by it, the gradients divided
  double sam_rho = 0;                       ///< sharpness-aware minimisation (see Sam); 0: not
};

struct StepResult {
  double loss = 0;       ///< mean over all targets of the step
  double grad_norm = 0;  ///< before clipping
  int64_t tokens = 0, targets = 0;
  bool applied = true;  ///< false: loss or gradients were not finite, and the parameters stay as they were
};

/// One optimiser step: micro-batches forward and backward, each normalised by the number of targets of all of them (so
/// that the gradient is that of one big batch), clipping, the optimiser. Gradients are gone afterwards. On the meta
/// device the same, without numbers: loss and norm are 0.
/// Throws GradError listing the trainable parameters without a gradient, ValueError when nothing is to be predicted.
StepResult train_step(TrainTask& task, Optimizer& optimizer, const StepOptions& options);

}  // namespace gradus
