// gradus tokenizer check
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "cli/text_io.h"
#include "cli/verbs.h"
#include "infer/model_files.h"
#include "text/tokenizer.h"

namespace gradus::cli {
namespace fs = std::filesystem;

namespace {

struct CheckArgs {
  std::string tokenizer, vectors;
  bool json = false;
};

struct Failure {
  size_t line;
  std::string field;
  Json expected, got;
};

/// Compares one vector with what the tokenizer says today; appends what differs.
void check_vector(const Tokenizer& tokenizer, const Json& vector, const std::string& file, size_t line,
                  std::vector<Failure>& failures) {
  const auto wrong = [&](const std::string& what) {
    throw FileError(
        "tokenizer check", file + ": line " + std::to_string(line) + " " + what + ".",
        R"(a line is {"text": "…", "ids": [1, 2]}, with "decoded", "offsets", "add_special_tokens" if wanted.)");
  };
  if (!vector.is_object() || !vector.contains("text") || !vector["text"].is_string()) wrong("has no \"text\"");
  if (!vector.contains("ids") || !vector["ids"].is_array()) wrong("has no list \"ids\"");
  for (const auto& [key, value] : vector.items())
    if (key != "text" && key != "ids" && key != "decoded" && key != "offsets" && key != "add_special_tokens")
      wrong("has the unknown field \"" + key + "\"");
  EncodeOptions options;
  if (vector.contains("add_special_tokens")) {
    if (!vector["add_special_tokens"].is_boolean()) wrong("has add_special_tokens that is not true or false");
    options.add_special_tokens = vector["add_special_tokens"].get<bool>();
  }
  const auto compare = [&](const char* field, const Json& got) {
    if (vector[field] != got) failures.push_back({line, field, vector[field], got});
  };
  const std::string text = vector["text"].get<std::string>();
  const std::vector<int32_t> ids = tokenizer.encode(text, options);
  compare("ids", ids);
  if (vector.contains("decoded")) compare("decoded", tokenizer.decode(ids));
  if (vector.contains("offsets")) {
    Json offsets = Json::array();
    for (const CharSpan& span : tokenizer.encode_full(text, {}, options).offsets)
      offsets.push_back({span.begin, span.end});
    compare("offsets", offsets);
  }
}

void check(const CheckArgs& args) {
  const Tokenizer tokenizer = load_tokenizer(args.tokenizer);
  fs::path file = args.vectors;
  if (file.empty())
    file = (fs::is_directory(args.tokenizer) ? fs::path(args.tokenizer) : fs::path(args.tokenizer).parent_path()) /
           "tokenizer_test.jsonl";
  const std::string content = read_input(file.string());
  std::vector<Failure> failures;
  size_t line = 0, vectors = 0;
  for (size_t begin = 0; begin < content.size();) {
    const size_t end = std::min(content.find('\n', begin), content.size());
    const std::string_view text = std::string_view(content).substr(begin, end - begin);
    begin = end + 1;
    ++line;
    if (text.find_first_not_of(" \t\r") == text.npos) continue;
    ++vectors;
    const Json vector = parse_json(text, file.string() + ": line " + std::to_string(line));
    check_vector(tokenizer, vector, file.string(), line, failures);
  }
  if (vectors == 0) throw FileError("tokenizer check", file.string() + " holds no vectors.");
  if (args.json) {
    Json list = Json::array();
    for (const Failure& f : failures)
      list.push_back({{"line", f.line}, {"field", f.field}, {"expected", f.expected}, {"got", f.got}});
    write_output(dump_json(Json{{"vectors", vectors}, {"failures", list}}) + "\n");
  } else {
    for (const Failure& f : failures)
      write_output("line " + std::to_string(f.line) + ": " + f.field + " expected " + dump_json(f.expected) + ", got " +
                   dump_json(f.got) + "\n");
    write_output(std::to_string(vectors) + " vectors, " + std::to_string(failures.size()) + " differences\n");
  }
  if (!failures.empty()) throw CLI::RuntimeError(1);
}

}  // namespace

void add_tokenizer_check(CLI::App& tokenizer) {
  const auto args = std::make_shared<CheckArgs>();
  CLI::App* verb = tokenizer.add_subcommand(
      "check", "Run the test vectors stored beside a tokenizer; exit code 1 when one gives something else.");
  verb->add_option("TOKENIZER", args->tokenizer,
                   "tokenizer.json, a folder with one, or a vocabulary of another form (see tokenizer convert)")
      ->required();
  verb->add_option("--vectors", args->vectors,
                   R"(lines of {"text": "…", "ids": […]}; the default is tokenizer_test.jsonl beside the tokenizer)");
  verb->add_flag("--json", args->json, "one JSON object on standard output");
  verb->callback([args] { check(*args); });
}

}  // namespace gradus::cli
