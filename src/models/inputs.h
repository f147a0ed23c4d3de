#pragma once
#include <string>
#include <vector>

#include "io/safetensors.h"
#include "tensor/tensor.h"

namespace gradus {

/// The inputs of Model::forward, checked and converted one by one. Undefined tensors are inputs that were not given.
class ModelInputs {
 public:
  /// Keeps a reference. Throws ValueError for a name that is not among `known`, so that a typing error cannot pass as
  /// "not given". `model` stands in errors.
  ModelInputs(const NamedTensors& given, const std::vector<std::string>& known, std::string model);

  Tensor find(const char* name) const;
  bool has(const char* name) const { return find(name).defined(); }
  /// (rows, columns) i64. Throws ShapeError for another rank, DtypeError for what is no integer.
  Tensor ids(const char* name) const;
  /// As ids(), and every id must lie in [0, limit) (IndexError).
  Tensor ids(const char* name, int64_t limit) const;
  /// Of this shape, bool: false hides.
  Tensor mask(const char* name, const Shape& shape) const;
  /// (rows or 1, columns) positions below `limit`, for ids of this shape; when not given 0, 1, 2, … as one row.
  /// Throws ShapeError for more columns than the model has positions.
  Tensor positions(const char* name, const Shape& shape, int64_t limit) const;
  /// Floating, in `dtype`.
  Tensor numbers(const char* name, Dtype dtype) const;
  /// Throws ValueError when it was not given.
  void require(const char* name) const;
  const std::string& model() const { return model_; }

 private:
  const NamedTensors& given_;
  std::string model_;
};

/// hidden_states.0, … , named `prefix`.0, … , the last being `last`.
void add_hidden_states(NamedTensors& out, const std::string& prefix, const std::vector<Tensor>& states,
                       const Tensor& last);

}  // namespace gradus
