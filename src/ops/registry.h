#pragma once

namespace gradus {

/// What a public op can do, for `gradus doctor` and for the check that every op has a test case.
struct OpInfo {
  const char* name;
  const char* kernels;  ///< the table slots it uses, separated by spaces; "" for views and compositions
  bool gradient;        ///< has a rule (false: integer or boolean result)
  bool second_order;    ///< the rule is made of differentiable ops
};

struct OpList {
  const OpInfo* data;
  int size;
  const OpInfo* begin() const { return data; }
  const OpInfo* end() const { return data + size; }
};
OpList all_ops();

}  // namespace gradus
