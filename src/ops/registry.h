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

/// What the op tests found out about an op. Types are separated by spaces; "" where no case tried it.
struct OpFacts {
  const char* name;
  const char* family;  ///< its section of the registry
  const char* ref;     ///< types that it takes, with plain loops
  const char* cpu;     ///< those for which the op and its gradient meet fast kernels only
  const char* meta;    ///< those that it takes on the meta device
};
/// From registry_facts.cpp, which the op tests write and compare with what they find.
OpFacts facts_of(const char* op);

}  // namespace gradus
