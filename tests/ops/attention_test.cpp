#include "ops/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/autograd.h"
#include "base/parallel.h"
#include "kernels/table.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "support/op_case.h"
#include "support/threads.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

struct Sizes {
  int64_t batch, queries, keys, heads, groups, depth;
};

// Every third key hidden, and the first two: with causality some queries see nothing.
Tensor padding(int64_t batch, int64_t keys) {
  Tensor mask = empty({batch, keys}, Dtype::boolean);
  for (int64_t i = 0; i < mask.count(); ++i) mask.data<bool>()[i] = i % keys >= 2 && i % 3 != 0;
  return mask;
}

// Documents of `length` tokens, one after the other.
Tensor document_starts(int64_t batch, int64_t queries, int64_t keys, int64_t length) {
  Tensor first = empty({batch, queries}, Dtype::i32);
  for (int64_t i = 0; i < first.count(); ++i) {
    const int64_t position = std::max<int64_t>(i % queries + keys - queries, 0);
    first.data<int32_t>()[i] = static_cast<int32_t>(position / length * length);
  }
  return first;
}

Tensors random_qkv(const Sizes& s, Dtype dtype = Dtype::f32) {
  return {cast(normal({s.batch, s.queries, s.heads, s.depth}, 1), dtype),
          cast(normal({s.batch, s.keys, s.groups, s.depth}, 2), dtype),
          cast(normal({s.batch, s.keys, s.groups, s.depth}, 3), dtype)};
}

// The result and the three gradients, dense.
Tensors with_gradients(const Tensors& qkv, const AttentionOptions& options) {
  Tensors x;
  for (const Tensor& t : qkv) {
    x.push_back(t.detach());
    require_grad(x.back());
  }
  const Tensor o = attention(x[0], x[1], x[2], options);
  Tensors out = grad({o}, x, {cast(uniform(o.shape(), -1, 1, 9), o.dtype())});
  out.push_back(o.detach());
  return out;
}

}  // namespace

OP_CASE("attention") {
  for (const Sizes& s :
       {Sizes{1, 1, 1, 1, 1, 4}, Sizes{2, 5, 5, 2, 2, 3}, Sizes{1, 3, 9, 4, 2, 8}, Sizes{2, 8, 6, 3, 1, 5},
        Sizes{1, 17, 17, 1, 1, 16}, Sizes{1, 0, 4, 2, 2, 4}, Sizes{0, 3, 3, 2, 1, 4}})
    for (int kind = 0; kind < 8; ++kind) {
      AttentionOptions options{.causal = kind % 2 == 0, .scale = kind == 1 ? 0.3 : 0};
      if (kind >= 4) options.window = kind - 2;
      if (kind % 4 >= 2) options.softcap = 0.7;
      if (kind / 2 == 1) options.mask = padding(s.batch, s.keys);
      if (kind / 2 == 2) options.first = document_starts(s.batch, s.queries, s.keys, 3);
      CAPTURE(kind);
      const auto on = [options](const Tensor& x) {  // the options' tensors follow the operands to the meta device
        AttentionOptions o = options;
        if (o.mask.defined() && x.device() == Device::meta)
          o.mask = empty(o.mask.shape(), Dtype::boolean, Device::meta);
        if (o.first.defined() && x.device() == Device::meta) o.first = empty(o.first.shape(), Dtype::i32, Device::meta);
        return o;
      };
      check({.call = [on](const Tensors& in) { return attention(in[0], in[1], in[2], on(in[0])); },
             .composed = [on](const Tensors& in) { return attention_composed(in[0], in[1], in[2], on(in[0])); },
             .inputs = random_qkv(s, Dtype::f64),
             .second_order = s.depth < 16,
             .tolerance = 4});
    }
}

OP_CASE("attention_qkv") {
  for (const Shape& shape : {Shape{2, 5, 24}, {1, 9, 18}, {1, 0, 12}})
    check({.call = [](const Tensors& in) { return attention_qkv(in[0], 2); },
           .composed =
               [](const Tensors& in) {
                 const int64_t c = in[0].shape()[2] / 3;
                 Tensors parts = split(in[0], {c, c, c});
                 for (Tensor& x : parts) x = reshape(x, {x.shape()[0], x.shape()[1], 2, c / 2});
                 return flatten(attention_composed(parts[0], parts[1], parts[2]), 2);
               },
           .inputs = {normal(shape, 1)},
           .tolerance = 4});
}

