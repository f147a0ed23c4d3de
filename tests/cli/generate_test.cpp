#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/json.h"
#include "cli/run_program.h"
#include "support/letter_tokenizer.h"

using namespace gradus;
namespace fs = std::filesystem;

namespace {

const fs::path kGolden = fs::path(GRADUS_TEST_DIR) / "golden";

// A directory as `gradus train` leaves it: model, tokenizer, generation settings.
struct ModelFolder {
  TempDir folder;
  explicit ModelFolder(const std::string& name, const Json& generation = Json::object()) {
    for (const char* file : {"config.json", "model.safetensors"})
      fs::copy_file(kGolden / "models" / name / file, folder / file);
    letter_tokenizer(read_json(folder / "config.json")["vocab_size"].get<int>()).save(folder.path);
    write_json(folder / "generation_config.json", generation);
  }
  ProgramResult generate(const std::string& arguments) const {
    return run_gradus("generate --model " + folder.path.string() + " " + arguments);
  }
};

Json json_of(const ProgramResult& r) {
  CHECK(r.code == 0);
  return parse_json(r.out, "stdout");
}

}  // namespace

TEST_CASE("generate: text on stdout and nothing else") {
  const ModelFolder model("gpt2-unscaled-untied");
  const ProgramResult plain = model.generate("-p \"%#1J(\" -n 6 --temp 0");
  CHECK(plain.code == 0);
  CHECK(plain.err.empty());
  const Json json = json_of(model.generate("-p \"%#1J(\" -n 6 --temp 0 --json"));
  const auto golden = read_json(kGolden / "generation.json")["greedy"]["gpt2-unscaled-untied"];
  CHECK(json["prompt_token_ids"] == Json{5, 3, 17, 42, 8});
  for (size_t i = 0; i < 6; ++i) CHECK(json["token_ids"][i] == golden[i]);
  CHECK(json["text"] == plain.out);
  CHECK(json["stop_reason"] == "length");
  CHECK(json["timing"]["decode_s"] > 0);
  CHECK(model.generate("-p \"%#1J(\" -n 6 --temp 0 --echo").out == "%#1J(" + plain.out);
  const ProgramResult told = model.generate("-p \"%#1J(\" -n 6 --temp 0 -v");
  CHECK(told.out == plain.out);
  CHECK(told.err.find("prompt: 5 tokens") == 0);

  std::ofstream(model.folder / "prompt") << "%#1J(\n";
  const std::string file = (model.folder / "prompt").string();
  CHECK(model.generate("-f " + file + " -n 6 --temp 0").out == plain.out);
  CHECK(model.generate("-f - -n 6 --temp 0 <" + file).out == plain.out);
  const Json stopped =
      json_of(model.generate("-p \"%#1J(\" -n 6 --temp 0 --json --stop zzz --stop '" + plain.out.substr(2, 2) + "'"));
  CHECK(stopped["stop_reason"] == "stop_string");
  CHECK(stopped["text"] == plain.out.substr(0, 2));
}

TEST_CASE("generate: seeds, several texts, empty prompt, end of text") {
  const ModelFolder model("llama-plain", {{"eos_token_id", 28}, {"top_k", 1}});
  // generation_config.json says top_k 1, which is greedy; the command line overrules it
  CHECK(model.generate("-p '%#1J(' --temp 2 --seed 1").out == model.generate("-p '%#1J(' --temp 0").out);
  const Json greedy = json_of(model.generate("-p '%#1J(' --temp 0 --json"));
  CHECK(greedy["token_ids"] == Json{4, 27, 28});
  CHECK(greedy["stop_reason"] == "eos");
  CHECK(greedy["text"] == "$;");
  CHECK(json_of(model.generate("-p '%#1J(' --temp 0 --json --ignore-eos -n 8"))["token_ids"].size() == 8);

  const std::string three = "-p A -n 5 --temp 1.5 --top-k 0 --ignore-eos -N 3 ";
  const ProgramResult once = model.generate(three + "--seed 9"), again = model.generate(three + "--seed 9");
  CHECK(once.out == again.out);
  CHECK(once.out != model.generate(three + "--seed 10").out);
  CHECK(once.out.find("\n---\n") != std::string::npos);
  std::istringstream lines(model.generate(three + "--seed 9 --json").out);
  int n = 0;
  for (std::string line; std::getline(lines, line); ++n) {
    const Json json = parse_json(line, "line");
    CHECK(json["sequence"] == n);
    CHECK(json["seed"] == 9);
    CHECK(once.out.find(json["text"].get<std::string>()) != std::string::npos);
  }
  CHECK(n == 3);
  const Json empty = json_of(model.generate("-n 3 --json"));
  CHECK(empty["prompt_token_ids"] == Json{0});
  CHECK(empty.contains("seed"));
}

