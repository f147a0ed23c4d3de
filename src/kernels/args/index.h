#pragma once
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
/// y[.., i, ..] = x[.., index[.., i, ..], ..] along `axis`; index has y's shape, i32 or i64, checked.
struct GatherArgs {
  const Tensor& x;
  const Tensor& index;
  const Tensor& y;
  int axis;
};
/// dx[.., index[.., i, ..], ..] += dy[.., i, ..]; dx is zeroed by the kernel first.
struct ScatterAddArgs {
  const Tensor& index;
  const Tensor& dy;
  const Tensor& dx;
  int axis;
};

#define GRADUS_INDEX_KERNELS(X)                \
  X(embedding, EmbeddingArgs)                  \
  X(embedding_backward, EmbeddingBackwardArgs) \
  X(gather, GatherArgs)                        \
  X(scatter_add, ScatterAddArgs)

}  // namespace gradus
