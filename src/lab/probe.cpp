#include "lab/probe.h"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "autograd/autograd.h"
#include "base/error.h"
#include "nn/activation.h"
#include "nn/init.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/matmul.h"
#include "ops/norm.h"
#include "ops/reduce.h"

namespace gradus {

namespace {

constexpr const char* kPlacements[] = {"none", "pre", "post", "sandwich", "deepnorm", "rezero"};
constexpr double kProbeEps = 1e-6;

Activation probe_activation(const std::string& name) {
  if (name == "linear") return [](const Tensor& x) { return x; };
  return activation_named(name);
}

void check_size(const char* name, int64_t value, int64_t low, int64_t high) {
  if (value < low || value > high)
    throw ValueError("probe", fmt::format("{} must lie in [{}, {}], got {}.", name, low, high, value));
}

double mean_square(const Tensor& x) { return mean(square(cast(x.detach(), Dtype::f64))).item(); }

double cosine(const Tensor& a, const Tensor& b) {
  const Tensor x = cast(a.detach(), Dtype::f64), y = cast(b.detach(), Dtype::f64);
  const double length = sum(square(x)).item() * sum(square(y)).item();
  return length > 0 ? sum(mul(x, y)).item() / std::sqrt(length) : 0;
}

// What the formulas need of the branch F(x) = W2 phi(W1 x), or of the layer phi(W x).
struct Branch {
  double weight;  // n sigma^2 of each weight: the factor of the mean square
  ActivationMoments at(const std::string& activation, double q) const {
    return activation_moments(activation, weight * q);
  }
};

struct Network {
  const ProbeOptions& o;
  Activation phi;
  Init init;
  double alpha = 1;
  bool chain;

  explicit Network(const ProbeOptions& options)
      : o(options), phi(probe_activation(options.activation)), chain(options.placement == "none") {
    const auto n = static_cast<double>(o.width);
    init = init_named(o.initializer, {n, n}, o.gain);
    if (o.placement == "deepnorm") {
      const DeepNormConstants c = deepnorm_constants(o.depth);
      alpha = c.alpha;
      init = init.times(c.beta);
    }
  }

  Tensor weight(RandomKey key, int64_t layer, int64_t which) const {
    return initial_value({o.width, o.width}, init, key.fold(static_cast<uint64_t>(2 * layer + which + 2)));
  }
  static Tensor norm(const Tensor& x) { return layer_norm(x, {}, {}, kProbeEps); }

  Tensor layer(const Tensor& x, RandomKey key, int64_t l) const {
    if (chain) return phi(matmul(x, weight(key, l, 0)));
    const auto f = [&](const Tensor& in) { return matmul(phi(matmul(in, weight(key, l, 0))), weight(key, l, 1)); };
    if (o.placement == "pre") return add(x, f(norm(x)));
    if (o.placement == "sandwich") return add(x, norm(f(norm(x))));
    if (o.placement == "rezero") return add(x, mul(f(x), 0));
    return norm(add(mul(x, alpha), f(x)));  // post, deepnorm
  }

