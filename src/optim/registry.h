#pragma once
#include <memory>
#include <string>
#include <vector>

#include "optim/optimizer.h"

namespace gradus {

/// An optimiser as transformers' TrainingArguments describe it.
struct OptimizerSettings {
  std::string optim = "adamw_torch";  ///< one of optimizer_names()
  std::string optim_args = "{}";      ///< JSON: further options, under the names of the optimiser's own arguments
  double adam_beta1 = 0.9, adam_beta2 = 0.999, adam_epsilon = 1e-8;  ///< of the Adam family and Lion
  OptimizerOptions options;
};

/// adamw_torch (also adamw_torch_fused), adam, sgd, rmsprop, adagrad, adafactor, lion_32bit, muon,
/// schedule_free_adamw, adamw_8bit (also adamw_bnb_8bit).
const std::vector<std::string>& optimizer_names();

/// Throws ValueError for an unknown name or option (naming the nearest known one) and for impossible values.
std::unique_ptr<Optimizer> make_optimizer(const Parameters& parameters, const OptimizerSettings& settings);

}  // namespace gradus
