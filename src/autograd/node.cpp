#include "autograd/node.h"

#include <atomic>
#include <string>

#include "autograd/observer.h"
#include "base/error.h"
#include "kernels/table.h"

namespace gradus {

namespace {
std::atomic<uint64_t> sequences{1};

// Deleting a node drops its edges, which may delete the next node, and so on down a chain of 10^5: nodes that die while
// another is being deleted wait in this list instead of on the call stack.
thread_local std::vector<Node*>* dying = nullptr;
}  // namespace

Node::Node(const char* op)
    : op_(op), scope_(trace_scope()), sequence_(sequences.fetch_add(1, std::memory_order_relaxed)) {
  if (detail::observers) detail::tell_recorded(*this);
}
Node::~Node() = default;

uint64_t Node::next_sequence() { return sequences.load(std::memory_order_relaxed); }

void Node::dispose() noexcept {
  if (dying) {
    dying->push_back(this);
    return;
  }
  std::vector<Node*> list{this};
  dying = &list;
  while (!list.empty()) {
    Node* node = list.back();
    list.pop_back();
    delete node;
  }
  dying = nullptr;
}

Needs Node::needs() const {
  Needs n;
  for (size_t i = 0; i < edges_.size() && i < 64; ++i)
    if (edges_[i].node) n.mask |= uint64_t{1} << i;
  return n;
}

void Node::add_input(const Tensor& x) {
  if (!x.defined() || !x.history())
    edges_.push_back({});
  else
    edges_.push_back({Ref<Node>(static_cast<Node*>(x.history().get())), x.history_output()});
}

void Node::add_output(const Tensor& y) {
  if (!y.defined()) throw GradError(op_, "an output is undefined.");
  if (y.history())
    throw GradError(op_, "the output " + y.describe() + " already has a history.",
                    "an operation with a rule of its own computes inside NoGrad, and returns a new tensor.");
  y.set_history(Ref<RefCounted>(this), outputs());
  outputs_.push_back({y.id(), y.shape(), y.dtype(), y.device()});
}

void Node::check_gradient(int i, const Tensor& dy) const {
  const Output& y = outputs_[static_cast<size_t>(i)];
  if (dy.shape() == y.shape && dy.dtype() == y.dtype && dy.device() == y.device) return;
  throw GradError(op_,
                  "a gradient of " + dy.describe() + " came back for an output of shape " + y.shape.str() + " " +
                      name_of(y.dtype) + ".",
                  "the gradient rule of the operation that used this output is wrong.");
}

Tensor Node::zeros_for(int i) const {
  const Output& y = outputs_[static_cast<size_t>(i)];
  Tensor zeros = empty(y.shape, y.dtype, y.device);
  kernels(y.device).fill({.y = zeros, .value = 0});
  return zeros;
}

std::string Node::describe_output(int i) const {
  const Output& y = outputs_[static_cast<size_t>(i)];
  return y.shape.str() + " " + name_of(y.dtype);
}

int Node::find_output(const void* id) const {
  for (size_t i = 0; i < outputs_.size(); ++i)
    if (outputs_[i].id == id) return static_cast<int>(i);
  return -1;
}

Leaf::Leaf(const Tensor& value) : Node("leaf") { add_output(value); }

}  // namespace gradus
