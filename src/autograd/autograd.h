#pragma once
#include "tensor/tensor.h"

namespace gradus {

/// Marks `x` as a leaf whose gradient is wanted (or no longer). Throws GradError for integers and for a tensor that was
/// computed from others.
Tensor& require_grad(Tensor& x, bool on = true);
/// True when a gradient can flow to `x`.
bool requires_grad(const Tensor& x);
/// True for a tensor marked with require_grad.
bool is_leaf(const Tensor& x);
/// The gradient accumulated in a leaf, or in a computed tensor that retain_grad() was called for; undefined before the
/// first backward().
Tensor grad_of(const Tensor& x);
/// Has backward() accumulate the gradient of a computed tensor for grad_of() too. Throws GradError when no gradient
/// flows to it.
void retain_grad(const Tensor& x);
void set_grad(const Tensor& leaf, const Tensor& grad);
/// Forgets the gradient; the next backward() starts from zero.
void clear_grad(const Tensor& x);

/// Whether operations on this thread are being recorded.
bool recording();
/// No operation is recorded while one lives.
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();

 private:
  bool before_;
};
/// Operations are recorded while one lives, also inside NoGrad.
class EnableGrad {
 public:
  EnableGrad();
  ~EnableGrad();

 private:
  bool before_;
};

/// True while a checkpointed function runs again for its gradient (see checkpoint.h): what a forward pass changes
/// beside its result, such as running statistics, was changed by the first run.
bool recomputing();

struct BackwardOptions {
  /// Keep what the rules saved, so that the graph can be walked again.
  bool retain_graph = false;
  /// Record the walk itself: gradients of gradients. Implies retain_graph.
  bool create_graph = false;
};

/// Adds d(root)/d(leaf) to the gradient of every leaf below `root`. `seed` has root's shape; without it root must have
/// one element and the seed is 1. Throws GradError when no gradient can flow, and naming the operation when one has no
/// rule, was already freed, or when a tensor it saved was changed in place.
void backward(const Tensor& root, const Tensor& seed = {}, BackwardOptions options = {});

/// d(sum_i roots_i . seeds_i)/d(inputs), without touching any leaf's accumulated gradient. An input that the roots do
/// not depend on gives an undefined tensor.
Tensors grad(const Tensors& roots, const Tensors& inputs, const Tensors& seeds = {}, BackwardOptions options = {});

}  // namespace gradus