TEST_CASE("generate: misuse and missing files") {
  const ModelFolder model("gpt2-plain");
  for (const char* wrong : {"--temp -1", "--top-p 1.5", "--min-p x", "--top-k -3", "-n -2", "-N 0", "--no-such",
                            "--repeat-penalty 0", "-p a -f b", "--dtype i8"}) {
    CAPTURE(wrong);
    const ProgramResult r = model.generate(wrong);
    CHECK(r.code == 2);
    CHECK(r.out.empty());
  }
  CHECK(run_gradus("generate").code == 2);
  CHECK(run_gradus("generate --model /no/such").code == 1);
  CHECK(model.generate("-f /no/such").code == 1);
  CHECK(model.generate("--stop ''").code == 1);
  const ProgramResult long_prompt = model.generate("-p AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
  CHECK(long_prompt.code == 1);
  CHECK(long_prompt.err.find("24 positions") != std::string::npos);
  fs::remove(model.folder / "tokenizer.json");
  CHECK(model.generate("-p a").err.find("tokenizer.json") != std::string::npos);
}

TEST_CASE("generate: an interrupt ends cleanly with 130 and keeps what was made") {
  const ModelFolder model("llama-plain");
  const std::string path = model.folder.path.string();
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::close(ends[0]);
    // a wide batch: the many steps to the last position take their time
    ::execl(GRADUS_BINARY, "gradus", "generate", "--model", path.c_str(), "-p", "A", "-n", "-1", "-N", "4096",
            "--ignore-eos", static_cast<char*>(nullptr));
    ::_exit(99);
  }
  ::close(ends[1]);
  char letter;
  CHECK(::read(ends[0], &letter, 1) == 1);
  ::kill(child, SIGINT);
  std::string out(1, letter);
  while (::read(ends[0], &letter, 1) == 1) out += letter;
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 130);
  CHECK(out.find('\n') < 63);  // the first text is not whole
}

TEST_CASE("generate: several prompts, log-probabilities, beams, grammars, draft models, caches") {
  const ModelFolder model("llama-plain");
  const Json alone = json_of(model.generate("-p \"%#1J(\" -n 6 --temp 0 --json"));
  const ProgramResult both = model.generate("-p \"%#1J(\" -p 3 -n 6 --temp 0 --json --logprobs 2");
  REQUIRE(both.code == 0);
  const size_t end = both.out.find('\n');
  const Json first = parse_json(both.out.substr(0, end), "line 1"), second = parse_json(both.out.substr(end), "line 2");
  CHECK(first["token_ids"] == alone["token_ids"]);
  CHECK(second["prompt"] == "3");
  CHECK(first["logprobs"].size() == 6);
  CHECK(first["logprobs"][0]["id"] == alone["token_ids"][0]);
  CHECK(first["logprobs"][0]["top_logprobs"].size() == 2);
  CHECK(first["logprobs"][0]["logprob"] == first["logprobs"][0]["top_logprobs"][0]["logprob"]);

  const Json beam = json_of(model.generate("-p \"%#1J(\" -n 6 --num-beams 3 --length-penalty 0.5 --json"));
  CHECK(beam["score"].get<double>() < 0);
  CHECK(json_of(model.generate("-p 3 -n 9 --seed 1 --grammar 'root ::= [A-C]{2}' --json"))["text"]
            .get<std::string>()
            .size() == 2);
  const Json thing = json_of(model.generate("-p 3 -n 40 --seed 1 --ignore-eos --json -j '{\"enum\": [12, 345]}'"));
  CHECK((thing["text"] == "12" || thing["text"] == "345"));
  CHECK(model.generate("-p 3 -n 4 --grammar 'root ::='x").code == 1);
  CHECK(model.generate("-p 3 --grammar 'root ::= \"a\"' --json-object").code == 2);

  const Json drafted =
      json_of(model.generate("-p \"%#1J(\" -n 6 --temp 0 --json --model-draft " + model.folder.path.string()));
  CHECK(drafted["token_ids"] == alone["token_ids"]);
  CHECK(drafted["timing"]["accepted"] == drafted["timing"]["drafted"]);
  const std::string cache = " --prompt-cache " + (model.folder / "cache.safetensors").string();
  for (int known : {0, 4}) {
    const Json cached = json_of(model.generate("-p \"%#1J(\" -n 6 --temp 0 --json" + cache));
    CHECK(cached["token_ids"] == alone["token_ids"]);
    CHECK(cached["timing"]["cached_tokens"] == known);
  }
  CHECK(
      json_of(model.generate(
          "-p 3 -n 6 --seed 1 --ignore-eos --mirostat 2 --cache-type q8_0 --typical 0.9 -l 5-inf --json"))["token_ids"]
          .size() == 6);
  CHECK(model.generate("-p 3 -n 6 -l five").code == 1);
}

TEST_CASE("perplexity: exp of the mean loss, as text and as JSON") {
  const ModelFolder model("llama-plain");
  std::ofstream(model.folder / "text") << "%#1J(A,bC1";
  const std::string start = "perplexity --model " + model.folder.path.string() + " ";
  const Json json = parse_json(run_gradus(start + "-f " + (model.folder / "text").string() + " --json").out, "stdout");
  CHECK(json["tokens"] == 9);
  CHECK(json["perplexity"].get<double>() == doctest::Approx(std::exp(json["loss"].get<double>())));
  CHECK(run_gradus(start + (model.folder / "text").string()).out.find("perplexity ") == 0);
  CHECK(run_gradus(start + "-p 3").code == 1);
  CHECK(run_gradus(start).code == 2);
}
