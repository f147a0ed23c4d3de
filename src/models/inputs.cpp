#include "models/inputs.h"

#include "base/error.h"
#include "ops/check.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/shape.h"

namespace gradus {

ModelInputs::ModelInputs(const NamedTensors& given, const std::vector<std::string>& known, std::string model)
    : given_(given), model_(std::move(model)) {
  for (const auto& entry : given) {
    std::string names;
    bool found = false;
    for (const std::string& name : known) {
      found |= name == entry.first;
      names += (names.empty() ? "" : ", ") + name;
    }
    if (!found)
      throw ValueError(model_.c_str(), "there is no input \"" + entry.first + "\".", "the inputs are " + names + ".");
  }
}

Tensor ModelInputs::find(const char* name) const {
  for (const auto& [key, value] : given_)
    if (key == name) return value;
  return {};
}

void ModelInputs::require(const char* name) const {
  if (!has(name)) throw ValueError(model_.c_str(), std::string("the input \"") + name + "\" is missing.");
}

Tensor ModelInputs::ids(const char* name) const {
  const Tensor x = find(name);
  if (!x.defined()) return x;
  if (is_floating(x.dtype()))
    throw DtypeError(model_.c_str(), std::string(name) + " must be integers, got " + x.describe() + ".");
  if (x.rank() != 2)
    throw ShapeError(model_.c_str(), std::string(name) + " must be (batch, time), got " + x.describe() + ".");
  return cast(x, Dtype::i64);
}

Tensor ModelInputs::ids(const char* name, int64_t limit) const {
  const Tensor x = ids(name);
  if (x.defined()) require_indices((model_ + ", " + name).c_str(), x, limit);
  return x;
}

Tensor ModelInputs::mask(const char* name, const Shape& shape) const {
  const Tensor x = find(name);
  if (!x.defined()) return x;
  require_shape(model_.c_str(), name, x, shape);
  return cast(x, Dtype::boolean);
}

Tensor ModelInputs::positions(const char* name, const Shape& shape, int64_t limit) const {
  const Tensor x = ids(name);
  if (!x.defined()) {
    if (limit > 0 && shape[1] > limit)
      throw ShapeError(model_.c_str(),
                       std::to_string(shape[1]) + " positions, but the model has " + std::to_string(limit) + ".",
                       "shorten the input, or train a model with more positions.");
    return unsqueeze(arange(shape[1]), 0);
  }
  if (x.size(1) != shape[1] || (x.size(0) != shape[0] && x.size(0) != 1))
    throw ShapeError(model_.c_str(), std::string(name) + " must be (" + std::to_string(shape[0]) + " or 1, " +
                                         std::to_string(shape[1]) + "), got " + x.describe() + ".");
  require_indices((model_ + ", " + name).c_str(), x, limit > 0 ? limit : int64_t{1} << 40);
  return x;
}

Tensor ModelInputs::numbers(const char* name, Dtype dtype) const {
  const Tensor x = find(name);
  if (!x.defined()) return x;
  require_floating(model_.c_str(), x);
  return cast(x, dtype);
}

void add_hidden_states(NamedTensors& out, const std::string& prefix, const std::vector<Tensor>& states,
                       const Tensor& last) {
  for (size_t i = 0; i < states.size(); ++i) out.emplace_back(prefix + "." + std::to_string(i), states[i]);
  out.emplace_back(prefix + "." + std::to_string(states.size()), last);
}

}  // namespace gradus
