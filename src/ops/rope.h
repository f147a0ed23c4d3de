#pragma once
#include "tensor/tensor.h"

namespace gradus {

/// Rotary positions: turns pairs (a, b) of the last axis into (a cos - b sin, b cos + a sin).
/// x (B, T, H, D) floating; cos, sin (B or 1, T, R/2), R <= D even, constants of any floating type; the last D - R
/// entries pass unchanged. Pairs are (i, i + R/2) as in Llama, or (2i, 2i+1) when `interleaved`, as in GPT-J.
/// The tables come from rope_tables() in nn/position/rope.h. Throws ShapeError, DtypeError; GradError when a gradient
/// is asked for a table. Su et al., "RoFormer", 2021, eq. 34.
Tensor rope(const Tensor& x, const Tensor& cos, const Tensor& sin, bool interleaved = false);

}  // namespace gradus