  // The factors of one layer whose input has the mean square q: of the states, of the gradient, of the cosine.
  struct Factors {
    double forward, backward, shortcut;
  };
  Factors expected(double q) const {
    const auto n = static_cast<double>(o.width);
    const Branch b{n * std::pow(deviation_of(init, {o.width, o.width}), 2)};
    if (chain) {
      const ActivationMoments m = b.at(o.activation, q);
      return {m.square / q, b.weight * m.slope_square, std::nan("")};
    }
    if (o.placement == "rezero") return {1, 1, 1};
    const bool before = o.placement == "pre" || o.placement == "sandwich";
    const ActivationMoments m = b.at(o.activation, before ? 1 : q);
    const double v = b.weight * m.square, w = b.weight * b.weight * m.slope_square;
    // x + F(N(x)): variances add up; N's Jacobian is 1/sqrt(q)
    if (o.placement == "pre") return {(q + v) / q, 1 + w / q, std::sqrt(q / (q + v))};
    if (o.placement == "sandwich") return {(q + 1) / q, 1 + w / v / q, std::sqrt(q / (q + 1))};
    // N(alpha x + F(x)): the sum has the variance alpha^2 q + v, by which N divides
    const double total = alpha * alpha * q + v;
    return {1 / q, (alpha * alpha + w) / total, std::sqrt(alpha * alpha * q / total)};
  }
};

}  // namespace

ActivationMoments activation_moments(const std::string& activation, double variance) {
  constexpr int64_t kPoints = 20001;
  constexpr double kReach = 10, kStep = 2 * kReach / (kPoints - 1);
  const EnableGrad on;
  // halves of a step beside 0, so that corners of relu and its kin lie between two points
  const Tensor z = linspace(-kReach - kStep / 2, kReach - kStep / 2, kPoints, Dtype::f64);
  Tensor h = mul(z, std::sqrt(variance)).detach();
  require_grad(h);
  const Tensor y = probe_activation(activation)(h);
  const Tensor slope = grad({y}, {h}, {ones_like(y)})[0];
  const Tensor density = mul(exp(mul(square(z), -0.5)), kStep / std::sqrt(2 * std::numbers::pi));
  return {sum(mul(square(y.detach()), density)).item(), sum(mul(square(slope), density)).item()};
}

Probe probe_initialisation(const ProbeOptions& o) {
  bool known = false;
  std::string names;
  for (const char* name : kPlacements) {
    known |= o.placement == name;
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  if (!known) throw ValueError("probe", "there is no placement \"" + o.placement + "\".", "there are " + names + ".");
  check_size("width", o.width, 2, 8192);
  check_size("depth", o.depth, 1, 4096);
  check_size("batch", o.batch, 1, 65536);
  check_size("networks", o.networks, 1, 1024);
  if (!(o.gain > 0 && o.gain < 1e6)) throw ValueError("probe", "the gain must be positive and below 10^6.");

  const EnableGrad on;
  const Network network(o);
  const auto depth = static_cast<size_t>(o.depth);
  Probe probe{o, std::vector<ProbeLayer>(depth + 1)};
  for (int64_t which = 0; which < o.networks; ++which) {
    const RandomKey key = RandomKey{o.seed, stream_name("probe")}.fold(static_cast<uint64_t>(which));
    Tensors states{random_normal({o.batch, o.width}, key.fold(0))};
    if (!network.chain) states[0] = Network::norm(states[0]);
    require_grad(states[0]);
    for (int64_t l = 0; l < o.depth; ++l) states.push_back(network.layer(states.back(), key, l));
    const Tensor seed = random_normal({o.batch, o.width}, key.fold(1));
    const Tensors below(states.begin(), states.end() - 1);
    Tensors gradients = grad({states.back()}, below, {seed});
    gradients.push_back(seed);
    const double first = mean_square(states[0]), top = mean_square(seed);
    const auto share = 1 / static_cast<double>(o.networks);
    for (size_t l = 0; l <= depth; ++l) {
      ProbeLayer& layer = probe.layers[l];
      layer.depth = static_cast<int64_t>(l);
      layer.forward += share * mean_square(states[l]) / first;
      layer.backward += share * mean_square(gradients[l]) / top;
      layer.shortcut += share * cosine(states[l], states[0]);
      if (l == depth) continue;
      const double per_layer = share / static_cast<double>(depth);
      probe.forward_gain += per_layer * mean_square(states[l + 1]) / mean_square(states[l]);
      probe.backward_gain += per_layer * mean_square(gradients[l]) / mean_square(gradients[l + 1]);
    }
  }

  std::vector<Network::Factors> factors;
  double q = 1, cosine_expected = 1;
  for (size_t l = 0; l <= depth; ++l) {
    probe.layers[l].forward_expected = q;
    probe.layers[l].shortcut_expected = cosine_expected;
    if (l == depth) break;
    factors.push_back(network.expected(q));
    q *= factors.back().forward;
    cosine_expected *= factors.back().shortcut;
    probe.forward_gain_expected += factors.back().forward / static_cast<double>(depth);
    probe.backward_gain_expected += factors.back().backward / static_cast<double>(depth);
  }
  double gradient = 1;
  for (size_t l = depth + 1; l-- > 0;) {
    if (l < depth) gradient *= factors[l].backward;
    probe.layers[l].backward_expected = gradient;
  }
  return probe;
}

Figure figure_of_probes(const std::vector<Probe>& probes) {
  Panel forward, backward, shortcut;
  forward.y = {"mean square of the states", true};
  backward.y = {"of the gradients", true};
  shortcut.y = {"cosine with the input", true, 1e-4};  // below, the chance of so many numbers hides it
  bool residual = false;
  for (size_t i = 0; i < probes.size(); ++i) {
    const Probe& p = probes[i];
    const std::string name =
        p.options.placement == "none" ? p.options.activation + ", " + p.options.initializer : p.options.placement;
    const auto curves = [&](Panel& panel, double ProbeLayer::*measured, double ProbeLayer::*expected) {
      Series m{.label = name, .color = series_color(i)}, e{.label = "", .color = series_color(i), .dash = {5, 4}};
      for (const ProbeLayer& l : p.layers) {
        m.x.push_back(static_cast<double>(l.depth)), m.y.push_back(std::abs(l.*measured));
        e.x.push_back(static_cast<double>(l.depth)), e.y.push_back(l.*expected);
      }
      m.width = 2.6;
      panel.series.push_back(m);
      e.color = Color::hex(0x212529, 0.75f);
      e.width = 1.1;
      panel.series.push_back(e);
    };
    curves(forward, &ProbeLayer::forward, &ProbeLayer::forward_expected);
    curves(backward, &ProbeLayer::backward, &ProbeLayer::backward_expected);
    if (p.options.placement != "none") {
      curves(shortcut, &ProbeLayer::shortcut, &ProbeLayer::shortcut_expected);
      residual = true;
    }
  }
  Figure figure;
  figure.title = "States and gradients against depth";
  if (!probes.empty())
    figure.subtitle = fmt::format("width {}, {}, {}; dashed: formulas for infinite width", probes[0].options.width,
                                  probes[0].options.activation, probes[0].options.initializer);
  figure.panels = {forward, backward};
  if (residual) figure.panels.push_back(shortcut);
  for (Panel& panel : figure.panels) panel.x.label = "layer";
  return figure;
}

}  // namespace gradus
