#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "nn/parameters.h"

namespace gradus {

/// Settings of the parameters whose name matches `pattern` (see matches_pattern). The scale comes on top of
/// Parameter::learning_rate_scale.
struct ParameterRule {
  std::string pattern;
  double weight_decay = 0;
  double learning_rate_scale = 1;
};

/// No decay for biases and the weights of norms: what transformers' Trainer leaves out. Nor for ReZero's numbers.
std::vector<ParameterRule> undecayed_biases_and_norms();

/// AdamW (Loshchilov & Hutter 2019, "Decoupled weight decay regularization") over the trainable parameters of a store,
/// one fused pass a parameter.
class AdamW {
 public:
  struct Options {
    double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
    double weight_decay = 0;                ///< of parameters that no rule names
    std::vector<ParameterRule> rules = {};  ///< the first that matches counts
  };
  /// The moments are allocated here: 8 bytes a number in f32. Throws ValueError for betas
  /// outside [0, 1), and when no parameter is trainable.
  AdamW(const Parameters& parameters, const Options& options);

  /// Updates every parameter that has a gradient, each of which is first multiplied by `gradient_scale`.
  void step(double learning_rate, double gradient_scale = 1);
  /// Updates made so far.
  int64_t steps() const { return steps_; }

  /// "<parameter>.exp_avg" and "<parameter>.exp_avg_sq" (torch's names) and "step" (i64, one number). The tensors are
  /// the optimiser's own: they change with the next step.
  std::vector<std::pair<std::string, Tensor>> state() const;
  /// Copies a stored state. Throws ValueError naming the tensor that is missing or has another shape or type.
  void load_state(const std::vector<std::pair<std::string, Tensor>>& state);

 private:
  struct Slot {
    std::string name;
    Tensor value, m, v;
    double weight_decay, scale;
  };
  Options options_;
  std::vector<Slot> slots_;
  int64_t steps_ = 0;
};

/// The 2-norm of all gradients together, summed in f64 in an order that does not depend on the threads.
double gradient_norm(const Parameters& parameters);
/// What clip_grad_norm_ of torch multiplies gradients with: min(1, most / (norm + 1e-6)); 1 when most <= 0.
double clip_factor(double norm, double most);

}  // namespace gradus
