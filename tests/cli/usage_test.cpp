#include <doctest/doctest.h>

#include "cli/run_program.h"

TEST_CASE("a verb that does not exist is named, with the one that was meant") {
  ProgramResult r = run_gradus("frobnicate");
  CHECK(r.code == 2);
  CHECK(r.out.empty());
  CHECK(r.err.find("gradus has no verb \"frobnicate\"\n") == 0);
  r = run_gradus("trian recipe.toml");
  CHECK(r.code == 2);
  CHECK(r.err.find("did you mean train?") != std::string::npos);
  r = run_gradus("tokenizer inspekt");
  CHECK(r.code == 2);
  CHECK(r.err.find("gradus tokenizer has no verb \"inspekt\"; did you mean inspect?") == 0);
  CHECK(r.err.find("Run gradus tokenizer --help") != std::string::npos);
}

TEST_CASE("numbers out of range are refused in words") {
  ProgramResult r = run_gradus("generate --model nowhere -p x --temp -1");
  CHECK(r.code == 2);
  CHECK(r.err.find("--temp: must be a number of at least 0, got -1") != std::string::npos);
  r = run_gradus("generate --model nowhere -p x --repeat-penalty 0");
  CHECK(r.code == 2);
  CHECK(r.err.find("must be a number above 0, got 0") != std::string::npos);
  r = run_gradus("generate --model nowhere -p x --repeat-penalty nan");
  CHECK(r.code == 2);
}
