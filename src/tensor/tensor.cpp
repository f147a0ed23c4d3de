#include "tensor/tensor.h"

#include <cstring>

#include "base/error.h"

namespace gradus {

namespace {

bool is_contiguous(const Shape& shape, const Strides& strides) {
  int64_t expected = 1;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    if (shape[i] == 0) return true;
    if (shape[i] != 1 && strides[i] != expected) return false;
    expected *= shape[i];
  }
  return true;
}

// Number of elements, refusing negative sizes and products beyond 2^62.
int64_t checked_count(const Shape& shape) {
  int64_t n = 1;
  bool empty = false;
  for (int64_t size : shape) {
    if (size < 0) throw ShapeError("tensor", "negative size in shape " + shape.str() + ".");
    if (size == 0)
      empty = true;
    else if (__builtin_mul_overflow(n, size, &n) || n > (int64_t{1} << 62))
      throw ShapeError("tensor", "shape " + shape.str() + " has too many elements.");
  }
  return empty ? 0 : n;
}

void check_inside(const Shape& shape, const Strides& strides, int64_t offset, int64_t capacity) {
  int64_t low = offset, high = offset;
  bool overflow = strides.rank() != shape.rank();
  for (int i = 0; i < shape.rank() && !overflow; ++i) {
    int64_t reach = 0, &end = strides[i] < 0 ? low : high;
    overflow = __builtin_mul_overflow(shape[i] - 1, strides[i], &reach) || __builtin_add_overflow(end, reach, &end);
  }
  if (overflow || low < 0 || high >= capacity)
    throw ShapeError("view", "shape " + shape.str() + " with strides " + strides.str() + " at offset " +
                                 std::to_string(offset) + " leaves its storage of " + std::to_string(capacity) +
                                 " elements.");
}

// Visits the offsets of all elements in row-major order.
template <class F>
void visit_offsets(const Shape& shape, const Strides& strides, F&& f) {
  const int64_t n = shape.count();
  Shape index = Shape::filled(shape.rank(), 0);
  int64_t offset = 0;
  for (int64_t i = 0; i < n; ++i) {
    f(offset);
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      offset += strides[axis];
      if (++index[axis] < shape[axis]) break;
      offset -= shape[axis] * strides[axis];
      index[axis] = 0;
    }
  }
}

void require_data(const Tensor& t, const char* op) {
  if (t.device() != Device::cpu)
    throw ValueError(op, std::string("a tensor on device ") + name_of(t.device()) + " has no data to read.");
}

}  // namespace

Tensor::Tensor(Ref<Storage> storage, Dtype dtype, const Shape& shape, const Strides& strides, int64_t offset) {
  impl_ = make_ref<Impl>();
  impl_->count = checked_count(shape);
  if (impl_->count > 0) check_inside(shape, strides, offset, static_cast<int64_t>(storage->bytes() / size_of(dtype)));
  impl_->storage = std::move(storage);
  impl_->shape = shape;
  impl_->strides = strides;
  impl_->offset = offset;
  impl_->dtype = dtype;
  impl_->contiguous = is_contiguous(shape, strides);
}

void Tensor::throw_undefined() {
  throw ValueError("tensor", "an undefined tensor has no shape, type or numbers.",
                   "pass a tensor that was computed or made.");
}

int64_t Tensor::size(int axis) const { return shape()[wrap_axis("size", axis, rank())]; }

void* Tensor::raw() const {
  return static_cast<char*>(impl().storage->data()) + impl().offset * static_cast<int64_t>(size_of(impl().dtype));
}

double Tensor::item() const {
  if (count() != 1) throw ShapeError("item", "needs a tensor with one element, got " + describe() + ".");
  return to_vector<double>()[0];
}

template <class T>
std::vector<T> Tensor::to_vector() const {
  require_data(*this, "to_vector");
  std::vector<T> out;
  out.reserve(static_cast<size_t>(count()));
  dispatch_all(dtype(), [&](auto tag) {
    using S = decltype(tag);
    const S* p = data<S>();
    visit_offsets(shape(), strides(), [&](int64_t at) { out.push_back(static_cast<T>(p[at])); });
  });
  return out;
}
template std::vector<double> Tensor::to_vector() const;
template std::vector<float> Tensor::to_vector() const;
template std::vector<int64_t> Tensor::to_vector() const;
template std::vector<int32_t> Tensor::to_vector() const;

Tensor Tensor::strided(const Shape& shape, const Strides& strides, int64_t offset) const {
  int64_t from = 0;
  if (__builtin_add_overflow(impl().offset, offset, &from))
    throw ShapeError("view", "offset " + std::to_string(offset) + " leaves the storage.");
  return Tensor(impl().storage, impl().dtype, shape, strides, from);
}

Tensor Tensor::detach() const { return strided(shape(), strides()); }

std::string Tensor::describe() const {
  if (!defined()) return "(undefined tensor)";
  return shape().str() + " " + name_of(dtype()) + " " + name_of(device());
}

void Tensor::set_history(Ref<RefCounted> node, int output) const {
  impl().history = std::move(node);
  impl().history_output = output;
}

Tensor empty(const Shape& shape, Dtype dtype, Device device) {
  const int64_t n = checked_count(shape);
  return Tensor(make_ref<Storage>(device, static_cast<size_t>(n) * size_of(dtype)), dtype, shape,
                contiguous_strides(shape));
}

Tensor empty_like(const Tensor& x) { return empty(x.shape(), x.dtype(), x.device()); }

template <class T>
Tensor from_vector(const std::vector<T>& values, const Shape& shape) {
  Tensor t = empty(shape, dtype_of<T>);
  if (t.count() != static_cast<int64_t>(values.size()))
    throw ShapeError("from_vector", std::to_string(values.size()) + " values do not fill shape " + shape.str() + ".");
  if (!values.empty()) std::memcpy(t.raw(), values.data(), t.bytes());
  return t;
}
template Tensor from_vector(const std::vector<double>&, const Shape&);
template Tensor from_vector(const std::vector<float>&, const Shape&);
template Tensor from_vector(const std::vector<f16>&, const Shape&);
template Tensor from_vector(const std::vector<bf16>&, const Shape&);
template Tensor from_vector(const std::vector<int64_t>&, const Shape&);
template Tensor from_vector(const std::vector<int32_t>&, const Shape&);
template Tensor from_vector(const std::vector<uint8_t>&, const Shape&);

}  // namespace gradus
