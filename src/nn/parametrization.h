#pragma once
#include <cstdint>
#include <string>

namespace gradus {

/// What a weight is to a network whose width grows.
enum class WeightRole : uint8_t {
  input,   ///< from a fixed number of things to the width: embeddings
  hidden,  ///< from width to width
  output,  ///< from the width to a fixed number of things: the output layer
  vector,  ///< biases and the weights of norms
};

enum class Parametrization : uint8_t {
  standard,  ///< nothing follows the width
  /// A weight is multiplied by 1/sqrt(in) where it is used and starts with a deviation of its own (Jacot et al. 2018).
  /// Its learning rate means the same at every width for plain gradient descent; Adam's step in the product is
  /// 1/sqrt(in) of the learning rate.
  ntk,
  /// The maximal-update parametrisation for Adam (Yang et al. 2022, "Tensor programs V", table 8): the best learning
  /// rate stays where it is as the width grows.
  mup,
};

/// By name: standard, ntk, mup. Throws ValueError listing them for any other.
Parametrization parametrization_named(const std::string& name);

/// Factors against the same weight of a network `width` times narrower, so that all are 1 at the base.
struct WidthScaling {
  double init = 1;           ///< of the initial deviation
  double multiplier = 1;     ///< of the weight where it is used
  double learning_rate = 1;  ///< of Adam's learning rate
};

///             standard    ntk (multiplier)    mup (init, multiplier, learning rate)
///   input     1           1                   1,          1,    1
///   hidden    1           1/sqrt(m)           1/sqrt(m),  1,    1/m
///   output    1           1/sqrt(m)           1,          1/m,  1
///   vector    1           1                   1,          1,    1
/// with m the width over the base width. The learning rate travels in Init::learning_rate_scale to the parameter, and
/// from there to the optimiser. Throws ValueError unless m > 0.
WidthScaling width_scaling(Parametrization p, WeightRole role, double m);

/// What the products of queries and keys are multiplied with. 1/sqrt(d) makes their variance 1 while queries and keys
/// are independent, which they are before training; afterwards they are correlated and the sum of d terms grows with d,
/// so mup takes sqrt(d_base)/d (Yang et al. 2022, definition 4.1), which is 1/sqrt(d) at the base.
double attention_scale(Parametrization p, double head_dim, double base_head_dim);

}  // namespace gradus
