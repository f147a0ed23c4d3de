#include "ops/einsum.h"

#include <algorithm>
#include <vector>

#include "ops/check.h"
#include "ops/elementwise.h"
#include "ops/matmul.h"
#include "ops/reduce.h"
#include "ops/shape.h"

namespace gradus {

namespace {

// A label is A-Z, a-z (0 … 51), or an axis of the ellipsis (52 … 59, aligned at the end).
using Labels = std::vector<int>;
using LabelSet = uint64_t;
constexpr int kEllipsis = 52, kLabels = kEllipsis + Shape::kMaxRank;

struct Operand {
  Tensor x;
  Labels labels;  // one an axis
};

struct Equation {
  std::vector<std::string> terms;
  std::string output;
  bool is_explicit = false;
};

[[noreturn]] void refuse(const std::string& equation, const std::string& why) {
  throw ValueError("einsum", "\"" + equation + "\": " + why + ".");
}

int label_of(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  return -1;
}

std::string name_of_label(int label) {
  if (label >= kEllipsis) return "an axis of the ellipsis";
  return std::string("'") + static_cast<char>(label < 26 ? 'A' + label : 'a' + label - 26) + "'";
}

LabelSet bit(int label) { return LabelSet{1} << label; }

LabelSet set_of(const Labels& labels) {
  LabelSet set = 0;
  for (int label : labels) set |= bit(label);
  return set;
}

Labels filtered(const Labels& labels, LabelSet set) {
  Labels out;
  for (int label : labels)
    if (set & bit(label)) out.push_back(label);
  return out;
}

int axis_of(const Operand& op, int label) {
  return static_cast<int>(std::find(op.labels.begin(), op.labels.end(), label) - op.labels.begin());
}

Equation parsed(const std::string& equation) {
  std::string text;
  for (char c : equation)
    if (c != ' ') text += c;
  Equation e;
  const size_t arrow = text.find("->");
  e.is_explicit = arrow != std::string::npos;
  if (e.is_explicit) e.output = text.substr(arrow + 2);
  const std::string left = text.substr(0, arrow);
  e.terms.emplace_back();
  for (char c : left) {
    if (c == ',')
      e.terms.emplace_back();
    else
      e.terms.back() += c;
  }
  return e;
}

// The labels of a term; `ellipsis` axes stand for its "...".
Labels labels_of(const std::string& equation, const std::string& term, int ellipsis) {
  Labels labels;
  bool seen = false;
  for (size_t i = 0; i < term.size(); ++i) {
    if (term.compare(i, 3, "...") == 0) {
      if (seen) refuse(equation, "two ellipses in one term");
      seen = true;
      for (int k = 0; k < ellipsis; ++k) labels.push_back(kLabels - ellipsis + k);
      i += 2;
      continue;
    }
    const int label = label_of(term[i]);
    if (label < 0) refuse(equation, std::string("unexpected '") + term[i] + "'");
    labels.push_back(label);
  }
  return labels;
}

// x's axes in the order of `labels`; size 1 where x has no such axis.
Tensor arranged(const Operand& op, const Labels& labels) {
  std::vector<int> order, added;
  for (size_t i = 0; i < labels.size(); ++i) {
    const int axis = axis_of(op, labels[i]);
    if (axis < op.x.rank())
      order.push_back(axis);
    else
      added.push_back(static_cast<int>(i));
  }
  const Tensor x = permute(op.x, order);
  return added.empty() ? x : unsqueeze(x, added);
}

Operand without(const Operand& op, LabelSet gone) {
  std::vector<int> axes;
  for (int axis = 0; axis < op.x.rank(); ++axis)
    if (gone & bit(op.labels[static_cast<size_t>(axis)])) axes.push_back(axis);
  if (axes.empty()) return op;
  Operand out{op.x, filtered(op.labels, ~gone)};
  // From the last on, so that the numbers of the others stay.
  for (size_t i = axes.size(); i-- > 0;) out.x = sum(out.x, axes[i]);
  return out;
}

// Labels whose axes lie one inside the other in memory as far as possible: then merging them needs no copy.
Labels by_stride(const Operand& op, LabelSet set) {
  Labels labels = filtered(op.labels, set);
  std::stable_sort(labels.begin(), labels.end(),
                   [&](int a, int b) { return op.x.strides()[axis_of(op, a)] > op.x.strides()[axis_of(op, b)]; });
  return labels;
}

Labels chained(std::initializer_list<Labels> parts) {
  Labels all;
  for (const Labels& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

void append_sizes(Shape& shape, const Operand& op, const Labels& labels) {
  for (int label : labels) shape.push_back(op.x.shape()[axis_of(op, label)]);
}

int64_t merged_size(const Operand& op, const Labels& labels) {
  int64_t n = 1;
  for (int label : labels) n *= op.x.shape()[axis_of(op, label)];
  return n;
}

// The product of two operands, summed over what is not in `keep`; the result's axes as near to `order` as they come.
Operand contract(Operand a, Operand b, LabelSet keep, const Labels& order) {
  const LabelSet in_a = set_of(a.labels), in_b = set_of(b.labels), both = in_a & in_b;
  const LabelSet summed = both & ~keep, left_set = in_a & ~both, right_set = in_b & ~both;
  const auto place = [&](LabelSet set) {
    for (size_t i = 0; i < order.size(); ++i)
      if (set & bit(order[i])) return i;
    return order.size();
  };
  const bool matrices = is_floating(a.x.dtype()) && summed && (left_set | right_set);
  if (!matrices) {
    Labels all = filtered(order, (in_a | in_b) & keep);
    for (const Operand* op : {&a, &b})
      for (int label : op->labels)
        if (!(set_of(all) & bit(label))) all.push_back(label);
    return without({mul(arranged(a, all), arranged(b, all)), all}, summed);
  }
  if (place(right_set) < place(left_set)) return contract(b, a, keep, order);

  Labels batch = filtered(order, both & keep);
  for (int label : a.labels)
    if ((both & keep & ~set_of(batch)) & bit(label)) batch.push_back(label);
  const Labels left = by_stride(a, left_set), right = by_stride(b, right_set);
  const Labels inner = by_stride(a.x.count() >= b.x.count() ? a : b, summed);
  const auto as_matrices = [&](const Operand& op, const Labels& rows, const Labels& columns) {
    Shape shape;
    if (batch.size() + 2 > Shape::kMaxRank)
      shape.push_back(merged_size(op, batch));
    else
      append_sizes(shape, op, batch);
    shape.push_back(merged_size(op, rows));
    shape.push_back(merged_size(op, columns));
    return reshape(arranged(op, chained({batch, rows, columns})), shape);
  };
  const Tensor y = matmul(as_matrices(a, left, inner), as_matrices(b, inner, right));
  Shape shape;
  append_sizes(shape, a, batch);
  append_sizes(shape, a, left);
  append_sizes(shape, b, right);
  return {reshape(y, shape), chained({batch, left, right})};
}

// What a pair's product leaves more in memory than its operands took: the usual measure of a greedy order.
double growth(const Operand& a, const Operand& b, LabelSet keep, const std::vector<int64_t>& sizes) {
  double result = 1;
  const LabelSet left = (set_of(a.labels) | set_of(b.labels)) & keep;
  for (int label = 0; label < kLabels; ++label)
    if (left & bit(label)) result *= static_cast<double>(sizes[static_cast<size_t>(label)]);
  return result - static_cast<double>(a.x.count()) - static_cast<double>(b.x.count());
}

// Every label's size, 1 giving way to others.
std::vector<int64_t> label_sizes(const std::vector<Operand>& ops) {
  std::vector<int64_t> sizes(kLabels, 1);
  for (const Operand& op : ops)
    for (int axis = 0; axis < op.x.rank(); ++axis) {
      const int label = op.labels[static_cast<size_t>(axis)];
      int64_t& size = sizes[static_cast<size_t>(label)];
      const int64_t here = op.x.shape()[axis];
      if (here != 1 && size != 1 && here != size)
        throw ShapeError("einsum", name_of_label(label) + " has size " + std::to_string(size) + " before and " +
                                       std::to_string(here) + " in " + op.x.describe() + ".");
      if (here != 1) size = here;
    }
  return sizes;
}

// Labels once: diagonals are taken, and axes that broadcast (size 1 here, more elsewhere) go.
Operand simplified(Operand op, const std::vector<int64_t>& sizes) {
  for (int i = 0; i < op.x.rank(); ++i)
    for (int j = i + 1; j < op.x.rank(); ++j) {
      const int label = op.labels[static_cast<size_t>(i)];
      if (op.labels[static_cast<size_t>(j)] != label) continue;
      if (op.x.shape()[i] != op.x.shape()[j])
        throw ShapeError("einsum", name_of_label(label) + " names axes of different sizes of " + op.x.describe() + ".");
      op.x = diagonal(op.x, 0, i, j);
      op.labels.erase(op.labels.begin() + j);
      op.labels.erase(op.labels.begin() + i);
      op.labels.push_back(label);
      i = -1;  // from the beginning again
      break;
    }
  for (int axis = op.x.rank() - 1; axis >= 0; --axis) {
    const int label = op.labels[static_cast<size_t>(axis)];
    if (op.x.shape()[axis] != 1 || sizes[static_cast<size_t>(label)] == 1) continue;
    op.x = squeeze(op.x, axis);
    op.labels.erase(op.labels.begin() + axis);
  }
  return op;
}

LabelSet labels_besides(const std::vector<Operand>& ops, size_t i, size_t j) {
  LabelSet set = 0;
  for (size_t k = 0; k < ops.size(); ++k)
    if (k != i && k != j) set |= set_of(ops[k].labels);
  return set;
}

}  // namespace

Tensor einsum(const std::string& equation, const Tensors& operands) {
  const Equation e = parsed(equation);
  if (operands.empty() || e.terms.size() != operands.size())
    refuse(equation, std::to_string(e.terms.size()) + " terms for " + std::to_string(operands.size()) + " operands");
  std::vector<Operand> ops;
  int widest = 0;  // axes of the ellipsis
  std::vector<int> count(kLabels, 0);
  for (size_t i = 0; i < operands.size(); ++i) {
    const Tensor& x = operands[i];
    require_defined("einsum", x);
    require_same("einsum", {operands[0], x});
    if (x.dtype() == Dtype::boolean) throw DtypeError("einsum", "needs numbers, got " + x.describe() + ".");
    const bool ellipsis = e.terms[i].find("...") != std::string::npos;
    const int named = static_cast<int>(labels_of(equation, e.terms[i], 0).size());
    if (ellipsis ? named > x.rank() : named != x.rank())
      throw ShapeError("einsum", "\"" + e.terms[i] + "\" does not fit " + x.describe() + ".");
    widest = std::max(widest, x.rank() - named);
    ops.push_back({x, labels_of(equation, e.terms[i], x.rank() - named)});
    for (int label : ops.back().labels) ++count[static_cast<size_t>(label)];
  }

  Labels output;
  if (e.is_explicit) {
    output = labels_of(equation, e.output, widest);
  } else {
    for (int label = kLabels - widest; label < kLabels; ++label) output.push_back(label);
    for (int label = 0; label < kEllipsis; ++label)
      if (count[static_cast<size_t>(label)] == 1) output.push_back(label);
  }
  LabelSet kept = 0;
  for (int label : output) {
    if (count[static_cast<size_t>(label)] == 0) refuse(equation, name_of_label(label) + " stands in no operand");
    if (kept & bit(label)) refuse(equation, name_of_label(label) + " stands twice in the result");
    kept |= bit(label);
  }

  const std::vector<int64_t> sizes = label_sizes(ops);
  for (Operand& op : ops) op = simplified(op, sizes);
  for (size_t i = 0; i < ops.size(); ++i) ops[i] = without(ops[i], ~(kept | labels_besides(ops, i, i)));
  while (ops.size() > 1) {
    size_t first = 0, second = 1;
    const auto growth_of = [&](size_t i, size_t j) {
      return growth(ops[i], ops[j], kept | labels_besides(ops, i, j), sizes);
    };
    for (size_t i = 0; i < ops.size(); ++i)
      for (size_t j = i + 1; j < ops.size(); ++j)
        if (growth_of(i, j) < growth_of(first, second)) first = i, second = j;
    const LabelSet keep = kept | labels_besides(ops, first, second);
    ops[first] = contract(ops[first], ops[second], keep, output);
    ops.erase(ops.begin() + static_cast<std::ptrdiff_t>(second));
  }
  return arranged(ops[0], output);
}

}  // namespace gradus
