#include "optim/adamw.h"

#include "kernels/table.h"

namespace gradus {

namespace {

OptimizerOptions base_options(const AdamW::Options& o) { return {o.weight_decay, o.rules, o.master_weights, o.seed}; }

}  // namespace

AdamW::AdamW(const Parameters& parameters, const Options& options)
    : Optimizer(options.decoupled ? "adamw" : "adam", parameters, base_options(options)), options_(options) {
  in_unit("beta1", options.beta1);
  in_unit("beta2", options.beta2);
  for (Slot& s : slots()) add_state(s, "exp_avg"), add_state(s, "exp_avg_sq");
}

void AdamW::update(Slot& s, const Tensor& p, const Tensor& g, double learning_rate, double gradient_scale) {
  const Tensor &m = s.of("exp_avg"), &v = s.of("exp_avg_sq");
  const Options& o = options_;
  if (o.decoupled)
    return kernels(p.device())
        .adamw({p, g, m, v, learning_rate, o.beta1, o.beta2, o.eps, s.weight_decay, gradient_scale, steps()});
  kernels(p.device())
      .optim({.f = OptimRule::adam,
              .p = p,
              .g = g,
              .a = m,
              .b = v,
              .c = {},
              .n = {.lr = learning_rate,
                    .weight_decay = s.weight_decay,
                    .grad_scale = gradient_scale,
                    .beta1 = o.beta1,
                    .beta2 = o.beta2,
                    .eps = o.eps,
                    .step = steps()}});
}

AdamW8bit::AdamW8bit(const Parameters& parameters, const AdamW::Options& options)
    : Optimizer("adamw_8bit", parameters, base_options(options)), options_(options) {
  constexpr int64_t kWorthIt = 4096, kBlock = AdamW8bitArgs::kBlock;
  in_unit("beta1", options.beta1);
  in_unit("beta2", options.beta2);
  for (Slot& s : slots()) {
    if (s.value.count() < kWorthIt || s.value.dtype() == Dtype::f64) {
      add_state(s, "exp_avg"), add_state(s, "exp_avg_sq");
      continue;
    }
    const Shape blocks{(s.value.count() + kBlock - 1) / kBlock};
    for (const char* codes : {"state1", "state2"}) add_state(s, codes, s.value.shape(), Dtype::u8);
    for (const char* scales : {"absmax1", "absmax2"}) add_state(s, scales, blocks, Dtype::f32);
  }
}

void AdamW8bit::update(Slot& s, const Tensor& p, const Tensor& g, double learning_rate, double gradient_scale) {
  const AdamW::Options& o = options_;
  if (!s.has("state1"))
    return kernels(p.device())
        .adamw({p, g, s.of("exp_avg"), s.of("exp_avg_sq"), learning_rate, o.beta1, o.beta2, o.eps, s.weight_decay,
                gradient_scale, steps()});
  kernels(p.device())
      .adamw_8bit({.p = p,
                   .g = g,
                   .m = s.of("state1"),
                   .v = s.of("state2"),
                   .m_scale = s.of("absmax1"),
                   .v_scale = s.of("absmax2"),
                   .n = {.lr = learning_rate,
                         .weight_decay = s.weight_decay,
                         .grad_scale = gradient_scale,
                         .beta1 = o.beta1,
                         .beta2 = o.beta2,
                         .eps = o.eps,
                         .step = steps()}});
}

}  // namespace gradus
