#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "cli/run_program.h"
#include "io/metrics.h"
#include "io/png.h"
#include "io/tensorboard.h"

using namespace gradus;

namespace {
const std::string kGolden = std::string(GRADUS_TEST_DIR) + "/golden/";

void make_run(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  MetricsWriter writer(folder / "metrics.jsonl");
  for (int step = 1; step <= 30; ++step) {
    writer.write({{"loss", 5.0 / step},
                  {"learning_rate", 1e-3},
                  {"epoch", step / 10.0},
                  {"step", step},
                  {"num_input_tokens_seen", step * 100}});
    if (step % 10 == 0) writer.write({{"eval_loss", 6.0 / step}, {"step", step}});
  }
}
}  // namespace

TEST_CASE("plot draws one run and several") {
  const TempDir folder;
  make_run(folder / "a");
  make_run(folder / "b");
  const std::string a = (folder / "a").string(), b = (folder / "b").string(), out = (folder / "o.png").string();
  ProgramResult result = run_gradus("plot " + a);
  CHECK(result.code == 0);
  CHECK(result.out == a + "/loss.png\n");
  CHECK(read_png(folder / "a" / "loss.png").width == 1720);
  result =
      run_gradus("plot " + a + " " + b + "/metrics.jsonl -o " + out + " --smooth 0.8 --log-y --scale 1 --over tokens");
  CHECK(result.code == 0);
  CHECK(result.err.empty());
  CHECK(read_png(out).height == 520);
}

TEST_CASE("plot says what is missing") {
  const TempDir folder;
  CHECK(run_gradus("plot").code == 2);
  CHECK(run_gradus("plot x --smooth 1.5").code == 2);
  ProgramResult result = run_gradus("plot " + folder.path.string());
  CHECK(result.code == 1);
  CHECK(result.err.find("holds no metrics.jsonl") != std::string::npos);
  CHECK(result.out.empty());
  write_file_atomic(folder / "metrics.jsonl", "");
  CHECK(run_gradus("plot " + folder.path.string()).err.find("has no row with step") != std::string::npos);
  make_run(folder / "a");
  CHECK(run_gradus("plot " + (folder / "a").string() + " -o /no/such/folder/x.png").code == 1);
}

TEST_CASE("inspect lists tensors") {
  const ProgramResult result = run_gradus("inspect --json " + kGolden + "io.safetensors");
  CHECK(result.code == 0);
  const Json json = parse_json(result.out, "stdout");
  CHECK(json["kind"] == "safetensors");
  CHECK(json["count"] == 12);
  CHECK(json["bytes"] == 478);
  CHECK(json["metadata"]["format"] == "pt");
  CHECK(json["tensors"][1] == Json{{"name", "layer.0.bf16"}, {"dtype", "bf16"}, {"shape", {3, 5}}, {"bytes", 30}});
  const ProgramResult text = run_gradus("inspect " + kGolden + "io.safetensors");
  CHECK(text.out.find("12 tensors · 127 parameters · 478 B") != std::string::npos);
  CHECK(text.out.find("ünï\\u000a") != std::string::npos);  // a newline inside a name stays on its line
}

TEST_CASE("inspect knows models, runs, tokenizers and events") {
  const TempDir folder;
  make_run(folder.path);
  const std::string path = folder.path.string();
  CHECK(parse_json(run_gradus("inspect --json " + path).out, "stdout")["kind"] == "run");
  write_json(folder / "tokenizer.json",
             parse_json(R"({"added_tokens":[{"id":2,"content":"<eos>"},{"id":0,"content":"a"}],
      "model":{"type":"BPE","vocab":{"a":0,"b":1},"merges":["a b"]}})",
                        "x"));
  write_json(folder / "config.json", Json{{"model_type", "gpt2"}, {"n_embd", 16}});
  std::filesystem::copy_file(kGolden + "io.safetensors", folder / "model.safetensors");
  { EventWriter(folder / "tb").scalar("loss", 3, 1.5); }
  const Json json = parse_json(run_gradus("inspect --json " + path).out, "stdout");
  CHECK(json["kind"] == "model");
  CHECK(json["config"]["n_embd"] == 16);
  CHECK(json["tensors"]["parameters"] == 127);
  CHECK(json["tokenizer"]["vocab_size"] == 3);
  CHECK(json["metrics"]["rows"] == 33);
  CHECK(json["metrics"]["best_eval_step"] == 30);
  CHECK(json["metrics"]["last"]["step"] == 30);
  CHECK(json["files"].size() == 5);
  for (const char* name : {"", "/config.json", "/tokenizer.json", "/metrics.jsonl", "/tb/events*"}) {
    const ProgramResult text = run_gradus("inspect " + path + name);
    CHECK(text.code == 0);
    CHECK(text.err.empty());
    CHECK(text.out.size() > 20);
  }
}

TEST_CASE("inspect refuses what it does not know, and broken files") {
  const TempDir folder;
  CHECK(run_gradus("inspect").code == 2);
  write_file_atomic(folder / "x.bin", "??");
  write_file_atomic(folder / "x.json", "{}");
  write_file_atomic(folder / "x.safetensors", "\xff\xff\xff\xff\xff\xff\xff\xff{}");
  for (const char* name : {"x.bin", "x.json", "", "no such"}) {
    const ProgramResult result = run_gradus("inspect '" + (folder / name).string() + "'");
    CHECK(result.code == 1);
    CHECK(result.out.empty());
    CHECK(result.err.find("HINT") != std::string::npos);
  }
  write_file_atomic(folder / "x.foo", "??");
  CHECK(run_gradus("inspect " + (folder / "x.foo").string()).err.find("supported: .safetensors") != std::string::npos);
  CHECK(run_gradus("inspect " + (folder / "x.safetensors").string()).err.find("claims a header") != std::string::npos);
}
