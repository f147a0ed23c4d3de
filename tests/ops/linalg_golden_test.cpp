// Linear algebra and the norms over channels against PyTorch: tests/golden/make_linalg_goldens.py.
#include <functional>
#include <limits>

#include "autograd/autograd.h"
#include "io/safetensors.h"
#include "ops/elementwise.h"
#include "ops/linalg.h"
#include "ops/norm.h"
#include "ops/shape.h"
#include "support/op_case.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

using Function = std::function<Tensors(const Tensors&)>;

const Safetensors& golden() {
  static const Safetensors file(GRADUS_TEST_DIR "/golden/linalg.safetensors");
  return file;
}

// Every output and every gradient of a case, to a few bits of f64.
void compare(const std::string& name, const Function& f, double tolerance = 256) {
  const auto key = [&](const char* what, size_t i) { return name + "." + what + "." + std::to_string(i); };
  Tensors in, wanted, roots, seeds;
  for (size_t i = 0; golden().contains(key("in", i)); ++i) {
    in.push_back(golden().load(key("in", i)));
    if (!golden().contains(key("din", i))) continue;
    require_grad(in.back());
    wanted.push_back(in.back());
  }
  REQUIRE_MESSAGE(!in.empty(), name << " is not in linalg.safetensors");
  const Tensors out = f(in);
  for (size_t i = 0; golden().contains(key("out", i)); ++i) {
    check_close(out[i], golden().load(key("out", i)), 0x1p-52, tolerance, key("out", i));
    if (!golden().contains(key("dout", i))) continue;
    roots.push_back(out[i]);
    seeds.push_back(golden().load(key("dout", i)));
  }
  const Tensors grads = grad(roots, wanted, seeds);
  for (size_t i = 0, next = 0; i < in.size(); ++i)
    if (golden().contains(key("din", i)))
      check_close(grads[next++], golden().load(key("din", i)), 0x1p-52, tolerance, key("din", i));
}

Function one(Tensor (*f)(const Tensor&)) {
  return [f](const Tensors& in) { return Tensors{f(in[0])}; };
}

constexpr double inf = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("PyTorch's linear systems") {
  for (const char* name : {"solve", "solve.vector"})
    compare(name, [](const Tensors& in) { return Tensors{solve(in[0], in[1])}; });
  compare("solve.right", [](const Tensors& in) { return Tensors{solve(in[0], in[1], false)}; });
  for (bool upper : {false, true})
    compare(upper ? "solve_triangular.upper" : "solve_triangular.lower",
            [upper](const Tensors& in) { return Tensors{solve_triangular(in[0], in[1], {.upper = upper})}; });
  compare("solve_triangular.unit_right", [](const Tensors& in) {
    return Tensors{solve_triangular(in[0], in[1], {.upper = true, .left = false, .unit_diagonal = true})};
  });
  compare("inverse", one(inverse));
  compare("det", one(det));
  compare("slogdet", [](const Tensors& in) {
    const SignLogDet d = slogdet(in[0]);
    return Tensors{d.sign, d.logabsdet};
  });
  compare("lu_factor.lu", [](const Tensors& in) {
    const LuFactors f = lu_factor(in[0]);
    CHECK(f.pivots.to_vector<int32_t>() == golden().load("lu_factor.pivots").to_vector<int32_t>());
    return Tensors{f.lu};
  });
  for (bool upper : {false, true})
    compare(upper ? "cholesky.upper" : "cholesky",
            [upper](const Tensors& in) { return Tensors{cholesky(in[0], upper)}; });
}

