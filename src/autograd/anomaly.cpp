#include "autograd/anomaly.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>

#include "autograd/autograd.h"
#include "autograd/node.h"
#include "base/error.h"
#include "base/parallel.h"
#include "kernels/table.h"

namespace gradus {

namespace {

// These put numbers where they are told to; an infinity among them was given to them.
constexpr std::string_view kPlacing[] = {"where", "masked_fill", "pad", "cast", "clone", "concat"};

// What a tensor holds; the range is that of its finite numbers.
struct Content {
  double low = INFINITY, high = -INFINITY;
  int64_t nans = 0, infinities = 0;
  int64_t first_bad = -1;  // its place in row-major order
  bool finite() const { return nans == 0 && infinities == 0; }
};

// Range and finiteness of a piece, in lanes that the compiler can keep in vectors.
template <class T>
bool all_finite(const T* x, int64_t n, double& low, double& high) {
  using Wide = accumulator_t<T>;
  constexpr int kLanes = 16;
  Wide lows[kLanes], highs[kLanes];
  int bad[kLanes] = {};
  std::fill_n(lows, kLanes, std::numeric_limits<Wide>::infinity());
  std::fill_n(highs, kLanes, -std::numeric_limits<Wide>::infinity());
  const auto see = [&](int lane, Wide v) {
    lows[lane] = v < lows[lane] ? v : lows[lane];
    highs[lane] = v > highs[lane] ? v : highs[lane];
    bad[lane] |= !(v - v == 0);
  };
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int lane = 0; lane < kLanes; ++lane) see(lane, static_cast<Wide>(x[i + lane]));
  for (; i < n; ++i) see(0, static_cast<Wide>(x[i]));
  low = *std::min_element(lows, lows + kLanes);
  high = *std::max_element(highs, highs + kLanes);
  return std::none_of(bad, bad + kLanes, [](int b) { return b != 0; });
}

Content content_of(const Tensor& given) {
  Content c;
  if (!given.defined() || given.device() != Device::cpu || !is_floating(given.dtype()) || given.count() == 0) return c;
  Tensor x = given.detach();
  if (!x.contiguous()) {
    x = empty(x.shape(), x.dtype());
    ref_kernels().copy({.x = given, .y = x});
  }
  dispatch_floating("anomaly", x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    const T* data = x.data<T>();
    constexpr int64_t kPiece = 1 << 16;
    struct Piece {
      double low, high;
      bool finite;
    };
    std::vector<Piece> pieces(static_cast<size_t>((x.count() + kPiece - 1) / kPiece));
    parallel_for(x.count(), kPiece, [&](int64_t begin, int64_t end) {
      Piece& p = pieces[static_cast<size_t>(begin / kPiece)];
      p.finite = all_finite(data + begin, end - begin, p.low, p.high);
    });
    bool finite = true;
    for (const Piece& p : pieces) {
      finite &= p.finite;
      c.low = std::min(c.low, p.low), c.high = std::max(c.high, p.high);
    }
    if (finite) return;
    c = {};
    for (int64_t i = 0; i < x.count(); ++i) {
      const auto v = static_cast<double>(static_cast<accumulator_t<T>>(data[i]));
      c.nans += std::isnan(v), c.infinities += std::isinf(v);
      if (!std::isfinite(v) && (c.first_bad < 0 || (std::isnan(v) && c.nans == 1))) c.first_bad = i;
      if (std::isfinite(v)) c.low = std::min(c.low, v), c.high = std::max(c.high, v);
    }
  });
  return c;
}

std::string short_number(double v) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, v, std::chars_format::general, 4).ptr;
  return {text, end};
}

std::string in_words(const Content& c) {
  std::string text;
  if (c.low <= c.high) text = "from " + short_number(c.low) + " to " + short_number(c.high);
  if (c.nans > 0) text += (text.empty() ? "" : ", ") + std::to_string(c.nans) + " NaN";
  if (c.infinities > 0) text += (text.empty() ? "" : ", ") + std::to_string(c.infinities) + " infinite";
  return text;
}

std::string index_of(int64_t flat, const Shape& shape) {
  std::string text;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    text = std::to_string(flat % shape[axis]) + (text.empty() ? "" : ", ") + text;
    flat /= shape[axis];
  }
  return "(" + text + ")";
}

std::string bad_part(const Tensor& x, const Content& c) {
  return std::to_string(c.nans) + " NaN and " + std::to_string(c.infinities) + " infinite of " +
         std::to_string(x.count()) + " numbers of " + x.describe() + ", the first at " +
         index_of(c.first_bad, x.shape());
}

