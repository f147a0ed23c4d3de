#include "nn/norm.h"

#include "autograd/autograd.h"
#include "autograd/observer.h"
#include "base/error.h"
#include "kernels/table.h"
#include "ops/elementwise.h"
#include "ops/norm.h"

namespace gradus {

namespace {

struct Affine {
  Tensor weight, bias;
};
Affine affine_of(const Scope& s, int64_t channels, bool affine) {
  if (!affine) return {};
  return {s.parameter("weight", {channels}, Init::ones()), s.parameter("bias", {channels}, Init::zeros())};
}

void overwrite(const Tensor& to, const Tensor& x) {
  kernels(to.device()).copy({.x = x, .y = to});
  to.bump_version();
}

int checked_axis(const char* layer, const Shape& shape, int axis) {
  if (shape.rank() < 2) throw ShapeError(layer, "the weight must have at least two axes, got " + shape.str() + ".");
  return wrap_axis(layer, axis, shape.rank());
}

Shape only_axis(const Shape& shape, int axis) {
  Shape kept = Shape::filled(shape.rank(), 1);
  kept[axis] = shape[axis];
  return kept;
}

}  // namespace

BatchNorm::BatchNorm(const Scope& s, int64_t channels, BatchNormLayerOptions o) : options(o), path(s.trace_path()) {
  const Affine a = affine_of(s, channels, o.affine);
  weight = a.weight;
  bias = a.bias;
  const Dtype wide = accumulator_of(s.store().dtype());
  running_mean = s.buffer("running_mean", {channels}, Init::zeros(), wide);
  running_var = s.buffer("running_var", {channels}, Init::ones(), wide);
  num_batches_tracked = s.buffer("num_batches_tracked", {}, Init::zeros(), Dtype::i64);
}

Tensor BatchNorm::operator()(const Tensor& x, const Context& context) const {
  const TraceScope in(path);
  BatchNormOptions o{.training = context.training, .momentum = options.momentum, .eps = options.eps};
  if (context.training) {
    const NoGrad off;
    overwrite(num_batches_tracked, add(num_batches_tracked, 1));
    if (options.cumulative && x.device() == Device::cpu) o.momentum = 1 / num_batches_tracked.item();
  }
  return batch_norm(x, running_mean, running_var, weight, bias, o);
}

GroupNorm::GroupNorm(const Scope& s, int64_t group_count, int64_t channels, double epsilon, bool affine)
    : groups(group_count), eps(epsilon), path(s.trace_path()) {
  const Affine a = affine_of(s, channels, affine);
  weight = a.weight;
  bias = a.bias;
}
Tensor GroupNorm::operator()(const Tensor& x) const {
  const TraceScope in(path);
  return group_norm(x, groups, weight, bias, eps);
}

InstanceNorm::InstanceNorm(const Scope& s, int64_t channels, double epsilon, bool affine)
    : eps(epsilon), path(s.trace_path()) {
  const Affine a = affine_of(s, channels, affine);
  weight = a.weight;
  bias = a.bias;
}
Tensor InstanceNorm::operator()(const Tensor& x) const {
  const TraceScope in(path);
  return instance_norm(x, weight, bias, eps);
}

WeightNorm::WeightNorm(const Scope& s, const Shape& shape, const Init& init, int which)
    : axis(checked_axis("WeightNorm", shape, which)), path(s.trace_path()) {
  const Scope here = s / "parametrizations" / "weight";
  g = here.parameter("original0", only_axis(shape, axis), Init::ones());
  v = here.parameter("original1", shape, init);
  if (!s.store().loading()) overwrite(g, norm_except(v.detach(), axis));
}
Tensor WeightNorm::operator()() const {
  const TraceScope in(path);
  return weight_norm(v, g, axis);
}

SpectralNorm::SpectralNorm(const Scope& s, const Shape& shape, const Init& init, int which)
    : axis(checked_axis("SpectralNorm", shape, which)), path(s.trace_path()) {
  const Scope here = s / "parametrizations" / "weight";
  original = here.parameter("original", shape, init);
  const int64_t rows = shape[axis];
  int64_t columns = 1;
  for (int i = 0; i < shape.rank(); ++i)
    if (i != axis) columns *= shape[i];
  u = here.buffer("0._u", {rows}, Init::normal_of(1), original.dtype());
  v = here.buffer("0._v", {columns}, Init::normal_of(1), original.dtype());
  if (!s.store().loading()) spectral_norm(original.detach(), u, v, {.axis = axis, .iterations = 15});
}
Tensor SpectralNorm::operator()(const Context& context) const {
  const TraceScope in(path);
  return spectral_norm(original, u, v, {.axis = axis, .iterations = context.training ? 1 : 0});
}

}  // namespace gradus
