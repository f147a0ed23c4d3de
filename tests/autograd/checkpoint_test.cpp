#include "autograd/checkpoint.h"

#include <doctest/doctest.h>

#include <cmath>

#include "autograd/autograd.h"
#include "autograd/functional.h"
#include "base/error.h"
#include "kernels/table.h"
#include "ops/activation.h"
#include "ops/create.h"
#include "ops/dropout.h"
#include "ops/elementwise.h"
#include "ops/matmul.h"
#include "ops/norm.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "ops/softmax.h"
#include "tensor/allocator.h"

using namespace gradus;

namespace {

using Numbers = std::vector<double>;

Tensor numbers(const Shape& shape, uint64_t stream) { return random_normal(shape, {5, stream}); }
Tensor leaf(const Shape& shape, uint64_t stream) {
  Tensor x = numbers(shape, stream);
  return require_grad(x);
}

// A small residual network with norms and dropout, one way or the other.
struct Net {
  std::vector<Tensor> up, down, weight;
  int64_t width;

  Net(int64_t blocks, int64_t columns) : width(columns) {
    for (int64_t i = 0; i < blocks; ++i) {
      const auto stream = static_cast<uint64_t>(3 * i);
      up.push_back(mul(numbers({width, 2 * width}, 100 + stream), 0.1));
      down.push_back(mul(numbers({2 * width, width}, 101 + stream), 0.1));
      weight.push_back(ones({width}));
      require_grad(up.back());
      require_grad(down.back());
      require_grad(weight.back());
    }
  }
  std::vector<CheckpointBlock> blocks(double drop = 0.1) const {
    std::vector<CheckpointBlock> list;
    for (size_t i = 0; i < up.size(); ++i)
      list.push_back([u = up[i], d = down[i], w = weight[i], i, drop](const Tensor& x) {
        const Tensor h = dropout(gelu(affine(rms_norm(x, w, 1e-6), u)), drop, {9, i});
        return add(x, affine(h, d));
      });
    return list;
  }
  // The bits of every gradient.
  std::vector<Numbers> gradients(const Tensor& x) const {
    std::vector<Numbers> all{grad_of(x).to_vector<double>()};
    clear_grad(x);
    for (const auto* list : {&up, &down, &weight})
      for (const Tensor& p : *list) {
        all.push_back(grad_of(p).to_vector<double>());
        clear_grad(p);
      }
    return all;
  }
};

Tensor plain(const std::vector<CheckpointBlock>& blocks, const Tensor& x) {
  Tensor y = x;
  for (const CheckpointBlock& block : blocks) y = block(y);
  return y;
}

}  // namespace

TEST_CASE("values and gradients are those of the plain pass, bit for bit, with any segments") {
  const Net net(7, 24);
  const auto blocks = net.blocks();
  const Tensor x = leaf({11, 24}, 1);
  const Tensor y = plain(blocks, x);
  backward(sum(square(y)));
  const auto expected = net.gradients(x);
  const auto same = [&](const std::vector<CheckpointSegment>& segments) {
    const Tensor z = checkpoint_sequential(blocks, x, segments);
    CHECK(z.to_vector<double>() == y.to_vector<double>());
    backward(sum(square(z)));
    CHECK(net.gradients(x) == expected);
  };
  for (int64_t n = 1; n <= 7; ++n) same(equal_segments(7, n));
  same({{0, 7, true}});
  same({{0, 2, true}, {2, 3, false}, {3, 6, true}, {6, 7, true}});
  backward(sum(square(checkpoint_sequential(blocks, x))));
  CHECK(net.gradients(x) == expected);
}

TEST_CASE("gradients accumulate in the same order: tied parameters, earlier gradients") {
  Tensor w = leaf({8, 8}, 2);
  const Tensor x = numbers({5, 8}, 3);
  const auto layer = [w](const Tensor& h) { return tanh(affine(h, w)); };
  const auto twice = [&](bool again) {
    Tensor h = x;
    for (int i = 0; i < 6; ++i) h = again ? checkpoint(CheckpointBlock(layer), h) : layer(h);
    backward(sum(mul(h, 1.7)));
    backward(sum(square(again ? checkpoint(CheckpointBlock(layer), x) : layer(x))));
    const auto g = grad_of(w).to_vector<double>();
    clear_grad(w);
    return g;
  };
  CHECK(twice(true) == twice(false));
}

