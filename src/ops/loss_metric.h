#pragma once
#include "ops/loss_reduction.h"

// Distances and similarities, and the losses made of them. Floating tensors; operands of one call share one dtype
// (DtypeError) and, where not said otherwise, one shape (ShapeError).
namespace gradus {

/// sum(a b) / (max(|a|, eps) max(|b|, eps)) along `axis`, which goes. Shapes broadcast.
Tensor cosine_similarity(const Tensor& a, const Tensor& b, int axis = -1, double eps = 1e-8);
/// The p-norm of a - b + eps along the last axis, which goes; p > 0, or infinity for the largest. Shapes broadcast.
Tensor pairwise_distance(const Tensor& a, const Tensor& b, double p = 2, double eps = 1e-6);

/// 1 - cos(a, b) where y = 1, max(0, cos(a, b) - margin) elsewhere (y = -1). a, b (..., D); y (...).
Tensor cosine_embedding_loss(const Tensor& a, const Tensor& b, const Tensor& y, double margin = 0,
                             LossReduction reduction = LossReduction::mean);

struct TripletOptions {
  double margin = 1, p = 2, eps = 1e-6;
  bool swap = false;  ///< take d(positive, negative) when it is smaller (Balntas et al. 2016)
  LossReduction reduction = LossReduction::mean;
};
/// max(0, margin + d(anchor, positive) - d(anchor, negative)) with d = pairwise_distance. All (..., D).
Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                           const TripletOptions& options = {});

/// max(0, 1 - y x), for labels y of -1 and 1.
Tensor hinge_loss(const Tensor& x, const Tensor& y, LossReduction reduction = LossReduction::mean);
/// x where y = 1, max(0, margin - x) elsewhere (y = -1).
Tensor hinge_embedding_loss(const Tensor& x, const Tensor& y, double margin = 1,
                            LossReduction reduction = LossReduction::mean);
/// max(0, margin - y (a - b)): y = 1 wants a above b, y = -1 below.
Tensor margin_ranking_loss(const Tensor& a, const Tensor& b, const Tensor& y, double margin = 0,
                           LossReduction reduction = LossReduction::mean);
/// log(1 + e^(-y x)), for labels y of -1 and 1.
Tensor soft_margin_loss(const Tensor& x, const Tensor& y, LossReduction reduction = LossReduction::mean);

}  // namespace gradus
