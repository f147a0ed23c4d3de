#include "autograd/record.h"

#include <string>

#include "base/error.h"

namespace gradus {

Saved save(const Tensor& x) {
  Saved s;
  if (!x.defined()) return s;
  s.version_ = x.version();
  if (x.history()) {
    s.value_ = x;
  } else {
    s.value_ = x.detach();
    s.id_ = x.id();
  }
  return s;
}

Tensor Saved::get() const {
  if (!value_.defined()) return {};
  Node* node = current_node();
  if (value_.version() != version_)
    throw GradError(node ? node->op() : "saved",
                    "a tensor of " + value_.describe() + " that was saved for the gradient was changed in place.",
                    "change a copy instead, or run backward() before the change.");
  if (!recording() || !node || value_.history()) return value_;
  const int output = node->find_output(id_);
  if (output < 0) return value_;
  const Tensor with_history = value_.detach();
  with_history.set_history(Ref<RefCounted>(node), output);
  return with_history;
}

namespace detail {

static bool any_history(const Tensor* begin, const Tensor* end) {
  for (; begin != end; ++begin)
    if (begin->defined() && begin->history()) return true;
  return false;
}

bool wants_record(std::initializer_list<Tensor> inputs) {
  return recording() && any_history(inputs.begin(), inputs.end());
}
bool wants_record(const Tensors& inputs) {
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
