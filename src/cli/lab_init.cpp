// gradus lab init, gradus lab attention-scale
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/lab_text.h"
#include "cli/text_io.h"
#include "cli/verbs.h"
#include "lab/probe.h"

namespace gradus::cli {

namespace {

struct InitArguments {
  std::string placements = "none";
  ProbeOptions options;
  PictureArguments picture;
  bool json = false;
};

Json json_of(const Probe& p) {
  Json layers = Json::array();
  for (const ProbeLayer& l : p.layers)
    layers.push_back({{"depth", l.depth},
                      {"forward", json_number(l.forward)},
                      {"forward_expected", json_number(l.forward_expected)},
                      {"backward", json_number(l.backward)},
                      {"backward_expected", json_number(l.backward_expected)},
                      {"shortcut", json_number(l.shortcut)},
                      {"shortcut_expected", json_number(l.shortcut_expected)}});
  return {{"placement", p.options.placement},
          {"activation", p.options.activation},
          {"initializer", p.options.initializer},
          {"gain", p.options.gain},
          {"width", p.options.width},
          {"depth", p.options.depth},
          {"forward_gain", json_number(p.forward_gain)},
          {"forward_gain_expected", json_number(p.forward_gain_expected)},
          {"backward_gain", json_number(p.backward_gain)},
          {"backward_gain_expected", json_number(p.backward_gain_expected)},
          {"layers", layers}};
}

std::string readable(const Probe& p) {
  std::string out = fmt::format("{}: {}, {}, width {}, depth {}\n", p.options.placement, p.options.activation,
                                p.options.initializer, p.options.width, p.options.depth);
  out += fmt::format("{:>6}{:>14}{:>12}{:>14}{:>12}{:>14}{:>12}\n", "layer", "states", "expected", "gradient",
                     "expected", "shortcut", "expected");
  const size_t step = std::max<size_t>(1, (p.layers.size() - 1) / 16);
  for (size_t i = 0; i < p.layers.size(); ++i) {
    if (i % step != 0 && i + 1 != p.layers.size()) continue;
    const ProbeLayer& l = p.layers[i];
    out += fmt::format("{:>6}{:>14.4g}{:>12.4g}{:>14.4g}{:>12.4g}", l.depth, l.forward, l.forward_expected, l.backward,
                       l.backward_expected);
    out += std::isfinite(l.shortcut_expected) ? fmt::format("{:>14.4g}{:>12.4g}\n", l.shortcut, l.shortcut_expected)
                                              : fmt::format("{:>14.4g}\n", l.shortcut);
  }
  return out + fmt::format(
                   "a layer multiplies the states' mean square by {:.4g} (expected {:.4g}), the gradient's by "
                   "{:.4g} ({:.4g})\n",
                   p.forward_gain, p.forward_gain_expected, p.backward_gain, p.backward_gain_expected);
}

void probe(const InitArguments& args) {
  std::vector<Probe> probes;
  for (const std::string& placement : pieces(args.placements, ',')) {
    ProbeOptions options = args.options;
    options.placement = placement;
    probes.push_back(probe_initialisation(options));
  }
  args.picture.write(figure_of_probes(probes));
  std::string text;
  Json json = Json::array();
  for (const Probe& p : probes) {
    json.push_back(json_of(p));
    text += (text.empty() ? "" : "\n") + readable(p);
  }
  write_output(args.json ? dump_json({{"probes", json}}) + "\n" : text);
}

struct ScaleArguments {
  ScaleOptions options;
  std::string scales;
  PictureArguments picture;
  bool json = false;
};

void scales(const ScaleArguments& args) {
  std::vector<double> list;
  const double root = std::sqrt(static_cast<double>(args.options.head_dim));
  if (!args.scales.empty()) {
    list = numbers_of("attention-scale", args.scales, "--scales");
  } else {  // from 1/d to 1, halving
    for (double s = 1 / root; s > 0.999 / (root * root); s /= 2) list.insert(list.begin(), s);
    for (double s = 2 / root; s < 1.001; s *= 2) list.push_back(s);
  }
  const std::vector<ScalePoint> points = probe_attention_scale(args.options, list);
  args.picture.write(figure_of_scales(args.options, points));
  if (args.json) {
    Json rows = Json::array();
    for (const ScalePoint& p : points)
      rows.push_back({{"scale", p.scale},
                      {"scale_times_root", p.scale * root},
                      {"deviation", json_number(p.deviation)},
                      {"entropy", json_number(p.entropy)},
                      {"entropy_expected", json_number(p.entropy_expected)},
                      {"largest", json_number(p.largest)},
                      {"gradient", json_number(p.gradient)},
                      {"gradient_to_query", json_number(p.gradient_to_query)}});
    return write_output(
        dump_json({{"head_dim", args.options.head_dim}, {"keys", args.options.keys}, {"points", rows}}) + "\n");
  }
  std::string out = fmt::format(
      "{} keys, heads of {}: equal weights have the entropy {:.4f}\n{:>10}{:>10}{:>12}{:>10}{:>10}{:>10}{:>10}{:>12}\n",
      args.options.keys, args.options.head_dim, std::log(static_cast<double>(args.options.keys)), "scale", "x sqrt d",
      "deviation", "entropy", "expected", "largest", "gradient", "at a query");
  for (const ScalePoint& p : points)
    out += fmt::format("{:>10.4g}{:>10.4g}{:>12.4g}{:>10.4f}{:>10}{:>10.4f}{:>10.4f}{:>12.5f}\n", p.scale,
                       p.scale * root, p.deviation, p.entropy,
                       std::isfinite(p.entropy_expected) ? fmt::format("{:.4f}", p.entropy_expected) : "-", p.largest,
                       p.gradient, p.gradient_to_query);
  write_output(out);
}

}  // namespace

void add_lab_init(CLI::App& lab) {
  auto args = std::make_shared<InitArguments>();
  ProbeOptions& o = args->options;
  CLI::App* verb = lab.add_subcommand(
      "init", "Variance of states and gradients against depth, before training, beside the closed forms.");
  verb->add_option(
          "--placement", args->placements,
          "norms about a residual branch: none (a plain chain), pre, post, sandwich, deepnorm, rezero; several "
          "with commas")
      ->capture_default_str();
  verb->add_option("--activation", o.activation, "linear, relu, tanh, gelu, gelu_new, silu, …")->capture_default_str();
  verb->add_option("--init", o.initializer,
                   "lecun_normal, lecun_uniform, glorot_normal, glorot_uniform, he_normal, he_uniform, orthogonal")
      ->capture_default_str();
  verb->add_option("--gain", o.gain, "factor of the initial weights")->capture_default_str();
  verb->add_option("--units", o.width, "width of the network")->capture_default_str();
  verb->add_option("--depth", o.depth, "layers")->capture_default_str();
  verb->add_option("--batch", o.batch, "random inputs")->capture_default_str();
  verb->add_option("--networks", o.networks, "drawn independently and averaged")->capture_default_str();
  verb->add_option("--seed", o.seed, "")->capture_default_str();
  args->picture.add_to(*verb);
  verb->add_flag("--json", args->json, "one JSON object on stdout");
  verb->footer("Example: gradus lab init --placement pre,post,deepnorm --depth 48 -o probes.png");
  verb->callback([args] { probe(*args); });
}

void add_lab_attention_scale(CLI::App& lab) {
  auto args = std::make_shared<ScaleArguments>();
  CLI::App* verb = lab.add_subcommand(
      "attention-scale",
      "Why attention is divided by the root of d: entropy and gradient of softmax against the scale.");
  verb->add_option("--head-dim", args->options.head_dim, "d")->capture_default_str();
  verb->add_option("--keys", args->options.keys, "")->capture_default_str();
  verb->add_option("--queries", args->options.queries, "random ones, averaged")->capture_default_str();
  verb->add_option("--scales", args->scales, "numbers with commas [from 1/d to 1]");
  verb->add_option("--seed", args->options.seed, "")->capture_default_str();
  args->picture.add_to(*verb);
  verb->add_flag("--json", args->json, "one JSON object on stdout");
  verb->callback([args] { scales(*args); });
}

}  // namespace gradus::cli
