#pragma once
// For op authors: how a gradient rule is written down beside its forward computation.
#include <initializer_list>
#include <optional>
#include <type_traits>
#include <utility>

#include "autograd/autograd.h"
#include "autograd/node.h"

namespace gradus {

/// A tensor kept for a gradient rule. get() throws GradError when it was changed in place since.
/// An input keeps its history; an output is kept without (the node would own itself) and gets it back in get().
/// Inside checkpoint() what the function made is not kept but made again by the first get(): a rule that holds a tensor
/// without save() keeps its memory from being given back.
class Saved {
 public:
  Saved() = default;
  Tensor get() const;

 private:
  friend Saved save(const Tensor& x);
  Tensor value_;
  Ref<RefCounted> place_;     // instead of value_: where a checkpointed function puts it when it runs again
  const void* id_ = nullptr;  // of an output, to find it among the node's
  uint32_t version_ = 0;
};
Saved save(const Tensor& x);

namespace detail {

/// Tells the observers what was computed. True when recording and some input wants a gradient.
bool wants_record(const char* op, std::initializer_list<Tensor> inputs, const Tensor& output);
bool wants_record(const char* op, const Tensors& inputs, const Tensors& outputs);
[[noreturn]] void throw_released(const char* op);

/// A node whose rule is a function object: (dy) -> Grads, or (dy, Needs) -> Grads; dy is a Tensor for one output and
/// Tensors for several (an undefined entry means zero).
template <class Rule>
class RuleNode final : public Node {
 public:
  RuleNode(const char* op, Rule rule) : Node(op), rule_(std::move(rule)) {}

  Grads backward(const Tensors& dy) override {
    if (!rule_) throw_released(op());
    if constexpr (std::is_invocable_v<Rule&, const Tensor&, Needs>)
      return Grads((*rule_)(dy[0], needs()));
    else if constexpr (std::is_invocable_v<Rule&, const Tensor&>)
      return Grads((*rule_)(dy[0]));
    else if constexpr (std::is_invocable_v<Rule&, const Tensors&, Needs>)
      return Grads((*rule_)(dy, needs()));
    else
      return Grads((*rule_)(dy));
  }
  void release_saved() override { rule_.reset(); }

 private:
  std::optional<Rule> rule_;
};

}  // namespace detail

/// Records that `output` was made from `inputs` by `op`, with the rule that turns the output's gradient into the
/// inputs'. Does nothing when no gradient can be wanted. `op` must be a string literal.
template <class Rule>
void record(const char* op, std::initializer_list<Tensor> inputs, const Tensor& output, Rule rule) {
  if (!detail::wants_record(op, inputs, output)) return;
  const Ref<Node> node(new detail::RuleNode<Rule>(op, std::move(rule)));
  for (const Tensor& x : inputs) node->add_input(x);
  node->add_output(output);
}

/// As above for lists of inputs and outputs.
template <class Rule>
void record(const char* op, const Tensors& inputs, const Tensors& outputs, Rule rule) {
  if (!detail::wants_record(op, inputs, outputs)) return;
  const Ref<Node> node(new detail::RuleNode<Rule>(op, std::move(rule)));
  for (const Tensor& x : inputs) node->add_input(x);
  for (const Tensor& y : outputs) node->add_output(y);
}

/// For an operation without a gradient rule: a gradient asked through it throws GradError with its name.
void record_no_rule(const char* op, std::initializer_list<Tensor> inputs, const Tensor& output);

}  // namespace gradus
