// The program as a user runs it: equal runs, resumed runs, killed runs, interrupted runs, mistakes.
#include <doctest/doctest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "corpus.h"
#include "process.h"
#include "support/temp_dir.h"
#include "train/checkpoint.h"

using namespace gradus;
using namespace gradus::testing;
namespace fs = std::filesystem;

namespace {

struct Bench {
  TempDir dir;
  Bench() { write_file_atomic(dir / "recipe.toml", write_corpus(dir.path)); }
  fs::path run(const std::string& name) const { return dir.path / name; }
  std::vector<std::string> arguments(const std::string& name, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all = {"train", (dir / "recipe.toml").string(), "--output-dir", run(name).string()};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  Outcome train(const std::string& name, const std::vector<std::string>& more = {}, int threads = 2, int signal = 0,
                double after = 0) const {
    return run_gradus(arguments(name, more), dir.path, threads, signal, after);
  }
};

// The rows without the fields that depend on the clock and, in the summary, on how memory was used.
std::string steady_metrics(const fs::path& run) {
  std::string out, line;
  for (const char c : read_file(run / "metrics.jsonl")) {
    if (c != '\n') {
      line += c;
      continue;
    }
    Json kept = Json::object();
    const Json row = parse_json(line, "metrics");
    for (const auto& [key, value] : row.items())
      if (key.find("_runtime") == std::string::npos && key.find("_per_second") == std::string::npos &&
          key != "peak_bytes")
        kept[key] = value;
    out += dump_json(kept) + "\n";
    line.clear();
  }
  return out;
}

void check_equal_runs(const fs::path& a, const fs::path& b) {
  CHECK(read_file(a / "model.safetensors") == read_file(b / "model.safetensors"));
  CHECK(read_file(a / "tokenizer.json") == read_file(b / "tokenizer.json"));
  const fs::path last_a = list_checkpoints(a).back().path, last_b = list_checkpoints(b).back().path;
  CHECK(last_a.filename() == last_b.filename());
  CHECK(read_file(last_a / "optimizer.safetensors") == read_file(last_b / "optimizer.safetensors"));
  CHECK(steady_metrics(a) == steady_metrics(b));
}

}  // namespace

TEST_CASE("a run leaves a model directory, logs and checkpoints; equal runs and thread counts give equal bytes") {
  const Bench bench;
  const Outcome one = bench.train("a", {"--json"}, 1);
  INFO(one.err);
  REQUIRE(one.code == 0);
  for (const char* name : {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json",
                           "tokenizer_config.json", "recipe.toml", "metrics.jsonl", "loss.png"})
    CHECK(fs::exists(bench.run("a") / name));
  CHECK(!fs::is_empty(bench.run("a") / "tensorboard"));
  for (const char* name : {"config.json", "model.safetensors", "optimizer.safetensors", "trainer_state.json",
                           "tokenizer.json", "tokenizer_config.json", "generation_config.json"})
    CHECK(fs::exists(bench.run("a") / "checkpoint-8" / name));
  const Json summary = parse_json(one.out, "stdout");
  CHECK(summary["step"] == 12);
  CHECK(summary["eval_bits_per_byte"].get<double>() > 0);
  const std::string rows = read_file(bench.run("a") / "metrics.jsonl");
  const size_t last = rows.rfind('\n', rows.size() - 2) + 1;
  CHECK(parse_json(rows.substr(last), "last row")["peak_bytes"].get<int64_t>() > 100000);
  CHECK(parse_json(read_file(bench.run("a") / "config.json"), "config")["vocab_size"].get<int>() <= 300);

  REQUIRE(bench.train("b", {}, 1).code == 0);
  check_equal_runs(bench.run("a"), bench.run("b"));
  REQUIRE(bench.train("c", {}, 2).code == 0);
  check_equal_runs(bench.run("a"), bench.run("c"));
  REQUIRE(bench.train("d", {"train.seed=1"}).code == 0);
  CHECK(read_file(bench.run("a") / "model.safetensors") != read_file(bench.run("d") / "model.safetensors"));

  // The resolved recipe gives the run again.
  REQUIRE(
      run_gradus({"train", (bench.run("a") / "recipe.toml").string(), "-o", bench.run("e").string()}, bench.dir.path)
          .code == 0);
  check_equal_runs(bench.run("a"), bench.run("e"));
}

TEST_CASE("gradient checkpointing gives the bytes of the run without it") {
  const Bench bench;
  REQUIRE(bench.train("plain", {"model.n_layer=4"}).code == 0);
  const Outcome each = bench.train("each", {"model.n_layer=4", "train.gradient_checkpointing=true"});
  INFO(each.err);
  REQUIRE(each.code == 0);
  check_equal_runs(bench.run("plain"), bench.run("each"));
  REQUIRE(bench
              .train("sqrt", {"model.n_layer=4", "train.gradient_checkpointing=true",
                              "train.gradient_checkpointing_kwargs.segments=sqrt"})
              .code == 0);
  check_equal_runs(bench.run("plain"), bench.run("sqrt"));
}

TEST_CASE("resuming gives the bytes of the run that was not interrupted") {
  const Bench bench;
  REQUIRE(bench.train("whole").code == 0);
  SUBCASE("from a checkpoint in the middle") {
    fs::copy(bench.run("whole"), bench.run("half"), fs::copy_options::recursive);
    for (const char* name : {"checkpoint-8", "checkpoint-12", "model.safetensors"})
      fs::remove_all(bench.run("half") / name);
    const Outcome outcome = bench.train("half", {"--resume", "latest"});
    INFO(outcome.err);
    REQUIRE(outcome.code == 0);
    CHECK(outcome.err.find("checkpoint-4") != std::string::npos);
  }
  SUBCASE("in another folder, from a path") {
    const Outcome outcome = bench.train("half", {"--resume", (bench.run("whole") / "checkpoint-8").string()});
    REQUIRE(outcome.code == 0);
    CHECK(read_file(bench.run("half") / "model.safetensors") == read_file(bench.run("whole") / "model.safetensors"));
    return;
  }
  SUBCASE("a finished run") {
    fs::copy(bench.run("whole"), bench.run("half"), fs::copy_options::recursive);
    REQUIRE(bench.train("half", {"--resume", "latest"}).code == 0);
  }
  SUBCASE("an empty folder") { REQUIRE(bench.train("half", {"--resume", "latest"}).code == 0); }
  check_equal_runs(bench.run("whole"), bench.run("half"));
}

TEST_CASE("N steps and N more are 2N steps") {
  const Bench bench;
  const std::vector<std::string> steady = {"train.lr_scheduler_type=constant", "train.logging_steps=4"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.end(), steady.begin(), steady.end());
    return more;
  };
  REQUIRE(bench.train("whole", with({"train.max_steps=16"})).code == 0);
  REQUIRE(bench.train("parts", with({"train.max_steps=8"})).code == 0);
  REQUIRE(bench.train("parts", with({"train.max_steps=16", "--resume", "latest"})).code == 0);
  CHECK(read_file(bench.run("whole") / "model.safetensors") == read_file(bench.run("parts") / "model.safetensors"));
  CHECK(read_file(bench.run("whole") / "checkpoint-16" / "optimizer.safetensors") ==
        read_file(bench.run("parts") / "checkpoint-16" / "optimizer.safetensors"));
}

