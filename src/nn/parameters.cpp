#include "nn/parameters.h"

#include <algorithm>

#include "autograd/autograd.h"
#include "autograd/observer.h"
#include "base/error.h"
#include "kernels/table.h"
#include "ops/elementwise.h"
#include "ops/shape.h"

namespace gradus {

namespace {

// A tensor of the wanted type is the source's own (of a file: its mapped pages) when `borrow`, otherwise a copy.
Tensor loaded_value(const TensorSource& source, const std::string& name, const Shape& shape, Dtype dtype, bool borrow) {
  const Tensor x = source.load(name);
  if (!(x.shape() == shape))
    throw FileError("load",
                    source.describe() + ": the tensor \"" + name + "\" has shape " + x.shape().str() + ", expected " +
                        shape.str() + ".",
                    "is config.json of the same model as the weights?");
  if (is_floating(x.dtype()) != is_floating(dtype))
    throw FileError("load", source.describe() + ": the tensor \"" + name + "\" is " + name_of(x.dtype()) +
                                (is_floating(dtype) ? ", expected a floating type." : ", expected an integer type."));
  if (x.dtype() != dtype) return contiguous(cast(x, dtype));
  return borrow ? contiguous(x) : clone(x);
}

}  // namespace

QuantTensor TensorSource::packed(const std::string&) const { return {}; }

Parameters::Parameters(Options options) : options_(options) {
  if (!options_.packed_weights) return;
  if (options_.trainable)
    throw ValueError("parameters", "packed weights cannot be trained: they have no gradient.",
                     "load the model without packed_weights; they become floats.");
  if (options_.dtype != Dtype::f32)
    throw ValueError("parameters",
                     std::string("packed weights compute in f32, not in ") + name_of(options_.dtype) + ".");
}

Tensor Parameters::make_matrix(const std::string& name, const Shape& shape, const Init& init, int64_t rows,
                               int64_t columns, QuantTensor& packed) {
  if (options_.packed_weights && loading()) {
    const std::string stored = options_.source->stored_name(name);
    if (!stored.empty()) packed = options_.source->packed(stored);
    if (packed.defined() && packed.rows() == rows && packed.columns() == columns) {
      if (find(stored).defined()) throw ValueError("parameters", "two layers make the parameter \"" + stored + "\".");
      list_.push_back({.name = stored, .value = empty(shape, options_.dtype, Device::meta), .packed = packed});
      return list_.back().value;
    }
    packed = {};
  }
  return make(name, shape, init);
}

QuantTensor Parameters::packed_of(const Tensor& value) const {
  if (value.device() != Device::meta) return {};
  for (const Parameter& p : list_)
    if (p.value.id() == value.id()) return p.packed;
  return {};
}

Tensor Parameters::find(const std::string& name) const {
  for (const auto* list : {&list_, &buffers_})
    for (const Parameter& p : *list)
      if (p.name == name) return p.value;
  return {};
}

int64_t Parameters::count() const {
  int64_t n = 0;
  for (const Parameter& p : list_) n += p.value.count();
  return n;
}

Parameter Parameters::loaded_or_initial(const std::string& name, const Shape& shape, const Init& init,
                                        Dtype dtype) const {
  Parameter p{name, {}, init.learning_rate_scale};
  if (loading()) {
    p.name = options_.source->stored_name(name);
    if (p.name.empty())
      throw FileError("load", options_.source->describe() + ": the tensor \"" + name + "\" is missing.",
                      "is config.json of the same model as the weights?");
    p.value = loaded_value(*options_.source, p.name, shape, dtype, !options_.trainable);
  } else {
    const RandomKey key{options_.seed, stream_name(name.c_str())};
    p.value = initial_value(shape, init, key, dtype, options_.device);
  }
  if (find(p.name).defined()) throw ValueError("parameters", "two layers make the parameter \"" + p.name + "\".");
  return p;
}

Tensor Parameters::make(const std::string& name, const Shape& shape, const Init& init) {
  Parameter p = loaded_or_initial(name, shape, init, options_.dtype);
  if (options_.trainable) require_grad(p.value);
  list_.push_back(p);
  return p.value;
}

Tensor Parameters::make_tied(const std::string& name, const Tensor& value) {
  if (!has_stored(name)) return value;
  const Tensor other =
      loaded_value(*options_.source, options_.source->stored_name(name), value.shape(), value.dtype(), true);
  const int64_t rows = value.rank() > 0 ? value.size(0) : 0;
  for (int64_t at = 0; at < rows; at += 1024) {  // in pieces: the table may be large
    const int64_t n = std::min<int64_t>(1024, rows - at);
    if (narrow(value.detach(), 0, at, n).to_vector<double>() != narrow(other, 0, at, n).to_vector<double>())
      return make(name, value.shape(), Init::zeros());
  }
  return value;
}

bool Parameters::has_stored(const std::string& name) const {
  return loading() && !options_.source->stored_name(name).empty();
}

std::string Parameters::first_stored(const std::vector<std::string>& names) const {
  for (const std::string& name : names)
    if (has_stored(name)) return name;
  return names.at(0);
}

Tensor Parameters::make(const std::string& name, const Shape& shape, int axis, const std::vector<Init>& blocks) {
  const auto n = static_cast<int64_t>(blocks.size());
  if (n == 0 || axis < 0 || axis >= shape.rank() || shape[axis] % n != 0)
    throw ShapeError("parameters", name + " " + shape.str() + " does not divide into " + std::to_string(n) +
                                       " blocks along axis " + std::to_string(axis) + ".");
  const Tensor whole = make(name, shape, blocks[0]);
  if (n == 1 || loading() || options_.device != Device::cpu) return whole;
  Shape part = shape;
  part[axis] /= n;
  const RandomKey key{options_.seed, stream_name(name.c_str())};
  for (int64_t i = 0; i < n; ++i)
    kernels(whole.device())
        .copy({.x = initial_value(part, blocks[static_cast<size_t>(i)], key.fold(static_cast<uint64_t>(i)),
                                  options_.dtype),
               .y = narrow(whole.detach(), axis, i * part[axis], part[axis])});
  whole.bump_version();
  return whole;
}

Tensor Parameters::make_buffer(const std::string& name, const Shape& shape, const Init& init, Dtype dtype) {
  buffers_.push_back(loaded_or_initial(name, shape, init, dtype));
  return buffers_.back().value;
}

int Parameters::set_trainable(const std::string& pattern, bool on) {
  int changed = 0;
  for (Parameter& p : list_)
    if (matches_pattern(p.name, pattern)) {
      require_grad(p.value, on);
      ++changed;
    }
  return changed;
}

const char* Scope::trace_path() const { return lasting_name(path_); }

bool matches_pattern(const std::string& text, const std::string& pattern) {
  size_t t = 0, p = 0, star = std::string::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p, ++t;
    } else if (star != std::string::npos) {  // let the last star swallow one more character
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace gradus
