#pragma once
#include "optim/optimizer.h"

namespace gradus {

/// AdamW (Loshchilov & Hutter 2019, "Decoupled weight decay regularization"), one fused pass a parameter. With
/// `decoupled` off: Adam (Kingma & Ba 2015), whose decay is added to the gradient. States exp_avg and exp_avg_sq: 8
/// bytes a number in f32.
class AdamW final : public Optimizer {
 public:
  struct Options {
    double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
    double weight_decay = 0;                ///< of parameters that no rule names
    std::vector<ParameterRule> rules = {};  ///< the first that matches counts
    bool decoupled = true;
    bool master_weights = true;  ///< see OptimizerOptions
    uint64_t seed = 0;
  };
  /// Throws ValueError for betas outside [0, 1), and when no parameter is trainable.
  AdamW(const Parameters& parameters, const Options& options);

 private:
  void update(Slot& slot, const Tensor& p, const Tensor& g, double learning_rate, double gradient_scale) override;
  Options options_;
};

/// AdamW with 8-bit moments, 2 bytes a number and 8 a block of 256 (Dettmers et al. 2022, "8-bit Optimizers via
/// Block-wise Quantization"): states state1, state2 (u8 codes of the dynamic maps), absmax1, absmax2, under the names
/// of bitsandbytes. Parameters of fewer than 4096 numbers keep f32 moments, as there.
class AdamW8bit final : public Optimizer {
 public:
  AdamW8bit(const Parameters& parameters, const AdamW::Options& options);

 private:
  void update(Slot& slot, const Tensor& p, const Tensor& g, double learning_rate, double gradient_scale) override;
  AdamW::Options options_;
};

}  // namespace gradus