TEST_CASE("PyTorch's factorisations") {
  for (const std::string shape : {"square", "tall", "wide"}) {
    compare("lu." + shape, [](const Tensors& in) {
      const Lu f = lu(in[0]);
      return Tensors{f.p, f.l, f.u};
    });
    compare("qr." + shape, [](const Tensors& in) {
      const Qr f = qr(in[0]);
      return Tensors{f.q, f.r};
    });
    compare(
        "svd." + shape,
        [](const Tensors& in) {
          const Svd d = svd(in[0]);
          return Tensors{square(d.u), square(d.s), square(d.vh)};
        },
        4096);
    compare("svdvals." + shape, one(svdvals));
    compare(
        "pinv." + shape, [](const Tensors& in) { return Tensors{pinv(in[0])}; }, 4096);
    compare(
        "lstsq." + shape, [](const Tensors& in) { return Tensors{lstsq(in[0], in[1]).solution}; }, 4096);
  }
  for (bool upper : {false, true})
    compare(
        upper ? "eigh.upper" : "eigh",
        [upper](const Tensors& in) {
          const Eigen e = eigh(in[0], upper);
          return Tensors{e.values, square(e.vectors)};
        },
        4096);
  compare("eigvalsh", [](const Tensors& in) { return Tensors{eigvalsh(in[0])}; });
}

TEST_CASE("PyTorch's norms and functions of matrices") {
  for (const char* order : {"fro", "nuc"})
    compare(std::string("matrix_norm.") + order,
            [order](const Tensors& in) { return Tensors{matrix_norm(in[0], order)}; });
  const std::pair<const char*, double> orders[] = {{"1", 1},   {"-1", -1},   {"2", 2},
                                                   {"-2", -2}, {"inf", inf}, {"-inf", -inf}};
  for (const auto& [text, order] : orders) {
    const double p = order;
    compare(std::string("matrix_norm.") + text, [p](const Tensors& in) { return Tensors{matrix_norm(in[0], p)}; });
    compare(std::string("cond.") + text, [p](const Tensors& in) { return Tensors{cond(in[0], p)}; });
  }
  compare("matrix_exp", one(matrix_exp), 4096);
  compare("matrix_power.-2", [](const Tensors& in) { return Tensors{matrix_power(in[0], -2)}; });
  compare("matrix_power.5", [](const Tensors& in) { return Tensors{matrix_power(in[0], 5)}; });
  compare("cross", [](const Tensors& in) { return Tensors{cross(in[0], in[1])}; });
  compare("kron", [](const Tensors& in) { return Tensors{kron(in[0], in[1])}; });
  compare("multi_dot", [](const Tensors& in) { return Tensors{multi_dot(in)}; });
}

TEST_CASE("PyTorch's norms over channels") {
  for (const std::string name : {"batch_norm.short", "batch_norm.image"}) {
    const Tensor running = golden().load(name + ".running"), moved = golden().load(name + ".moved");
    const Tensor mean = select(running, 0, 0), var = select(running, 0, 1);
    compare(name + ".eval", [&](const Tensors& in) { return Tensors{batch_norm(in[0], mean, var, in[1], in[2])}; });
    compare(name + ".training", [&](const Tensors& in) {
      return Tensors{batch_norm(in[0], mean, var, in[1], in[2], {.training = true, .momentum = 0.3, .eps = 1e-3})};
    });
    check_close(mean, select(moved, 0, 0), 0x1p-52, 8);
    check_close(var, select(moved, 0, 1), 0x1p-52, 8);
  }
  compare("group_norm", [](const Tensors& in) { return Tensors{group_norm(in[0], 2, in[1], in[2])}; });
  compare("instance_norm", [](const Tensors& in) { return Tensors{instance_norm(in[0], in[1], in[2])}; });
  compare("local_response_norm", [](const Tensors& in) {
    return Tensors{local_response_norm(in[0], 3, {.alpha = 0.3, .beta = 0.6, .k = 1.5})};
  });
  for (int axis : {0, 1}) {
    compare("weight_norm." + std::to_string(axis),
            [axis](const Tensors& in) { return Tensors{weight_norm(in[0], in[1], axis)}; });
    const std::string name = "spectral_norm." + std::to_string(axis);
    Tensor u, v;
    compare(name, [&](const Tensors& in) {
      u = in[1], v = in[2];
      return Tensors{spectral_norm(in[0], u, v, {.axis = axis})};
    });
    check_close(u, golden().load(name + ".u"), 0x1p-52, 64);
    check_close(v, golden().load(name + ".v"), 0x1p-52, 64);
  }
}
