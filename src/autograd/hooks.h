#pragma once
// Functions that look at gradients on their way.
#include <cstdint>
#include <functional>

#include "tensor/tensor.h"

namespace gradus {

/// Takes the gradient of the tensor it is on; returns the one to go on with, or an undefined tensor to leave it. It is
/// not to be changed in place: other paths may share it. With create_graph what the hook computes is recorded.
using GradHook = std::function<Tensor(const Tensor& gradient)>;
/// Takes what has been accumulated in a leaf; may replace it, or give it back by assigning an undefined tensor.
using AccumulatedHook = std::function<void(Tensor& accumulated)>;

/// Takes a hook off again. Dropping the handle leaves the hook where it is.
class HookHandle {
 public:
  HookHandle() = default;
  void remove();

 private:
  friend HookHandle add_grad_hook(const Tensor&, GradHook);
  friend HookHandle add_accumulated_hook(const Tensor&, AccumulatedHook);
  HookHandle(Ref<RefCounted> watchers, uint64_t id) : watchers_(std::move(watchers)), id_(id) {}
  Ref<RefCounted> watchers_;
  uint64_t id_ = 0;
};

/// Calls `hook` in every backward() and grad() that reaches `x`, once, when all of x's gradient has arrived and before
/// anything uses it; hooks of one tensor run in the order in which they were added, each on the result of the one
/// before. A replacement must have x's shape, dtype and device. Throws GradError when no gradient flows to x.
/// x owns its hook: one that captures x itself is a cycle that is never freed; capture x.detach().
HookHandle add_grad_hook(const Tensor& x, GradHook hook);

/// Calls `hook` each time backward() has added to the gradient of a leaf, so that an optimiser can use it and give its
/// memory back before the rest is computed. Throws GradError when `leaf` is none.
HookHandle add_accumulated_hook(const Tensor& leaf, AccumulatedHook hook);

}  // namespace gradus