TEST_CASE("a run that is killed at random moments and resumed ends like one that was not") {
  const Bench bench;
  const std::vector<std::string> often = {"--resume", "latest", "train.save_steps=1", "train.max_steps=30",
                                          "train.save_total_limit=2"};
  const auto begin = std::chrono::steady_clock::now();
  REQUIRE(bench.train("whole", often).code == 0);
  const double took = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
  const char* wanted = std::getenv("GRADUS_KILLS");
  const int kills = wanted ? std::atoi(wanted) : 10;
  int done = 0, attempts = 0;
  for (uint64_t draw = 0; done < kills && attempts < 20 * kills; ++attempts) {
    const double after = took * RandomKey{5, 5}.uniform(draw++);
    const Outcome outcome = bench.train("killed", often, 2, SIGKILL, after);
    INFO(outcome.err);
    REQUIRE((outcome.code == 0 || outcome.code == 128 + SIGKILL));
    if (outcome.code == 0) {  // it finished before the signal came: compare, and begin again
      check_equal_runs(bench.run("whole"), bench.run("killed"));
      fs::remove_all(bench.run("killed"));
      continue;
    }
    ++done;
    for (const Checkpoint& c : list_checkpoints(bench.run("killed")))
      for (const char* name : {"model.safetensors", "optimizer.safetensors", "trainer_state.json"})
        CHECK(fs::exists(c.path / name));
  }
  CHECK(done == kills);
  REQUIRE(bench.train("killed", often).code == 0);
  check_equal_runs(bench.run("whole"), bench.run("killed"));
  for (const auto& entry : fs::directory_iterator(bench.run("killed")))
    CHECK(entry.path().filename().string().find("unfinished") == std::string::npos);
}

