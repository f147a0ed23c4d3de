#include "nn/parameters.h"

#include <algorithm>

#include "autograd/autograd.h"
#include "autograd/observer.h"
#include "base/error.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/shape.h"

namespace gradus {

namespace {

Tensor initial_value(const Shape& shape, const Init& init, RandomKey key, Dtype dtype, Device device) {
  switch (init.kind) {
    case Init::normal: return random_normal(shape, key, init.a, init.b, dtype, device);
    case Init::uniform: return random_uniform(shape, key, init.a, init.b, dtype, device);
    case Init::constant: break;
  }
  return full(shape, init.a, dtype, device);
}

Tensor loaded_value(const TensorSource& source, const std::string& name, const Shape& shape, Dtype dtype) {
  const Tensor x = source.load(name);
  if (!(x.shape() == shape))
    throw FileError("load",
                    source.describe() + ": the tensor \"" + name + "\" has shape " + x.shape().str() + ", expected " +
                        shape.str() + ".",
                    "is config.json of the same model as the weights?");
  if (is_floating(x.dtype()) != is_floating(dtype))
    throw FileError("load", source.describe() + ": the tensor \"" + name + "\" is " + name_of(x.dtype()) +
                                (is_floating(dtype) ? ", expected a floating type." : ", expected an integer type."));
  return x.dtype() == dtype ? clone(x) : contiguous(cast(x, dtype));
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
      list_.push_back({stored, empty(shape, options_.dtype, Device::meta), packed});
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
  Parameter p{name, {}};
  if (loading()) {
    p.name = options_.source->stored_name(name);
    if (p.name.empty())
      throw FileError("load", options_.source->describe() + ": the tensor \"" + name + "\" is missing.",
                      "is config.json of the same model as the weights?");
    p.value = loaded_value(*options_.source, p.name, shape, dtype);
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
  const Tensor other = loaded_value(*options_.source, options_.source->stored_name(name), value.shape(), value.dtype());
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
