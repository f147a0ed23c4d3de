#include "tensor/print.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace gradus {

namespace {

constexpr int64_t kEdge = 3, kLong = 2 * kEdge + 2;

// Entries of one axis that are shown; -1 stands for the dots.
std::vector<int64_t> shown(int64_t size, bool shorten) {
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < size; ++i) {
    if (shorten && size > kLong && i == kEdge) {
      rows.push_back(-1);
      i = size - kEdge;
    }
    rows.push_back(i);
  }
  return rows;
}

std::string number(double v, Dtype dtype) {
  if (dtype == Dtype::boolean) return v != 0 ? "true" : "false";
  if (!is_floating(dtype)) return fmt::format("{:.0f}", v);
  return fmt::format("{:.5g}", v);
}

struct Printer {
  const Tensor& x;
  bool shorten;
  std::vector<std::string> cells;
  size_t width = 0, next = 0;

  Tensor entry(const Tensor& t, int64_t i) const {
    Shape shape = t.shape();
    Strides strides = t.strides();
    const int64_t offset = i * strides[0];
    shape.erase(0);
    strides.erase(0);
    return t.strided(shape, strides, offset);
  }

  void collect(const Tensor& t) {
    if (t.rank() == 0) {
      cells.push_back(number(t.item(), t.dtype()));
      width = std::max(width, cells.back().size());
      return;
    }
    for (int64_t i : shown(t.shape()[0], shorten))
      if (i >= 0) collect(entry(t, i));
  }

  std::string render(const Shape& shape, int axis, int indent) {
    if (axis == shape.rank()) return fmt::format("{:>{}}", cells[next++], width);
    std::string out = "[";
    const bool inner = axis + 1 == shape.rank();
    bool first = true;
    for (int64_t i : shown(shape[axis], shorten)) {
      if (!first) out += inner ? ", " : ",\n" + std::string(static_cast<size_t>(indent) + 1, ' ');
      first = false;
      out += i < 0 ? "..." : render(shape, axis + 1, indent + 1);
    }
    return out + "]";
  }
};

}  // namespace

std::string to_string(const Tensor& x) {
  if (!x.defined() || x.device() != Device::cpu) return x.describe();
  Printer p{x, x.count() > 200, {}};
  p.collect(x.detach());
  return p.render(x.shape(), 0, 0) + "  " + x.describe();
}

}  // namespace gradus
