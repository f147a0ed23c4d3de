#include "ops/check.h"

#include <algorithm>
#include <atomic>

#include "base/parallel.h"
#include "kernels/within.h"

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

// Each number once: an axis along which all are the same (stride 0) counts as one.
static Tensor without_repeats(const Tensor& x) {
  Shape shape = x.shape();
  for (int axis = 0; axis < x.rank(); ++axis)
    if (x.strides()[axis] == 0) shape[axis] = 1;
  return x.strided(shape, x.strides());
}

template <class T>
static bool all_within_in_parallel(const T* p, int64_t n, int64_t bound) {
  constexpr int64_t kGrain = 1 << 17;
  std::atomic<bool> fine{true};
  parallel_for(n, kGrain, [&](int64_t begin, int64_t end) {
    if (!all_within(p + begin, end - begin, bound)) fine.store(false, std::memory_order_relaxed);
  });
  return fine;
}

void require_indices(const char* op, const Tensor& index, int64_t bound, int64_t ignored) {
  require_index(op, index);
  if (index.device() == Device::meta || index.count() == 0) return;
  const auto wrong = [&](int64_t value) {
    return (value < 0 || value >= bound) && (value != ignored || ignored == -1);
  };
  const Tensor once = index.contiguous() ? index : without_repeats(index);
  if (once.contiguous()) {
    const bool fine = dispatch_index(op, index.dtype(), [&](auto tag) {
      const auto* p = once.data<decltype(tag)>();
      return all_within_in_parallel(p, once.count(), bound) || std::none_of(p, p + once.count(), wrong);
    });
    if (fine) return;
  }
  const auto values = index.to_vector<int64_t>();
  const auto found = std::find_if(values.begin(), values.end(), wrong);
  if (found != values.end())
    throw IndexError(op, "index " + std::to_string(*found) + " at position " + std::to_string(found - values.begin()) +
                             " is outside [0, " + std::to_string(bound) + ").");
}

void require_index_fits(const char* op, const char* name, const Tensor& x, const Tensor& index, int axis) {
  bool fits = index.rank() == x.rank();
  for (int i = 0; fits && i < x.rank(); ++i) fits = i == axis || index.shape()[i] <= x.shape()[i];
  if (!fits)
    throw ShapeError(op, "index " + index.describe() + " must have the rank of " + name + " " + x.describe() +
                             " and be at most as large but for axis " + std::to_string(axis) + ".");
}

}  // namespace gradus
