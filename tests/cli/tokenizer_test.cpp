#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/json.h"
#include "cli/run_program.h"
#include "support/temp_dir.h"

using namespace gradus;

namespace {
const std::string kGolden = std::string(GRADUS_TEST_DIR) + "/golden/tokenizers/";
}

TEST_CASE("tokenizer train, tokenize and detokenize from the command line") {
  TempDir folder;
  const std::string tokenizer = (folder / "tok").string();
  const ProgramResult trained =
      run_gradus("tokenizer train " + kGolden + "corpus.txt --split-on % --vocab-size 600 -o " + tokenizer +
                 " --eos '<|endoftext|>'");
  CHECK(trained.code == 0);
  CHECK(trained.out.empty());  // what it says is for people
  CHECK(read_file(folder / "tok" / "tokenizer.json") == read_file(kGolden + "plain/tokenizer.json"));
  const Json about = parse_json(run_gradus("tokenizer inspect --json " + tokenizer).out, "stdout");
  CHECK(about["eos_token_id"] == 0);
  CHECK(about["vocab_size"] == 486);

  // --jsonl both ways, against the stored cases.
  std::string texts, ids, decoded;
  for (const Json& c : read_json(kGolden + "plain/cases.json")) {
    texts += dump_json(c["text"]) + "\n";
    ids += dump_json(c["ids"]) + "\n";
    decoded += dump_json(c["decoded"]) + "\n";
  }
  write_file_atomic(folder / "texts", texts);
  write_file_atomic(folder / "ids", ids);
  const ProgramResult encoded =
      run_gradus("tokenize --jsonl --tokenizer " + tokenizer + " " + (folder / "texts").string());
  CHECK(encoded.code == 0);
  std::string without_spaces = encoded.out;
  std::erase(without_spaces, ' ');
  CHECK(without_spaces == ids);
  CHECK(run_gradus("detokenize --jsonl --tokenizer " + tokenizer + " " + (folder / "ids").string()).out == decoded);

  // Plain: any bytes come back as they were.
  const std::string bytes("caf\xC3\xA9 \xFF\x00\n\n end", 14);
  write_file_atomic(folder / "bytes", bytes);
  const ProgramResult plain = run_gradus("tokenize --tokenizer " + tokenizer + " " + (folder / "bytes").string());
  write_file_atomic(folder / "plain-ids", plain.out);
  CHECK(run_gradus("detokenize --tokenizer " + tokenizer + " " + (folder / "plain-ids").string()).out == bytes);
}

TEST_CASE("a file's padding and truncation are not applied") {
  TempDir folder;
  write_file_atomic(folder / "texts", "\"a\"\n\"one two three four five six seven eight\"\n");
  const std::string out =
      run_gradus("tokenize --jsonl --tokenizer " + kGolden + "flags " + (folder / "texts").string()).out;
  const size_t line = out.find('\n');
  CHECK(parse_json(out.substr(0, line), "line").size() == 1);
  CHECK(parse_json(out.substr(line), "line").size() > 5);
}

TEST_CASE("mistakes are named, with exit codes 1 and 2") {
  TempDir folder;
  write_file_atomic(folder / "numbers", "5\n");
  write_file_atomic(folder / "ids", "[1, 99999]\n");
  write_file_atomic(folder / "empty", "");
  const std::string plain = " --tokenizer " + kGolden + "plain ";
  const auto expect = [](const std::string& command, int code, const char* says) {
    const ProgramResult result = run_gradus(command);
    INFO(command, ": ", result.err);
    CHECK(result.code == code);
    CHECK(result.out.empty());
    CHECK(result.err.find(says) != std::string::npos);
  };
  expect("tokenize --jsonl" + plain + (folder / "numbers").string(), 1, "line 1");
  expect("detokenize --jsonl" + plain + (folder / "ids").string(), 1, "99999");
  expect("tokenize --tokenizer " + (folder / "missing").string() + " " + (folder / "numbers").string(), 1, "missing");
  expect("tokenizer train -o " + (folder / "t").string() + " " + (folder / "empty").string(), 1, "no text");
  expect("tokenizer train -o " + (folder / "t").string() + " --vocab-size 3 " + (folder / "ids").string(), 1,
         "vocab_size");
  expect("tokenize", 2, "--tokenizer");
  expect("tokenizer", 2, "subcommand");
  expect("tokenize --jsonl --lines" + plain, 2, "--jsonl");
}

TEST_CASE("tokenize --encoding gives offsets and masks, takes pairs, and cuts and pads only when asked to") {
  TempDir folder;
  write_file_atomic(folder / "texts", "\"na\\u00efve\"\n[\"one two three four five six\", \"a\"]\n");
  const std::string command = "tokenize --jsonl --encoding --tokenizer " + kGolden + "flags ";
  const auto lines = [](const std::string& out) {
    const size_t end = out.find('\n');
    return std::pair(parse_json(out.substr(0, end), "line"), parse_json(out.substr(end), "line"));
  };
  const auto [word, pair] = lines(run_gradus(command + (folder / "texts").string()).out);
  CHECK(word["offsets"].back()[1] == 5);
  CHECK(word["ids"].size() == word["tokens"].size());
  CHECK(pair["type_ids"].back() == 1);
  CHECK(pair["ids"].size() > 5);
  const auto [padded, cut] = lines(run_gradus(command + "--as-stored " + (folder / "texts").string()).out);
  CHECK(padded["ids"].size() == 12);
  CHECK(padded["attention_mask"].back() == 0);
  CHECK(cut["overflowing"].size() > 0);
  const auto [one, two] = lines(run_gradus(command + "--max-length 2 " + (folder / "texts").string()).out);
  CHECK(two["ids"].size() == 2);
  CHECK(two["overflowing"].size() > 0);
}

TEST_CASE("tokenizer inspect shows pieces; tokenizer check runs stored vectors") {
  TempDir folder;
  const std::string tokenizer = kGolden + "plain";
  const Json about = parse_json(run_gradus("tokenizer inspect --json --text 'the end' " + tokenizer).out, "stdout");
  CHECK(about["offsets"].back() == Json::parse("[5, 7]"));
  CHECK(about["tokens"].size() == about["ids"].size());
  CHECK(run_gradus("tokenizer inspect --text 'the end' " + tokenizer).out.find("the| |e|nd\n") != std::string::npos);

  write_file_atomic(folder / "tokenizer.json", read_file(tokenizer + "/tokenizer.json"));
  CHECK(run_gradus("tokenizer check " + folder.path.string()).code == 1);  // no vectors
  const std::string good = R"({"text": "<|endoftext|>", "ids": [0], "decoded": "<|endoftext|>", "offsets": [[0, 13]]})";
  write_file_atomic(folder / "tokenizer_test.jsonl", good + "\n\n");
  const ProgramResult passed = run_gradus("tokenizer check " + folder.path.string());
  CHECK(passed.code == 0);
  CHECK(passed.out == "1 vectors, 0 differences\n");
  write_file_atomic(folder / "tokenizer_test.jsonl", good + "\n{\"text\": \"a\", \"ids\": [1]}\n");
  const ProgramResult failed = run_gradus("tokenizer check --json " + folder.path.string());
  CHECK(failed.code == 1);
  const Json result = parse_json(failed.out, "stdout");
  CHECK(result["vectors"] == 2);
  CHECK(result["failures"][0]["line"] == 2);
  write_file_atomic(folder / "tokenizer_test.jsonl", "{\"txt\": \"a\"}\n");
  CHECK(run_gradus("tokenizer check " + folder.path.string()).err.find("line 1") != std::string::npos);
}
