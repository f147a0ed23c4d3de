#pragma once
#include "optim/optimizer.h"

namespace gradus {

/// Muon (Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"), as torch.optim.Muon computes
/// it but in f32: the momentum of a hidden matrix is replaced by the nearest orthogonal one, found by Newton-Schulz
/// iterations; decay decoupled. State momentum_buffer. Every parameter that is no matrix, and embeddings and the output
/// layer (names with wte, wpe, embed or lm_head), go by AdamW: exp_avg and exp_avg_sq.
class Muon final : public Optimizer {
 public:
  struct Options : OptimizerOptions {
    double momentum = 0.95;
    bool nesterov = true;
    int64_t ns_steps = 5;
    double a = 3.4445, b = -4.7750, c = 2.0315;  ///< of X <- a X + (b X X^T + c (X X^T)^2) X
    double eps = 1e-7;
    /// Of the rate for a matrix (rows, columns): "match_rms_adamw" (Liu et al. 2025, "Muon is scalable for LLM
    /// training") multiplies with 0.2 sqrt(max(rows, columns)), so that one rate suits both; "original" with
    /// sqrt(max(1, rows / columns)).
    bool match_rms_adamw = true;
    double beta1 = 0.9, beta2 = 0.95, adam_eps = 1e-8;  ///< of AdamW
  };
  Muon(const Parameters& parameters, const Options& options);

 private:
  void update(Slot& slot, const Tensor& p, const Tensor& g, double learning_rate, double gradient_scale) override;
  Options options_;
};

/// The nearest matrix with singular values about 1 (between 0.7 and 1.2 for the usual coefficients): `steps` iterations
/// X <- a X + (b X X^T + c (X X^T)^2) X from x / max(|x|, eps). x (rows, columns), f32 or f64. No gradient.
/// Throws ShapeError for another rank.
Tensor newton_schulz(const Tensor& x, int64_t steps, double a = 3.4445, double b = -4.7750, double c = 2.0315,
                     double eps = 1e-7);

}  // namespace gradus
