// Smooth stand-ins for functions that choose or count.
#include "fuzz/op/calls.h"
#include "ops/surrogate.h"

namespace gradus::fuzz {

namespace {

double sharpness(Dice& d) { return d.odd() ? d.number() : d.one_of({0.5, 1.0, 8.0, 1000.0}); }

template <Tensor (*F)(const Tensor&, double, int)>
Tensors along_axis(Dice& d) {
  const Tensor x = d.floats(d.shape());
  return {F(x, sharpness(d), d.axis(rank_of(x)))};
}
// Each row is seen as a square: short axes and few of them.
template <Tensor (*F)(const Tensor&, double, int)>
Tensors along_small_axis(Dice& d) {
  const Tensor x = d.floats(d.odd() ? d.shape() : Shape{d.small(0, 4), d.small(0, 5)});
  return {F(x, sharpness(d), d.axis(rank_of(x)))};
}
template <Tensor (*F)(const Tensor&, const Tensor&, double)>
Tensors of_pair(Dice& d) {
  const Tensor a = d.floats(), b = d.floats(d.broadcastable(shape_of(a)));
  return {F(a, b, sharpness(d))};
}
template <Tensor (*F)(const Tensor&, const Tensor&, double)>
Tensors measure(Dice& d) {
  const Tensor x = d.floats(Shape{d.small(0, 6)}), y = d.floats(d.odd() ? d.shape() : shape_of(x));
  return {F(x, y, sharpness(d))};
}

Tensors call_smooth_abs(Dice& d) { return {smooth_abs(d.odd() ? d.any() : d.floats(), sharpness(d))}; }
Tensors call_soft_accuracy(Dice& d) {
  const Tensor x = d.floats();
  Shape s = shape_of(x);
  if (s.rank() > 0) s.erase(s.rank() - 1);
  return {soft_accuracy(x, d.indices(d.odd() ? d.shape() : s, size_of_axis(x, -1)), sharpness(d))};
}

}  // namespace

std::vector<Call> surrogate_calls() {
  return {
      {"smooth_max", along_axis<smooth_max>},
      {"smooth_min", along_axis<smooth_min>},
      {"smooth_abs", call_smooth_abs},
      {"smooth_maximum", of_pair<smooth_maximum>},
      {"smooth_minimum", of_pair<smooth_minimum>},
      {"soft_one_hot", along_axis<soft_one_hot>},
      {"soft_argmax", along_axis<soft_argmax>},
      {"soft_sort", along_small_axis<soft_sort>},
      {"soft_rank", along_small_axis<soft_rank>},
      {"soft_accuracy", call_soft_accuracy},
      {"soft_precision", measure<soft_precision>},
      {"soft_recall", measure<soft_recall>},
      {"soft_f1", measure<soft_f1>},
      {"soft_auc", measure<soft_auc>},
  };
}

}  // namespace gradus::fuzz
