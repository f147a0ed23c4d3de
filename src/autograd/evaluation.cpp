#include "autograd/evaluation.h"

#include <unordered_set>

#include "autograd/autograd.h"
#include "autograd/record.h"
#include "autograd/window.h"
#include "base/error.h"
#include "kernels/table.h"

namespace gradus::detail {

namespace {

template <class F>
void require_function(const F& f) {
  if (!f) throw ValueError("derivative", "the function is empty.");
}

}  // namespace

Tensor zeros_like(const Tensor& x) { return filled(x.shape(), 0, x.dtype(), x.device()); }
Tensor ones_like(const Tensor& x) { return filled(x.shape(), 1, x.dtype(), x.device()); }
Tensor unit_like(const Tensor& x, int64_t i) {
  const Tensor e = zeros_like(x);
  kernels(e.device()).fill({.y = Window::dense({}, i).of(e), .value = 1});
  return e;
}

Evaluation::Evaluation(const char* name, const ManyToMany& f, const Tensors& xs) : op(name) {
  require_function(f);
  const bool caller_records = recording();
  const EnableGrad on;
  for (const Tensor& x : xs) {
    if (!x.defined()) throw ValueError(op, "an input is undefined.");
    if (!is_floating(x.dtype())) throw DtypeError(op, "inputs must be floating, got " + x.describe() + ".");
    Tensor y = x.detach();
    if (caller_records && requires_grad(x)) {
      differentiable = true;
      record("input", {x}, y, [](const Tensor& dy) { return dy; });
    } else {
      require_grad(y);
    }
    inputs.push_back(y);
  }
  outputs = f(inputs);
  for (const Tensor& y : outputs)
    if (!y.defined()) throw ValueError(op, "the function returned an undefined tensor.");
  differentiable = differentiable || (caller_records && reaches_other_leaves());
}

Tensors Evaluation::pull(const Tensors& seeds, bool keep_graph, bool create_graph) const {
  Tensors roots, weights, gradients(inputs.size());
  for (size_t i = 0; i < outputs.size(); ++i)
    if (requires_grad(outputs[i])) {
      roots.push_back(outputs[i]);
      weights.push_back(seeds[i]);
    }
  if (!roots.empty())
    gradients = grad(roots, inputs, weights, {.retain_graph = keep_graph, .create_graph = create_graph});
  for (size_t i = 0; i < inputs.size(); ++i)
    if (!gradients[i].defined()) gradients[i] = zeros_like(inputs[i]);
  return gradients;
}

const Tensor& Evaluation::one_number() const {
  if (outputs[0].count() != 1)
    throw ShapeError(op, "the function must give one number, got " + outputs[0].describe() + ".",
                     "reduce it (sum, mean), or use vjp() or jacobian().");
  return outputs[0];
}

bool Evaluation::reaches_other_leaves() const {
  std::unordered_set<const Node*> seen;
  for (const Tensor& x : inputs) seen.insert(static_cast<const Node*>(x.history().get()));
  std::vector<const Node*> open;
  const auto visit = [&](const Node* node) {
    if (node && seen.insert(node).second) open.push_back(node);
  };
  for (const Tensor& y : outputs) visit(static_cast<const Node*>(y.history().get()));
  while (!open.empty()) {
    const Node* node = open.back();
    open.pop_back();
    if (node->is_leaf()) return true;
    for (const Edge& edge : node->edges()) visit(edge.node.get());
  }
  return false;
}

ManyToMany listed(const OneToOne& f) {
  require_function(f);
  return [f](const Tensors& in) { return Tensors{f(in[0])}; };
}
ManyToMany listed(const ManyToOne& f) {
  require_function(f);
  return [f](const Tensors& in) { return Tensors{f(in)}; };
}
ManyToOne of_many(const OneToOne& f) {
  require_function(f);
  return [f](const Tensors& in) { return f(in[0]); };
}

}  // namespace gradus::detail
