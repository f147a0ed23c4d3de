#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "io/plot.h"

namespace gradus {

/// A network of equal layers, as it is before training.
struct ProbeOptions {
  /// none       x <- phi(W x)
  /// and about a branch F(x) = W2 phi(W1 x), as in Gpt2Variant::norm_placement:
  /// pre        x <- x + F(N(x))
  /// post       x <- N(x + F(x))
  /// sandwich   x <- x + N(F(N(x)))
  /// deepnorm   x <- N(alpha x + F(x)), alpha = (2L)^(1/4), weights times (8L)^(-1/4)
  /// rezero     x <- x + 0 F(x)
  std::string placement = "none";
  std::string activation = "relu";        ///< activation_named(), or linear
  std::string initializer = "he_normal";  ///< init_named(), of square weights
  double gain = 1;                        ///< of each weight, beyond the initialiser's own
  int64_t width = 512, depth = 32, batch = 64;
  int64_t networks = 1;  ///< drawn independently and averaged
  uint64_t seed = 0;
};

/// At the input of layer `depth`; the last entry is the output of the network. Expected values are those of infinite
/// width, where every number of a layer is an independent normal one.
struct ProbeLayer {
  int64_t depth = 0;
  double forward = 0, forward_expected = 0;    ///< mean square of the states; 1 at the input
  double backward = 0, backward_expected = 0;  ///< mean square of the gradient; 1 at the output
  /// Cosine between the states and the input: what the shortcut alone carries there, and back from there.
  double shortcut = 0, shortcut_expected = 0;
};

struct Probe {
  ProbeOptions options;
  std::vector<ProbeLayer> layers;
  /// Mean over the layers of what one multiplies the mean square with, forward and backward. Single layers scatter by
  /// sqrt(5/width) about it, and depth adds that up.
  double forward_gain = 0, forward_gain_expected = 0, backward_gain = 0, backward_gain_expected = 0;
};

/// Draws the network and its input, sends a random gradient back, and measures. Throws ValueError for unknown names and
/// sizes outside [2, 8192] (width), [1, 4096] (depth), [1, 65536] (batch), [1, 1024] (networks).
Probe probe_initialisation(const ProbeOptions& options);

/// E[phi(sqrt(variance) z)^2] and E[phi'(sqrt(variance) z)^2] for z ~ N(0, 1), by the trapezium rule.
struct ActivationMoments {
  double square = 0, slope_square = 0;
};
ActivationMoments activation_moments(const std::string& activation, double variance);

/// Measured curves and expected ones (dashed) over depth: states, gradients, shortcut.
Figure figure_of_probes(const std::vector<Probe>& probes);

/// Softmax over `keys` products of random queries and keys of size `head_dim`, times `scale`.
struct ScalePoint {
  double scale = 0;              ///< of the products
  double deviation = 0;          ///< of the logits: scale sqrt(head_dim) expected
  double entropy = 0;            ///< nats; ln(keys) when all weights are equal
  double entropy_expected = 0;   ///< ln(keys) - deviation^2/2, where deviation^2 < 2 ln(keys); NaN beyond
  double largest = 0;            ///< weight
  double gradient = 0;           ///< norm of d softmax / d logits, |diag(p) - p p^T|_F: 0 when one weight is 1
  double gradient_to_query = 0;  ///< root mean square of the gradient that reaches a query's entries
};
struct ScaleOptions {
  int64_t head_dim = 64, keys = 256, queries = 256;
  uint64_t seed = 0;
};
/// One entry a scale. Throws ValueError for sizes outside [1, 65536] and a product of keys and queries above 2^24.
std::vector<ScalePoint> probe_attention_scale(const ScaleOptions& options, const std::vector<double>& scales);
Figure figure_of_scales(const ScaleOptions& options, const std::vector<ScalePoint>& points);

}  // namespace gradus
