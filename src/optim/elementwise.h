#pragma once
#include "optim/optimizer.h"

// Optimisers that treat every number by itself: one fused pass a parameter. The equations stand beside OptimArgs
// (kernels/args/optim.h), the defaults are torch's.
namespace gradus {

/// torch.optim.SGD: momentum, dampening, Nesterov. State momentum_buffer, when there is momentum.
class Sgd final : public Optimizer {
 public:
  struct Options : OptimizerOptions {
    double momentum = 0, dampening = 0;
    bool nesterov = false;
  };
  /// Throws ValueError for Nesterov without momentum or with dampening, as torch does.
  Sgd(const Parameters& parameters, const Options& options);

 private:
  void update(Slot& slot, const Tensor& p, const Tensor& g, double learning_rate, double gradient_scale) override;
  Options options_;
};

/// torch.optim.RMSprop (Tieleman & Hinton 2012; centred: Graves 2013). States square_avg, and momentum_buffer and
/// grad_avg where asked for.
class RmsProp final : public Optimizer {
 public:
  struct Options : OptimizerOptions {
    double alpha = 0.99, eps = 1e-8, momentum = 0;
    bool centered = false;
  };
  RmsProp(const Parameters& parameters, const Options& options);

 private:
  void update(Slot& slot, const Tensor& p, const Tensor& g, double learning_rate, double gradient_scale) override;
  Options options_;
};

/// torch.optim.Adagrad (Duchi et al. 2011). State sum.
class Adagrad final : public Optimizer {
 public:
  struct Options : OptimizerOptions {
    double lr_decay = 0, eps = 1e-10, initial_accumulator_value = 0;
  };
  Adagrad(const Parameters& parameters, const Options& options);

 private:
  void update(Slot& slot, const Tensor& p, const Tensor& g, double learning_rate, double gradient_scale) override;
  Options options_;
};

/// Lion (Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms", algorithm 2): the sign of an interpolated
/// momentum, decay decoupled. State exp_avg: 4 bytes a number.
class Lion final : public Optimizer {
 public:
  struct Options : OptimizerOptions {
    double beta1 = 0.9, beta2 = 0.99;
  };
  Lion(const Parameters& parameters, const Options& options);

 private:
  void update(Slot& slot, const Tensor& p, const Tensor& g, double learning_rate, double gradient_scale) override;
  Options options_;
};

/// Schedule-free AdamW (Defazio et al. 2024, "The Road Less Scheduled"), as the authors' AdamWScheduleFree: gradients
/// are taken at y = (1 - beta1) z + beta1 x; z follows AdamW, x is the weighted average of z and is what is evaluated
/// and kept. Meant for a constant learning rate. States z and exp_avg_sq, and the sums of the weights in `averaging`.
class ScheduleFreeAdamW final : public Optimizer {
 public:
  struct Options : OptimizerOptions {
    double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
    double r = 0, weight_lr_power = 2;  ///< weight of step k: k^r (largest rate so far)^weight_lr_power
    int64_t warmup_steps = 0;           ///< its own linear warm-up
  };
  ScheduleFreeAdamW(const Parameters& parameters, const Options& options);

  /// While x is shown: also "<parameter>.training", the y that training goes on with.
  NamedState state() const override;
  void load_state(const NamedState& state) override;
  void show_evaluated() override;
  void show_trained() override;

 private:
  void begin(double learning_rate) override;
  void update(Slot& slot, const Tensor& p, const Tensor& g, double learning_rate, double gradient_scale) override;
  Options options_;
  Tensor averaging_;  // (2) f64: sum of the weights, largest rate
  double weight_ = 0, warmup_ = 1;
  Tensors training_;  // y of every parameter while x is shown
};

}  // namespace gradus
