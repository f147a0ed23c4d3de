#include "autograd/observer.h"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <thread>

#include "autograd/anomaly.h"
#include "autograd/autograd.h"
#include "autograd/checkpoint.h"
#include "autograd/node.h"
#include "autograd/profile.h"
#include "autograd/record.h"
#include "base/error.h"
#include "kernels/table.h"
#include "ops/activation.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/loss.h"
#include "ops/matmul.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "ops/softmax.h"

using namespace gradus;

namespace {

Tensor leaf(const Shape& shape, uint64_t stream = 0) {
  Tensor x = random_normal(shape, {3, stream});
  require_grad(x);
  return x;
}

// "op/kernel" of every event of a phase, in order.
std::string seen(const OpProfile& profile, Phase phase) {
  std::string text;
  for (const ProfileEvent& e : profile.events())
    if (e.phase == phase) text += (text.empty() ? "" : " ") + std::string(e.op) + "/" + e.kernel;
  return text;
}

std::string message_of(auto&& f) {
  try {
    f();
  } catch (const ValueError& e) {
    return e.what();
  }
  return "nothing was thrown";
}

bool contains(const std::string& text, const std::string& part) {
  const bool found = text.find(part) != std::string::npos;
  CHECK_MESSAGE(found, text << "\n  lacks: " << part);
  return found;
}

}  // namespace

TEST_CASE("a profile names the op behind every kernel, forward and backward, and where it ran") {
  const Tensor a = leaf({8, 16}, 1), b = leaf({16, 4}, 2);
  const OpProfile profile;
  Tensor loss;
  {
    const TraceScope outer("net");
    const Tensor h = matmul(a, b);
    const TraceScope inner("net.act");
    loss = sum(gelu(h));
  }
  CHECK(seen(profile, Phase::forward) == "matmul/matmul gelu/gelu sum/reduce");
  CHECK(profile.events()[0].scope == std::string("net"));
  CHECK(profile.events()[1].scope == std::string("net.act"));
  CHECK(profile.events()[0].flops == 2 * 8 * 16 * 4);
  CHECK(profile.events()[0].bytes == 4 * (8 * 16 + 16 * 4 + 8 * 4));
  CHECK(profile.events()[0].allocated >= 4 * 8 * 4);
  CHECK(profile.events()[0].live > 0);
  CHECK(trace_scope() == std::string());
  backward(loss);
  const std::string rules = seen(profile, Phase::backward);
  CHECK(contains(rules, "gelu/gelu"));
  CHECK(contains(rules, "matmul/matmul matmul/matmul"));
  for (const ProfileEvent& e : profile.events())
    if (e.phase == Phase::backward) CHECK(e.scope == std::string(e.op == std::string("matmul") ? "net" : "net.act"));
  double end = 0;
  for (const ProfileEvent& e : profile.events()) {
    CHECK(e.begin >= end);
    end = e.begin + e.seconds;
  }
  CHECK(end <= profile.seconds());
}

TEST_CASE("a profile: helpers keep their own names, views claim nothing, cast does not claim a comparison") {
  const Tensor x = leaf({4, 4});
  const OpProfile profile;
  mul(x, 2.0);
  cast(greater(x, transpose(x)), Dtype::f32);
  CHECK(seen(profile, Phase::forward) == "fill/fill mul/mul gt/gt cast/copy");
}

TEST_CASE("a profile sees the optimiser's scope apart, only its own thread, and only while it lives") {
  const Tensor x = ones({3});
  {
    OpProfile profile;
    {
      const TraceScope scope(kOptimizerScope);
      square(x);
    }
    CHECK(profile.events().at(0).phase == Phase::optimizer);
    std::thread([&] { square(x); }).join();
    CHECK(profile.events().size() == 1);
    profile.stop();
    square(x);
    CHECK(profile.events().size() == 1);
  }
  CHECK(&kernels(Device::cpu) == &cpu_kernels());
  CHECK(detail::observers == nullptr);
}

TEST_CASE("a profile stays balanced when a rule throws") {
  const Tensor x = leaf({2});
  const OpProfile profile;
  Tensor y;
  {
    const NoGrad off;
    y = clone(x);
  }
  record_no_rule("stub", {x}, y);
  CHECK_THROWS_AS(backward(sum(y)), GradError);
  square(x);
  CHECK(profile.events().back().phase == Phase::forward);
  CHECK(profile.events().back().op == std::string("square"));
}

TEST_CASE("gradients that meet are added within the backward pass, in the module they go to") {
  Tensor x = leaf({4}), y;
  {
    const TraceScope scope("net.twice");
    y = square(x);
  }
  const OpProfile profile;
  backward(sum(add(exp(y), sin(y))));
  bool added = false;
  for (const ProfileEvent& e : profile.events())
    if (e.op == std::string("accumulate")) {
      added = true;
      CHECK(e.phase == Phase::backward);
      CHECK(e.scope == std::string("net.twice"));
    }
  CHECK(added);
}

TEST_CASE("what a checkpointed function computes again has its op's name, in the backward pass") {
  const Tensor x = leaf({4});
  const OpProfile profile;
  const Tensor y = sum(checkpoint([](const Tensor& in) { return exp(sin(in)); }, x));
  CHECK(seen(profile, Phase::forward) == "sin/sin exp/exp sum/reduce");
  backward(y);
  const std::string again = seen(profile, Phase::backward);
  CHECK(contains(again, "sin/sin"));
  CHECK(contains(again, "sin/cos"));
}

