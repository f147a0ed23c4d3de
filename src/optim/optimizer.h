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
  bool must_match = false;  ///< a pattern that no trainable parameter matches is an error
};

/// No decay for biases and the weights of norms: what transformers' Trainer leaves out. Nor for ReZero's numbers.
std::vector<ParameterRule> undecayed_biases_and_norms();

/// What every optimiser does with the parameters of a store.
struct OptimizerOptions {
  double weight_decay = 0;                ///< of parameters that no rule names
  std::vector<ParameterRule> rules = {};  ///< the first that matches counts
  /// bf16 and f16 parameters: true keeps an f32 copy that the updates go to and the parameter is rounded from; false
  /// updates the parameter itself, rounded up or down at random so that the mean is exact (Gupta et al. 2015).
  bool master_weights = true;
  uint64_t seed = 0;  ///< of the random rounding
};

using NamedState = std::vector<std::pair<std::string, Tensor>>;

/// Updates the trainable parameters of a store from their gradients. State is allocated by the constructor, so that the
/// meta device tells its bytes.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// Updates every parameter that has a gradient, each of which is first multiplied by `gradient_scale`.
  void step(double learning_rate, double gradient_scale = 1);
  /// Updates made so far.
  int64_t steps() const { return steps_; }

  /// "<parameter>.<state>" under torch's names of the states, and "step" (i64, one number). The tensors are the
  /// optimiser's own: they change with the next step.
  virtual NamedState state() const;
  /// Copies a stored state. Throws ValueError naming the tensor that is missing or has another shape or type.
  virtual void load_state(const NamedState& state);

  /// Optimisers that evaluate other weights than they train (schedule-free): puts those to evaluate and to keep in the
  /// parameters' place, and back, bit for bit. The others do nothing.
  virtual void show_evaluated() {}
  virtual void show_trained() {}

 protected:
  struct Slot {
    std::string name;
    Tensor value, master;
    double weight_decay, scale;
    std::vector<std::pair<std::string, Tensor>> state;  // by torch's name

    Tensor& of(const char* name);
    bool has(const char* name) const;
  };
  /// Throws ValueError for an impossible rule, and when no parameter is trainable; `name` stands in errors.
  Optimizer(const char* name, const Parameters& parameters, const OptimizerOptions& options);

  /// A state of the parameter's shape, in f32 (f64 for f64 parameters), of zeros.
  void add_state(Slot& slot, const char* name);
  void add_state(Slot& slot, const char* name, const Shape& shape, Dtype dtype);

  /// Once a step, before the parameters; steps() counts this one already.
  virtual void begin(double /*learning_rate*/) {}
  /// p and g are f32 (or f64), dense, and to be changed or read in place.
  virtual void update(Slot& slot, const Tensor& p, const Tensor& g, double learning_rate, double gradient_scale) = 0;

  void in_unit(const char* option, double value) const;  ///< throws unless value lies in [0, 1)
  std::vector<Slot>& slots() { return slots_; }
  const std::vector<Slot>& slots() const { return slots_; }
  const char* name() const { return name_; }

 private:
  const char* name_;
  OptimizerOptions options_;
  std::vector<Slot> slots_;
  int64_t steps_ = 0;
};

/// By name, for load_state(): throws ValueError naming `op` and the tensor when it is missing or does not fit.
void copy_state(const char* op, const NamedState& state, const std::string& name, const Tensor& to);

/// The 2-norm of all gradients together, summed in f64 in an order that does not depend on the threads. 0 on meta.
double gradient_norm(const Parameters& parameters);
/// What clip_grad_norm_ of torch multiplies gradients with: min(1, most / (norm + 1e-6)); 1 when most <= 0.
double clip_factor(double norm, double most);

}  // namespace gradus
