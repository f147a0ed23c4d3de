#include "ops/pad.h"

#include <algorithm>
#include <string>

#include "autograd/record.h"
#include "kernels/table.h"
#include "ops/check.h"
#include "ops/shape.h"

namespace gradus {

namespace {

struct Frame {
  Shape before, after;  // one entry an axis, >= 0
  PadMode mode;
};

Tensor framed(const Tensor& x, const Frame& frame, double value);

Tensor reversed(const Tensor& x, int axis) {
  Strides strides = x.strides();
  const int64_t last = (x.shape()[axis] - 1) * strides[axis];
  strides[axis] = -strides[axis];
  return x.strided(x.shape(), strides, x.count() == 0 ? 0 : last);
}

// Gradient of framed(): what the frame copied comes back to where it was copied from. Axis by axis, from the last,
// which leaves the others framed.
Tensor framed_backward(const Tensor& dy, const Frame& frame, const Shape& shape) {
  Tensor dx = dy.detach();
  const auto add_to = [](const Tensor& y, const Tensor& x) {
    if (x.count() > 0) kernels(x.device()).accumulate({.x = x, .y = y});
  };
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    const int64_t n = shape[axis], before = frame.before[axis], after = frame.after[axis];
    if (before == 0 && after == 0) continue;
    const Tensor left = narrow(dx, axis, 0, before), right = narrow(dx, axis, before + n, after);
    const Tensor core = clone(narrow(dx, axis, before, n));
    switch (frame.mode) {
      case PadMode::constant: break;
      case PadMode::reflect:
        if (before > 0) add_to(narrow(core, axis, 1, before), reversed(left, axis));
        if (after > 0) add_to(narrow(core, axis, n - 1 - after, after), reversed(right, axis));
        break;
      case PadMode::replicate:
        if (dy.device() == Device::meta) break;
        for (int64_t i = 0; i < before; ++i) add_to(narrow(core, axis, 0, 1), narrow(left, axis, i, 1));
        for (int64_t i = 0; i < after; ++i) add_to(narrow(core, axis, n - 1, 1), narrow(right, axis, i, 1));
        break;
      case PadMode::circular:
        add_to(narrow(core, axis, n - before, before), left);
        add_to(narrow(core, axis, 0, after), right);
        break;
    }
    dx = core;
  }
  record("pad_backward", {dy}, dx, [frame](const Tensor& ddx) { return framed(ddx, frame, 0); });
  return dx;
}

Tensor framed(const Tensor& x, const Frame& frame, double value) {
  Shape shape = x.shape();
  for (int axis = 0; axis < x.rank(); ++axis) shape[axis] += frame.before[axis] + frame.after[axis];
  Tensor y = empty(shape, x.dtype(), x.device());
  kernels(x.device()).pad({.x = x, .y = y, .before = frame.before, .mode = frame.mode, .value = value});
  record("pad", {x}, y, [frame, from = x.shape()](const Tensor& dy) {
    if (frame.mode != PadMode::constant) return framed_backward(dy, frame, from);
    Tensor dx = dy;
    for (int axis = 0; axis < from.rank(); ++axis) dx = narrow(dx, axis, frame.before[axis], from[axis]);
    return dx;
  });
  return y;
}

}  // namespace

Tensor pad(const Tensor& x, const std::vector<int64_t>& pads, PadOptions options) {
  constexpr int64_t kMost = int64_t{1} << 40;
  require_defined("pad", x);
  if (pads.size() % 2 != 0 || static_cast<int>(pads.size() / 2) > x.rank())
    throw ValueError("pad", std::to_string(pads.size()) + " numbers for " + x.describe() + ".",
                     "a pair (before, after) an axis, the last axis first.");
  Frame frame{Shape::filled(x.rank(), 0), Shape::filled(x.rank(), 0), options.mode};
  Tensor core = x;
  bool grows = false;
  for (size_t i = 0; i < pads.size() / 2; ++i) {
    const int axis = x.rank() - 1 - static_cast<int>(i);
    const int64_t before = pads[2 * i], after = pads[2 * i + 1], size = x.shape()[axis];
    const auto refuse = [&] [[noreturn]] (const char* why) {
      throw ShapeError("pad", std::string(why) + " (" + std::to_string(before) + ", " + std::to_string(after) +
                                  ") for axis " + std::to_string(axis) + " of " + x.describe() + ".");
    };
    if (std::max(before, after) > kMost || std::min(before, after) < -kMost || size > (int64_t{1} << 62) - 2 * kMost)
      refuse("cannot add");
    const int64_t cut_before = std::max<int64_t>(-before, 0), cut_after = std::max<int64_t>(-after, 0);
    if (cut_before + cut_after > size) refuse("cannot cut");
    core = narrow(core, axis, cut_before, size - cut_before - cut_after);
    frame.before[axis] = std::max<int64_t>(before, 0);
    frame.after[axis] = std::max<int64_t>(after, 0);
    const int64_t most = std::max(frame.before[axis], frame.after[axis]), left = core.shape()[axis];
    if (most == 0) continue;
    grows = true;
    if (options.mode == PadMode::reflect && most >= left) refuse("too few entries to reflect");
    if (options.mode == PadMode::circular && most > left) refuse("too few entries to repeat");
    if (options.mode == PadMode::replicate && left == 0) refuse("no entry to repeat");
  }
  return grows ? framed(core, frame, options.value) : core;
}

}  // namespace gradus
