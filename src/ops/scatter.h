#pragma once
#include "ops/index.h"

namespace gradus {

// Writing by index (i32 or i64, IndexError when outside): each op gives x with some elements changed, x itself stays.
// Elements are taken in row-major order, whatever the number of threads. index and src have one shape, x's rank, and
// are at most as large as x at the axes other than `axis` (ShapeError); src has x's type (DtypeError).

/// y[.., index[.., i, ..], ..] = src[.., i, ..]: the last one written stays, and gets the gradient.
Tensor scatter(const Tensor& x, const Tensor& index, const Tensor& src, int axis = -1);
Tensor scatter(const Tensor& x, const Tensor& index, double value, int axis = -1);

/// x + what `index` sends to each element. (Into zeros: the other scatter_add, in ops/index.h.)
Tensor scatter_add(const Tensor& x, const Tensor& index, const Tensor& src, int axis = -1);

enum class ScatterMode : uint8_t { sum, prod, mean, max, min };
struct ScatterOptions {
  ScatterMode mode = ScatterMode::sum;
  bool include_self = true;  ///< whether x counts where something is sent to
};
/// Sum, product, mean, largest or smallest of x and what `index` sends to each element. Equal winners share the
/// gradient; that of a product is exact also where some factors are 0. The mean wants a floating type.
Tensor scatter_reduce(const Tensor& x, const Tensor& index, const Tensor& src, int axis = -1,
                      ScatterOptions options = {});

/// x with slice i of `src` added to slice index[i] along `axis`; index (n), src x's shape with n at `axis`.
Tensor index_add(const Tensor& x, const Tensor& index, const Tensor& src, int axis = 0);

/// x seen as one row, with src (index's shape) written, or added, at the places of `index`; negative ones count from
/// the end.
Tensor put(const Tensor& x, const Tensor& index, const Tensor& src, bool accumulate = false);

enum class WriteMode : uint8_t { assign, sum, prod, max, min };
/// ONNX's ScatterND. index (*, k) names entries of the first k axes of x, negative ones from the end; updates has the
/// shape (*, the rest of x's shape).
Tensor scatter_nd(const Tensor& x, const Tensor& index, const Tensor& updates, WriteMode mode = WriteMode::assign);

}  // namespace gradus
