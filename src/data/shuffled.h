#pragma once
#include <cstdint>
#include <vector>

#include "base/random.h"

namespace gradus {

/// An endless walk over 0 … count-1: every epoch takes each once, in an order drawn from (key, epoch). What comes at a
/// position is a pure function of count, key and position.
class ShuffledIndices {
 public:
  /// Throws ValueError for count < 1.
  ShuffledIndices(int64_t count, RandomKey key);
  int64_t next();
  int64_t position() const { return position_; }
  void set_position(int64_t position) { position_ = position; }
  int64_t count() const { return count_; }
  /// Epochs done, with a fraction.
  double epoch() const { return static_cast<double>(position_) / static_cast<double>(count_); }

 private:
  int64_t count_;
  RandomKey key_;
  std::vector<int64_t> order_;
  int64_t position_ = 0, ordered_ = -1;
};

}  // namespace gradus
