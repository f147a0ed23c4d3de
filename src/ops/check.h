#pragma once
// Checks that every op makes before a kernel sees its operands.
#include <initializer_list>
#include <string>

#include "base/error.h"
#include "tensor/tensor.h"

namespace gradus {

/// Throws ValueError for an undefined tensor.
void require_defined(const char* op, const Tensor& x);
/// Throws DtypeError unless x has a floating type.
void require_floating(const char* op, const Tensor& x);
/// Throws DtypeError unless x is i32 or i64.
void require_index(const char* op, const Tensor& x);
/// Throws DtypeError or ValueError unless all (defined) operands share one type and one device.
void require_same(const char* op, std::initializer_list<Tensor> xs);
void require_same_device(const char* op, std::initializer_list<Tensor> xs);
/// Throws ShapeError unless x has exactly this shape; `name` stands in the message.
void require_shape(const char* op, const char* name, const Tensor& x, const Shape& shape);
void require_rank(const char* op, const char* name, const Tensor& x, int at_least);
/// Throws IndexError naming the first value outside [0, bound) — or, when `ignored` is given, neither that.
/// Nothing to check on the meta device.
void require_indices(const char* op, const Tensor& index, int64_t bound, int64_t ignored = -1);
/// Throws ShapeError unless index has x's rank and is at most as large at the axes other than `axis`.
void require_index_fits(const char* op, const char* name, const Tensor& x, const Tensor& index, int axis);

}  // namespace gradus
