#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "autograd/autograd.h"
#include "base/json.h"
#include "cli/run_program.h"
#include "models/model.h"
#include "support/letter_tokenizer.h"

using namespace gradus;
namespace fs = std::filesystem;

namespace {

const fs::path kModel = fs::path(GRADUS_TEST_DIR) / "golden" / "models" / "gpt2-plain";

struct EvalFolder {
  TempDir folder;
  EvalFolder() {
    for (const char* file : {"config.json", "model.safetensors"}) fs::copy_file(kModel / file, folder / file);
    letter_tokenizer(67).save(folder.path);
  }
  ProgramResult eval(const std::string& arguments) const {
    return run_gradus("eval --model " + folder.path.string() + " " + arguments);
  }
  Json json(const std::string& arguments) const {
    const ProgramResult r = eval(arguments + " --json");
    CHECK(r.code == 0);
    CHECK(r.err.empty());
    return parse_json(r.out, "stdout");
  }
  std::string write(const char* name, const std::string& text) const {
    write_file_atomic(folder / name, text);
    return (folder / name).string();
  }
};

// The sum of -log p over a document and its end, token by token, each from at most `context` tokens before it, the
// end-of-text token in front.
double nats_of(const CausalLm& model, const std::vector<int32_t>& document, size_t context) {
  const NoGrad off;
  std::vector<int64_t> ids{0};
  ids.insert(ids.end(), document.begin(), document.end());
  ids.push_back(0);
  double nats = 0;
  for (size_t i = 1; i < ids.size(); ++i) {
    const size_t begin = i > context ? i - context : 0;
    const std::vector<int64_t> seen(ids.begin() + static_cast<std::ptrdiff_t>(begin),
                                    ids.begin() + static_cast<std::ptrdiff_t>(i));
    LmInput in;
    in.input_ids = from_vector(seen, {1, static_cast<int64_t>(seen.size())});
    const auto logits = model.logits(model.hidden(in, {})).to_vector<double>();
    const size_t vocab = 67, row = (seen.size() - 1) * vocab;
    double sum = 0;
    for (size_t v = 0; v < vocab; ++v) sum += std::exp(logits[row + v]);
    nats += std::log(sum) - logits[row + static_cast<size_t>(ids[i])];
  }
  return nats;
}

}  // namespace

TEST_CASE("eval: loss, perplexity and bits per byte are what their definitions say") {
  const EvalFolder f;
  const auto model = load_causal_lm(kModel, {.trainable = false});
  const Tokenizer tokenizer = letter_tokenizer(67);
  const std::vector<std::string> texts{"ABCA", "%%$A5>>;", "T"};
  const std::string file = f.write("texts", "ABCA\n%\n%%$A5>>;\n%\nT\n%\n");
  double nats = 0;
  for (const std::string& text : texts) nats += nats_of(*model, tokenizer.encode(text), 24);
  const Json r = f.json(file + " --separator %");
  CHECK(r["documents"] == 3);
  CHECK(r["tokens"] == 4 + 8 + 1 + 3);
  CHECK(r["bytes"] == 13);
  CHECK(r["loss"].get<double>() == doctest::Approx(nats / 16).epsilon(1e-5));
  CHECK(r["perplexity"].get<double>() == doctest::Approx(std::exp(nats / 16)).epsilon(1e-5));
  CHECK(r["bits_per_byte"].get<double>() == doctest::Approx(nats / std::log(2.0) / 13).epsilon(1e-5));
  const ProgramResult text = f.eval(file + " --separator %");
  CHECK(text.out.find("bits per byte") != std::string::npos);
  CHECK(f.json("- --separator % <" + file)["loss"] == r["loss"]);
  CHECK(f.json(file + " --separator % --dtype f64")["loss"].get<double>() ==
        doctest::Approx(r["loss"].get<double>()).epsilon(1e-5));
}

TEST_CASE("eval: overlapping pieces see more, down to one new token at a time") {
  const EvalFolder f;
  const auto model = load_causal_lm(kModel, {.trainable = false});
  std::string text;
  for (int i = 0; i < 41; ++i) text += static_cast<char>('!' + (i * i * 7 + i) % 60);
  const std::string file = f.write("long", text), other = f.write("short", "AB");
  const double exact = nats_of(*model, letter_tokenizer(67).encode(text), 10) / 42;
  const Json cut = f.json(file + " --max-length 10"), one = f.json(file + " --max-length 10 --stride 1");
  CHECK(cut["tokens"] == 42);
  CHECK(one["tokens"] == 42);
  CHECK(one["loss"].get<double>() == doctest::Approx(exact).epsilon(1e-5));
  CHECK(f.json(file + " --max-length 10 --stride 10")["loss"] == cut["loss"]);
  // rows of several documents and lengths in one batch
  const Json both = f.json(file + " " + other + " --max-length 10 --stride 3 --batch-size 4");
  const Json a = f.json(file + " --max-length 10 --stride 3 --batch-size 1"), b = f.json(other);
  CHECK(both["tokens"] == 45);
  CHECK(both["loss"].get<double>() * 45 ==
        doctest::Approx(a["loss"].get<double>() * 42 + b["loss"].get<double>() * 3).epsilon(1e-5));
}

TEST_CASE("eval: misuse and missing files") {
  const EvalFolder f;
  const std::string file = f.write("text", "ABC");
  CHECK(f.eval("").code == 2);
  CHECK(f.eval(file + " --stride 0").code == 2);
  CHECK(f.eval(file + " --stride 30").code == 1);
  CHECK(f.eval(file + " --max-length 25").err.find("24 positions") != std::string::npos);
  CHECK(f.eval("/no/such/file").code == 1);
  CHECK(f.eval(f.write("empty", "")).code == 1);
  CHECK(run_gradus("eval --model /no/such " + file).code == 1);
}
