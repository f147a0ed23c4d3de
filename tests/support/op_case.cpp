#include "support/op_case.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "autograd/autograd.h"
#include "autograd/checkpoint.h"
#include "autograd/gradcheck.h"
#include "kernels/table.h"
#include "ops/elementwise.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "support/op_types.h"
#include "tensor/allocator.h"

namespace gradus::testing {

namespace {

constexpr double kEps32 = 0x1p-23, kEps16 = 0x1p-10, kEpsB16 = 0x1p-7;

bool differentiated(const OpCase& c, size_t i) {
  return c.inputs[i].dtype() == Dtype::f64 &&
         std::find(c.constant.begin(), c.constant.end(), static_cast<int>(i)) == c.constant.end();
}

enum class Layout { dense, transposed, spread, shifted };

// The same numbers, lying differently in memory.
Tensor lay_out(const Tensor& x, Layout layout) {
  if (layout == Layout::dense || x.rank() == 0 || x.count() == 0) return clone(x);
  if (layout == Layout::transposed) {
    if (x.rank() < 2) return lay_out(x, Layout::spread);
    return transpose(clone(transpose(x)));
  }
  if (layout == Layout::spread) {  // every other element of something twice as long
    Shape wide = x.shape();
    wide[x.rank() - 1] *= 2;
    Tensor base = full(wide, 7e7, x.dtype());
    Strides strides = base.strides();
    strides[x.rank() - 1] = 2;
    Tensor y = base.strided(x.shape(), strides);
    ref_kernels().copy({.x = x, .y = y});
    return y;
  }
  Tensor base = full({x.count() + 3}, 7e7, x.dtype());  // dense, but not where vectors like to start
  Tensor y = base.strided(x.shape(), contiguous_strides(x.shape()), 1);
  ref_kernels().copy({.x = x, .y = y});
  return y;
}

struct Outcome {
  Tensor value;
  Tensors grads;
};

// Runs the call (and its gradient) in one type and layout.
Outcome run(const OpCase& c, const OpCall& call, Dtype dtype, Layout layout) {
  Tensors inputs;
  Tensors wanted;
  for (size_t i = 0; i < c.inputs.size(); ++i) {
    Tensor x = c.inputs[i];
    if (x.dtype() == Dtype::f64) {
      x = lay_out(cast(x, dtype), layout).detach();
      if (c.gradient && differentiated(c, i)) {
        require_grad(x);
        wanted.push_back(x);
      }
    }
    inputs.push_back(x);
  }
  Outcome out;
  const Tensor y = call(inputs);
  out.value = contiguous(y.detach());
  if (!wanted.empty() && y.count() > 0) {
    Tensor seed = cast(uniform(y.shape(), 0.5, 1.5, 77), y.dtype());
    out.grads = grad({y}, wanted, {seed});
    for (Tensor& g : out.grads)
      if (g.defined()) g = contiguous(g.detach());
  }
  return out;
}

void compare(const Outcome& a, const Outcome& b, double eps, double tolerance, const std::string& what) {
  check_close(a.value, b.value, eps, tolerance, what + " value");
  REQUIRE(a.grads.size() == b.grads.size());
  for (size_t i = 0; i < a.grads.size(); ++i) {
    CHECK_MESSAGE(a.grads[i].defined() == b.grads[i].defined(), what);
    if (a.grads[i].defined())
      check_close(a.grads[i], b.grads[i], eps, tolerance, what + " gradient " + std::to_string(i));
  }
}

Outcome run_ref(const OpCase& c, Dtype dtype) {
  const UseRefKernels use;
  return run(c, c.call, dtype, Layout::dense);
}

}  // namespace

Tensor normal(const Shape& shape, uint64_t stream) { return random_normal(shape, {5, stream}, 0, 1, Dtype::f64); }
Tensor uniform(const Shape& shape, double low, double high, uint64_t stream) {
  return random_uniform(shape, {6, stream}, low, high, Dtype::f64);
}
Tensor indices(const Shape& shape, int64_t bound, uint64_t stream) {
  std::vector<int64_t> values;
  const RandomKey key{7, stream};
  for (int64_t i = 0; i < shape.count(); ++i)
    values.push_back(static_cast<int64_t>(key.below(static_cast<uint64_t>(bound), static_cast<uint64_t>(i))));
  return from_vector(values, shape);
}

std::vector<std::string>& covered_ops() {
  static std::vector<std::string> names;
  return names;
}

void check_close(const Tensor& a, const Tensor& b, double eps, double tolerance, const std::string& what) {
  REQUIRE_MESSAGE(a.shape() == b.shape(), what << ": " << a.describe() << " against " << b.describe());
  const auto x = a.to_vector<double>(), y = b.to_vector<double>();
  double largest = 0, worst = 0;
  for (double v : y)
    if (std::isfinite(v)) largest = std::max(largest, std::abs(v));
  size_t at = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    if (x[i] == y[i] || (std::isnan(x[i]) && std::isnan(y[i]))) continue;
    // Sums of numbers as large as the largest leave errors of its size.
    const double bound = tolerance * 32 * eps * (std::abs(y[i]) + 0.25 * std::max(largest, 1e-3));
    const double used = std::isfinite(x[i]) && std::isfinite(y[i]) ? std::abs(x[i] - y[i]) / bound : 1e300;
    if (used > worst) worst = used, at = i;
  }
  if (std::getenv("GRADUS_TEST_REPORT"))
    std::printf("%-40s %s uses %.3f of its tolerance\n", what.c_str(), a.describe().c_str(), worst);
  CHECK_MESSAGE(worst <= 1, what << " " << a.describe() << ", element " << at << ": " << (x.empty() ? 0 : x[at])
                                 << " against " << (y.empty() ? 0 : y[at]) << ", " << worst << " of the tolerance");
}