TEST_CASE("nested checkpoints") {
  const Net net(8, 16);
  const auto blocks = net.blocks();
  const Tensor x = leaf({4, 16}, 4);
  backward(sum(square(plain(blocks, x))));
  const auto expected = net.gradients(x);
  const auto part = [&](size_t begin, size_t end) {
    return std::vector<CheckpointBlock>(blocks.begin() + static_cast<int64_t>(begin),
                                        blocks.begin() + static_cast<int64_t>(end));
  };
  const auto quarter = [&](size_t i) -> CheckpointBlock {
    return [b = part(2 * i, 2 * i + 2)](const Tensor& h) {
      return checkpoint(CheckpointBlock([b](const Tensor& in) { return plain(b, in); }), h);
    };
  };
  const auto half = [&](size_t i) -> CheckpointBlock {
    return [a = quarter(2 * i), b = quarter(2 * i + 1)](const Tensor& h) {
      return checkpoint(CheckpointBlock([a, b](const Tensor& in) { return mul(b(a(in)), 1.0); }), h);
    };
  };
  const auto all = [a = half(0), b = half(1)](const Tensor& h) { return b(a(h)); };
  backward(sum(square(checkpoint(CheckpointBlock(all), x))));
  CHECK(net.gradients(x) == expected);
  // the graph can be walked twice
  const Tensor loss = sum(square(checkpoint(CheckpointBlock(all), x)));
  backward(loss, {}, {.retain_graph = true});
  CHECK(net.gradients(x) == expected);
  backward(loss);
  CHECK(net.gradients(x) == expected);
  CHECK_THROWS_WITH_AS(backward(loss), doctest::Contains("already freed"), GradError);
}

TEST_CASE("several inputs and outputs, some without gradient; an output that is an input") {
  const Tensor a = leaf({3}, 5), mask = less(numbers({3}, 6), zeros({3}));
  const Tensor c = numbers({3}, 7);
  const std::function<Tensors(const Tensors&)> f = [](const Tensors& in) {
    const Tensor e = exp(in[0]);
    return Tensors{where(in[1], mul(e, in[2]), e), sin(e), in[0], in[1]};
  };
  const auto loss = [](const Tensors& y) { return add(sum(mul(y[0], y[1])), sum(square(y[2]))); };
  const Tensors y = checkpoint(f, {a, mask, c});
  CHECK(y[2].id() == a.id());
  CHECK(!requires_grad(y[3]));
  const Tensor again = grad({loss(y)}, {a})[0], once = grad({loss(f({a, mask, c}))}, {a})[0];
  CHECK(again.to_vector<double>() == once.to_vector<double>());
  // one output alone, and none
  CHECK(grad({sum(checkpoint(f, {a, mask, c})[1])}, {a})[0].to_vector<double>() ==
        grad({sum(f({a, mask, c})[1])}, {a})[0].to_vector<double>());
  checkpoint(f, {a, mask, c});
}

TEST_CASE("captured tensors get their gradients, also through grad(), also when no input has one") {
  const Tensor w = leaf({4}, 8), x = numbers({4}, 9);
  const auto f = [w](const Tensor& in) { return mul(exp(mul(in, w)), w); };
  const Tensor y = sum(checkpoint(CheckpointBlock(f), x));
  CHECK(grad({y}, {w}, {}, {.retain_graph = true})[0].to_vector<double>() ==
        grad({sum(f(x))}, {w})[0].to_vector<double>());
  CHECK(!grad_of(w).defined());
  backward(y);
  CHECK(grad_of(w).defined());
  // a captured tensor that was itself computed
  const Tensor v = leaf({4}, 10), computed = exp(v);
  const auto g = [computed](const Tensor& in) { return sin(mul(in, computed)); };
  backward(sum(checkpoint(CheckpointBlock(g), x)));
  const auto got = grad_of(v).to_vector<double>();
  clear_grad(v);
  backward(sum(sin(mul(x, exp(v)))));
  CHECK(got == grad_of(v).to_vector<double>());
}

TEST_CASE("gradients of gradients through a checkpoint") {
  Tensor x = random_normal({3, 4}, {1, 1}, 0, 1, Dtype::f64), w = random_normal({4, 4}, {1, 2}, 0, 1, Dtype::f64);
  require_grad(x);
  require_grad(w);
  const auto f = [w](const Tensor& in) { return softmax(mul(tanh(matmul(in, w)), exp(in))); };
  const auto inner = [f](const Tensor& in) { return checkpoint(CheckpointBlock(f), sin(in)); };
  const auto without = [f](const Tensor& in) { return f(sin(in)); };
  const auto third = [&](const CheckpointBlock& g) {
    const Tensor first = grad({sum(square(g(x)))}, {x}, {}, {.create_graph = true})[0];
    const Tensor second = grad({sum(square(first))}, {x, w}, {}, {.create_graph = true})[1];
    return grad({sum(square(second))}, {x})[0].to_vector<double>();
  };
  const auto expected = third(without);
  CHECK(third(inner) == expected);
  CHECK(third([inner](const Tensor& in) { return checkpoint(CheckpointBlock(inner), in); })[0] != 0);
  CHECK(third([f](const Tensor& in) {
          return checkpoint(CheckpointBlock([f](const Tensor& a) { return checkpoint(CheckpointBlock(f), sin(a)); }),
                            in);
        }) == expected);
}

