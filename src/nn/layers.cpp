#include "nn/layers.h"

#include "autograd/observer.h"
#include "nn/packed.h"
#include "ops/dropout.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/matmul.h"
#include "ops/norm.h"
#include "ops/shape.h"

namespace gradus {

namespace {

// The weight of an op with its outputs along axis `outputs`, each equal block of them with an Init of its own.
Tensor projection(const Scope& s, const Shape& shape, int outputs, const LinearOptions& options, QuantTensor& packed) {
  if (options.init.size() > 1 && !s.store().loading()) return s.parameter("weight", shape, outputs, options.init);
  const Init init = options.init.empty() ? Init::normal_of(options.init_std) : options.init[0];
  return s.matrix("weight", shape, init, shape[outputs], shape[1 - outputs], packed);
}

Tensor scaled(const Tensor& x, double multiplier) { return multiplier == 1 ? x : mul(x, multiplier); }

}  // namespace

Linear::Linear(const Scope& s, int64_t in, int64_t out, LinearOptions options)
    : weight(projection(s, {out, in}, 0, options, packed)), multiplier(options.multiplier), path(s.trace_path()) {
  if (options.bias) bias = s.parameter("bias", {out}, Init::zeros());
}
Tensor Linear::operator()(const Tensor& x) const {
  const TraceScope in(path);
  if (packed.defined()) return packed_linear(scaled(x, multiplier), packed, bias);
  return affine(scaled(x, multiplier), transpose(weight), bias);
}

std::vector<Tensor> linears(const Tensor& x, const std::vector<const Linear*>& layers) {
  std::vector<PackedWeight> packed;
  for (const Linear* layer : layers)
    if (layer->packed.defined() && layer->multiplier == 1) packed.push_back({layer->packed, layer->bias});
  if (packed.size() == layers.size()) return packed_linears(x, packed);
  std::vector<Tensor> results;
  for (const Linear* layer : layers) results.push_back((*layer)(x));
  return results;
}

Conv1D::Conv1D(const Scope& s, int64_t in, int64_t out, LinearOptions options)
    : weight(projection(s, {in, out}, 1, options, packed)), multiplier(options.multiplier), path(s.trace_path()) {
  if (options.bias) bias = s.parameter("bias", {out}, Init::zeros());
}
Tensor Conv1D::operator()(const Tensor& x) const {
  const TraceScope in(path);
  if (packed.defined()) return packed_linear(scaled(x, multiplier), packed, bias);
  return affine(scaled(x, multiplier), weight, bias);
}

Embedding::Embedding(const Scope& s, int64_t rows, int64_t width, double init_std)
    : Embedding(s, rows, width, Init::normal_of(init_std)) {}
Embedding::Embedding(const Scope& s, int64_t rows, int64_t width, const Init& init)
    : weight(s.matrix("weight", {rows, width}, init, rows, width, packed)), path(s.trace_path()) {}
Tensor Embedding::operator()(const Tensor& ids) const {
  const TraceScope in(path);
  if (packed.defined()) return packed_embedding(packed, ids);
  return embedding(weight, ids);
}

LayerNorm::LayerNorm(const Scope& s, int64_t width, double epsilon, bool with_bias)
    : weight(s.parameter("weight", {width}, Init::ones())), eps(epsilon), path(s.trace_path()) {
  if (with_bias) bias = s.parameter("bias", {width}, Init::zeros());
}
Tensor LayerNorm::operator()(const Tensor& x) const {
  const TraceScope in(path);
  return layer_norm(x, weight, bias, eps);
}

RmsNorm::RmsNorm(const Scope& s, int64_t width, double epsilon)
    : weight(s.parameter("weight", {width}, Init::ones())), eps(epsilon), path(s.trace_path()) {}
Tensor RmsNorm::operator()(const Tensor& x) const {
  const TraceScope in(path);
  return rms_norm(x, weight, eps);
}

Dropout::Dropout(const Scope& s, double probability)
    : p(probability), stream(stream_name(s.path().c_str())), path(s.trace_path()) {}
Tensor Dropout::operator()(const Tensor& x, const Context& context) const {
  if (!context.training || p == 0) return x;
  const TraceScope in(path);
  return dropout(x, p, context.dropout.fold(stream));
}

}  // namespace gradus
