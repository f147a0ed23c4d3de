#include <algorithm>
#include <queue>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "autograd/autograd.h"
#include "autograd/node.h"
#include "autograd/observer.h"
#include "autograd/record.h"
#include "autograd/watchers.h"
#include "base/error.h"
#include "kernels/table.h"

namespace gradus {

namespace {

thread_local bool grad_mode = true;
thread_local Node* running = nullptr;

struct RunningNode {
  Node* before = running;
  TraceScope scope;
  explicit RunningNode(Node* node) : scope(node->scope()) {
    running = node;
    for (ObserveOps* o = detail::observers; o; o = o->next) o->observer.entered(*node);
  }
  ~RunningNode() {
    for (ObserveOps* o = detail::observers; o; o = o->next) o->observer.left(*running);
    running = before;
  }
};

struct ToldWalk {
  ToldWalk() {
    for (ObserveOps* o = detail::observers; o; o = o->next) o->observer.backward_began();
  }
  ~ToldWalk() {
    for (ObserveOps* o = detail::observers; o; o = o->next) o->observer.backward_ended();
  }
};

class GradMode {
 public:
  explicit GradMode(bool on) : before_(grad_mode) { grad_mode = on; }
  ~GradMode() { grad_mode = before_; }

 private:
  bool before_;
};

Node* node_of(const Tensor& x) { return static_cast<Node*>(x.history().get()); }

Leaf* leaf_of(const Tensor& x) {
  return x.defined() && x.history() && node_of(x)->is_leaf() ? static_cast<Leaf*>(node_of(x)) : nullptr;
}

detail::Watchers::Retained* retained_of(const Tensor& x) {
  detail::Watchers* w = requires_grad(x) ? detail::Watchers::find(*node_of(x)) : nullptr;
  return w ? w->find_retained(x.history_output()) : nullptr;
}

Tensor dense_copy(const Tensor& x) {
  const Tensor y = empty(x.shape(), x.dtype(), x.device());
  kernels(x.device()).copy({.x = x, .y = y});
  return y;
}

// a + b; into a's memory when nobody else can see it.
Tensor accumulate(Tensor a, const Tensor& b) {
  const bool in_place = !recording() && a.unique() && a.contiguous();
  const Tensor y = in_place ? a : empty(a.shape(), a.dtype(), a.device());
  kernels(a.device()).binary({.f = Binary::add, .a = a, .b = b, .y = y});
  if (!in_place)
    record("accumulate", {a, b}, y, [](const Tensor& dy) { return Grads{dy, dy}; });
  else if (detail::observers)
    detail::tell_computed("accumulate", {&b, 1}, {&y, 1});
  return y;
}

struct Walk {
  struct Later {
    bool operator()(const Ref<Node>& a, const Ref<Node>& b) const { return a->sequence() < b->sequence(); }
  };
  std::unordered_map<Node*, Tensors> pending;  // gradients that have arrived at a node's outputs
  std::priority_queue<Ref<Node>, std::vector<Ref<Node>>, Later> ready;

