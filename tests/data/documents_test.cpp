#include "data/documents.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "support/temp_dir.h"

using namespace gradus;

namespace {
DocumentSource source_of(const std::filesystem::path& pattern, const std::string& separator = "") {
  DocumentSource source;
  source.files = {pattern.string()};
  source.separator = separator;
  return source;
}
}  // namespace

TEST_CASE("documents are separated by lines that hold exactly the separator") {
  const TempDir dir;
  write_file_atomic(dir / "a.txt", "one\n%\ntwo\nlines\n%\n%\n100%\n% not\r\n%\r\nthree");
  write_file_atomic(dir / "b.txt", "four\n");
  write_file_atomic(dir / "b.dat", "binary");
  std::filesystem::create_directory(dir / "folder");
  DocumentSource source = source_of(dir / "*", "%");
  source.exclude = {"*.dat"};
  CHECK(read_documents(source) == std::vector<std::string>{"one", "two\nlines", "100%\n% not", "three", "four"});
  CHECK(read_documents(source_of(dir / "b.txt")) == std::vector<std::string>{"four"});
}

TEST_CASE("JSONL documents") {
  const TempDir dir;
  write_file_atomic(dir / "a.jsonl", "{\"text\": \"one\\ntwo\"}\n\n{\"id\": 3, \"text\": \"ü\"}\n");
  CHECK(read_documents(source_of(dir / "a.jsonl")) == std::vector<std::string>{"one\ntwo", "ü"});
  write_file_atomic(dir / "bad.jsonl", "{\"text\": \"one\"}\n{\"body\": \"two\"}\n");
  try {
    read_documents(source_of(dir / "bad.jsonl"));
    FAIL("no error");
  } catch (const FileError& e) {
    CHECK(std::string(e.what()).find("bad.jsonl line 2") != std::string::npos);
    CHECK(std::string(e.what()).find("\"text\"") != std::string::npos);
  }
}

TEST_CASE("missing and empty data are errors") {
  const TempDir dir;
  CHECK_THROWS_AS(read_documents(source_of(dir / "*.txt")), FileError);
  write_file_atomic(dir / "empty.txt", "\n");
  CHECK_THROWS_AS(read_documents(source_of(dir / "*.txt")), FileError);
  CHECK_THROWS_AS(read_documents(DocumentSource{}), ValueError);
}

TEST_CASE("what is held out depends on the texts, not on their places") {
  std::vector<std::string> all;
  for (int i = 0; i < 2000; ++i) all.push_back("document " + std::to_string(i));
  const Split split = hold_out(all, 0.1, 0);
  CHECK(split.train.size() + split.eval.size() == all.size());
  CHECK(split.eval.size() > 150);
  CHECK(split.eval.size() < 250);
  std::reverse(all.begin(), all.end());
  all.resize(1000);  // documents 1000 to 1999
  for (const std::string& text : hold_out(all, 0.1, 0).eval)
    CHECK(std::count(split.eval.begin(), split.eval.end(), text) == 1);
  CHECK(hold_out(all, 0.1, 1).eval != hold_out(all, 0.1, 0).eval);
  CHECK(hold_out(all, 0, 0).eval.empty());
  CHECK(hold_out({"a", "b", "c"}, 1e-9, 0).eval.size() == 1);
  CHECK_THROWS_AS(hold_out(all, 1.5, 0), ValueError);
}

TEST_CASE("of a single document the end is held out") {
  const Split split = hold_out({"one\ntwo\nthree\nfour\nfive\n"}, 0.4, 0);
  CHECK(split.train.at(0) + split.eval.at(0) == "one\ntwo\nthree\nfour\nfive\n");
  CHECK(split.eval.at(0) == "five\n");
}
