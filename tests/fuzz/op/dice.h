#pragma once
// Random arguments for random calls. Everything a call does follows from its seed and number.
#include <initializer_list>
#include <string>
#include <vector>

#include "base/random.h"
#include "tensor/tensor.h"

namespace gradus::fuzz {

class Dice {
 public:
  Dice(uint64_t seed, uint64_t call) : key_(RandomKey{seed, 0}.fold(call)) {}

  // Choices.
  int64_t below(int64_t n) { return static_cast<int64_t>(key_.below(static_cast<uint64_t>(n), next_++)); }
  int64_t between(int64_t low, int64_t high) { return low + below(high - low + 1); }  ///< both included
  bool chance(double p) { return key_.uniform(next_++) < p; }
  bool coin() { return chance(0.5); }
  template <class T>
  T one_of(std::initializer_list<T> all) {
    return *(all.begin() + below(static_cast<int64_t>(all.size())));
  }

  // Arguments: mostly such as a call can use, now and then such as it must refuse.
  int axis(int rank);                        ///< in [-rank, rank), seldom outside
  std::vector<int> axes(int rank);           ///< some, without repeats most of the time
  int64_t size(int64_t usual_max = 5);       ///< 0 … usual_max, seldom negative or enormous
  int64_t small(int64_t low, int64_t high);  ///< in [low, high], seldom -1, 0 or enormous
  double number();                           ///< about 1; seldom 0, negative, enormous, infinite, NaN
  bool odd() { return chance(0.05); }        ///< "now and then"

  Shape shape(int max_rank = 6);
  Shape shape_of_rank(int rank);
  /// A shape that x's broadcasts with, or to.
  Shape broadcastable(const Shape& with);
  Shape broadcast_target(const Shape& from);

  Dtype dtype();
  Dtype floating();
  Dtype index_dtype() { return chance(0.7) ? Dtype::i64 : Dtype::i32; }

  // Tensors: any layout (dense, transposed, cut out, stretched, overlapping windows), any numbers (NaN, infinities,
  // extremes of integers), now and then undefined, on the meta device, or of a type that does not fit.
  // Floating ones want a gradient half the time.
  Tensor tensor(const Shape& shape, Dtype dtype);
  Tensor any() { return tensor(shape(), dtype()); }
  Tensor floats(const Shape& shape) { return tensor(shape, kind()); }
  Tensor floats() { return floats(shape()); }
  /// Of the same type as this call's other floats(), except now and then.
  Dtype kind();
  /// Whole numbers in [0, bound), now and then outside.
  Tensor indices(const Shape& shape, int64_t bound, Dtype dtype);
  Tensor indices(const Shape& shape, int64_t bound) { return indices(shape, bound, index_dtype()); }
  Tensor mask(const Shape& shape) { return tensor(shape, Dtype::boolean); }
  Tensor maybe(const Tensor& x) { return coin() ? x : Tensor(); }

  /// Every tensor that was handed out, for the walk back and to see that operands stay as they were.
  const Tensors& operands() const { return operands_; }
  const std::vector<uint64_t>& fingerprints() const { return fingerprints_; }
  const RandomKey& key() const { return key_; }

 private:
  Tensor lay_out(const Shape& shape, Dtype dtype, Device device);
  void fill(const Tensor& x, int64_t low, int64_t high);
  Tensor hand_out(const Tensor& x);

  RandomKey key_;
  uint64_t next_ = 0;
  int kind_ = -1, device_ = -1;
  Tensors operands_;
  std::vector<uint64_t> fingerprints_;
};

/// Of the numbers that a tensor shows.
uint64_t fingerprint(const Tensor& x);

/// A public function and a way to call it at random. Gives everything it computed.
struct Call {
  const char* name;  ///< as in the registry of ops; others are helpers without an entry there
  Tensors (*run)(Dice& dice);
};
/// All of them; one list a family.
const std::vector<Call>& all_calls();

}  // namespace gradus::fuzz
