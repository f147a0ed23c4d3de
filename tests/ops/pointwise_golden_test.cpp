// Against PyTorch: tests/golden/make_pointwise_goldens.py.
#include <map>
#include <string>

#include "autograd/autograd.h"
#include "io/safetensors.h"
#include "ops/activation.h"
#include "ops/clamp.h"
#include "ops/elementwise.h"
#include "ops/loss_class.h"
#include "ops/loss_ctc.h"
#include "ops/loss_metric.h"
#include "ops/loss_regression.h"
#include "ops/math.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "ops/softmax.h"
#include "support/op_case.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

using Call = Tensor (*)(const Tensor&);

struct Golden {
  Safetensors file{GRADUS_TEST_DIR "/golden/pointwise.safetensors"};

  Tensor operator()(const std::string& name) const { return file.load(name); }

  // Value and gradient, each within `eps` of PyTorch's largest.
  void compare(const std::string& name, const Tensor& at, const OpCall& f, double eps = 0x1p-46) const {
    Tensor x = clone(at);
    require_grad(x);
    const Tensor y = f({x});
    check_close(y.detach(), (*this)(name + ".y"), eps, 1, name);
    const Tensor dx = grad({y}, {x}, {ones_like(y)})[0];
    check_close(dx, (*this)(name + ".grad"), eps, 1, name + " gradient");
  }
};

}  // namespace

TEST_CASE("activations: PyTorch's numbers, in f64 and f32") {
  const Golden golden;
  const std::map<std::string, Call> calls{
      {"relu", relu},
      {"relu6", relu6},
      {"relu_squared", relu_squared},
      {"leaky_relu", [](const Tensor& x) { return leaky_relu(x); }},
      {"elu", [](const Tensor& x) { return elu(x, 0.7); }},
      {"celu", [](const Tensor& x) { return celu(x, 0.7); }},
      {"selu", selu},
      {"silu", silu},
      {"mish", mish},
      {"gelu", gelu},
      {"gelu_tanh", gelu_tanh},
      {"quick_gelu", quick_gelu},
      {"softplus", [](const Tensor& x) { return softplus(x); }},
      {"softplus_beta", [](const Tensor& x) { return softplus(x, 2.5, 3); }},
      {"log_sigmoid", log_sigmoid},
      {"softsign", softsign},
      {"tanh_shrink", tanh_shrink},
      {"hard_sigmoid", hard_sigmoid},
      {"hard_swish", hard_swish},
      {"hard_tanh", [](const Tensor& x) { return hard_tanh(x); }},
      {"hard_shrink", [](const Tensor& x) { return hard_shrink(x); }},
      {"soft_shrink", [](const Tensor& x) { return soft_shrink(x); }},
      {"threshold", [](const Tensor& x) { return threshold(x, 0.5, -2); }},
      {"clamp", [](const Tensor& x) { return clamp(x, -0.5, 3); }},
  };
  // The huge ones are compared on their own, because their size would hide every error of the others; in f32 the
  // subnormal ones are 0, and 1e60 does not fit.
  struct Part {
    int64_t start, length;
    bool f32;
  };
  const Tensor x = golden("activation.x");
  const Part parts[] = {{0, 103, true}, {103, 2, false}, {105, x.count() - 107, true}, {x.count() - 2, 2, true}};
  for (const auto& [name, f] : calls) {
    // PyTorch keeps 1/6 and 1/alpha in f32.
    const bool rough = name == "hard_sigmoid" || name == "celu";
    const Tensor y = golden("activation." + name + ".y"), d = golden("activation." + name + ".grad");
    for (const Part& part : parts)
      for (const auto& [dtype, eps] : {std::pair{Dtype::f64, rough ? 0x1p-28 : 0x1p-50}, {Dtype::f32, 0x1p-23}}) {
        if (dtype == Dtype::f32 && (!part.f32 || (name == "relu_squared" && part.start > 105))) continue;
        Tensor at = cast(narrow(x, 0, part.start, part.length), dtype).detach();
        require_grad(at);
        const Tensor got = f(at);
        const std::string what = name + " " + name_of(dtype);
        check_close(got.detach(), narrow(y, 0, part.start, part.length), eps, 1, what);
        check_close(grad({got}, {at}, {ones_like(got)})[0], narrow(d, 0, part.start, part.length), eps, 1,
                    what + " gradient");
      }
  }
}

TEST_CASE("special functions: PyTorch's numbers") {
  const Golden golden;
  const Tensor x = golden("special.x");
  check_close(erfinv(tanh(mul(x, 0.5))), golden("special.erfinv.y"), 0x1p-48);
  check_close(lgamma(x), golden("special.lgamma.y"), 0x1p-50);
  check_close(digamma(x), golden("special.digamma.y"), 0x1p-48);
  check_close(sinc(x), golden("special.sinc.y"), 0x1p-50);
  for (int n : {1, 2, 5})  // PyTorch's trigamma has nine digits: psi_1(1/2) is pi^2/2 = 4.934802200545
    check_close(polygamma(n, abs(x)), golden("special.polygamma" + std::to_string(n) + ".y"),
                n == 1 ? 0x1p-34 : 0x1p-46);
}

