#include "fuzz/op/dice.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/autograd.h"
#include "ops/shape.h"

namespace gradus::fuzz {

uint64_t fingerprint(const Tensor& x) {
  if (x.device() == Device::meta || x.count() == 0) return 0;
  const Tensor dense = clone(x.detach());
  const auto* p = static_cast<const unsigned char*>(dense.raw());
  uint64_t h = 1469598103934665603u;
  for (size_t i = 0; i < dense.bytes(); ++i) h = (h ^ p[i]) * 1099511628211u;
  return h;
}

int Dice::axis(int rank) {
  if (odd()) return one_of({rank, -rank - 1, 100, std::numeric_limits<int>::max(), std::numeric_limits<int>::min()});
  return rank == 0 ? 0 : static_cast<int>(between(-rank, rank - 1));
}

std::vector<int> Dice::axes(int rank) {
  std::vector<int> some;
  for (int i = 0; i < rank; ++i)
    if (coin()) some.push_back(coin() ? i : i - rank);
  for (size_t i = some.size(); i > 1; --i)
    std::swap(some[i - 1], some[static_cast<size_t>(below(static_cast<int64_t>(i)))]);
  if (odd()) some.push_back(axis(rank));
  return some;
}

int64_t Dice::size(int64_t usual_max) {
  if (chance(0.02))
    return one_of<int64_t>({-1, -2, -100, int64_t{1} << 31, int64_t{1} << 40, int64_t{1} << 62,
                            std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()});
  return between(0, usual_max);
}

int64_t Dice::small(int64_t low, int64_t high) {
  if (odd())
    return one_of<int64_t>({-1, 0, 100, int64_t{1} << 31, int64_t{1} << 62, std::numeric_limits<int64_t>::max(),
                            std::numeric_limits<int64_t>::min()});
  return between(low, high);
}

double Dice::number() {
  if (chance(0.1))
    return one_of({0.0, -1.0, -0.0, 1e300, -1e300, 1e19, 1e-320, static_cast<double>(INFINITY),
                   -static_cast<double>(INFINITY), static_cast<double>(NAN)});
  return coin() ? static_cast<double>(between(-3, 3)) : key_.normal(next_++);
}

Shape Dice::shape(int max_rank) { return shape_of_rank(static_cast<int>(below(max_rank + 1))); }

Shape Dice::shape_of_rank(int rank) {
  // High ranks get short axes, so that a call stays quick.
  Shape s;
  const int64_t most = rank <= 3 ? 5 : rank == 4 ? 4 : 3;
  for (int i = 0; i < std::clamp(rank, 0, Shape::kMaxRank); ++i) s.push_back(chance(0.06) ? 0 : between(1, most));
  if (s.rank() > 0 && chance(0.1)) s[s.rank() - 1] = between(6, 40);  // past a vector's width
  return s;
}

Shape Dice::broadcastable(const Shape& with) {
  Shape s;
  for (int i = odd() ? 0 : static_cast<int>(below(with.rank() + 1)); i < with.rank(); ++i)
    s.push_back(chance(0.3) ? 1 : odd() ? between(0, 5) : with[i]);
  return s;
}

Shape Dice::broadcast_target(const Shape& from) {
  Shape s;
  for (int i = static_cast<int>(below(3)); i > 0 && s.rank() + from.rank() < Shape::kMaxRank; --i)
    s.push_back(chance(0.9) ? between(1, 3) : size());
  for (int64_t n : from) s.push_back(n == 1 ? between(0, 4) : odd() ? size() : n);
  return s;
}

Dtype Dice::dtype() { return static_cast<Dtype>(below(8)); }
Dtype Dice::floating() { return chance(0.5) ? Dtype::f32 : static_cast<Dtype>(below(4)); }

Dtype Dice::kind() {
  if (kind_ < 0) kind_ = static_cast<int>(floating());
  return chance(0.03) ? dtype() : static_cast<Dtype>(kind_);
}

namespace {

template <class T>
T convert_to(double value) {
  return T(static_cast<float>(value));
}
template <>
double convert_to<double>(double value) {
  return value;
}

}  // namespace

void Dice::fill(const Tensor& x, int64_t low, int64_t high) {
  if (x.device() == Device::meta || x.count() == 0) return;
  // One number a place of the storage: views that overlap read the same.
  const bool special = chance(0.2);
  dispatch_all(x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    T* p = x.data<T>();
    for (int64_t i = 0; i < x.count(); ++i) {
      if constexpr (std::is_same_v<T, bool>) {
        p[i] = coin();
      } else if constexpr (std::is_integral_v<T>) {
        p[i] = static_cast<T>(between(low, high));
        if (special && chance(0.2))
          p[i] = one_of({std::numeric_limits<T>::min(), std::numeric_limits<T>::max(), T(0), static_cast<T>(-1)});
      } else {
        p[i] = convert_to<T>(key_.normal(next_++));
        if (special && chance(0.2))
          p[i] = convert_to<T>(one_of({0.0, -0.0, static_cast<double>(INFINITY), -static_cast<double>(INFINITY),
                                       static_cast<double>(NAN), 1e38, -3e38, 1e-40, 65504.0, 1e30, 1.0, -1.0}));
      }
    }
  });
}

