#pragma once
// What the element-wise ops share.
#include <utility>

#include "autograd/record.h"
#include "kernels/table.h"
#include "ops/check.h"

namespace gradus::pointwise {

/// A number as a tensor of x's type, on its device.
Tensor like(const Tensor& x, double value);
/// The same for an operand of `op` that may be undefined.
Tensor number(const char* op, const Tensor& x, double value);
/// 1 where the condition holds, 0 elsewhere, in x's type.
Tensor indicator(const Tensor& condition, const Tensor& x);

/// Throws DtypeError for bool.
void require_numbers(const char* op, const Tensor& x);
/// Throws DtypeError, ShapeError or ValueError unless both are floating, of one shape, type and device.
void require_alike(const char* op, const Tensor& x, const char* name, const Tensor& other);

/// f(x; a, b) without a record. Throws DtypeError naming `op` for bool, and for integers unless f takes them.
Tensor compute(const char* op, Unary f, const Tensor& x, double a = 0, double b = 0);

/// f(x) with the rule dx = rule(dy, x).
template <class Rule>
Tensor with_input(Unary f, const Tensor& x, Rule rule) {
  Tensor y = compute(name_of(f), f, x);
  record(name_of(f), {x}, y, [x = save(x), rule](const Tensor& dy) { return rule(dy, x.get()); });
  return y;
}

/// f(x) with the rule dx = rule(dy, y).
template <class Rule>
Tensor with_output(Unary f, const Tensor& x, Rule rule) {
  Tensor y = compute(name_of(f), f, x);
  record(name_of(f), {x}, y, [y = save(y), rule](const Tensor& dy) { return rule(dy, y.get()); });
  return y;
}

/// Two operands in one type and broadcast to one shape, without copies where the type fits. Broadcasting and promotion
/// have rules of their own (expand, cast).
struct Pair {
  Tensor a, b;
  Pair(const char* op, const Tensor& x, const Tensor& y);
};
/// As Pair, and throws DtypeError unless the type is floating.
struct FloatingPair : Pair {
  FloatingPair(const char* op, const Tensor& x, const Tensor& y);
};

/// f(a, b) without a record.
Tensor compute(Binary f, const Pair& p);

}  // namespace gradus::pointwise