TEST_CASE("losses: PyTorch's numbers") {
  const Golden g;
  const Tensor x = g("loss.x"), t = g("loss.t"), p = g("loss.p"), q = g("loss.q"), v = g("loss.v"), w = g("loss.w");
  const Tensor y = sign(t);
  using R = LossReduction;
  g.compare("loss.mse.none", x, [&](const Tensors& in) { return mse_loss(in[0], t, R::none); });
  g.compare("loss.mse.mean", x, [&](const Tensors& in) { return mse_loss(in[0], t); });
  g.compare("loss.mse.sum", x, [&](const Tensors& in) { return mse_loss(in[0], t, R::sum); });
  g.compare("loss.l1", x, [&](const Tensors& in) { return l1_loss(in[0], t); });
  g.compare("loss.smooth_l1", x, [&](const Tensors& in) { return smooth_l1_loss(in[0], t, 0.7); });
  g.compare("loss.huber", x, [&](const Tensors& in) { return huber_loss(in[0], t, 0.7); });
  // At 0 and 1 the gradient is 1e12 times something, where PyTorch has 1e-12 in f32.
  g.compare(
      "loss.bce", p, [&](const Tensors& in) { return binary_cross_entropy(in[0], q); }, 0x1p-30);
  g.compare(
      "loss.bce_weight", p, [&](const Tensors& in) { return binary_cross_entropy(in[0], q, {.weight = w}); }, 0x1p-30);
  g.compare("loss.bce_logits", x, [&](const Tensors& in) { return binary_cross_entropy_with_logits(in[0], q); });
  g.compare("loss.bce_logits_weights", x, [&](const Tensors& in) {
    return binary_cross_entropy_with_logits(in[0], q, {.weight = w, .pos_weight = add(w, 1)});
  });
  g.compare("loss.kl_div", x, [&](const Tensors& in) { return kl_div(in[0], q, {.reduction = R::batch_mean}); });
  g.compare("loss.kl_div_log", x,
            [&](const Tensors& in) { return kl_div(in[0], t, {.log_target = true, .reduction = R::sum}); });
  g.compare("loss.poisson", t, [&](const Tensors& in) { return poisson_nll_loss(in[0], mul(q, 4), {.full = true}); });
  g.compare("loss.poisson_rate", p,
            [&](const Tensors& in) { return poisson_nll_loss(in[0], q, {.log_input = false}); });
  g.compare("loss.gaussian", v, [&](const Tensors& in) { return gaussian_nll_loss(x, t, in[0], {.full = true}); });
  g.compare("loss.soft_margin", x, [&](const Tensors& in) { return soft_margin_loss(in[0], y); });
  g.compare("loss.hinge_embedding", x, [&](const Tensors& in) { return hinge_embedding_loss(in[0], y); });
  g.compare("loss.margin_ranking", x, [&](const Tensors& in) { return margin_ranking_loss(in[0], q, y, 0.3); });

  const Tensor logits = g("class.logits"), labels = g("class.labels"), weight = g("class.weight");
  g.compare("class.nll", logits, [&](const Tensors& in) { return nll_loss(in[0], labels); });
  g.compare("class.nll_weight", logits, [&](const Tensors& in) { return nll_loss(in[0], labels, {.weight = weight}); });
  for (const R reduction : {R::mean, R::none})
    g.compare(
        reduction == R::mean ? "class.cross_entropy" : "class.cross_entropy_none", logits, [&](const Tensors& in) {
          return cross_entropy_loss(in[0], labels, {.weight = weight, .label_smoothing = 0.1, .reduction = reduction});
        });
  g.compare("class.soft_cross_entropy", logits, [&](const Tensors& in) {
    return soft_cross_entropy_loss(in[0], g("class.soft"), {.weight = weight, .label_smoothing = 0.1});
  });

  const Tensor a = g("triplet.a"), b = g("triplet.p"), c = g("triplet.n"), s = g("cosine.y.sign");
  g.compare("triplet.p2", a, [&](const Tensors& in) { return triplet_margin_loss(in[0], b, c); });
  g.compare("triplet.p3_swap", a,
            [&](const Tensors& in) { return triplet_margin_loss(in[0], b, c, {.margin = 2, .p = 3, .swap = true}); });
  // Row 0 is all zeros: there every implementation has an eps of its own, and PyTorch's gradient is 1/eps.
  const auto rest = [](const Tensor& x) { return narrow(x, 0, 1, 5); };
  check_close(cosine_similarity(a, b), g("cosine.similarity.y"), 0x1p-46);
  Tensor tail = clone(rest(a));
  require_grad(tail);
  check_close(grad({sum(cosine_similarity(tail, rest(b)))}, {tail})[0], rest(g("cosine.similarity.grad")), 0x1p-46);
  check_close(cosine_embedding_loss(a, b, s, -0.2), g("cosine.embedding.y"), 0x1p-34);  // 1e-12 beside the squares
}

TEST_CASE("ctc_loss: PyTorch's numbers") {
  const Golden g;
  const Tensor targets = g("ctc.targets"), steps = g("ctc.input_lengths"), sizes = g("ctc.target_lengths");
  const Tensor logits = g("ctc.logits");
  using R = LossReduction;
  for (const auto& [name, reduction] : {std::pair{"mean", R::mean}, {"sum", R::sum}, {"none", R::none}})
    g.compare(std::string("ctc.") + name, logits, [&, r = reduction](const Tensors& in) {
      return ctc_loss(log_softmax(in[0]), targets, steps, sizes, {.reduction = r, .zero_infinity = true});
    });
  check_close(ctc_loss(logits, targets, steps, sizes, {.reduction = R::none}), g("ctc.infinite.y"), 0x1p-46);
}
