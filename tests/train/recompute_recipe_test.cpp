#include <doctest/doctest.h>

#include "base/error.h"
#include "train/causal_lm_run.h"

using namespace gradus;

namespace {

std::optional<Recompute> chosen(const std::vector<std::string>& changes) {
  return recompute_of(Recipe::parse("[train]\n", "r", changes));
}
const std::string kOn = "train.gradient_checkpointing=true", kKwargs = "train.gradient_checkpointing_kwargs";

}  // namespace

TEST_CASE("train.gradient_checkpointing and its keyword arguments") {
  CHECK(!chosen({}));
  CHECK(!chosen({kKwargs + ".segments=sqrt"}));  // off, whatever the details
  CHECK(chosen({kOn}));
  CHECK(chosen({kOn, kKwargs + ".use_reentrant=false"}));
  CHECK(chosen({kOn, kKwargs + ".segments=each"}));
  const std::vector<CheckpointBlock> blocks(9, [](const Tensor& x) { return x; });
  CHECK(chosen({kOn})->plan(blocks, {}).size() == 9);
  CHECK(chosen({kOn, kKwargs + ".segments=sqrt"})->plan(blocks, {}).size() == 3);
  CHECK(chosen({kOn, kKwargs + ".segments=2"})->plan(blocks, {}).size() == 2);
  CHECK(chosen({kOn, kKwargs + ".segments=200"})->plan(blocks, {}).size() == 9);
  CHECK(chosen({kOn, kKwargs + ".budget_bytes=1000000"}));
  CHECK(chosen({kOn, kKwargs + "={ segments = 4, use_reentrant = false }"}));
}

TEST_CASE("impossible keyword arguments are refused, also while checkpointing is off") {
  for (const char* wrong : {".segments=all", ".segments=0", ".segments=-1", ".segments=1.5", ".budget_bytes=0",
                            ".budget_bytes=much", ".use_reentrant=true", ".segment=4"})
    for (const char* on : {"true", "false"}) {
      CAPTURE(wrong);
      CHECK_THROWS_WITH_AS(chosen({std::string("train.gradient_checkpointing=") + on, kKwargs + wrong}),
                           doctest::Contains("gradient_checkpointing_kwargs"), ValueError);
    }
  CHECK_THROWS_WITH_AS(chosen({kOn, kKwargs + "={ segments = 4, budget_bytes = 100 }"}),
                       doctest::Contains("exclude each other"), ValueError);
}