void check_same_bits(const Tensor& a, const Tensor& b, const std::string& what) {
  REQUIRE_MESSAGE(a.shape() == b.shape(), what);
  REQUIRE_MESSAGE(a.dtype() == b.dtype(), what);
  const Tensor x = contiguous(a.detach()), y = contiguous(b.detach());
  CHECK_MESSAGE((x.count() == 0 || std::memcmp(x.raw(), y.raw(), x.bytes()) == 0), what << " " << a.describe());
}

// A checkpointed function runs twice with the same kernels: no bit may differ. The call gets tensors that the function
// made, so that whatever it saves is given back.
static void check_checkpoint(const OpCase& c) {
  const OpCall inner = [&c](const Tensors& in) {
    Tensors made;
    for (const Tensor& x : in) made.push_back(is_floating(x.dtype()) ? mul(x, 1.0) : x);
    return c.call(made);
  };
  const OpCall again = [&inner](const Tensors& in) { return checkpoint(inner, in); };
  const Outcome once = run(c, inner, Dtype::f32, Layout::dense), twice = run(c, again, Dtype::f32, Layout::dense);
  check_same_bits(once.value, twice.value, "checkpointed value");
  for (size_t i = 0; i < once.grads.size(); ++i)
    if (once.grads[i].defined()) check_same_bits(once.grads[i], twice.grads[i], "checkpointed gradient");
}

// With GRADUS_TEST_REPORT: how long one call takes on either table. Sizes of test cases say little about speed, but a
// kernel that falls behind plain loops shows here; bench/ measures.
static void report_time(const OpCase& c) {
  if (!std::getenv("GRADUS_TEST_REPORT")) return;
  const NoGrad off;
  Tensors inputs;
  for (const Tensor& x : c.inputs) inputs.push_back(x.dtype() == Dtype::f64 ? contiguous(cast(x, Dtype::f32)) : x);
  const auto microseconds = [&] {
    double best = 1e300;
    for (int i = 0; i < 5; ++i) {
      const auto start = std::chrono::steady_clock::now();
      c.call(inputs);
      best =
          std::min(best, std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
    }
    return best;
  };
  const double fast = microseconds();
  const UseRefKernels use;
  std::printf("%-40s f32: cpu %.1f us, ref %.1f us\n", "time", fast, microseconds());
}

void check(const OpCase& c) {
  const GuardBuffers guard;
  const Outcome exact = run_ref(c, Dtype::f64);

  if (c.composed) {
    const UseRefKernels use;
    compare(exact, run(c, c.composed, Dtype::f64, Layout::dense), 0x1p-52, 64 * c.tolerance, "composition f64");
  }
  const Outcome ref32 = run_ref(c, Dtype::f32);
  compare(ref32, exact, kEps32, 4 * c.tolerance, "ref f32 against f64");
  for (const auto& [layout, name] : {std::pair{Layout::dense, "cpu dense"},
                                     {Layout::transposed, "cpu transposed"},
                                     {Layout::spread, "cpu spread"},
                                     {Layout::shifted, "cpu misaligned"}})
    compare(run(c, c.call, Dtype::f32, layout), ref32, kEps32, c.tolerance, name);
  compare(run(c, c.call, Dtype::f64, Layout::transposed), exact, 0x1p-52, c.tolerance, "cpu f64 transposed");
  // Inputs lose most of their bits on the way to 16: only the size of the result is compared.
  compare(run(c, c.call, Dtype::f16, Layout::dense), exact, kEps16, 4 * c.tolerance, "f16");
  compare(run(c, c.call, Dtype::bf16, Layout::dense), exact, kEpsB16, 4 * c.tolerance, "bf16");

  check_checkpoint(c);

  // On meta only shapes and types exist.
  Tensors meta;
  for (const Tensor& x : c.inputs) meta.push_back(empty(x.shape(), x.dtype(), Device::meta));
  const Tensor shape_only = c.call(meta);
  CHECK(shape_only.device() == Device::meta);
  CHECK_MESSAGE(shape_only.shape() == exact.value.shape(), shape_only.describe()
                                                               << " against " << exact.value.describe());
  CHECK(shape_only.dtype() == exact.value.dtype());

  if (c.gradient && exact.value.count() > 0) {
    Tensors inputs;
    for (size_t i = 0; i < c.inputs.size(); ++i) {
      Tensor x = c.inputs[i].dtype() == Dtype::f64 ? clone(c.inputs[i]) : c.inputs[i];
      if (differentiated(c, i)) require_grad(x);
      inputs.push_back(x);
    }
    const GradCheckResult r =
        check_gradients(c.call, inputs, {.tolerance = 1e-6 * c.tolerance, .second_order = c.second_order});
    CHECK_MESSAGE(r.ok, r.where);
  }
  survey_types(c);
  report_time(c);
  CHECK_MESSAGE(guard.broken() == 0, "a kernel wrote outside its buffer");
}

}  // namespace gradus::testing
