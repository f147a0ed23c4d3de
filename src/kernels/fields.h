#pragma once
#include <type_traits>
#include <utility>

#include "tensor/tensor.h"

namespace gradus {

namespace detail {

struct AnyField {
  template <class T>
  operator T&() const;
};

// The largest number of initialisers that Args takes. Fewer may be too few: members that are references need one.
template <class Args, int n>
constexpr int count_fields() {
  constexpr auto takes = []<size_t... i>(std::index_sequence<i...>) {
    return requires { Args{((void)i, AnyField{})...}; };
  };
  if constexpr (n == 0 || takes(std::make_index_sequence<n>{}))
    return n;
  else
    return count_fields<Args, n - 1>();
}

}  // namespace detail

/// Calls f(x) for every defined tensor among the members of an argument struct, in their order. Members may be anything
/// but C arrays (use std::array), and at most 24.
template <class Args, class F>
void for_each_tensor(const Args& args, F&& f) {
  const auto visit = [&](const auto&... members) {
    const auto one = [&](const auto& member) {
      if constexpr (std::is_same_v<std::decay_t<decltype(member)>, Tensor>)
        if (member.defined()) f(member);
    };
    (one(members), ...);
  };
  constexpr int n = detail::count_fields<Args, 24>();
  static_assert(n >= 1);
#define GRADUS_VISIT(count, ...)      \
  if constexpr (n == count) {         \
    const auto& [__VA_ARGS__] = args; \
    visit(__VA_ARGS__);               \
  }
  GRADUS_VISIT(1, a)
  GRADUS_VISIT(2, a, b)
  GRADUS_VISIT(3, a, b, c)
  GRADUS_VISIT(4, a, b, c, d)
  GRADUS_VISIT(5, a, b, c, d, e)
  GRADUS_VISIT(6, a, b, c, d, e, g)
  GRADUS_VISIT(7, a, b, c, d, e, g, h)
  GRADUS_VISIT(8, a, b, c, d, e, g, h, i)
  GRADUS_VISIT(9, a, b, c, d, e, g, h, i, j)
  GRADUS_VISIT(10, a, b, c, d, e, g, h, i, j, k)
  GRADUS_VISIT(11, a, b, c, d, e, g, h, i, j, k, l)
  GRADUS_VISIT(12, a, b, c, d, e, g, h, i, j, k, l, m)
  GRADUS_VISIT(13, a, b, c, d, e, g, h, i, j, k, l, m, o)
  GRADUS_VISIT(14, a, b, c, d, e, g, h, i, j, k, l, m, o, p)
  GRADUS_VISIT(15, a, b, c, d, e, g, h, i, j, k, l, m, o, p, q)
  GRADUS_VISIT(16, a, b, c, d, e, g, h, i, j, k, l, m, o, p, q, r)
  GRADUS_VISIT(17, a, b, c, d, e, g, h, i, j, k, l, m, o, p, q, r, s)
  GRADUS_VISIT(18, a, b, c, d, e, g, h, i, j, k, l, m, o, p, q, r, s, t)
  GRADUS_VISIT(19, a, b, c, d, e, g, h, i, j, k, l, m, o, p, q, r, s, t, u)
  GRADUS_VISIT(20, a, b, c, d, e, g, h, i, j, k, l, m, o, p, q, r, s, t, u, v)
  GRADUS_VISIT(21, a, b, c, d, e, g, h, i, j, k, l, m, o, p, q, r, s, t, u, v, w)
  GRADUS_VISIT(22, a, b, c, d, e, g, h, i, j, k, l, m, o, p, q, r, s, t, u, v, w, x)
  GRADUS_VISIT(23, a, b, c, d, e, g, h, i, j, k, l, m, o, p, q, r, s, t, u, v, w, x, y)
  GRADUS_VISIT(24, a, b, c, d, e, g, h, i, j, k, l, m, o, p, q, r, s, t, u, v, w, x, y, z)
#undef GRADUS_VISIT
}

}  // namespace gradus
