#include "autograd/hooks.h"

#include <atomic>

#include "autograd/autograd.h"
#include "autograd/watchers.h"
#include "base/error.h"

namespace gradus {

namespace {

std::atomic<uint64_t> next_id{1};

Node& node_of(const char* op, const Tensor& x) {
  if (!requires_grad(x))
    throw GradError(op, "no gradient flows to " + x.describe() + ".", "mark a leaf below it with require_grad().");
  return static_cast<Node&>(*x.history());
}

}  // namespace

namespace detail {

Watchers::Retained* Watchers::find_retained(int output) {
  for (Retained& r : retained)
    if (r.output == output) return &r;
  return nullptr;
}

Watchers& Watchers::of(Node& node) {
  if (!node.watchers()) node.set_watchers(make_ref<Watchers>());
  return *find(node);
}

void run_hooks(const Node& node, Tensors& dy) {
  const Ref<RefCounted> keep = node.watchers();
  if (!keep) return;
  const auto hooks = static_cast<Watchers&>(*keep).hooks;  // a copy: a hook may add or remove some
  for (const Watchers::Hook& hook : hooks) {
    Tensor& gradient = dy[static_cast<size_t>(hook.output)];
    if (!gradient.defined()) continue;
    const Tensor other = hook.call(gradient);
    if (!other.defined()) continue;
    if (other.shape() != gradient.shape() || other.dtype() != gradient.dtype() || other.device() != gradient.device())
      throw GradError("hook", "returned " + other.describe() + " for a gradient of " + gradient.describe() + ".");
    gradient = other;
  }
}

void run_accumulated_hooks(const Node& leaf, Tensor& gradient) {
  const Ref<RefCounted> keep = leaf.watchers();
  if (!keep) return;
  const auto hooks = static_cast<Watchers&>(*keep).accumulated;
  for (const Watchers::Accumulated& hook : hooks) {
    Tensor given = gradient;
    hook.call(given);
    if (given.defined()) leaf.check_gradient(0, given);
    gradient = std::move(given);
  }
}

}  // namespace detail

HookHandle add_grad_hook(const Tensor& x, GradHook hook) {
  if (!hook) throw ValueError("add_grad_hook", "the hook is empty.");
  detail::Watchers& w = detail::Watchers::of(node_of("add_grad_hook", x));
  w.hooks.push_back({next_id++, x.history_output(), std::move(hook)});
  return {Ref<RefCounted>(&w), w.hooks.back().id};
}

HookHandle add_accumulated_hook(const Tensor& leaf, AccumulatedHook hook) {
  if (!hook) throw ValueError("add_accumulated_hook", "the hook is empty.");
  if (!is_leaf(leaf))
    throw GradError("add_accumulated_hook", leaf.describe() + " is no leaf.", "mark it with require_grad().");
  detail::Watchers& w = detail::Watchers::of(node_of("add_accumulated_hook", leaf));
  w.accumulated.push_back({next_id++, std::move(hook)});
  return {Ref<RefCounted>(&w), w.accumulated.back().id};
}

void HookHandle::remove() {
  if (!watchers_) return;
  auto& w = static_cast<detail::Watchers&>(*watchers_);
  const auto is_it = [&](const auto& hook) { return hook.id == id_; };
  std::erase_if(w.hooks, is_it);
  std::erase_if(w.accumulated, is_it);
  watchers_ = nullptr;
}

}  // namespace gradus
