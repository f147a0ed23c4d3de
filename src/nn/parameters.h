#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/random.h"
#include "tensor/quantized.h"

namespace gradus {

/// How a parameter starts when no checkpoint gives it.
struct Init {
  enum Kind : uint8_t { constant, normal, uniform } kind = constant;
  double a = 0, b = 0;  ///< constant: value a; normal: mean a, deviation b; uniform: [a, b)

  static Init zeros() { return {constant, 0, 0}; }
  static Init ones() { return {constant, 1, 0}; }
  static Init normal_of(double deviation) { return {normal, 0, deviation}; }
  static Init uniform_of(double bound) { return {uniform, -bound, bound}; }
};

struct Parameter {
  std::string name;  ///< path in the checkpoint: "model.layers.0.self_attn.q_proj.weight"
  Tensor value;      ///< on the meta device (a shape without numbers) when the weight is packed
  QuantTensor packed = {};
};

/// Where loaded parameters come from: a checkpoint, another model, a test.
class TensorSource {
 public:
  virtual ~TensorSource() = default;
  /// The name under which the tensor that a model calls `name` is stored; empty when there is none.
  virtual std::string stored_name(const std::string& name) const = 0;
  /// By stored name, in any dtype; the store converts it.
  virtual Tensor load(const std::string& stored) const = 0;
  /// By stored name: the blocks of a matrix that is stored in 16 bits or less; undefined when it is not.
  virtual QuantTensor packed(const std::string& stored) const;
  /// For errors: the file or folder.
  virtual std::string describe() const = 0;
};

/// The named parameters of a model, in the order in which its layers made them. Layers hold handles to the same
/// tensors, so that a change in place (an optimiser's) is seen by both.
class Parameters {
 public:
  struct Options {
    Dtype dtype = Dtype::f32;
    Device device = Device::cpu;
    uint64_t seed = 0;
    const TensorSource* source = nullptr;  ///< asked while the layers are made
    bool trainable = true;
    bool packed_weights = false;  ///< matrices of layers that can use them stay packed
  };
  /// Throws ValueError for packed weights that shall be trained or have another dtype than f32.
  explicit Parameters(Options options);
  Parameters(const Parameters&) = delete;
  Parameters& operator=(const Parameters&) = delete;

  const std::vector<Parameter>& all() const { return list_; }
  /// What layers keep beside their parameters (running statistics): stored in a checkpoint too, but never trained.
  const std::vector<Parameter>& buffers() const { return buffers_; }
  /// A parameter or buffer; undefined when there is none of this name.
  Tensor find(const std::string& name) const;
  int64_t count() const;  ///< numbers in all parameters together
  Dtype dtype() const { return options_.dtype; }
  Device device() const { return options_.device; }

  /// Loads or initialises. Throws ValueError for a name made twice, FileError when the checkpoint lacks it or has
  /// another shape. The initial value depends on (seed, name) only, not on the order of the layers.
  Tensor make(const std::string& name, const Shape& shape, const Init& init);

  /// As make(), for the matrix of a layer that can compute with packed weights. `packed` receives the blocks (rows,
  /// columns) when the checkpoint has them and the store keeps them; the result is then a shape without numbers.
  Tensor make_matrix(const std::string& name, const Shape& shape, const Init& init, int64_t rows, int64_t columns,
                     QuantTensor& packed);
  /// The blocks behind a parameter that make_matrix gave; undefined for others.
  QuantTensor packed_of(const Tensor& value) const;

  /// `value` under a second name: what a checkpoint that ties the two keeps once. When the checkpoint holds other
  /// numbers under `name`, they are not tied, and become a parameter of their own.
  Tensor make_tied(const std::string& name, const Tensor& value);
  /// Whether the checkpoint, while the layers are made, has a tensor for `name`.
  bool has_stored(const std::string& name) const;
  /// The first of the names that the checkpoint has; the first of all when it has none, or when there is none.
  std::string first_stored(const std::vector<std::string>& names) const;

  /// As make(), for a buffer of any dtype.
  Tensor make_buffer(const std::string& name, const Shape& shape, const Init& init, Dtype dtype);
  /// Whether values come from a checkpoint, so that a layer leaves them alone.
  bool loading() const { return options_.source != nullptr && options_.device == Device::cpu; }

  /// Forgets the checkpoint once all layers are made.
  void close_source() { options_.source = nullptr; }

  /// Marks parameters whose whole name matches `pattern` (see matches_pattern) as trainable or frozen;
  /// returns how many.
  int set_trainable(const std::string& pattern, bool on);

 private:
  Parameter loaded_or_initial(const std::string& name, const Shape& shape, const Init& init, Dtype dtype) const;

  Options options_;
  std::vector<Parameter> list_, buffers_;
};

/// A place in the tree of names, handed to layers' constructors: `Linear(s / "q_proj", …)`.
class Scope {
 public:
  explicit Scope(Parameters& store, std::string path = "") : store_(&store), path_(std::move(path)) {}
  Scope operator/(const std::string& name) const { return Scope(*store_, child(name)); }
  Scope operator/(int64_t index) const { return *this / std::to_string(index); }
  Tensor parameter(const std::string& name, const Shape& shape, const Init& init) const {
    return store_->make(child(name), shape, init);
  }
  /// A weight (shape) whose packed form is the matrix (rows, columns); see Parameters::make_matrix.
  Tensor matrix(const std::string& name, const Shape& shape, const Init& init, int64_t rows, int64_t columns,
                QuantTensor& packed) const {
    return store_->make_matrix(child(name), shape, init, rows, columns, packed);
  }
  Tensor buffer(const std::string& name, const Shape& shape, const Init& init, Dtype dtype) const {
    return store_->make_buffer(child(name), shape, init, dtype);
  }
  const std::string& path() const { return path_; }
  /// The path, for the TraceScope in which a layer computes.
  const char* trace_path() const;
  Parameters& store() const { return *store_; }

 private:
  std::string child(const std::string& name) const { return path_.empty() ? name : path_ + "." + name; }
  Parameters* store_;
  std::string path_;
};

/// `*` matches any run of characters, also none; everything else itself. The whole text must match.
bool matches_pattern(const std::string& text, const std::string& pattern);

}  // namespace gradus