constexpr const char* kHint =
    "look at the ranges above; a smaller learning rate, clipping, or an epsilon inside log, "
    "sqrt or a division are the usual remedies.";

}  // namespace

DetectAnomaly::DetectAnomaly(AnomalyOptions options) : options_(options), watch_(*this) {}
DetectAnomaly::~DetectAnomaly() = default;

void DetectAnomaly::name(const Tensor& x, const std::string& name) {
  if (x.defined() && x.count() > 0 && x.device() == Device::cpu) names_[x.raw()] = name;
}

std::string DetectAnomaly::describe(std::span<const Tensor> operands) const {
  std::string text;
  for (size_t i = 0; i < operands.size(); ++i) {
    const Tensor& x = operands[i];
    if (!x.defined()) continue;
    text += "\n  operand " + std::to_string(i) + ": " + x.describe();
    if (x.device() != Device::cpu || x.count() == 0) continue;
    if (const std::string range = in_words(content_of(x)); !range.empty()) text += ", " + range;
    if (const auto named = names_.find(x.raw()); named != names_.end()) text += ", is " + named->second;
  }
  return text;
}

std::string DetectAnomaly::place_in(const char* pass, const char* scope) const {
  return std::string(" in the ") + pass + " pass" + (*scope ? std::string(" of ") + scope : "") +
         (place_.empty() ? "" : ", " + place_);
}

// Inside a gradient rule only its result counts: what it masks in between is its own affair.
void DetectAnomaly::computed(const char* op, std::span<const Tensor> inputs, std::span<const Tensor> outputs) {
  if (current_node() && std::string_view(op) != "accumulate") return;
  operands_ = recording() ? describe(inputs) : std::string();
  for (const Tensor& y : outputs) {
    const Content c = content_of(y);
    if (c.finite()) continue;
    bool nan_before = false, infinite_before = false;
    for (size_t i = 0; i < inputs.size(); ++i) {
      const Content in = content_of(inputs[i]);
      nan_before |= in.nans > 0, infinite_before |= in.infinities > 0;
      const bool parameter = is_leaf(inputs[i]) || (inputs[i].defined() && names_.count(inputs[i].raw()));
      if (in.nans > 0 || (parameter && !in.finite()))
        throw ValueError(op,
                         "its operand " + std::to_string(i) + " already holds " + bad_part(inputs[i], in) +
                             place_in("forward", trace_scope()) + ", and no op made them:" + describe(inputs),
                         parameter ? "the parameter was loaded so, or an update of the optimiser broke it."
                                   : "look at the data that goes in.");
    }
    const bool placed = std::find(std::begin(kPlacing), std::end(kPlacing), op) != std::end(kPlacing);
    if (c.nans > 0 ? nan_before : (infinite_before || placed || !options_.infinities)) continue;
    const bool backward = current_node() != nullptr;
    throw ValueError(op,
                     "made the first non-finite numbers" + place_in(backward ? "backward" : "forward", trace_scope()) +
                         ": " + bad_part(y, c) + "." + describe(inputs),
                     kHint);
  }
}

void DetectAnomaly::recorded(const Node& node) {
  if (!node.is_leaf() && !current_node()) node_operands_[node.sequence()] = std::move(operands_);
  operands_.clear();
}

void DetectAnomaly::differentiated(const Node& node, const Tensors& dy, const Tensors& dx) {
  for (size_t i = 0; i < dx.size(); ++i) {
    const Content c = content_of(dx[i]);
    if (c.finite()) continue;
    std::string gradients;
    bool nan_before = false, infinite_before = false;
    for (const Tensor& d : dy) {
      const Content in = content_of(d);
      nan_before |= in.nans > 0, infinite_before |= in.infinities > 0;
      if (d.defined()) gradients += "\n  gradient of its output: " + d.describe() + ", " + in_words(in);
    }
    if (c.nans == 0 && (infinite_before || !options_.infinities)) continue;
    const auto operands = node_operands_.find(node.sequence());
    throw ValueError(
        node.op(),
        std::string(nan_before ? "was given the first non-finite gradient" : "made the first non-finite gradient") +
            place_in("backward", node.scope()) + ": for its operand " + std::to_string(i) + ", " + bad_part(dx[i], c) +
            "." + gradients + (operands == node_operands_.end() ? "" : operands->second),
        kHint);
  }
}

}  // namespace gradus