TEST_CASE("attention: tiles of every size agree with plain loops") {
  for (int64_t depth : {64, 20})
    for (const auto& [queries, keys] :
         {std::pair<int64_t, int64_t>{1, 20}, {1, 64}, {1, 200}, {63, 63}, {64, 64}, {65, 129}, {130, 70}, {600, 600}})
      for (int kind = 0; kind < 16; ++kind) {
        if (queries == 600 && (depth == 20 || kind % 3 != 0)) continue;
        const Sizes s{1, queries, keys, 4, 2, depth};
        AttentionOptions options{.causal = kind % 2 == 0};
        if (kind & 8) options.window = depth == 64 ? 37 : 90;
        if (kind % 5 == 3) options.softcap = 1.5;
        if (kind & 2) options.mask = padding(1, keys);
        if (kind & 4) options.first = document_starts(1, queries, keys, 50);
        CAPTURE(queries);
        CAPTURE(keys);
        CAPTURE(kind);
        const Tensors qkv = random_qkv(s);
        const Tensors fast = with_gradients(qkv, options);
        const UseRefKernels use;
        const Tensors plain = with_gradients(qkv, options);
        for (size_t i = 0; i < fast.size(); ++i) check_close(fast[i], plain[i], 0x1p-23, 2);
      }
}

TEST_CASE("attention: shared key heads are repeated key heads") {
  const Tensors qkv = random_qkv({2, 40, 40, 6, 2, 16});
  const auto repeat = [](const Tensor& x) {
    return reshape(expand(unsqueeze(x, 3), {2, 40, 2, 3, 16}), {2, 40, 6, 16});
  };
  const Tensors shared = with_gradients(qkv, {}), apart = with_gradients({qkv[0], repeat(qkv[1]), repeat(qkv[2])}, {});
  const auto summed = [](const Tensor& d) { return sum(reshape(d, {2, 40, 2, 3, 16}), 3); };
  check_close(shared[0], apart[0], 0x1p-23);
  check_close(shared[1], summed(apart[1]), 0x1p-23);
  check_close(shared[2], summed(apart[2]), 0x1p-23);
  check_close(shared[3], apart[3], 0x1p-23);
}

TEST_CASE("attention: packed documents are documents apart") {
  constexpr int64_t kLength = 45;
  const Tensors qkv = random_qkv({1, 3 * kLength, 3 * kLength, 2, 1, 16});
  const Tensors packed = with_gradients(qkv, {.first = document_starts(1, 3 * kLength, 3 * kLength, kLength)});
  for (int64_t part = 0; part < 3; ++part) {
    const auto own = [&](const Tensor& x) { return narrow(x, 1, part * kLength, kLength); };
    Tensors x{own(qkv[0]).detach(), own(qkv[1]).detach(), own(qkv[2]).detach()};
    for (Tensor& t : x) require_grad(t);
    const Tensor o = attention(x[0], x[1], x[2]);
    const Tensor seed = own(cast(uniform(qkv[0].shape(), -1, 1, 9), Dtype::f32));
    const Tensors d = grad({o}, x, {seed});
    for (size_t i = 0; i < 3; ++i) check_close(own(packed[i]), d[i], 0x1p-23);
    check_close(own(packed[3]), o.detach(), 0x1p-23);
  }
}

TEST_CASE("attention: one query at a time against a cache gives the rows of the whole") {
  constexpr int64_t kLength = 70;
  const Tensors qkv = random_qkv({2, kLength, kLength, 4, 2, 16});
  const Tensor whole = attention(qkv[0], qkv[1], qkv[2]);
  for (int64_t t : {0, 1, 31, 69}) {
    const auto so_far = [&](const Tensor& x) { return narrow(x, 1, 0, t + 1); };
    check_close(attention(narrow(qkv[0], 1, t, 1), so_far(qkv[1]), so_far(qkv[2])), narrow(whole, 1, t, 1), 0x1p-23);
  }
  // A chunk of queries after a prefix.
  check_close(attention(narrow(qkv[0], 1, 30, 40), qkv[1], qkv[2]), narrow(whole, 1, 30, 40), 0x1p-23);
}

TEST_CASE("attention: one query does not depend on the number of threads, nor on strides") {
  const Tensors qkv = random_qkv({2, 1, 300, 6, 2, 24});
  check_threads([&] { return Tensors{attention(qkv[0], qkv[1], qkv[2])}; }, "attention");
  // keys and values whose entries lie apart
  const auto apart = [](const Tensor& x) { return transpose(contiguous(transpose(x))); };
  check_close(attention(qkv[0], apart(qkv[1]), apart(qkv[2])), attention(qkv[0], qkv[1], qkv[2]), 0x1p-23);
  const Tensor nothing = zeros({2, 300}, Dtype::boolean);
  check_close(attention(qkv[0], qkv[1], qkv[2], {.mask = nothing}), zeros({2, 1, 6, 24}), 0x1p-23);
}

