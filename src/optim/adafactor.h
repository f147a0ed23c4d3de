#pragma once
#include "optim/optimizer.h"

namespace gradus {

/// Adafactor (Shazeer & Stern 2018), as transformers' Adafactor computes it, with the Trainer's choice of options: the
/// rate is the schedule's. The second moments of a matrix are the outer product of those of its rows and columns:
/// states exp_avg_sq_row and exp_avg_sq_col (exp_avg_sq for vectors), exp_avg with beta1, and RMS, the last size of the
/// parameter. Matrices of higher rank are factored over their last two axes.
class Adafactor final : public Optimizer {
 public:
  struct Options : OptimizerOptions {
    double eps_square = 1e-30, eps_scale = 1e-3;  ///< of the squares, and of the parameter's size
    double clip_threshold = 1, decay_rate = -0.8;
    double beta1 = 0;  ///< 0: no first moment
    bool scale_parameter = false, relative_step = false, warmup_init = false;
  };
  Adafactor(const Parameters& parameters, const Options& options);

 private:
  void update(Slot& slot, const Tensor& p, const Tensor& g, double learning_rate, double gradient_scale) override;
  Options options_;
};

}  // namespace gradus
