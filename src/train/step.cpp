#include "train/step.h"

#include <cmath>
#include <vector>

#include "autograd/autograd.h"
#include "autograd/profile.h"
#include "base/error.h"
#include "optim/sam.h"

namespace gradus {

namespace {

void clear_gradients(const Parameters& parameters) {
  for (const Parameter& p : parameters.all())
    if (requires_grad(p.value)) clear_grad(p.value);
}

void require_gradients(const Parameters& parameters) {
  std::string names;
  int64_t missing = 0;
  for (const Parameter& p : parameters.all()) {
    if (!requires_grad(p.value) || grad_of(p.value).defined()) continue;
    names += "\n  " + p.name + " " + p.value.shape().str();
    ++missing;
  }
  if (missing > 0)
    throw GradError("train",
                    std::to_string(missing) + " trainable parameters got no gradient in the first step:" + names,
                    "the loss does not depend on them: freeze them, or mend the model.");
}

}  // namespace

StepResult train_step(TrainTask& task, Optimizer& optimizer, const StepOptions& options) {
  StepResult result;
  std::vector<std::unique_ptr<TrainTask::Batch>> batches;
  for (int64_t i = 0; i < options.accumulation; ++i) {
    batches.push_back(task.next(options.rows));
    result.targets += batches.back()->targets;
    result.tokens += batches.back()->tokens;
  }
  if (result.targets == 0) throw ValueError("train", "no token of the batch is to be predicted.");

  const Parameters& parameters = task.parameters();
  const bool twice = options.sam_rho > 0;
  const auto gradients = [&](bool keep_batches) {
    double sum = 0;
    const RoundProducts rounded(options.products);
    for (size_t i = 0; i < batches.size(); ++i) {
      const Context context{true, options.dropout.fold(i)};
      const Tensor loss = task.loss(*batches[i], static_cast<double>(result.targets) / options.loss_scale, context);
      if (loss.device() != Device::meta) sum += loss.item() / options.loss_scale;
      backward(loss);
      if (!keep_batches) batches[i].reset();
    }
    return sum;
  };
  clear_gradients(parameters);
  result.loss = gradients(twice);
  if (options.check_gradients) require_gradients(parameters);
  if (twice) {
    Sam sam(parameters);
    if (std::isfinite(result.loss) && sam.climb(options.sam_rho)) {
      clear_gradients(parameters);
      gradients(false);
    }
  }
  const TraceScope trace(kOptimizerScope);
  result.grad_norm = gradient_norm(parameters) / options.loss_scale;
  result.applied = std::isfinite(result.loss) && std::isfinite(result.grad_norm);
  if (result.applied)
    optimizer.step(options.learning_rate, clip_factor(result.grad_norm, options.max_grad_norm) / options.loss_scale);
  clear_gradients(parameters);
  return result;
}

}  // namespace gradus
