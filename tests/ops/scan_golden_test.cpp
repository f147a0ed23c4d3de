// Reductions, scans, sorting and indexing against the numbers of PyTorch; make_scan_goldens.py says what they are.
#include <cmath>
#include <limits>

#include "io/safetensors.h"
#include "ops/elementwise.h"
#include "ops/histogram.h"
#include "ops/index.h"
#include "ops/scan.h"
#include "ops/scatter.h"
#include "ops/shape.h"
#include "ops/sort.h"
#include "ops/statistics.h"
#include "support/inputs.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

constexpr double kEps = 0x1p-48, kInf = std::numeric_limits<double>::infinity();

Safetensors golden() { return Safetensors(GRADUS_TEST_DIR "/golden/scan.safetensors"); }

// The gradient that flows in: 1/8, 2/8, …
Tensor weights(const Tensor& y) { return reshape(arange(y.count(), Dtype::f64, 0.125, 0.125), y.shape()); }

template <class F>
void check_case(const std::string& name, const std::string& input, const F& f) {
  const Safetensors g = golden();
  const Tensor x = wanted(clone(g.load(input + ".x")));
  const Tensor y = f(x);
  check_close(y.detach(), g.load(name + ".y"), kEps, 1, name);
  check_close(grad({y}, {x}, {weights(y)})[0], g.load(name + ".grad.x"), kEps, 1, name + " gradient");
}

void check_indices(const Tensor& a, const Tensor& b) { CHECK(a.to_vector<int64_t>() == b.to_vector<int64_t>()); }

}  // namespace

TEST_CASE("reductions and scans: PyTorch's values and gradients at zeros, corners and infinities") {
  check_case("prod", "prod", [](const Tensor& x) { return prod(x, -1); });
  check_case("cumprod", "cumprod", [](const Tensor& x) { return cumprod(x, -1); });
  for (const auto& [name, p] : {std::pair{"0", 0.0},
                                {"0.5", 0.5},
                                {"1", 1.0},
                                {"1.5", 1.5},
                                {"2", 2.0},
                                {"3", 3.0},
                                {"inf", kInf},
                                {"-inf", -kInf},
                                {"-1", -1.0}})
    check_case(std::string("norm.") + name, "norm", [p = p](const Tensor& x) { return vector_norm(x, -1, p); });
  check_case("std", "std", [](const Tensor& x) { return stddev(x, -1); });
  check_case("var0", "std", [](const Tensor& x) { return var(x, -1, {.correction = 0}); });
  check_case("logsumexp", "logsumexp", [](const Tensor& x) { return logsumexp(x, -1); });
}

TEST_CASE("logcumsumexp: PyTorch's values; its gradients but where they are NaN, which is 0 here") {
  const Safetensors g = golden();
  const Tensor x = wanted(clone(g.load("logsumexp.x"))), y = logcumsumexp(x, -1);
  check_close(y.detach(), g.load("logcumsumexp.y"), kEps);
  const auto got = grad({y}, {x}, {weights(y)})[0].to_vector<double>();
  const auto expected = g.load("logcumsumexp.grad.x").to_vector<double>();
  for (size_t i = 0; i < got.size(); ++i) CHECK(got[i] == doctest::Approx(std::isnan(expected[i]) ? 0 : expected[i]));
}

TEST_CASE("order: PyTorch's, with NaN, infinities, zeros and ties") {
  const Safetensors g = golden();
  const Tensor x = g.load("special.x");
  for (bool down : {false, true}) {
    const std::string name = down ? "sort.down" : "sort.up";
    const ValuesIndices r = sort(x, -1, {.descending = down});
    check_close(r.values, g.load(name + ".values"), 0);
    check_indices(r.indices, g.load(name + ".indices"));
  }
  check_close(topk(x, 4).values, g.load("topk.values"), 0);
  check_close(median(x, -1).values, g.load("median.values"), 0);
  check_close(kthvalue(x, 3).values, g.load("kthvalue.values"), 0);
  check_close(cummax(x, -1).values, g.load("cummax.values"), 0);
  check_indices(cummax(x, -1).indices, g.load("cummax.indices"));
  check_close(cummin(x, -1).values, g.load("cummin.values"), 0);
  check_indices(cummin(x, -1).indices, g.load("cummin.indices"));
  const UniqueResult u = unique(g.load("unique.x"));
  check_close(u.values, g.load("unique.values"), 0);
  check_indices(u.inverse, g.load("unique.inverse"));
  check_indices(u.counts, g.load("unique.counts"));
}

TEST_CASE("quantile: PyTorch's five interpolations") {
  const std::vector<double> q = golden().load("quantile.q").to_vector<double>();
  for (const auto& [name, how] : {std::pair{"linear", QuantileMethod::linear},
                                  {"lower", QuantileMethod::lower},
                                  {"higher", QuantileMethod::higher},
                                  {"nearest", QuantileMethod::nearest},
                                  {"midpoint", QuantileMethod::midpoint}})
    check_case(std::string("quantile.") + name, "quantile",
               [&, how = how](const Tensor& x) { return quantile(x, q, -1, {.interpolation = how}); });
}

TEST_CASE("searchsorted and histogram: PyTorch's places and counts") {
  const Safetensors g = golden();
  const Tensor edges = g.load("searchsorted.edges"), values = g.load("searchsorted.values");
  check_indices(searchsorted(edges, values), g.load("searchsorted.left"));
  check_indices(searchsorted(edges, values, true), g.load("searchsorted.right"));
  check_indices(histogram(g.load("histc.x"), {.bins = 8, .low = -2, .high = 2}).counts, g.load("histc.y"));
}

TEST_CASE("scatter_reduce and embedding_bag: PyTorch's values and gradients") {
  const Safetensors g = golden();
  for (const auto& [name, mode] : {std::pair{"sum", ScatterMode::sum},
                                   {"prod", ScatterMode::prod},
                                   {"mean", ScatterMode::mean},
                                   {"amax", ScatterMode::max},
                                   {"amin", ScatterMode::min}})
    for (bool self : {true, false}) {
      const std::string of = std::string("scatter.") + name + (self ? ".self" : ".alone");
      const Tensor x = wanted(clone(g.load("scatter.x"))), src = wanted(clone(g.load("scatter.src")));
      const Tensor y = scatter_reduce(x, g.load("scatter.index"), src, 1, {.mode = mode, .include_self = self});
      check_close(y.detach(), g.load(of + ".y"), kEps, 1, of);
      const Tensors d = grad({y}, {x, src}, {weights(y)});
      check_close(d[0], g.load(of + ".grad.x"), kEps, 1, of + " gradient");
      check_close(d[1], g.load(of + ".grad.src"), kEps, 1, of + " gradient of src");
    }
  for (const auto& [name, mode] : {std::pair{"sum", BagMode::sum}, {"mean", BagMode::mean}, {"max", BagMode::max}}) {
    const std::string of = std::string("bag.") + name;
    const Tensor table = wanted(clone(g.load("bag.table")));
    const Tensor y = embedding_bag(table, g.load("bag.ids"), g.load("bag.offsets"), {.mode = mode});
    check_close(y.detach(), g.load(of + ".y"), kEps, 1, of);
    check_close(grad({y}, {table}, {weights(y)})[0], g.load(of + ".grad.table"), kEps, 1, of + " gradient");
  }
}
