#pragma once
#include <cstdint>
#include <initializer_list>
#include <string>

namespace gradus {

/// Sizes (or strides) of up to 8 axes, held inline: copying a shape allocates nothing.
class Shape {
 public:
  static constexpr int kMaxRank = 8;

  Shape() = default;
  Shape(std::initializer_list<int64_t> sizes);
  /// `rank` axes of size `fill`. Throws ShapeError above kMaxRank.
  static Shape filled(int rank, int64_t fill);

  int rank() const { return rank_; }
  /// Axes from 0 on. Throws IndexError for one that is not there, as all that follow do.
  int64_t operator[](int axis) const { return sizes_[checked(axis)]; }
  int64_t& operator[](int axis) { return sizes_[checked(axis)]; }
  /// The size of an axis counted from the end: back() is the last, back(1) the one before.
  int64_t back(int i = 0) const { return sizes_[checked(rank_ - 1 - i)]; }
  const int64_t* begin() const { return sizes_; }
  const int64_t* end() const { return sizes_ + rank_; }

  void push_back(int64_t size);
  /// A new axis in front of `axis`, which may be rank().
  void insert(int axis, int64_t size);
  void erase(int axis);

  /// Product of the sizes; 1 for rank 0. Throws ShapeError when it does not fit into 64 bits.
  int64_t count() const;
  bool operator==(const Shape& other) const;
  /// "(2, 3)"
  std::string str() const;

 private:
  int checked(int axis) const {
    if (static_cast<unsigned>(axis) >= static_cast<unsigned>(rank_)) refuse(axis);
    return axis;
  }
  [[noreturn]] void refuse(int axis) const;

  int64_t sizes_[kMaxRank] = {};
  int rank_ = 0;
};
using Strides = Shape;

/// Row-major strides of a dense tensor.
Strides contiguous_strides(const Shape& shape);

/// The shape that `a` and `b` broadcast to, axes aligned at the end; throws ShapeError naming `op`.
Shape broadcast_shapes(const char* op, const Shape& a, const Shape& b);

/// Turns a negative axis into its positive twin; throws IndexError naming `op` when out of [-rank, rank).
int wrap_axis(const char* op, int axis, int rank);

}  // namespace gradus
