#include "infer/grammar.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "infer/generate.h"
#include "infer/json_schema.h"
#include "support/letter_tokenizer.h"

using namespace gradus;

namespace {

std::shared_ptr<const Grammar> grammar(const std::string& gbnf) {
  return std::make_shared<const Grammar>(Grammar::parse(gbnf));
}

// Whether the whole text is one of the grammar's, however it is cut.
bool whole(const std::shared_ptr<const Grammar>& g, const std::string& text) {
  GrammarState at_once(g), by_byte(g);
  const bool accepted = at_once.accepts(text);
  bool went = true;
  for (size_t i = 0; i < text.size() && went; ++i) {
    went = by_byte.accepts(text.substr(i, 1));
    if (went) by_byte.push(text.substr(i, 1));
  }
  CHECK(went == accepted);
  return accepted && by_byte.complete();
}
bool whole(const std::string& gbnf, const std::string& text) { return whole(grammar(gbnf), text); }

bool fits(const Json& schema, const std::string& text) { return whole(grammar_of_json_schema(schema), text); }

}  // namespace

TEST_CASE("grammar: literals, classes, repetitions, groups, rules and comments") {
  CHECK(whole(R"(root ::= "yes" | "no")", "yes"));
  CHECK_FALSE(whole(R"(root ::= "yes" | "no")", "ye"));
  CHECK_FALSE(whole(R"(root ::= "yes" | "no")", "nope"));
  const std::string number = "# a number\nroot ::= \"-\"? digit+ (\".\" digit{1,3})? # here too\ndigit ::= [0-9]\n";
  for (const char* good : {"0", "-12", "3.141"}) CHECK(whole(number, good));
  for (const char* bad : {"", "-", "1.", "3.1415", "a"}) CHECK_FALSE(whole(number, bad));
  CHECK(whole("root ::= [^a-c]* \"a\"", "xyza"));
  CHECK_FALSE(whole("root ::= [^a-c]* \"a\"", "xbza"));
  CHECK(whole(R"(root ::= "\x41\u00e9\n\"" [\]\-x]{2})", "A\xC3\xA9\n\"]-"));
  CHECK(whole("root ::= .{2}", "\xE4\xB8\xAD!"));
  CHECK(whole("root ::= \"a\"\n  | \"b\"", "a"));
  CHECK(whole("root ::= (\n\"a\" |\n\"b\" )*", "abba"));
  CHECK(whole("root ::= \"(\" root \")\" | \"\"", "((()))"));
  CHECK_FALSE(whole("root ::= \"(\" root \")\" | \"\"", "(()"));
  CHECK(whole("root ::= \"ab\"*", "abab"));
  CHECK(whole("root ::= x{0} y{2,}\nx ::= \"x\"\ny ::= \"y\"", "yyy"));
}

TEST_CASE("grammar: bytes that end within a character are judged by what they can become") {
  const auto chinese = grammar("root ::= [\xE4\xB8\x80-\xE9\xBF\xBF]+");
  const GrammarState state(chinese);
  CHECK(state.accepts("\xE4"));
  CHECK(state.accepts("\xE4\xB8\xAD\xE6"));
  CHECK_FALSE(state.accepts("\xC3"));  // é and the like
  CHECK_FALSE(
      state.accepts("\xE4"
                    "a"));  // no continuation
  CHECK_FALSE(state.accepts("\xFF"));
}

TEST_CASE("grammar: mistakes are named by line and column") {
  const auto wrong = [](const char* gbnf, const char* what) {
    CHECK_THROWS_WITH_AS(Grammar::parse(gbnf), doctest::Contains(what), ValueError);
  };
  wrong("", "no rule \"root\"");
  wrong("root ::= \"a", "line 1, column 12");
  wrong("root ::= other", "\"other\" is used");
  wrong("root ::= \"a\"\nroot ::= \"b\"", "line 2");
  wrong("root = \"a\"", "::= is expected");
  wrong("root ::= (\"a\"", ") is expected");
  wrong("root ::= [z-a]", "ends before");
  wrong("root ::= *", "nothing to repeat");
  wrong("root ::= \"a\"{3,2}", "smaller");
  wrong("root ::= \"a\"{9999}", "repetitions");
  wrong("root ::= \"\\q\"", "escape");
  wrong("root ::= root \"a\" | \"b\"", "calls itself");
  wrong("root ::= x root\nx ::= \"\" | \"x\"", "calls itself");
  std::string deep = "root ::= ";
  for (int i = 0; i < 5000; ++i) deep += "(";
  wrong(deep.c_str(), "too deeply");
  wrong(("root ::= \"" + std::string(1000, 'a') + "\"{2000}").c_str(), "too large");
}

TEST_CASE("json: any value, and nothing else") {
  const auto g = grammar(grammar_of_json());
  for (const char* good : {R"({"a": [1, -2.5e3, "x\n\u00e9", null], "b":{}})", "[]", "\"\"", "true", "0"})
    CHECK(whole(g, good));
  for (const char* bad : {"{", "[1,]", "{\"a\"}", "01", "nul", "\"\n\"", "'a'"}) CHECK_FALSE(whole(g, bad));
}

