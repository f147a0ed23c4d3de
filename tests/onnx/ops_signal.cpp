// Padding, Einstein sums, Fourier transforms, determinants.
#include "onnx/ops.h"
#include "ops/einsum.h"
#include "ops/elementwise.h"
#include "ops/fft.h"
#include "ops/linalg.h"
#include "ops/pad.h"
#include "ops/shape.h"

namespace gradus::testing::onnx {

namespace {

// Pads as all the beginnings, then all the ends.
Tensors pad_op(const Node& n) {
  const std::vector<int64_t> pads = n.input(1).defined() ? n.whole(1) : n.integers("pads");
  const std::string mode = n.text("mode", "constant");
  std::vector<int64_t> pairs;
  for (size_t axes = pads.size() / 2, i = axes; i-- > 0;) pairs.push_back(pads[i]), pairs.push_back(pads[axes + i]);
  return {pad(n.in[0], pairs,
              {.mode = mode == "reflect" ? PadMode::reflect
                       : mode == "edge"  ? PadMode::replicate
                                         : PadMode::constant,
               .value = n.input(2).defined() ? n.in[2].item() : n.number("value", 0)})};
}

// Of pairs, or of a real signal whose last axis has size 1.
Tensors dft(const Node& n) {
  const Tensor& x = n.in[0];
  const int axis = axis_of(n.integer("axis", 1), x.rank());
  const int64_t length = n.input(1).defined() ? n.whole(1)[0] : 0;
  if (x.size(-1) == 1 && n.integer("onesided", 0)) return {rfft(squeeze(x, -1), {.n = length, .axis = axis})};
  const Tensor z = x.size(-1) == 1 ? concat({x, mul(x, 0)}, -1) : x;
  return {n.integer("inverse", 0) ? ifft(z, {.n = length, .axis = axis}) : fft(z, {.n = length, .axis = axis})};
}

}  // namespace

std::vector<Entry> signal_ops() {
  return {
      {"Pad", pad_op},
      {"DFT", dft},
      {"Einsum", [](const Node& n) -> Tensors { return {einsum(n.text("equation", ""), n.in)}; }},
      {"Det", [](const Node& n) -> Tensors { return {det(n.in[0])}; }},
  };
}

}  // namespace gradus::testing::onnx