TEST_CASE("an interrupt saves and exits with 130; the run goes on from there") {
  const Bench bench;
  const std::vector<std::string> longer = {"train.max_steps=60", "train.save_steps=1000"};
  REQUIRE(bench.train("whole", longer).code == 0);
  auto resumed = longer;
  resumed.insert(resumed.end(), {"--resume", "latest"});
  for (const int signal : {SIGINT, SIGTERM}) {
    Outcome outcome;
    for (double after = 20; after < 5000; after *= 1.3) {  // long enough for the first step, short enough for the last
      fs::remove_all(bench.run("stopped"));
      outcome = bench.train("stopped", longer, 2, signal, after);
      // A signal that comes before the program listens ends it with 130 too, but saves nothing.
      if (outcome.code == 0 || outcome.err.find("--resume latest") != std::string::npos) break;
    }
    INFO(outcome.err);
    REQUIRE(outcome.code == 130);
    CHECK(outcome.err.find("--resume latest") != std::string::npos);
    REQUIRE(list_checkpoints(bench.run("stopped")).size() == 1);
    REQUIRE(bench.train("stopped", resumed).code == 0);
    check_equal_runs(bench.run("whole"), bench.run("stopped"));
  }
}

TEST_CASE("time is a budget when it is asked for") {
  const Bench bench;
  const Outcome outcome =
      bench.train("a", {"train.max_time=1.5", "train.max_steps=1000000", "train.save_steps=100000"});
  REQUIRE(outcome.code == 0);
  const std::string rows = read_file(bench.run("a") / "metrics.jsonl");
  CHECK(rows.find("\"train_runtime\"") != std::string::npos);
  const int64_t step = list_checkpoints(bench.run("a")).back().step;
  CHECK(step > 0);
  CHECK(step < 1000000);
}

TEST_CASE("work is not thrown away unasked") {
  const Bench bench;
  REQUIRE(bench.train("a").code == 0);
  const Outcome again = bench.train("a");
  CHECK(again.code == 1);
  CHECK(again.err.find("--resume latest") != std::string::npos);
  const Outcome rewind = bench.train("a", {"--resume", (bench.run("a") / "checkpoint-4").string()});
  CHECK(rewind.code == 1);
  CHECK(rewind.err.find("later checkpoint") != std::string::npos);
  CHECK(bench.train("a", {"--overwrite", "--resume", "latest"}).code == 1);
  CHECK(bench.train("a", {"--overwrite", "train.max_steps=4"}).code == 0);
  CHECK(list_checkpoints(bench.run("a")).size() == 1);
  const Outcome other = bench.train("a", {"--resume", "latest", "model.n_layer=1"});
  CHECK(other.code == 1);
  CHECK(other.err.find("model.n_layer: 2 -> 1") != std::string::npos);
}

