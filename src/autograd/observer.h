#pragma once
// The seam through which profilers and tracers watch the ops of a thread. When nobody watches, it costs an op one
// branch.
#include <span>
#include <string>

#include "tensor/tensor.h"

namespace gradus {

class Node;

/// Whoever watches the ops of a thread. What a callback throws comes out of the op or of backward().
class OpObserver {
 public:
  virtual ~OpObserver();
  /// An op has filled its outputs, whether it is recorded or not. An op made of others speaks through them alone, and
  /// one with an integer or boolean result not at all.
  virtual void computed(const char* /*op*/, std::span<const Tensor> /*inputs*/, std::span<const Tensor> /*outputs*/) {}
  /// A node was made for the op that was computed last; its inputs are not there yet.
  virtual void recorded(const Node&) {}
  /// A walk backwards begins, and has ended (also by an exception). They may nest.
  virtual void backward_began() {}
  virtual void backward_ended() {}
  /// So for the rule of a node.
  virtual void entered(const Node&) {}
  virtual void left(const Node&) {}
  /// A rule turned the gradients `dy` of the node's outputs into those of its inputs; undefined ones mean zero.
  virtual void differentiated(const Node&, const Tensors& /*dy*/, const Tensors& /*dx*/) {}
};

/// While one lives, `observer` watches the ops of this thread; several may at once.
class ObserveOps {
 public:
  explicit ObserveOps(OpObserver& observer);
  ~ObserveOps();
  ObserveOps(const ObserveOps&) = delete;
  ObserveOps& operator=(const ObserveOps&) = delete;
  OpObserver& observer;
  ObserveOps* next;  ///< who was there before
};

namespace detail {
extern constinit thread_local ObserveOps* observers;
extern constinit thread_local const char* trace_scope;
void tell_computed(const char* op, std::span<const Tensor> inputs, std::span<const Tensor> outputs);
void tell_recorded(const Node& node);
}  // namespace detail

/// What the ops of this thread belong to while one lives: a module's path ("transformer.h.0.attn"), "loss", or
/// "optimizer". The innermost counts. A gradient rule belongs to what its op belonged to. `path` lives for ever: a
/// literal, or of lasting_name().
class TraceScope {
 public:
  explicit TraceScope(const char* path) : outer_(detail::trace_scope) { detail::trace_scope = path; }
  ~TraceScope() { detail::trace_scope = outer_; }
  TraceScope(const TraceScope&) = delete;
  TraceScope& operator=(const TraceScope&) = delete;

 private:
  const char* outer_;
};
/// The innermost, "" outside of all.
inline const char* trace_scope() { return detail::trace_scope; }
/// A copy that is never freed; equal names give equal pointers.
const char* lasting_name(const std::string& name);

}  // namespace gradus
