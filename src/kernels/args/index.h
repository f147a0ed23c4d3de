#pragma once
#include <cstdint>

#include "tensor/tensor.h"

// Kernel arguments: rows and elements by index. See kernels/table.h.
namespace gradus {

/// y[i, :] = table[ids[i], :]; ids (n) i32 or i64, checked; table (rows, width) of any dtype.
struct EmbeddingArgs {
  const Tensor& table;
  const Tensor& ids;
  const Tensor& y;
};
/// dtable[ids[i], :] += dy[i, :]; dtable is zeroed by the kernel first.
struct EmbeddingBackwardArgs {
  const Tensor& ids;
  const Tensor& dy;
  const Tensor& dtable;
};
/// y[.., i, ..] = x[.., index[.., i, ..], ..] along `axis`; index has y's shape, i32 or i64. At the other axes it is at
/// most as large as x. Any dtype. Rows are picked by an index that is expanded (stride 0) along all axes but `axis`.
/// The index has been checked, or `outside` is given: then the kernel looks at it on the way, sets `outside` to true
/// when an entry is not in [0, size of the axis), and leaves y without meaning.
struct GatherArgs {
  const Tensor& x;
  const Tensor& index;
  const Tensor& y;
  int axis;
  bool* outside = nullptr;
};
enum class Scatter : uint8_t { assign, add, mul, max, min };

/// y[.., index[.., i, ..], ..] = (or +=, …) src[.., i, ..] along `axis`, one after the other: the last assignment wins.
/// y starts as x, which has its shape and type, or as zeros where x is undefined; x may be y. index has src's shape,
/// i32 or i64, and is checked as for GatherArgs; at the other axes it is at most as large as y. Any dtype; sums and
/// products of integers wrap.
struct ScatterArgs {
  Scatter f;
  const Tensor& x;
  const Tensor& index;
  const Tensor& src;
  const Tensor& y;
  int axis;
  bool* outside = nullptr;
};
/// y (count, rank of x) i64: the places of the elements that are not 0, in row-major order. Any dtype.
struct NonzeroArgs {
  const Tensor& x;
  const Tensor& y;
};
/// Of each matrix x (*, M, N): y_ij = x_ij where j - i <= k (`upper`: j - i >= k), else 0. Any dtype.
struct TriangleArgs {
  const Tensor& x;
  bool upper;
  int64_t k;
  const Tensor& y;
};

#define GRADUS_INDEX_KERNELS(X)                \
  X(embedding, EmbeddingArgs)                  \
  X(embedding_backward, EmbeddingBackwardArgs) \
  X(gather, GatherArgs)                        \
  X(scatter, ScatterArgs)                      \
  X(nonzero, NonzeroArgs)                      \
  X(triangle, TriangleArgs)

}  // namespace gradus
