#pragma once
#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "ops/create.h"
#include "tensor/tensor.h"

namespace gradus::testing {

using OpCall = std::function<Tensor(const Tensors&)>;

/// One use of an op, from which check() derives all its tests.
struct OpCase {
  OpCall call;
  /// The same out of smaller ops, when the op is a fused one.
  OpCall composed = {};
  /// f64 tensors are differentiated and tried in every floating type, strided and misaligned; others pass through.
  Tensors inputs;
  /// Inputs (by position) that get no gradient.
  std::vector<int> constant = {};
  bool gradient = true;
  bool second_order = true;
  double tolerance = 1;  ///< multiplies the bounds of every comparison, for ill-conditioned cases
};

/// ref = cpu (f32), finite differences in f64 of first and second order, composition, strided and misaligned operands,
/// f16 and bf16 against f64, guard bytes around every buffer, shapes on the meta device.
void check(const OpCase& c);

/// |a - b| <= abs + |b| eps(dtype) * 32, reporting the share used; shapes and types must agree.
void check_close(const Tensor& a, const Tensor& b, double eps, double tolerance = 1, const std::string& what = "");
/// Bit for bit.
void check_same_bits(const Tensor& a, const Tensor& b, const std::string& what = "");

/// f64 test data, one stream a call site: normal numbers, or uniform in [low, high).
Tensor normal(const Shape& shape, uint64_t stream = 0);
Tensor uniform(const Shape& shape, double low, double high, uint64_t stream = 0);
/// i64 numbers in [0, bound).
Tensor indices(const Shape& shape, int64_t bound, uint64_t stream = 0);

/// Names of all ops that have an OP_CASE in this program.
std::vector<std::string>& covered_ops();
struct CoverOp {
  explicit CoverOp(const char* name) { covered_ops().push_back(name); }
};

}  // namespace gradus::testing

#define GRADUS_JOIN2(a, b) a##b
#define GRADUS_JOIN(a, b) GRADUS_JOIN2(a, b)
/// A test case that counts as the coverage of op `name`.
#define OP_CASE(name)                                                           \
  static const gradus::testing::CoverOp GRADUS_JOIN(cover_, __COUNTER__){name}; \
  TEST_CASE("op " name)