TEST_CASE("a function that takes derivatives inside a checkpoint") {
  Tensor x = random_normal({4}, {1, 3}, 0, 1, Dtype::f64);
  require_grad(x);
  const auto f = [](const Tensor& in) {
    return mul(gradient([](const Tensor& p) { return sum(mul(exp(p), sin(p))); }, in), in);
  };
  const auto nested = [f](const Tensor& in) {
    return mul(gradient([f](const Tensor& p) { return sum(checkpoint(CheckpointBlock(f), p)); }, in), in);
  };
  const auto plain_nested = [f](const Tensor& in) {
    return mul(gradient([f](const Tensor& p) { return sum(f(p)); }, in), in);
  };
  CHECK(grad({sum(checkpoint(CheckpointBlock(f), x))}, {x})[0].to_vector<double>() ==
        grad({sum(f(x))}, {x})[0].to_vector<double>());
  CHECK(grad({sum(checkpoint(CheckpointBlock(nested), x))}, {x})[0].to_vector<double>() ==
        grad({sum(plain_nested(x))}, {x})[0].to_vector<double>());
  // forward mode: a walk over a walk
  const Tensor v = random_normal({4}, {1, 4}, 0, 1, Dtype::f64);
  CHECK(jvp([f](const Tensor& p) { return checkpoint(CheckpointBlock(f), p); }, x, v).to_vector<double>() ==
        jvp(f, x, v).to_vector<double>());
}

TEST_CASE("what a function saved is given back when it ends and again as backward passes it") {
  constexpr int64_t kBytes = 4096;
  const Tensor x = leaf({1024}, 11);
  const auto f = [](const Tensor& in) {
    Tensor y = in;
    for (int i = 0; i < 20; ++i) y = sin(y);
    return y;
  };
  const int64_t before = memory_stats().current;
  Tensor y = checkpoint(CheckpointBlock(f), x);
  CHECK(memory_stats().current - before == kBytes);  // the output
  const Tensor seed = ones({1024});
  const int64_t recorded = memory_stats().current;
  reset_peak_memory();
  backward(y, seed);
  CHECK(memory_stats().peak - recorded >= 19 * kBytes);
  CHECK(memory_stats().peak - recorded < 25 * kBytes);
  CHECK(memory_stats().current - recorded == kBytes);  // x's gradient
  clear_grad(x);
  y = Tensor();
  CHECK(memory_stats().current - before == kBytes);  // the seed
}

TEST_CASE("inside a nested checkpoint only one function's tensors live at a time") {
  constexpr int64_t kBytes = 4096;
  const Tensor x = leaf({1024}, 12);
  const auto ten = [](const Tensor& in) {
    Tensor y = in;
    for (int i = 0; i < 10; ++i) y = sin(y);
    return y;
  };
  const auto hundred = [ten](const Tensor& in) {
    Tensor y = in;
    for (int i = 0; i < 10; ++i) y = checkpoint(CheckpointBlock(ten), y);
    return y;
  };
  const Tensor seed = ones({1024});
  const int64_t before = memory_stats().current;
  reset_peak_memory();
  backward(checkpoint(CheckpointBlock(hundred), x), seed);
  CHECK(memory_stats().peak - before < 28 * kBytes);  // 10 outer, 10 inner, some on the way; not 100
}

TEST_CASE("peak memory grows like the square root of the number of blocks") {
  const Shape shape{64, 64};
  const auto peak = [&](int64_t length, bool again) {
    const Net net(length, 64);
    const auto blocks = net.blocks();
    const Tensor x = leaf(shape, 13);
    for (const auto* list : {&net.up, &net.down, &net.weight})  // gradients take memory too: theirs is there before
      for (const Tensor& p : *list) set_grad(p, zeros_like(p));
    const int64_t before = memory_stats().current;
    reset_peak_memory();
    backward(sum(again ? checkpoint_sequential(blocks, x) : plain(blocks, x)));
    return static_cast<double>(memory_stats().peak - before);
  };
  const double once4 = peak(4, false), once64 = peak(64, false);
  CHECK(once64 / once4 > 10);
  const double four = peak(4, true), sixteen = peak(16, true), sixty_four = peak(64, true);
  MESSAGE("peak of 4, 16, 64 blocks: " << four / 1024 << ", " << sixteen / 1024 << ", " << sixty_four / 1024
                                       << " kB; without " << once4 / 1024 << " … " << once64 / 1024 << " kB");
  CHECK(sixteen / four < 2.2);
  CHECK(sixty_four / sixteen < 2.2);
  CHECK(sixty_four / sixteen > 1.6);
  CHECK(sixty_four < once64 / 5);
}

