#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace gradus {

/// Gradients for the inputs of one node, in their order; an undefined tensor means zero.
struct Grads : Tensors {
  Grads() = default;
  Grads(Tensor one) : Tensors{std::move(one)} {}
  Grads(std::initializer_list<Tensor> list) : Tensors(list) {}
  explicit Grads(Tensors list) : Tensors(std::move(list)) {}
};

/// Which inputs of a node want a gradient: a rule may skip the work for the others. From the 64th on all count as such.
struct Needs {
  uint64_t mask = 0;
  bool operator[](int input) const { return input >= 64 || ((mask >> (input & 63)) & 1) != 0; }
};

class Node;
/// "Output number `output` of `node`"; a null node means that no gradient flows there.
struct Edge {
  Ref<Node> node;
  int output = 0;
};

/// One recorded operation: where its inputs came from, what its outputs look like, and (in a subclass) its rule.
class Node : public RefCounted {
 public:
  explicit Node(const char* op);
  ~Node() override;

  const char* op() const { return op_; }
  /// Where the op ran: see TraceScope.
  const char* scope() const { return scope_; }
  /// Nodes are numbered as they are made: an input's number is always smaller than its user's.
  uint64_t sequence() const { return sequence_; }
  /// The number of the node that is made next.
  static uint64_t next_sequence();
  const std::vector<Edge>& edges() const { return edges_; }
  Needs needs() const;
  int outputs() const { return static_cast<int>(outputs_.size()); }

  void add_input(const Tensor& x);
  /// Makes `y` the next output; its history becomes this node.
  void add_output(const Tensor& y);

  /// Checks that `dy` fits output `i`. Throws GradError naming this op.
  void check_gradient(int i, const Tensor& dy) const;
  Tensor zeros_for(int i) const;
  /// "(2, 3) f32", for reports.
  std::string describe_output(int i) const;
  /// Index of the output that had this id when it was recorded, or -1.
  int find_output(const void* id) const;

  /// Slot for hooks.h: what looks at the gradients that arrive here.
  const Ref<RefCounted>& watchers() const { return watchers_; }
  void set_watchers(Ref<RefCounted> watchers) { watchers_ = std::move(watchers); }

  virtual Grads backward(const Tensors& dy) = 0;
  /// Frees what the rule saved. A second backward() then throws.
  virtual void release_saved() {}
  virtual bool is_leaf() const { return false; }

 protected:
  void dispose() noexcept override;

 private:
  struct Output {
    const void* id;
    Shape shape;
    Dtype dtype;
    Device device;
  };
  const char* op_;
  const char* scope_;
  uint64_t sequence_;
  std::vector<Edge> edges_;
  std::vector<Output> outputs_;
  Ref<RefCounted> watchers_;
};

/// The end of a graph: a tensor whose gradient is wanted. backward() adds into `grad`.
class Leaf : public Node {
 public:
  explicit Leaf(const Tensor& value);
  Grads backward(const Tensors&) override { return {}; }
  bool is_leaf() const override { return true; }
  Tensor grad;
};

/// The node whose rule runs on this thread, or null.
Node* current_node();

}  // namespace gradus
