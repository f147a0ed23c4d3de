#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/json.h"
#include "cli/run_program.h"
#include "support/temp_dir.h"

using namespace gradus;

TEST_CASE("word2vec from the command line") {
  TempDir folder;
  const auto in = [&](const char* name) { return (folder / name).string(); };
  std::string text;
  for (int i = 0; i < 300; ++i)
    text +=
        i % 2 ? "the river has water and a lake has water too\n" : "a song needs music and the choir sings music too\n";
  write_file_atomic(folder / "text", text);
  const std::string common = "word2vec train --input " + in("text") +
                             " --size 16 --window 4 --min-count 2 --sample 0 --epochs 10 --threads 1 --seed 3 ";
  for (const char* how : {"--sg --negative 5", "--cbow --negative 3", "--sg --hs", "--cbow --hs"}) {
    const ProgramResult trained = run_gradus(common + how + " --json --output " + in("v.txt"));
    CAPTURE(trained.err);
    REQUIRE(trained.code == 0);
    const Json report = parse_json(trained.out, "stdout");
    CHECK(report["vocabulary"] == 13);
    const std::string first = read_file(folder / "v.txt");
    CHECK(first.starts_with("13 16\n"));
    run_gradus(common + how + " --output " + in("again.txt"));
    CHECK(read_file(folder / "again.txt") == first);
  }
  CHECK(run_gradus(common + "--sg --save-vocab " + in("vocab") + " --output " + in("v.bin")).code == 0);
  CHECK(read_file(folder / "vocab").starts_with("water 300\n") == false);  // "has", "and", "too", … stand as often
  const ProgramResult near = run_gradus("word2vec similar --json --top 3 --vectors " + in("v.bin") + " river");
  const Json list = parse_json(near.out, "stdout");
  REQUIRE(list.size() == 3);
  CHECK(list[0]["cosine"].get<double>() >= list[1]["cosine"].get<double>());
  CHECK(run_gradus("word2vec analogy --vectors " + in("v.bin") + " river lake song").code == 0);
  write_file_atomic(folder / "pairs", "river lake 1\nriver song 0\nwater lake 1\nmusic water 0\n");
  const Json rated =
      parse_json(run_gradus("word2vec eval --json --pairs " + in("pairs") + " --vectors " + in("v.bin")).out, "");
  CHECK(rated["auc"].get<double>() > 0.5);
  write_file_atomic(folder / "questions", ": s\nriver lake song choir\n");
  CHECK(parse_json(run_gradus("word2vec eval --json --analogies " + in("questions") + " --vectors " + in("v.bin")).out,
                   "")
            .contains("accuracy"));
  CHECK(run_gradus("word2vec plot --vectors " + in("v.bin") + " --top 10 -o " + in("w.png")).out == in("w.png") + "\n");
  CHECK(read_file(folder / "w.png").starts_with("\x89PNG"));
  const ProgramResult joined = run_gradus("word2vec phrases --threshold 0.01 --min-count 1 --input " + in("text"));
  CHECK(joined.out.find("the_river") != std::string::npos);

  CHECK(run_gradus("word2vec similar --vectors " + in("v.bin") + " zebra").code == 1);
  CHECK(run_gradus("word2vec similar --vectors " + in("nothing") + " river").code == 1);
  CHECK(run_gradus("word2vec train --input " + in("text")).code == 2);
  CHECK(run_gradus(common + "--sg --cbow --output " + in("x")).code == 2);
  CHECK(run_gradus("word2vec eval --vectors " + in("v.bin")).code == 2);
  CHECK(run_gradus("word2vec train --min-count 1000 --input " + in("text") + " --output " + in("x")).code == 1);
}
