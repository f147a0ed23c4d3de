#pragma once
#include "ops/per_axis.h"
#include "tensor/tensor.h"

namespace gradus {

/// The reverse of unfold() (ops/shape.h): windows, counted by `axis` and with their entries in the last axis, are added
/// up where they came from in zeros of `length` entries. Floating types.
/// Throws ShapeError when another number of windows fits.
Tensor overlap_add(const Tensor& x, int axis, int64_t length, int64_t step, int64_t dilation = 1);

/// One number for rows and columns, or one each.
struct Unfold2dOptions {
  PerAxis dilation = 1;
  PerAxis padding = 0;  ///< zeros on both sides
  PerAxis stride = 1;
};

/// im2col: x (N, C, H, W) -> (N, C kh kw, L), one column for each of the L places that a kernel takes
/// (torch.nn.Unfold). Throws ShapeError for another rank or when the kernel does not fit, ValueError for an option out
/// of range.
Tensor unfold2d(const Tensor& x, const PerAxis& kernel, const Unfold2dOptions& options = {});
/// col2im: the columns (N, C kh kw, L) are added up in images (N, C, H, W) of the size given (torch.nn.Fold).
Tensor fold2d(const Tensor& x, const PerAxis& size, const PerAxis& kernel, const Unfold2dOptions& options = {});

/// Places that a window of `size` entries, `dilation` apart, takes in n entries, `step` apart; at least 1.
/// Throws ValueError for numbers below 1, ShapeError when none fits.
int64_t window_count(const char* op, int64_t n, int64_t size, int64_t step, int64_t dilation);

}  // namespace gradus