TEST_CASE("attention: a window is a mask, and a large one is none") {
  constexpr int64_t kLength = 150, kWindow = 40;
  const Tensors qkv = random_qkv({1, kLength, kLength, 2, 1, 16});
  const Tensor o = attention(qkv[0], qkv[1], qkv[2], {.window = kWindow});
  for (int64_t t : {0, 39, 40, 149}) {
    const int64_t from = std::max<int64_t>(0, t - kWindow + 1);
    const auto seen = [&](const Tensor& x) { return narrow(x, 1, from, t + 1 - from); };
    check_close(attention(narrow(qkv[0], 1, t, 1), seen(qkv[1]), seen(qkv[2])), narrow(o, 1, t, 1), 0x1p-23);
  }
  for (int64_t large : {kLength, int64_t{1} << 62})
    check_same_bits(attention(qkv[0], qkv[1], qkv[2], {.window = large}), attention(qkv[0], qkv[1], qkv[2]));
}

TEST_CASE("attention does not depend on the number of threads") {
  for (const Sizes& s : {Sizes{2, 130, 130, 4, 2, 64}, Sizes{1, 1100, 1100, 1, 1, 16}}) {
    const Tensors qkv = random_qkv(s);
    const int before = threads();
    set_threads(1);
    const Tensors one = with_gradients(qkv, {});
    set_threads(2);
    const Tensors two = with_gradients(qkv, {});
    set_threads(before);
    for (size_t i = 0; i < one.size(); ++i) check_same_bits(two[i], one[i]);
  }
}

TEST_CASE("attention: a query that sees nothing gives zeros and no gradient") {
  for (const bool plain : {false, true}) {
    Tensor mask = padding(1, 9);
    for (int64_t i = 0; i < 9; ++i) mask.data<bool>()[i] = false;
    const Tensors out = [&] {
      const Tensors qkv = random_qkv({1, 9, 9, 2, 1, 8});
      if (!plain) return with_gradients(qkv, {.mask = mask});
      const UseRefKernels use;
      return with_gradients(qkv, {.mask = mask});
    }();
    for (const Tensor& x : out)
      for (double v : x.to_vector<double>()) CHECK(v == 0);
  }
}

TEST_CASE("attention: NaN in a query stays in its row") {
  const Tensors qkv = random_qkv({1, 70, 70, 1, 1, 16});
  qkv[0].data<float>()[33 * 16] = std::numeric_limits<float>::quiet_NaN();
  const auto o = attention(qkv[0], qkv[1], qkv[2]).to_vector<double>();
  for (size_t i = 0; i < o.size(); ++i) CHECK(std::isnan(o[i]) == (i / 16 == 33));
}

TEST_CASE("attention refuses what does not fit") {
  const Tensor q = zeros({2, 5, 4, 8}), k = zeros({2, 5, 2, 8});
  CHECK_THROWS_WITH_AS(attention(q, zeros({2, 5, 3, 8}), zeros({2, 5, 3, 8})), doctest::Contains("multiple"),
                       ShapeError);
  CHECK_THROWS_AS(attention(q, k, zeros({2, 6, 2, 8})), ShapeError);
  CHECK_THROWS_AS(attention(q, zeros({2, 5, 2, 4}), zeros({2, 5, 2, 4})), ShapeError);
  CHECK_THROWS_AS(attention(q, zeros({1, 5, 2, 8}), zeros({1, 5, 2, 8})), ShapeError);
  CHECK_THROWS_AS(attention(zeros({5, 4, 8}), k, k), ShapeError);
  CHECK_THROWS_AS(attention(q, zeros({2, 5, 2, 8}, Dtype::f64), k), DtypeError);
  CHECK_THROWS_AS(attention(q, k, k, {.mask = zeros({2, 5})}), DtypeError);
  CHECK_THROWS_AS(attention(q, k, k, {.mask = zeros({2, 4}, Dtype::boolean)}), ShapeError);
  CHECK_THROWS_AS(attention(q, k, k, {.first = zeros({2, 5}, Dtype::i64)}), DtypeError);
  CHECK_THROWS_AS(attention(q, k, k, {.window = -1}), ValueError);
  CHECK_THROWS_AS(attention(q, k, k, {.softcap = -1}), ValueError);
  CHECK_THROWS_AS(attention_qkv(zeros({2, 5, 25}), 2), ShapeError);
}
