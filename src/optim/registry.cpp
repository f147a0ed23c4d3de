#include "optim/registry.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/nearest.h"
#include "optim/adafactor.h"
#include "optim/adamw.h"
#include "optim/elementwise.h"
#include "optim/muon.h"
#include "optim/named_options.h"

namespace gradus {

namespace {

using Made = std::unique_ptr<Optimizer>;

std::vector<double> pair_of(NamedOptions& o, const char* key, double first, double second) {
  const std::vector<double> two = o.numbers(key, {first, second});
  if (two.size() != 2) throw ValueError("optim", std::string("optim_args.") + key + " must be a list of two numbers.");
  return two;
}

AdamW::Options adamw_options(const OptimizerSettings& s, NamedOptions& o) {
  const auto betas = pair_of(o, "betas", s.adam_beta1, s.adam_beta2);
  AdamW::Options options;
  options.beta1 = betas[0], options.beta2 = betas[1];
  options.eps = o.number("eps", s.adam_epsilon);
  options.weight_decay = s.options.weight_decay;
  options.rules = s.options.rules;
  options.master_weights = s.options.master_weights, options.seed = s.options.seed;
  return options;
}

Made adamw(const Parameters& p, const OptimizerSettings& s, NamedOptions& o) {
  return std::make_unique<AdamW>(p, adamw_options(s, o));
}

Made adam(const Parameters& p, const OptimizerSettings& s, NamedOptions& o) {
  AdamW::Options options = adamw_options(s, o);
  options.decoupled = false;
  return std::make_unique<AdamW>(p, options);
}

Made adamw_8bit(const Parameters& p, const OptimizerSettings& s, NamedOptions& o) {
  return std::make_unique<AdamW8bit>(p, adamw_options(s, o));
}

Made sgd(const Parameters& p, const OptimizerSettings& s, NamedOptions& o) {
  Sgd::Options options{s.options};
  options.momentum = o.number("momentum", 0);
  options.dampening = o.number("dampening", 0, -1e300);
  options.nesterov = o.flag("nesterov", false);
  return std::make_unique<Sgd>(p, options);
}

Made rmsprop(const Parameters& p, const OptimizerSettings& s, NamedOptions& o) {
  RmsProp::Options options{s.options};
  options.alpha = o.number("alpha", 0.99, 0, 1);
  options.eps = o.number("eps", 1e-8);
  options.momentum = o.number("momentum", 0);
  options.centered = o.flag("centered", false);
  return std::make_unique<RmsProp>(p, options);
}

Made adagrad(const Parameters& p, const OptimizerSettings& s, NamedOptions& o) {
  Adagrad::Options options{s.options};
  options.lr_decay = o.number("lr_decay", 0);
  options.eps = o.number("eps", 1e-10);
  options.initial_accumulator_value = o.number("initial_accumulator_value", 0);
  return std::make_unique<Adagrad>(p, options);
}

Made adafactor(const Parameters& p, const OptimizerSettings& s, NamedOptions& o) {
  Adafactor::Options options{s.options};
  const auto eps = pair_of(o, "eps", options.eps_square, options.eps_scale);
  options.eps_square = eps[0], options.eps_scale = eps[1];
  options.clip_threshold = o.number("clip_threshold", 1);
  options.decay_rate = o.number("decay_rate", -0.8, -1e300);
  options.beta1 = o.number("beta1", 0, 0, 1);
  options.scale_parameter = o.flag("scale_parameter", false);
  options.relative_step = o.flag("relative_step", false);
  options.warmup_init = o.flag("warmup_init", false);
  return std::make_unique<Adafactor>(p, options);
}

Made lion(const Parameters& p, const OptimizerSettings& s, NamedOptions& o) {
  Lion::Options options{s.options};
  const auto betas = pair_of(o, "betas", s.adam_beta1, s.adam_beta2);
  options.beta1 = betas[0], options.beta2 = betas[1];
  return std::make_unique<Lion>(p, options);
}

Made muon(const Parameters& p, const OptimizerSettings& s, NamedOptions& o) {
  Muon::Options options{s.options};
  options.momentum = o.number("momentum", options.momentum, 0, 1);
  options.nesterov = o.flag("nesterov", options.nesterov);
  options.ns_steps = o.integer("ns_steps", options.ns_steps, 1, 100);
  const auto abc = o.numbers("ns_coefficients", {options.a, options.b, options.c});
  if (abc.size() != 3) throw ValueError("optim", "optim_args.ns_coefficients must be a list of three numbers.");
  options.a = abc[0], options.b = abc[1], options.c = abc[2];
  options.eps = o.number("eps", options.eps);
  options.match_rms_adamw =
      o.word("adjust_lr_fn", "match_rms_adamw", {"match_rms_adamw", "original"}) == "match_rms_adamw";
  options.beta1 = s.adam_beta1, options.beta2 = s.adam_beta2, options.adam_eps = s.adam_epsilon;
  return std::make_unique<Muon>(p, options);
}

Made schedule_free(const Parameters& p, const OptimizerSettings& s, NamedOptions& o) {
  ScheduleFreeAdamW::Options options{s.options};
  const auto betas = pair_of(o, "betas", s.adam_beta1, s.adam_beta2);
  options.beta1 = betas[0], options.beta2 = betas[1];
  options.eps = o.number("eps", s.adam_epsilon);
  options.r = o.number("r", 0);
  options.weight_lr_power = o.number("weight_lr_power", 2);
  options.warmup_steps = o.integer("warmup_steps", 0, 0, int64_t{1} << 50);
  return std::make_unique<ScheduleFreeAdamW>(p, options);
}

struct Kind {
  const char* name;
  Made (*make)(const Parameters&, const OptimizerSettings&, NamedOptions&);
};
constexpr Kind kKinds[] = {{"adamw_torch", adamw},
                           {"adamw_torch_fused", adamw},
                           {"adam", adam},
                           {"sgd", sgd},
                           {"rmsprop", rmsprop},
                           {"adagrad", adagrad},
                           {"adafactor", adafactor},
                           {"lion_32bit", lion},
                           {"muon", muon},
                           {"schedule_free_adamw", schedule_free},
                           {"adamw_8bit", adamw_8bit},
                           {"adamw_bnb_8bit", adamw_8bit}};

}  // namespace

const std::vector<std::string>& optimizer_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const Kind& kind : kKinds) list.emplace_back(kind.name);
    return list;
  }();
  return names;
}

Made make_optimizer(const Parameters& parameters, const OptimizerSettings& settings) {
  for (const Kind& kind : kKinds) {
    if (settings.optim != kind.name) continue;
    NamedOptions options("optim", "optim_args", "the optimiser \"" + settings.optim + "\"",
                         parse_json(settings.optim_args, "optim_args"));
    Made made = kind.make(parameters, settings, options);
    options.done();
    return made;
  }
  std::string near = nearest_name(settings.optim, optimizer_names());
  for (const Kind& kind : kKinds)  // adamw means adamw_torch, not adam
    if (std::string(kind.name).rfind(settings.optim + "_", 0) == 0) {
      near = kind.name;
      break;
    }
  throw ValueError(
      "optim", "train.optim: there is no optimiser \"" + settings.optim + "\".",
      (near.empty() ? "" : "did you mean " + near + "? ") + "There are " + joined_names(optimizer_names()) + ".");
}

}  // namespace gradus
