#include "autograd/observer.h"

#include <mutex>
#include <unordered_set>

namespace gradus {

namespace detail {

constinit thread_local ObserveOps* observers = nullptr;
constinit thread_local const char* trace_scope = "";

void tell_computed(const char* op, std::span<const Tensor> inputs, std::span<const Tensor> outputs) {
  for (ObserveOps* o = observers; o; o = o->next) o->observer.computed(op, inputs, outputs);
}
void tell_recorded(const Node& node) {
  for (ObserveOps* o = observers; o; o = o->next) o->observer.recorded(node);
}

}  // namespace detail

const char* lasting_name(const std::string& name) {
  static std::mutex mutex;
  static auto* names = new std::unordered_set<std::string>;  // never destroyed: nodes with static storage point here
  const std::lock_guard lock(mutex);
  return names->insert(name).first->c_str();
}

OpObserver::~OpObserver() = default;

ObserveOps::ObserveOps(OpObserver& o) : observer(o), next(detail::observers) { detail::observers = this; }
ObserveOps::~ObserveOps() {
  ObserveOps** link = &detail::observers;
  while (*link && *link != this) link = &(*link)->next;
  if (*link) *link = next;
}

}  // namespace gradus