TEST_CASE("a full disk ends a run with a clear word; what was saved before stays whole, and the run goes on later") {
  const Bench bench;
  REQUIRE(bench.train("whole").code == 0);
  REQUIRE(bench.train("full", {"train.max_steps=4"}).code == 0);
  fs::remove(bench.run("full") / "model.safetensors");
  const uintmax_t bytes = fs::file_size(bench.run("full") / "checkpoint-4" / "optimizer.safetensors");
  auto arguments = bench.arguments("full", {"--resume", "latest"});
  const Outcome outcome = run_gradus(arguments, bench.dir.path, 2, 0, 0, bytes - 1);
  INFO(outcome.err);
  CHECK(outcome.code == 1);
  CHECK(outcome.err.find("cannot write") != std::string::npos);
  REQUIRE(list_checkpoints(bench.run("full")).size() == 1);
  for (const auto& entry : fs::recursive_directory_iterator(bench.run("full"))) {
    const std::string name = entry.path().filename().string();
    CHECK_MESSAGE((name.find(".tmp") == std::string::npos && name.find("unfinished") == std::string::npos), name);
  }
  REQUIRE(run_gradus(arguments, bench.dir.path).code == 0);
  CHECK(read_file(bench.run("whole") / "model.safetensors") == read_file(bench.run("full") / "model.safetensors"));
}

TEST_CASE("two runs do not share a folder") {
  const Bench bench;
  fs::create_directories(bench.run("a"));
  {
    const FolderLock held(bench.run("a"));
    const Outcome outcome = bench.train("a", {"--resume", "latest"});
    CHECK(outcome.code == 1);
    CHECK(outcome.err.find("another process is at work in") != std::string::npos);
    CHECK(fs::is_empty(bench.run("a")));
  }
  CHECK(bench.train("a", {"train.max_steps=1"}).code == 0);
}

TEST_CASE("mistakes get a clear word and leave nothing behind") {
  const Bench bench;
  const auto fails = [&](const std::vector<std::string>& more, const std::string& word) {
    const Outcome outcome = bench.train("x", more);
    CAPTURE(outcome.err);
    CHECK(outcome.code == 1);
    CHECK(outcome.err.find(word) != std::string::npos);
    CHECK(!fs::exists(bench.run("x") / "model.safetensors"));
  };
  fails({"train.max_step=4"}, "did you mean train.max_steps?");
  fails({"model.n_head=3"}, "n_head");
  fails({"data.block_size=64"}, "data.block_size");
  fails({"train.learning_rate=-1"}, "learning_rate");
  fails({"train.lr_scheduler_type=cosin"}, "lr_scheduler_type");
  fails({"train.per_device_train_batch_size=0"}, "per_device_train_batch_size");
  fails({"data.files=" + (bench.dir / "nothing*").string()}, "no file matches");
  fails({"tokenizer.vocab_size=10"}, "vocab");
  fails({"--resume", (bench.dir / "nowhere").string()}, "trainer_state.json");
  write_file_atomic(bench.dir / "empty.txt", "");
  fails({"data.files=" + (bench.dir / "empty.txt").string()}, "no text");
  const Outcome file =
      run_gradus({"train", (bench.dir / "recipe.toml").string(), "-o", (bench.dir / "recipe.toml" / "sub").string()},
                 bench.dir.path);
  CHECK(file.code == 1);
  CHECK(file.err.find("cannot make the folder") != std::string::npos);
  CHECK(run_gradus({"train", (bench.dir / "none.toml").string()}, bench.dir.path).code == 1);
  CHECK(run_gradus({"train"}, bench.dir.path).code == 2);
  const Outcome help = run_gradus({"train", "--help"}, bench.dir.path);
  CHECK(help.code == 0);
  CHECK(help.out.find("train.gradient_accumulation_steps") != std::string::npos);
}
