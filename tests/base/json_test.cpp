#include "base/json.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json_reader.h"

using namespace gradus;

TEST_CASE("a document keeps its order and its values") {
  const std::string text = R"({"b":[1,-2,3.5,true,null,"é\n",{}],"a":{"x":18446744073709551615,"y":[]}})";
  CHECK(parse_json(text, "t").dump() == text);
  CHECK(parse_json(" 7 ", "t") == 7);
}

TEST_CASE("an object of very many keys is read in linear time, and a key that stands twice is found") {
  std::string text = "{";
  for (int i = 0; i < 300000; ++i) text += "\"key" + std::to_string(i) + "\":" + std::to_string(i) + ",";
  const Json all = parse_json(text + "\"end\":[]}", "t");  // a quadratic reader would take minutes
  CHECK(all.size() == 300001);
  CHECK_THROWS_AS(parse_json(text + "\"key7\":0}", "t"), FileError);
  CHECK_THROWS_AS(parse_json(R"({"a":1,"a":2})", "t"), FileError);
  CHECK(parse_json(R"({"a":{"a":1},"b":{"a":1}})", "t").size() == 2);
}

TEST_CASE("what is no JSON is refused with the name of the file") {
  for (const char* text : {"", "{", "[1,]", "{\"a\" 1}", "nul", "1 2", "\"\xFF\"", "\"\\ud800\"", "1e999", "{1:2}"}) {
    CHECK_THROWS_WITH_AS(parse_json(text, "file.json"), doctest::Contains("file.json"), FileError);
  }
  CHECK_NOTHROW(parse_json(std::string(128, '[') + std::string(128, ']'), "t"));
  CHECK_THROWS_AS(parse_json(std::string(129, '[') + std::string(129, ']'), "t"), FileError);
  CHECK_THROWS_AS(parse_json(std::string(1000000, '['), "t"), FileError);
}

TEST_CASE("the reader walks a document without a tree") {
  JsonReader reader(R"( {"n": -12, "s": "a\"\u00e9\ud83d\ude42", "skip": [{"x": "]"}, 1.5], "list": [1, 2]} )", "t");
  std::string buffer, text, skipped;
  int64_t number = 0, sum = 0;
  reader.object([&](std::string_view key) {
    if (key == "n")
      number = reader.integer();
    else if (key == "s")
      text = reader.string_into(buffer);
    else if (key == "skip")
      skipped = reader.raw();
    else
      reader.array([&] { sum += reader.integer(); });
  });
  reader.finish();
  CHECK(number == -12);
  CHECK(text == "a\"é🙂");
  CHECK(skipped == R"([{"x": "]"}, 1.5])");
  CHECK(sum == 3);
  for (const char* broken : {"", "[1 2]", "[1,]", "[1", "[01]", "[1.0]", "[99999999999999999999]", "[-]", "[1] 2"}) {
    JsonReader r(broken, "file.json");
    const auto read = [&r] {
      r.array([&r] { r.integer(); });
      r.finish();
    };
    CHECK_THROWS_WITH_AS(read(), doctest::Contains("file.json"), FileError);
  }
}
