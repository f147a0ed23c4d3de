#include "nn/layers.h"

#include "autograd/observer.h"
#include "nn/packed.h"
#include "ops/dropout.h"
#include "ops/index.h"
#include "ops/matmul.h"
#include "ops/norm.h"
#include "ops/shape.h"

namespace gradus {

Linear::Linear(const Scope& s, int64_t in, int64_t out, LinearOptions options)
    : weight(s.matrix("weight", {out, in}, Init::normal_of(options.init_std), out, in, packed)), path(s.trace_path()) {
  if (options.bias) bias = s.parameter("bias", {out}, Init::zeros());
}
Tensor Linear::operator()(const Tensor& x) const {
  const TraceScope in(path);
  if (packed.defined()) return packed_linear(x, packed, bias);
  return affine(x, transpose(weight), bias);
}

Conv1D::Conv1D(const Scope& s, int64_t in, int64_t out, LinearOptions options)
    : weight(s.matrix("weight", {in, out}, Init::normal_of(options.init_std), out, in, packed)), path(s.trace_path()) {
  if (options.bias) bias = s.parameter("bias", {out}, Init::zeros());
}
Tensor Conv1D::operator()(const Tensor& x) const {
  const TraceScope in(path);
  if (packed.defined()) return packed_linear(x, packed, bias);
  return affine(x, weight, bias);
}

Embedding::Embedding(const Scope& s, int64_t rows, int64_t width, double init_std)
    : weight(s.matrix("weight", {rows, width}, Init::normal_of(init_std), rows, width, packed)), path(s.trace_path()) {}
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