// A new tensor of this shape over a storage that was filled as a whole.
Tensor Dice::lay_out(const Shape& shape, Dtype dtype, Device device) {
  const int64_t low = coin() ? 0 : -5, high = 5;
  const auto filled = [&](const Shape& s) {
    const Tensor x = empty(s, dtype, device);
    fill(x, low, high);
    return x;
  };
  const int rank = shape.rank();
  const int layout = static_cast<int>(below(7));
  constexpr int64_t kHuge = int64_t{1} << 40;  // such a shape is refused, or lies on meta: no room for layouts
  if (rank == 0 || layout <= 1 || shape.count() == 0 || shape.count() > kHuge) return filled(shape);
  Shape wide = shape;
  Strides strides;
  int64_t offset = 0;
  switch (layout) {
    case 2: {  // two axes swapped
      const int a = static_cast<int>(below(rank)), b = static_cast<int>(below(rank));
      std::swap(wide[a], wide[b]);
      const Tensor x = filled(wide);
      strides = x.strides();
      std::swap(strides[a], strides[b]);
      return x.strided(shape, strides);
    }
    case 3: {  // cut out of something larger
      for (int i = 0; i < rank; ++i) wide[i] += below(2);
      const Tensor x = filled(wide);
      for (int i = 0; i < rank; ++i) offset += (wide[i] - shape[i]) * x.strides()[i];
      return x.strided(shape, x.strides(), offset);
    }
    case 4: {  // stretched: stride 0
      for (int i = 0; i < rank; ++i)
        if (coin()) wide[i] = 1;
      const Tensor x = filled(wide);
      strides = x.strides();
      for (int i = 0; i < rank; ++i)
        if (wide[i] == 1) strides[i] = 0;
      return x.strided(shape, strides);
    }
    case 5: {  // misaligned, or every other element
      const int64_t step = between(1, 2);
      const Tensor x = filled({shape.count() * step + 3});
      strides = contiguous_strides(shape);
      for (int i = 0; i < rank; ++i) strides[i] *= step;
      return x.strided(shape, strides, below(3));
    }
    default: break;
  }
  // Overlapping windows, some axes running backwards.
  strides = shape;
  int64_t reach = 0;
  for (int i = 0; i < rank; ++i) {
    strides[i] = between(-2, 3);
    if (strides[i] < 0) offset += -strides[i] * (shape[i] - 1);
    reach += std::abs(strides[i]) * (shape[i] - 1);
  }
  return filled({reach + 1}).strided(shape, strides, offset);
}

Tensor Dice::tensor(const Shape& shape, Dtype dtype) {
  if (chance(0.01)) return {};
  if (device_ < 0) device_ = chance(0.08);
  const bool meta = chance(0.01) ? coin() : device_ == 1;
  Tensor x = lay_out(shape, dtype, meta ? Device::meta : Device::cpu);
  if (is_floating(x.dtype()) && coin()) require_grad(x);
  return hand_out(x);
}

Tensor Dice::hand_out(const Tensor& x) {
  fingerprints_.push_back(fingerprint(x));  // throws when x, stretched, is too large to be looked at
  operands_.push_back(x);
  return x;
}

Tensor Dice::indices(const Shape& shape, int64_t bound, Dtype dtype) {
  Tensor x = tensor(shape, dtype);
  if (!x.defined() || !is_integer(x.dtype()) || x.dtype() == Dtype::u8) return x;
  const bool good = chance(0.9);
  const Tensor fresh = empty(x.shape(), x.dtype(), x.device());
  if (fresh.device() == Device::cpu && bound > 0)
    dispatch_index("indices", fresh.dtype(), [&](auto tag) {
      auto* p = fresh.data<decltype(tag)>();
      for (int64_t i = 0; i < fresh.count(); ++i)
        p[i] = static_cast<decltype(tag)>(good || chance(0.7) ? below(bound) : between(-bound - 1, bound + 1));
    });
  else
    fill(fresh, 0, 3);
  operands_.pop_back(), fingerprints_.pop_back();
  return hand_out(fresh);
}

}  // namespace gradus::fuzz
