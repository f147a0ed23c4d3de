#include <algorithm>
#include <set>

#include "ops/registry.h"
#include "support/op_case.h"

using namespace gradus;

TEST_CASE("every op of the registry has a case, and every case names an op of the registry") {
  const auto& names = testing::covered_ops();
  const std::set<std::string> covered(names.begin(), names.end());
  std::set<std::string> known;
  for (const OpInfo& op : all_ops()) {
    CHECK_MESSAGE(known.insert(op.name).second, op.name << " stands twice in the registry");
    CHECK_MESSAGE(covered.count(op.name), op.name << " has no OP_CASE");
  }
  for (const std::string& name : covered) CHECK_MESSAGE(known.count(name), name << " is not in the registry");
}
