#include <algorithm>
#include <set>

#include "base/file.h"
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

TEST_CASE("docs/operations.md names every op of the registry") {
  const std::string page = read_file(GRADUS_TEST_DIR "/../docs/operations.md");
  for (const OpInfo& op : all_ops())
    CHECK_MESSAGE(page.find("`" + std::string(op.name) + "`") != std::string::npos, op.name << " is missing there");
}
