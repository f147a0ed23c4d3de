#include "base/shape.h"

#include <algorithm>

#include "base/error.h"

namespace gradus {

static void check_rank(int rank) {
  if (rank > Shape::kMaxRank)
    throw ShapeError("shape", "a tensor of rank " + std::to_string(rank) + " is not supported.",
                     "at most 8 axes; reshape to merge some.");
}

Shape::Shape(std::initializer_list<int64_t> sizes) : rank_(static_cast<int>(sizes.size())) {
  check_rank(rank_);
  std::copy(sizes.begin(), sizes.end(), sizes_);
}

Shape Shape::filled(int rank, int64_t fill) {
  check_rank(rank);
  if (rank < 0) throw ShapeError("shape", "cannot have " + std::to_string(rank) + " axes.");
  Shape s;
  s.rank_ = rank;
  std::fill_n(s.sizes_, rank, fill);
  return s;
}

void Shape::push_back(int64_t size) { insert(rank_, size); }

void Shape::insert(int axis, int64_t size) {
  check_rank(rank_ + 1);
  if (axis != rank_) checked(axis);
  std::copy_backward(sizes_ + axis, sizes_ + rank_, sizes_ + rank_ + 1);
  sizes_[axis] = size;
  ++rank_;
}

void Shape::erase(int axis) {
  checked(axis);
  std::copy(sizes_ + axis + 1, sizes_ + rank_, sizes_ + axis);
  --rank_;
}

void Shape::refuse(int axis) const {
  throw IndexError("shape", "no axis " + std::to_string(axis) + " in " + str() + ".");
}

int64_t Shape::count() const {
  int64_t n = 1;
  if (std::find(begin(), end(), 0) != end()) return 0;
  for (int64_t s : *this)
    if (__builtin_mul_overflow(n, s, &n)) throw ShapeError("shape", str() + " has more elements than can be counted.");
  return n;
}

bool Shape::operator==(const Shape& other) const {
  return rank_ == other.rank_ && std::equal(begin(), end(), other.begin());
}

std::string Shape::str() const {
  std::string s = "(";
  for (int i = 0; i < rank_; ++i) s += (i ? ", " : "") + std::to_string(sizes_[i]);
  return s + (rank_ == 1 ? ",)" : ")");
}

Strides contiguous_strides(const Shape& shape) {
  Strides strides = Strides::filled(shape.rank(), 1);
  for (int i = shape.rank() - 2; i >= 0; --i) {
    // Where nothing can lie at such a distance the product may wrap.
    const auto wide = static_cast<uint64_t>(strides[i + 1]) * static_cast<uint64_t>(std::max<int64_t>(shape[i + 1], 1));
    strides[i] = static_cast<int64_t>(wide);
  }
  return strides;
}

Shape broadcast_shapes(const char* op, const Shape& a, const Shape& b) {
  const int rank = std::max(a.rank(), b.rank());
  Shape out = Shape::filled(rank, 1);
  for (int i = 0; i < rank; ++i) {  // i counts axes from the end
    const int64_t x = i < a.rank() ? a.back(i) : 1, y = i < b.rank() ? b.back(i) : 1;
    if (x != y && x != 1 && y != 1)
      throw ShapeError(op, "shapes " + a.str() + " and " + b.str() + " do not broadcast.",
                       "aligned at the last axis, sizes must be equal or 1.");
    out[rank - 1 - i] = x == 1 ? y : x;
  }
  return out;
}

int wrap_axis(const char* op, int axis, int rank) {
  const int wrapped = axis < 0 ? axis + rank : axis;
  if (wrapped < 0 || wrapped >= rank)
    throw IndexError(
        op, "axis " + std::to_string(axis) + " is out of range for a tensor of rank " + std::to_string(rank) + ".");
  return wrapped;
}

}  // namespace gradus
