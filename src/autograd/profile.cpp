#include "autograd/profile.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <string_view>
#include <tuple>

#include "autograd/autograd.h"
#include "autograd/node.h"
#include "tensor/allocator.h"

namespace gradus {

namespace {

int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// The bytes between the first and the last element.
bool lies_inside(const Tensor& view, const Tensor& whole) {
  if (view.count() == 0 || whole.count() == 0) return false;
  const auto end = [](const Tensor& x) {
    int64_t last = 0;
    for (int axis = 0; axis < x.rank(); ++axis) last += (x.shape()[axis] - 1) * x.strides()[axis];
    return static_cast<const char*>(x.raw()) + (last + 1) * static_cast<int64_t>(size_of(x.dtype()));
  };
  return view.raw() >= whole.raw() && end(view) <= end(whole);
}

}  // namespace

const char* name_of(Phase phase) {
  static constexpr const char* kNames[] = {"forward", "backward", "optimizer"};
  return kNames[static_cast<size_t>(phase)];
}

OpProfile::OpProfile() : began_ns_(now_ns()), allocated_before_(memory_stats().total), ops_(*this), kernels_(*this) {}
OpProfile::~OpProfile() = default;

double OpProfile::seconds() const { return static_cast<double>(now_ns() - began_ns_) * 1e-9; }
void OpProfile::stop() { running_ = false; }

void OpProfile::begin(const KernelCall& call) {
  if (!running_) return;
  const char* kernel = *call.function ? call.function : call.slot;
  const char* scope = trace_scope();
  const Phase phase = !walks_.empty()                              ? Phase::backward
                      : std::string_view(scope) == kOptimizerScope ? Phase::optimizer
                                                                   : Phase::forward;
  ProfileEvent event{in_rule() ? rules_.back() : kernel, kernel, call.slot, scope, phase, 0, 0, call.flops, 0, 0, 0};
  for (const Tensor* x : call.operands) {
    event.bytes += static_cast<int64_t>(x->bytes());
    if (!in_rule()) pending_.push_back({events_.size(), x->raw()});
  }
  events_.push_back(event);
  events_.back().begin = seconds();
}

void OpProfile::end(const KernelCall&) {
  if (!running_ || events_.empty()) return;
  ProfileEvent& event = events_.back();
  event.seconds = seconds() - event.begin;
  const MemoryStats memory = memory_stats();
  event.live = memory.current;
  event.allocated = memory.total - allocated_before_;
  allocated_before_ = memory.total;
}

// An op claims the kernels that touched its outputs since the op before. A view computes nothing: what filled its
// memory was another.
void OpProfile::computed(const char* op, std::span<const Tensor> inputs, std::span<const Tensor> outputs) {
  if (in_rule()) return;
  for (const Tensor& y : outputs) {
    if (!y.defined() || y.count() == 0 || y.device() != Device::cpu) continue;
    const auto source = [&](const Tensor& x) { return x.defined() && x.device() == Device::cpu && lies_inside(y, x); };
    if (std::any_of(inputs.begin(), inputs.end(), source)) continue;
    for (const Operand& operand : pending_)
      if (operand.data == y.raw()) events_[operand.event].op = op;
  }
  pending_.clear();
}

// A rule may run a checkpointed function again: what is recorded in a walk that is not itself recorded is such an op.
bool OpProfile::in_rule() const { return !rules_.empty() && (walks_.empty() || walks_.back() || !recording()); }

void OpProfile::backward_began() { walks_.push_back(recording()); }
void OpProfile::backward_ended() {
  if (!walks_.empty()) walks_.pop_back();
}
void OpProfile::entered(const Node& node) { rules_.push_back(node.op()); }
void OpProfile::left(const Node&) {
  if (!rules_.empty()) rules_.pop_back();
}

std::vector<ProfileRow> profile_rows(const std::vector<ProfileEvent>& events, ProfileBy by) {
  std::map<std::tuple<std::string_view, Phase>, ProfileRow> rows;
  for (const ProfileEvent& e : events) {
    const bool modules = by == ProfileBy::module;
    const char* name = by == ProfileBy::op ? e.op : by == ProfileBy::kernel ? e.kernel : e.scope;
    const Phase phase = modules ? Phase::forward : e.phase;
    ProfileRow& row =
        rows.try_emplace({name, phase}, ProfileRow{modules ? "" : name, modules ? name : "", phase}).first->second;
    ++row.calls;
    row.seconds += e.seconds, row.flops += e.flops;
    row.bytes += e.bytes, row.allocated += e.allocated;
  }
  std::vector<ProfileRow> list;
  for (const auto& entry : rows) list.push_back(entry.second);
  std::stable_sort(list.begin(), list.end(),
                   [](const ProfileRow& a, const ProfileRow& b) { return a.seconds > b.seconds; });
  return list;
}

}  // namespace gradus