TEST_CASE("json schema: objects, lists, strings, numbers, choices and references") {
  const Json person = parse_json(R"({"type": "object", "title": "Person", "properties": {
      "name": {"type": "string", "maxLength": 5}, "age": {"type": "integer", "minimum": 0, "maximum": 120},
      "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 1, "maxItems": 2},
      "mate": {"$ref": "#/$defs/mate"}}, "required": ["name", "tags"], "additionalProperties": false,
      "$defs": {"mate": {"anyOf": [{"type": "null"}, {"type": "object", "properties": {"mate": {"$ref": "#/$defs/mate"}},
      "required": ["mate"]}]}}})",
                                 "schema");
  for (const char* good : {R"({"name": "Ada", "tags": ["a"]})",
                           R"({"name":"Ada","age":36,"tags":["a","b"],"mate":{"mate":{"mate":null}}})"})
    CHECK(fits(person, good));
  for (const char* bad : {R"({"name": "Ada"})", R"({"name": "Ada", "tags": []})", R"({"name": "Ada", "tags": ["c"]})",
                          R"({"name": "Ada Lo", "tags": ["a"]})", R"({"name": "A", "age": 121, "tags": ["a"]})",
                          R"({"name": "A", "tags": ["a"], "x": 1})"})
    CHECK_FALSE(fits(person, bad));
  const Json optional = parse_json(R"({"properties": {"a": {"type": "boolean"}, "b": {"const": [1, "x"]},
                                       "c": {"type": ["number", "null"]}}})",
                                   "schema");
  for (const char* good :
       {"{}", R"({"a": true})", R"({"b": [1,"x"]})", R"({"a": false, "c": 1.5})", R"({"b":[1,"x"],"c":null})"})
    CHECK(fits(optional, good));
  for (const char* bad : {R"({,"a": true})", R"({"c": 1, "a": true})"}) CHECK_FALSE(fits(optional, bad));
  const Json pair =
      parse_json(R"({"prefixItems": [{"type": "integer"}, {"type": "string"}], "items": false})", "schema");
  CHECK(fits(pair, R"([1, "x"])"));
  CHECK_FALSE(fits(pair, "[1]"));
  CHECK(fits({{"type", "object"}, {"additionalProperties", {{"type", "integer"}}}}, R"({"x": 1, "y": 2})"));
  CHECK(fits(Json::object(), "[1]"));
}

TEST_CASE("json schema: ranges of integers hold every number and no other") {
  for (const auto& [low, high] : {std::pair{0, 9}, {7, 123}, {-15, 15}, {-120, -7}, {99, 1000}, {5, 5}, {0, 0}}) {
    const auto g = grammar(grammar_of_json_schema({{"type", "integer"}, {"minimum", low}, {"maximum", high}}));
    for (int x = -130; x <= 1010; ++x) {
      const GrammarState state(g);
      const std::string text = std::to_string(x);
      CHECK_MESSAGE((state.accepts(text) && whole(g, text)) == (x >= low && x <= high), low << " " << high << " " << x);
    }
  }
}

TEST_CASE("json schema: what is not understood is refused by its place") {
  const auto wrong = [](const char* schema, const char* what) {
    CHECK_THROWS_WITH_AS(grammar_of_json_schema(parse_json(schema, "schema")), doctest::Contains(what), ValueError);
  };
  wrong(R"({"type": "string", "pattern": "a+"})", "pattern");
  wrong(R"({"properties": {"x": {"type": "nothing"}}})", "#/properties/x");
  wrong(R"({"type": "object", "required": ["x"]})", "\"x\" is required");
  wrong(R"({"$ref": "#/nowhere"})", "leads nowhere");
  wrong(R"({"$ref": "http://example.org"})", "out of the schema");
  wrong(R"({"type": "integer", "minimum": 3, "maximum": 1})", "no number");
  wrong("3", "must be an object");
}

TEST_CASE("generation keeps to the grammar, and ends when nothing more may come") {
  const auto model = load_causal_lm(std::filesystem::path(GRADUS_TEST_DIR) / "golden" / "models" / "llama-plain",
                                    {.trainable = false});
  const Tokenizer tokenizer = letter_tokenizer(71);
  for (double temperature : {0.0, 1.5})
    for (uint64_t seed : {1, 2, 3}) {
      GenerateOptions o{.sampling = {.temperature = temperature, .seed = seed}, .max_new_tokens = 40};
      o.grammar = grammar(R"(root ::= [A-C]{3} ("1" | "22") "!")");
      const Continuation text = generate(*model, tokenizer, std::vector<int32_t>{5, 3}, o)[0];
      CHECK(text.reason == StopReason::grammar);
      CHECK(whole(o.grammar, text.text));
      o.eos = {0};
      const Continuation ended = generate(*model, tokenizer, std::vector<int32_t>{5, 3}, o)[0];
      CHECK(ended.reason == StopReason::eos);
      CHECK(whole(o.grammar, ended.text));
      CHECK(ended.text == text.text);
    }
}