TEST_CASE("a change in place between the passes is an error, never a wrong gradient") {
  const auto change = [](const Tensor& t) {
    kernels(Device::cpu).fill({.y = t, .value = 0.5});
    t.bump_version();
  };
  const Tensor x = leaf({4}, 14), w = leaf({4}, 15), c = numbers({4}, 16);
  const auto f = [w, c](const Tensor& in) { return square(mul(sin(add(in, c)), w)); };
  for (const Tensor& victim : {x, w, c}) {
    CAPTURE(victim.id() == x.id() ? "the input" : victim.id() == w.id() ? "a parameter" : "a captured constant");
    const Tensor y = sum(checkpoint(CheckpointBlock(f), x));
    change(victim.detach());
    CHECK_THROWS_WITH_AS(backward(y, {}, {.retain_graph = true}), doctest::Contains("changed in place"), GradError);
    CHECK_THROWS_WITH_AS(backward(y, {}, {.retain_graph = true}), doctest::Contains("changed in place"), GradError);
  }
  // inside the function, behind a save()
  const auto inside = [change](const Tensor& in) {
    const Tensor h = exp(in);
    const Tensor y = sin(h);
    change(h.detach());
    return y;
  };
  CHECK_THROWS_WITH_AS(backward(sum(checkpoint(CheckpointBlock(inside), x))), doctest::Contains("changed in place"),
                       GradError);
  CHECK_THROWS_WITH_AS(backward(sum(inside(x))), doctest::Contains("changed in place"), GradError);
}

TEST_CASE("a function that does something else the second time is an error") {
  const Tensor x = leaf({4}, 17);
  int calls = 0;
  const auto other = [&](const std::function<Tensor(const Tensor&, int)>& f) {
    calls = 0;
    const Tensor y = sum(checkpoint(CheckpointBlock([&, f](const Tensor& in) { return f(in, ++calls); }), x));
    CHECK_THROWS_WITH_AS(backward(y), doctest::Contains("[checkpoint] the function ran again"), GradError);
  };
  other([](const Tensor& in, int call) { return call == 1 ? sin(exp(in)) : exp(in); });
  other([](const Tensor& in, int call) { return call == 1 ? sin(exp(in)) : sin(exp(sin(exp(in)))); });
  other([](const Tensor& in, int call) {
    return sum(square(reshape(exp(in), call == 1 ? Shape{2, 2} : Shape{4, 1})));
  });
}

TEST_CASE("an error of the function passes through, in both passes, and the next try works") {
  const Tensor x = leaf({4}, 18);
  int calls = 0;
  const auto f = [&](const Tensor& in) {
    const Tensor y = exp(exp(in));
    if (++calls == 2) throw ValueError("f", "not now.");
    return y;
  };
  const Tensor y = sum(checkpoint(CheckpointBlock(f), x));
  CHECK_THROWS_AS(backward(y, {}, {.retain_graph = true}), ValueError);
  CHECK(!recomputing());
  backward(y);
  CHECK(grad_of(x).to_vector<double>() == grad({sum(exp(exp(x)))}, {x})[0].to_vector<double>());
  calls = 1;
  CHECK_THROWS_AS(checkpoint(CheckpointBlock(f), x), ValueError);
  backward(sum(exp(x)));  // and no frame is left behind
  CHECK_THROWS_AS(checkpoint(CheckpointBlock(), x), ValueError);
}

TEST_CASE("state beside the result is changed once; without recording it is a plain call") {
  const Tensor x = leaf({4}, 19);
  int updates = 0, calls = 0;
  const auto f = [&](const Tensor& in) {
    ++calls;
    if (!recomputing()) ++updates;
    return exp(exp(in));
  };
  backward(sum(checkpoint(CheckpointBlock(f), x)));
  CHECK(calls == 2);
  CHECK(updates == 1);
  {
    const NoGrad off;
    CHECK(!requires_grad(checkpoint(CheckpointBlock(f), x)));
  }
  checkpoint(CheckpointBlock(f), numbers({4}, 20));
  CHECK(calls == 4);
  measure_blocks({f}, x);
  CHECK(updates == 3);
}

TEST_CASE("the function outlives its caller, the graph outlives the function") {
  Tensor y;
  const Tensor x = leaf({4}, 21);
  {
    const Tensor scale = numbers({4}, 22);
    y = sum(checkpoint(CheckpointBlock([scale](const Tensor& in) { return exp(mul(in, scale)); }), exp(x)));
  }
  const auto expected = grad({sum(exp(mul(exp(x), numbers({4}, 22))))}, {x})[0].to_vector<double>();
  CHECK(grad({y}, {x}, {}, {.retain_graph = true})[0].to_vector<double>() == expected);
  CHECK(grad({y}, {x})[0].to_vector<double>() == expected);
}
