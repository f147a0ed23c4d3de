#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/ref.h"
#include "base/shape.h"
#include "tensor/device.h"
#include "tensor/storage.h"

namespace gradus {

/// A strided view of a storage. Copying a Tensor copies a handle: both name the same numbers.
/// The functions here never record gradients; their differentiable twins are in ops/. A default-constructed tensor is
/// undefined, which stands for "none" where an argument is optional; asking it for anything but defined(), describe()
/// and id() throws ValueError.
class Tensor {
 public:
  Tensor() = default;
  /// A view of `storage`: element (i, j, …) lies at `offset + i*strides[0] + j*strides[1] + …`, all in elements.
  /// Throws ShapeError when any element would lie outside the storage.
  Tensor(Ref<Storage> storage, Dtype dtype, const Shape& shape, const Strides& strides, int64_t offset = 0);

  bool defined() const { return static_cast<bool>(impl_); }
  const Shape& shape() const { return impl().shape; }
  const Strides& strides() const { return impl().strides; }
  int rank() const { return impl().shape.rank(); }
  /// Size of one axis; negative axes count from the end. Throws IndexError when out of range.
  int64_t size(int axis) const;
  int64_t count() const { return impl().count; }
  size_t bytes() const { return static_cast<size_t>(impl().count) * size_of(impl().dtype); }
  Dtype dtype() const { return impl().dtype; }
  Device device() const { return impl().storage->device(); }
  /// True when the elements lie densely in row-major order.
  bool contiguous() const { return impl().contiguous; }
  /// No other handle shares the numbers.
  bool unique() const { return impl().use_count() == 1 && impl().storage->use_count() == 1; }

  /// First element. The type is the caller's promise; kernels dispatch on dtype() before.
  template <class T>
  T* data() const {
    return static_cast<T*>(impl().storage->data()) + impl().offset;
  }
  void* raw() const;

  /// The value of a tensor with one element, as double. Throws ShapeError otherwise.
  double item() const;
  /// All elements in row-major order, converted to T (double, float, int64_t, int32_t).
  template <class T>
  std::vector<T> to_vector() const;

  /// The same numbers seen with other sizes and strides, `offset` elements after this view's first.
  Tensor strided(const Shape& shape, const Strides& strides, int64_t offset = 0) const;
  /// The same numbers without history.
  Tensor detach() const;

  uint32_t version() const { return impl().storage->version(); }
  /// To be called after changing the numbers in place: saved copies of this tensor become invalid for gradients.
  void bump_version() const { impl().storage->bump_version(); }

  /// "(2, 3) f32 cpu", for errors.
  std::string describe() const;
  /// Identity of the handle's view, for autograd.
  const void* id() const { return impl_.get(); }

  /// Slot for the autograd floor: the node that made this tensor (or a leaf) and which of its outputs this is.
  const Ref<RefCounted>& history() const { return impl().history; }
  int history_output() const { return impl().history_output; }
  void set_history(Ref<RefCounted> node, int output) const;

 private:
  struct Impl : RefCounted {
    Ref<Storage> storage;
    Shape shape;
    Strides strides;
    int64_t offset = 0;
    int64_t count = 0;
    Dtype dtype = Dtype::f32;
    bool contiguous = true;
    int history_output = 0;
    Ref<RefCounted> history;
  };
  // Every look inside goes through here: an undefined tensor throws ValueError.
  Impl& impl() const {
    if (!impl_) [[unlikely]]
      throw_undefined();
    return *impl_;
  }
  [[noreturn]] static void throw_undefined();

  Ref<Impl> impl_;
};

using Tensors = std::vector<Tensor>;

/// New uninitialised dense tensor. Throws ShapeError for negative sizes, MemoryError when memory ends.
Tensor empty(const Shape& shape, Dtype dtype = Dtype::f32, Device device = Device::cpu);
Tensor empty_like(const Tensor& x);

/// Dense tensor from values in row-major order. Throws ShapeError when the count differs from the shape's.
template <class T>
Tensor from_vector(const std::vector<T>& values, const Shape& shape);
template <class T>
Tensor from_vector(const std::vector<T>& values) {
  return from_vector(values, {static_cast<int64_t>(values.size())});
}

}  // namespace gradus
