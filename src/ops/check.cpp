#include "ops/check.h"

namespace gradus {

void require_defined(const char* op, const Tensor& x) {
  if (!x.defined()) throw ValueError(op, "got an undefined tensor.");
}

void require_floating(const char* op, const Tensor& x) {
  require_defined(op, x);
  if (!is_floating(x.dtype()))
    throw DtypeError(op, "needs a floating tensor, got " + x.describe() + ".", "convert it with cast().");
}

void require_index(const char* op, const Tensor& x) {
  require_defined(op, x);
  if (x.dtype() != Dtype::i64 && x.dtype() != Dtype::i32)
    throw DtypeError(op, "indices must be i32 or i64, got " + x.describe() + ".");
}

static std::string list(std::initializer_list<Tensor> xs) {
  std::string s;
  for (const Tensor& x : xs)
    if (x.defined()) s += (s.empty() ? "" : ", ") + x.describe();
  return s;
}

void require_same_device(const char* op, std::initializer_list<Tensor> xs) {
  const Tensor* first = nullptr;
  for (const Tensor& x : xs) {
    if (!x.defined()) continue;
    if (!first) first = &x;
    if (x.device() != first->device()) throw ValueError(op, "operands on different devices: " + list(xs) + ".");
  }
}

void require_same(const char* op, std::initializer_list<Tensor> xs) {
  require_same_device(op, xs);
  const Tensor* first = nullptr;
  for (const Tensor& x : xs) {
    if (!x.defined()) continue;
    if (!first) first = &x;
    if (x.dtype() != first->dtype())
      throw DtypeError(op, "operands of different types: " + list(xs) + ".", "convert them with cast().");
  }
}

void require_shape(const char* op, const char* name, const Tensor& x, const Shape& shape) {
  require_defined(op, x);
  if (!(x.shape() == shape))
    throw ShapeError(op, std::string(name) + " must have shape " + shape.str() + ", got " + x.describe() + ".");
}

void require_rank(const char* op, const char* name, const Tensor& x, int at_least) {
  require_defined(op, x);
  if (x.rank() < at_least)
    throw ShapeError(
        op, std::string(name) + " must have at least " + std::to_string(at_least) + " axes, got " + x.describe() + ".");
}

void require_indices(const char* op, const Tensor& index, int64_t bound, int64_t ignored) {
  require_index(op, index);
  if (index.device() == Device::meta || index.count() == 0) return;
  const auto refuse = [&](int64_t value, int64_t position) {
    throw IndexError(op, "index " + std::to_string(value) + " at position " + std::to_string(position) +
                             " is outside [0, " + std::to_string(bound) + ").");
  };
  if (index.contiguous()) {
    dispatch_index(op, index.dtype(), [&](auto tag) {
      const auto* p = index.data<decltype(tag)>();
      for (int64_t i = 0; i < index.count(); ++i)
        if ((p[i] < 0 || p[i] >= bound) && (p[i] != ignored || ignored == -1)) refuse(p[i], i);
    });
    return;
  }
  const auto values = index.to_vector<int64_t>();
  for (size_t i = 0; i < values.size(); ++i)
    if ((values[i] < 0 || values[i] >= bound) && (values[i] != ignored || ignored == -1))
      refuse(values[i], static_cast<int64_t>(i));
}

}  // namespace gradus
