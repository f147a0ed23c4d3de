// Derivatives against torch.func: tests/golden/make_diff_goldens.py made the numbers.
#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "autograd/autograd.h"
#include "autograd/functional.h"
#include "io/safetensors.h"
#include "ops/activation.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/matmul.h"
#include "ops/norm.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "ops/softmax.h"

using namespace gradus;

namespace {

struct Golden {
  std::map<std::string, Tensor> all;
  Golden() {
    for (auto& [name, value] : Safetensors(std::string(GRADUS_TEST_DIR) + "/golden/diff.safetensors").load_all())
      all[name] = value;
    for (const char* name : {"weight", "bias", "w1", "w2"}) require_grad(all[name]);
  }
  const Tensor& operator[](const char* name) const { return all.at(name); }

  Tensor net(const Tensor& rows) const {
    const Golden& g = *this;
    return matmul(gelu(matmul(layer_norm(rows, g["weight"], g["bias"], 1e-5), g["w1"])), g["w2"]);
  }
  Tensor at(const Tensor& x) const { return reshape(net(reshape(x, {1, 6})), {3}); }
  Tensor energy(const Tensor& x) const {
    const Tensor y = at(x);
    return sum(mul(softmax(y), square(y)));
  }

  void check(const char* name, const Tensor& got) const {
    CAPTURE(std::string(name));
    const Tensor& want = all.at(name);
    REQUIRE(got.shape() == want.shape());
    const auto a = got.to_vector<double>(), b = want.to_vector<double>();
    double worst = 0, size = 1;
    for (size_t i = 0; i < a.size(); ++i) {
      worst = std::max(worst, std::abs(a[i] - b[i]));
      size = std::max(size, std::abs(b[i]));
    }
    CHECK(worst < 1e-11 * size);
  }
};

}  // namespace

TEST_CASE("derivatives of a network are torch.func's") {
  const Golden g;
  const auto net = [&](const Tensor& x) { return g.at(x); };
  const auto energy = [&](const Tensor& x) { return g.energy(x); };
  const Tensor &x = g["x"], &v = g["v"];
  {
    const NoGrad numbers_only;
    g.check("jacobian", jacobian(net, x, JacobianBy::rows));
    g.check("jacobian", jacobian(net, x, JacobianBy::columns));
    g.check("jvp", jvp(net, x, v));
    g.check("vjp", vjp(net, x, g["u"]));
    g.check("gradient", gradient(energy, x));
    g.check("hessian", hessian(energy, x));
    g.check("hvp", hvp(energy, x, v));
    g.check("trace", laplacian(energy, x));
    g.check("third", gradient([&](const Tensor& p) { return sum(mul(v, hvp(energy, p, v))); }, x));
    const auto loss = [&](const Tensors& b) { return sum(square(sub(g.net(b[0]), b[1]))); };
    const Tensors each = per_sample_gradients(loss, {g["w1"], g["w2"], g["weight"]}, {g["batch"], g["targets"]});
    g.check("sample.w1", each[0]);
    g.check("sample.w2", each[1]);
    g.check("sample.weight", each[2]);
  }
  Tensor point = x.detach();
  require_grad(point);
  backward(sum(square(gradient(energy, point))));
  g.check("penalty.w1", grad_of(g["w1"]));
  g.check("penalty.x", grad_of(point));
}
