#include "nn/norm.h"

#include "autograd/autograd.h"
#include "ops/elementwise.h"
#include "ops/norm.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "support/op_case.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

// A store's tensors by name, as a checkpoint.
struct Stored : TensorSource {
  const Parameters& from;
  explicit Stored(const Parameters& p) : from(p) {}
  std::string stored_name(const std::string& name) const override { return from.find(name).defined() ? name : ""; }
  Tensor load(const std::string& stored) const override { return from.find(stored).detach(); }
  std::string describe() const override { return "test"; }
};

}  // namespace

TEST_CASE("BatchNorm: PyTorch's names, running statistics, and a way through a checkpoint") {
  Parameters store({.dtype = Dtype::f64});
  const BatchNorm norm(Scope(store) / "bn", 3);
  REQUIRE(store.all().size() == 2);
  REQUIRE(store.buffers().size() == 3);
  CHECK(store.all()[0].name == "bn.weight");
  CHECK(store.buffers()[0].name == "bn.running_mean");
  CHECK(store.buffers()[1].name == "bn.running_var");
  CHECK(store.buffers()[2].name == "bn.num_batches_tracked");
  CHECK(store.count() == 6);
  CHECK_FALSE(requires_grad(norm.running_mean));

  const Context training{.training = true}, using_it;
  const Tensor x = add(normal({8, 3, 5}), 2);
  for (int i = 0; i < 400; ++i) norm(x, training);
  CHECK(norm.num_batches_tracked.item() == 400);
  check_close(norm(x, using_it), norm(x, training), 1e-3);

  const Stored source(store);
  Parameters again({.dtype = Dtype::f64, .source = &source});
  const BatchNorm loaded(Scope(again) / "bn", 3);
  check_same_bits(loaded(x, using_it), norm(x, using_it));
  CHECK(loaded.num_batches_tracked.item() == 401);
}

TEST_CASE("BatchNorm: the plain average of all batches") {
  Parameters store({.dtype = Dtype::f64});
  const BatchNorm norm(Scope(store), 1, {.cumulative = true});
  for (double level : {1., 2., 6.}) norm(from_vector<double>({level - 1, level + 1}, {2, 1}), {.training = true});
  CHECK(norm.running_mean.item() == doctest::Approx(3));
}

TEST_CASE("GroupNorm and InstanceNorm") {
  Parameters store({.dtype = Dtype::f64});
  const GroupNorm group(Scope(store) / "g", 2, 4);
  const InstanceNorm instance(Scope(store) / "i", 4);
  CHECK(store.all().size() == 2);
  const Tensor x = normal({2, 4, 6});
  check_same_bits(group(x), group_norm(x, 2, group.weight, group.bias));
  check_same_bits(instance(x), instance_norm(x));
}

TEST_CASE("WeightNorm starts as the weight itself; SpectralNorm with the largest singular value 1") {
  Parameters store({.dtype = Dtype::f64});
  const WeightNorm weight(Scope(store) / "w", {4, 3}, Init::normal_of(1));
  CHECK(store.all()[0].name == "w.parametrizations.weight.original0");
  check_close(weight(), weight.v, 0x1p-52, 4);
  const SpectralNorm spectral(Scope(store) / "s", {4, 3}, Init::normal_of(1));
  CHECK(store.buffers()[0].name == "s.parametrizations.weight.0._u");
  const Tensor before = clone(spectral.u);
  spectral({});
  check_same_bits(spectral.u, before);
  spectral({.training = true});
  CHECK(sum(abs(sub(spectral.u, before))).item() > 0);
}
