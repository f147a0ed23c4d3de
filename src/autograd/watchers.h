#pragma once
// What hooks.h hangs on a node: inside backward.cpp and hooks.cpp only.
#include <vector>

#include "autograd/hooks.h"
#include "autograd/node.h"

namespace gradus::detail {

struct Watchers final : RefCounted {
  struct Hook {
    uint64_t id;
    int output;
    GradHook call;
  };
  struct Accumulated {
    uint64_t id;
    AccumulatedHook call;
  };
  struct Retained {
    int output;
    Tensor gradient;
  };
  std::vector<Hook> hooks;
  std::vector<Accumulated> accumulated;
  std::vector<Retained> retained;

  Retained* find_retained(int output);
  /// Those of `node`, made when it has none yet.
  static Watchers& of(Node& node);
  /// Null when it has none.
  static Watchers* find(const Node& node) { return static_cast<Watchers*>(node.watchers().get()); }
};

/// Lets the hooks of `node` see, and replace, the gradients of its outputs.
void run_hooks(const Node& node, Tensors& dy);
void run_accumulated_hooks(const Node& leaf, Tensor& gradient);

}  // namespace gradus::detail