TEST_CASE("profile rows add up by op, kernel and module") {
  const Tensor x = leaf({64});
  const OpProfile profile;
  {
    const TraceScope scope("a");
    backward(sum(square(square(x))));
  }
  double total = 0, rows_total = 0;
  for (const ProfileEvent& e : profile.events()) total += e.seconds;
  for (const ProfileBy by : {ProfileBy::op, ProfileBy::kernel, ProfileBy::module}) {
    rows_total = 0;
    int64_t calls = 0;
    for (const ProfileRow& row : profile_rows(profile.events(), by)) rows_total += row.seconds, calls += row.calls;
    CHECK(rows_total == doctest::Approx(total));
    CHECK(calls == static_cast<int64_t>(profile.events().size()));
  }
  for (const ProfileRow& row : profile_rows(profile.events(), ProfileBy::op))
    if (row.op == std::string("square") && row.phase == Phase::forward) CHECK(row.calls == 2);
}

TEST_CASE("anomaly: the first op that makes a NaN or infinity is named, with its operands and its place") {
  Tensor w = from_vector<float>({0.5f, -1, 2, 3}, {2, 2});
  require_grad(w);
  DetectAnomaly anomaly;
  anomaly.name(w, "net.weight");
  anomaly.set_place("step 7");
  const TraceScope scope("net");
  const std::string nan = message_of([&] { exp(log(w)); });
  CHECK(contains(nan,
                 "[log] made the first non-finite numbers in the forward pass of net, step 7: 1 NaN and 0 infinite "
                 "of 4 numbers of (2, 2) f32 cpu, the first at (0, 1)."));
  CHECK(contains(nan, "operand 0: (2, 2) f32 cpu, from -1 to 3, is net.weight"));
  CHECK(contains(nan, "HINT"));
  CHECK(contains(message_of([&] { exp(mul(w, 100.0)); }), "[exp] made the first non-finite numbers"));
  CHECK(contains(message_of([&] { div(w, 0.0); }), "[div] made the first"));
  CHECK(contains(message_of([&] { matmul(mul(w, 1e30), mul(w, 1e30)); }), "[matmul]"));
}

TEST_CASE("anomaly: a gradient rule is named with the op's operands and its module") {
  Tensor x = from_vector<double>({4, 0, 1});
  require_grad(x);
  Tensor loss;
  const DetectAnomaly anomaly;
  {
    const TraceScope scope("net.root");
    loss = sum(sqrt(x));  // the slope at 0 is infinite
  }
  const std::string text = message_of([&] { backward(loss); });
  CHECK(contains(text,
                 "[sqrt] made the first non-finite gradient in the backward pass of net.root: for its operand 0, "
                 "0 NaN and 1 infinite of 3 numbers of (3,) f64 cpu, the first at (1)."));
  CHECK(contains(text, "operand 0: (3,) f64 cpu, from 0 to 4"));
}

TEST_CASE("anomaly: gradients that overflow when they are added") {
  Tensor x = from_vector<float>({1});
  require_grad(x);
  const Tensor loss = add(mul(x, 3e38), mul(x, 3e38));
  const DetectAnomaly anomaly;
  CHECK(contains(message_of([&] { backward(loss, ones({1})); }), "[accumulate] made the first"));
}

TEST_CASE("anomaly: operands that come broken are told from ops that break them") {
  Tensor w = from_vector<float>({1, NAN});
  require_grad(w);
  DetectAnomaly anomaly;
  anomaly.name(w, "net.bias");
  const std::string text = message_of([&] { add(ones({2}), w); });
  CHECK(contains(text, "[add] its operand 1 already holds 1 NaN"));
  CHECK(contains(text, "is net.bias"));
  CHECK(contains(text, "an update of the optimiser broke it"));
  const Tensor data = from_vector<float>({NAN, 1});
  CHECK(contains(message_of([&] { square(data); }), "look at the data that goes in"));
}

TEST_CASE("anomaly: infinities that are meant pass, and all of them when they are switched off") {
  const Tensor seen = from_vector<float>({1, 0, 1, 1}, {2, 2});
  Tensor w = ones({2, 2});
  require_grad(w);
  {
    const DetectAnomaly anomaly;
    const Tensor masked = where(greater(seen, zeros({1})), w, full({}, -INFINITY));
    backward(sum(softmax(add(masked, 1.0))));
    CHECK_THROWS_AS(log(zeros({2})), ValueError);
  }
  const DetectAnomaly nan_only({.infinities = false});
  log(zeros({2}));
  CHECK_THROWS_AS(log(full({2}, -1)), ValueError);
}

TEST_CASE("anomaly: nothing is said about integers, empty tensors and the meta device") {
  const DetectAnomaly anomaly;
  add(zeros({2}, Dtype::i64), ones({2}, Dtype::i64));
  log(zeros({0, 3}));
  log(zeros({2, 3}, Dtype::f32, Device::meta));
  Tensor strided = transpose(from_vector<float>({1, 2, 3, 4, 5, -6}, {2, 3}));
  CHECK(contains(message_of([&] { log(strided); }), "the first at (2, 1)"));
  CHECK_THROWS_AS(log(full({5}, -1, Dtype::bf16)), ValueError);
}