  void deliver(const Ref<Node>& node, int output, Tensor dy) {
    node->check_gradient(output, dy);
    auto [it, fresh] = pending.try_emplace(node.get());
    if (fresh) {
      it->second.resize(static_cast<size_t>(node->outputs()));
      ready.push(node);
    }
    Tensor& slot = it->second[static_cast<size_t>(output)];
    const TraceScope scope(node->scope());
    slot = slot.defined() ? accumulate(std::move(slot), dy) : std::move(dy);
  }
};

// How many edges lead to each leaf below `root`.
std::unordered_map<const Node*, int64_t> uses_of_leaves(const Tensor& root) {
  std::unordered_map<const Node*, int64_t> uses;
  std::unordered_set<const Node*> seen{node_of(root)};
  std::vector<const Node*> open{node_of(root)};
  while (!open.empty()) {
    const Node* node = open.back();
    open.pop_back();
    for (const Edge& edge : node->edges()) {
      if (!edge.node) continue;
      if (edge.node->is_leaf())
        ++uses[edge.node.get()];
      else if (seen.insert(edge.node.get()).second)
        open.push_back(edge.node.get());
    }
  }
  return uses;
}

// The nodes between `roots` and `targets`: those from which some target can be reached.
std::unordered_set<const Node*> nodes_leading_to(const Tensors& targets, const Tensors& roots) {
  std::unordered_set<const Node*> needed;
  uint64_t oldest = UINT64_MAX;
  for (const Tensor& x : targets) {
    needed.insert(node_of(x));
    oldest = std::min(oldest, node_of(x)->sequence());
  }
  std::vector<const Node*> reachable;
  std::unordered_set<const Node*> seen;
  const auto visit = [&](const Node* node) {
    if (node && node->sequence() >= oldest && seen.insert(node).second) reachable.push_back(node);
  };
  for (const Tensor& root : roots) visit(node_of(root));
  for (size_t i = 0; i < reachable.size(); ++i)
    for (const Edge& edge : reachable[i]->edges()) visit(edge.node.get());
  // Inputs are older than their users: from old to new, each node's inputs are settled before it.
  std::sort(reachable.begin(), reachable.end(),
            [](const Node* a, const Node* b) { return a->sequence() < b->sequence(); });
  for (const Node* node : reachable)
    for (const Edge& edge : node->edges())
      if (edge.node && needed.count(edge.node.get())) needed.insert(node);
  return needed;
}

// Walks the graph from the newest node to the oldest, so that all gradients of a node have arrived when its turn comes.
// `at_leaf(leaf, gradient)` takes what reaches the leaves; `visit(node, gradients)` sees every node first, after its
// hooks, and says whether its rule must run; gradients are handed only to nodes that `wanted(node)` accepts. Leaves are
// the oldest nodes: one that `uses` counts does not wait for the end, but has its turn when the last use has passed.
template <class AtLeaf, class Visit, class Wanted>
void walk(const Tensors& roots, const Tensors& seeds, BackwardOptions options, AtLeaf&& at_leaf, Visit&& visit,
          Wanted&& wanted, std::unordered_map<const Node*, int64_t> uses = {}) {
  const GradMode mode(options.create_graph);
  const ToldWalk told;
  const bool keep = options.retain_graph || options.create_graph;
  Walk w;
  for (size_t i = 0; i < roots.size(); ++i)
    w.deliver(Ref<Node>(node_of(roots[i])), roots[i].history_output(), seeds[i]);

  // What has arrived at a node, past its hooks; nothing when its turn has been, or when it ends here.
  const auto arrived = [&](Node* node) {
    auto found = w.pending.extract(node);
    if (found.empty()) return Tensors();
    Tensors dy = std::move(found.mapped());
    detail::run_hooks(*node, dy);
    if (!visit(node, dy)) return Tensors();
    if (!node->is_leaf()) return dy;
    at_leaf(static_cast<Leaf*>(node), std::move(dy[0]));
    return Tensors();
  };

  while (!w.ready.empty()) {
    const Ref<Node> node = w.ready.top();
    w.ready.pop();
    Tensors dy = arrived(node.get());
    if (dy.empty()) continue;
    if (dy.size() == 1 && !dy[0].defined()) dy[0] = node->zeros_for(0);
    Grads dx;
    {
      const RunningNode guard(node.get());
      dx = node->backward(dy);
    }
    for (ObserveOps* o = detail::observers; o; o = o->next) o->observer.differentiated(*node, dy, dx);
    dy.clear();
    if (!keep) node->release_saved();
    const auto& edges = node->edges();
    if (dx.size() != edges.size())
      throw GradError(node->op(), "its rule returned " + std::to_string(dx.size()) + " gradients for " +
                                      std::to_string(edges.size()) + " inputs.");
    for (size_t i = 0; i < edges.size(); ++i) {
      Node* to = edges[i].node.get();
      if (!to) continue;
      Tensor d = std::move(dx[i]);
      if (d.defined() && wanted(to)) w.deliver(edges[i].node, edges[i].output, std::move(d));
      if (const auto left = uses.find(to); left != uses.end() && --left->second == 0) arrived(to);
    }
  }
}

Tensor seed_for(const Tensor& root, const Tensor& seed) {
  if (!root.defined() || !root.history())
    throw GradError("backward",
                    "the root " + root.describe() + " does not depend on any tensor that requires a gradient.",
                    "mark a leaf with require_grad() before computing, and compute outside NoGrad.");
  if (seed.defined()) {
    if (seed.shape() != root.shape() || seed.dtype() != root.dtype() || seed.device() != root.device())
      throw GradError("backward", "the seed " + seed.describe() + " does not fit the root " + root.describe() + ".");
    return seed;
  }
  if (root.count() != 1)
    throw GradError("backward", "the root must have one element, got " + root.describe() + ".",
                    "reduce it (sum, mean) or pass a seed of its shape.");
  Tensor one = empty(root.shape(), root.dtype(), root.device());
  kernels(root.device()).fill({.y = one, .value = 1});
  return one;
}

}  // namespace

Node* current_node() { return running; }
bool recording() { return grad_mode; }
NoGrad::NoGrad() : before_(grad_mode) { grad_mode = false; }
NoGrad::~NoGrad() { grad_mode = before_; }
EnableGrad::EnableGrad() : before_(grad_mode) { grad_mode = true; }
EnableGrad::~EnableGrad() { grad_mode = before_; }

Tensor& require_grad(Tensor& x, bool on) {
  if (!x.defined()) throw GradError("require_grad", "the tensor is undefined.");
  if (!is_floating(x.dtype()))
    throw GradError("require_grad", "only floating tensors have gradients, got " + x.describe() + ".");
  if (x.history() && !node_of(x)->is_leaf())
    throw GradError("require_grad", "the tensor was computed from others.", "detach() it first.");
  if (!on)
    x.set_history(nullptr, 0);
  else if (!x.history())
    make_ref<Leaf>(x);  // the tensor now owns its leaf
  return x;
}

bool requires_grad(const Tensor& x) { return x.defined() && static_cast<bool>(x.history()); }
bool is_leaf(const Tensor& x) { return leaf_of(x) != nullptr; }

Tensor grad_of(const Tensor& x) {
  if (const Leaf* l = leaf_of(x)) return l->grad;
  detail::Watchers::Retained* kept = retained_of(x);
  return kept ? kept->gradient : Tensor();
}

void retain_grad(const Tensor& x) {
  if (!requires_grad(x))
    throw GradError("retain_grad", "no gradient flows to " + x.describe() + ".",
                    "mark a leaf below it with require_grad().");
  if (!is_leaf(x) && !retained_of(x)) detail::Watchers::of(*node_of(x)).retained.push_back({x.history_output(), {}});
}

void set_grad(const Tensor& leaf, const Tensor& grad) {
  Leaf* l = leaf_of(leaf);
  if (!l) throw GradError("set_grad", "the tensor " + leaf.describe() + " is no leaf.", "mark it with require_grad().");
  if (grad.defined()) l->check_gradient(0, grad);
  l->grad = grad;
}

void clear_grad(const Tensor& x) {
  if (Leaf* l = leaf_of(x)) l->grad = Tensor();
  if (detail::Watchers::Retained* kept = retained_of(x)) kept->gradient = Tensor();
}

void backward(const Tensor& root, const Tensor& seed, BackwardOptions options) {
  const Tensor s = seed_for(root, seed);
  const auto add_to_leaf = [&](Leaf* leaf, Tensor dy) {
    if (leaf->grad.defined()) {
      leaf->grad = accumulate(std::move(leaf->grad), dy);
    } else if (options.create_graph) {
      leaf->grad = std::move(dy);
    } else {  // the leaf owns its gradient alone: optimisers change it in place
      leaf->grad = dy.unique() && dy.contiguous() ? std::move(dy) : dense_copy(dy);
    }
    detail::run_accumulated_hooks(*leaf, leaf->grad);
  };
  const auto retain = [](Node* node, const Tensors& dy) {
    if (detail::Watchers* w = detail::Watchers::find(*node))
      for (detail::Watchers::Retained& kept : w->retained)
        if (const Tensor& d = dy[static_cast<size_t>(kept.output)]; d.defined())
          kept.gradient = kept.gradient.defined() ? accumulate(std::move(kept.gradient), d) : d;
    return true;
  };
  walk(
      {root}, {s}, options, add_to_leaf, retain, [](Node*) { return true; }, uses_of_leaves(root));
}

Tensors grad(const Tensors& roots, const Tensors& inputs, const Tensors& seeds, BackwardOptions options) {
  Tensors filled;
  for (size_t i = 0; i < roots.size(); ++i)
    filled.push_back(seed_for(roots[i], i < seeds.size() ? seeds[i] : Tensor()));
  for (const Tensor& x : inputs)
    if (!requires_grad(x))
      throw GradError("grad", "an input " + x.describe() + " does not require a gradient.",
                      "mark it with require_grad().");
  const auto needed = nodes_leading_to(inputs, roots);
  std::unordered_set<const Node*> below;  // nodes with a target further down
  for (const Node* node : needed)
    for (const Edge& edge : node->edges())
      if (edge.node && needed.count(edge.node.get())) below.insert(node);

  Tensors found(inputs.size());
  const auto collect = [&](Node* node, const Tensors& dy) {
    for (size_t i = 0; i < inputs.size(); ++i)
      if (node_of(inputs[i]) == node) found[i] = dy[static_cast<size_t>(inputs[i].history_output())];
    return below.count(node) > 0;
  };
  walk(
      roots, filled, options, [](Leaf*, const Tensor&) {}, collect, [&](Node* node) { return needed.count(node) > 0; });
  return found;
}

}  // namespace gradus
