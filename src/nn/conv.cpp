#include "nn/conv.h"

#include <cmath>
#include <string>

#include "autograd/observer.h"
#include "base/error.h"

namespace gradus {

namespace {

// (rows, columns / groups, *kernel)
Shape weight_shape(const char* layer, int axes, int64_t rows, int64_t columns, int64_t groups, const PerAxis& kernel) {
  if (groups < 1 || rows < 1 || columns < 1 || rows % groups != 0 || columns % groups != 0)
    throw ShapeError(layer, std::to_string(rows) + " and " + std::to_string(columns) + " channels do not divide into " +
                                std::to_string(groups) + " groups.");
  Shape shape{rows, columns / groups};
  for (int64_t k : kernel.resolve(layer, "kernel", axes, 1)) shape.push_back(k);
  return shape;
}

// kaiming_uniform with a = sqrt 5, which is what PyTorch's layers start with.
Init initial(const Shape& weight) {
  double fan_in = 1;
  for (int i = 1; i < weight.rank(); ++i) fan_in *= static_cast<double>(weight[i]);
  return Init::uniform_of(1 / std::sqrt(fan_in));
}

}  // namespace

template <int Axes>
ConvNd<Axes>::ConvNd(const Scope& s, int64_t in, int64_t out, const PerAxis& kernel, const ConvLayerOptions& layer)
    : options(layer.conv), path(s.trace_path()) {
  const Shape shape = weight_shape("Conv", Axes, out, in, options.groups, kernel);
  weight = s.parameter("weight", shape, initial(shape));
  if (layer.bias) bias = s.parameter("bias", {out}, initial(shape));
}

template <int Axes>
Tensor ConvNd<Axes>::operator()(const Tensor& x) const {
  const TraceScope in(path);
  return Axes == 1   ? conv1d(x, weight, bias, options)
         : Axes == 2 ? conv2d(x, weight, bias, options)
                     : conv3d(x, weight, bias, options);
}

template <int Axes>
ConvTransposeNd<Axes>::ConvTransposeNd(const Scope& s, int64_t in, int64_t out, const PerAxis& kernel,
                                       const ConvTransposeLayerOptions& layer)
    : options(layer.conv), path(s.trace_path()) {
  const Shape shape = weight_shape("ConvTranspose", Axes, in, out, options.groups, kernel);
  weight = s.parameter("weight", shape, initial(shape));
  if (layer.bias) bias = s.parameter("bias", {out}, initial(shape));
}

template <int Axes>
Tensor ConvTransposeNd<Axes>::operator()(const Tensor& x) const {
  const TraceScope in(path);
  return Axes == 1   ? conv_transpose1d(x, weight, bias, options)
         : Axes == 2 ? conv_transpose2d(x, weight, bias, options)
                     : conv_transpose3d(x, weight, bias, options);
}

template struct ConvNd<1>;
template struct ConvNd<2>;
template struct ConvNd<3>;
template struct ConvTransposeNd<1>;
template struct ConvTransposeNd<2>;
template struct ConvTransposeNd<3>;

}  // namespace gradus
