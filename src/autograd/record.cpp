#include "autograd/record.h"

#include <string>

#include "autograd/frame.h"
#include "autograd/observer.h"
#include "base/error.h"

namespace gradus {

Saved save(const Tensor& x) {
  Saved s;
  if (!x.defined()) return s;
  s.version_ = x.version();
  if (!x.history()) s.id_ = x.id();
  if (detail::Frame* frame = detail::Frame::keeper_of(x)) s.place_ = frame->save(x);
  if (!s.place_) s.value_ = x.history() ? x : x.detach();
  return s;
}

Tensor Saved::get() const {
  if (!value_.defined() && !place_) return {};
  Node* node = current_node();
  const char* op = node ? node->op() : "saved";
  const auto place = static_cast<detail::Place*>(place_.get());
  const Tensor& value = place ? place->value(op) : value_;
  if (!place && value.version() != version_)
    throw GradError(op, "a tensor of " + value.describe() + " that was saved for the gradient was changed in place.",
                    "change a copy instead, or run backward() before the change.");
  if (!recording() || value.history()) return value;
  Edge edge = place ? place->edge() : Edge{};
  if (!edge.node && node && node->find_output(id_) >= 0) edge = {Ref<Node>(node), node->find_output(id_)};
  if (!edge.node) return value;
  const Tensor with_history = value.detach();
  with_history.set_history(edge.node, edge.output);
  return with_history;
}

namespace detail {

static bool any_history(const Tensor* begin, const Tensor* end) {
  for (; begin != end; ++begin)
    if (begin->defined() && begin->history()) return true;
  return false;
}

// A checkpointed function that runs again must read what it read before.
static void note_readings(const Tensor* begin, const Tensor* end) {
  Frame* frame = Frame::active();
  for (; frame && begin != end; ++begin)
    if (begin->defined()) frame->read(*begin);
}

bool wants_record(const char* op, std::initializer_list<Tensor> inputs, const Tensor& output) {
  if (observers) tell_computed(op, {inputs.begin(), inputs.size()}, {&output, 1});
  note_readings(inputs.begin(), inputs.end());
  return recording() && any_history(inputs.begin(), inputs.end());
}
bool wants_record(const char* op, const Tensors& inputs, const Tensors& outputs) {
  if (observers) tell_computed(op, inputs, outputs);
  note_readings(inputs.data(), inputs.data() + inputs.size());
  return recording() && any_history(inputs.data(), inputs.data() + inputs.size());
}

void throw_released(const char* op) {
  throw GradError(op, "the graph was already freed by an earlier backward().",
                  "pass retain_graph = true to the first one.");
}

}  // namespace detail

void record_no_rule(const char* op, std::initializer_list<Tensor> inputs, const Tensor& output) {
  record(op, inputs, output, [op](const Tensor&) -> Grads {
    throw GradError(op, "this operation has no gradient rule.", "detach() its input if no gradient is meant to flow.");
  });
}

}  // namespace gradus
