#include "text/chat_template.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "support/temp_dir.h"

using namespace gradus;

namespace {

std::string render(const std::string& source, const Json& variables = Json::object(), ChatTemplateLimits limits = {}) {
  ChatOptions options;
  options.variables = &variables;
  options.limits = limits;
  return ChatTemplate(source).render(Json::array(), options).text;
}

/// What rendering says, or "" when it renders.
std::string complaint(const std::string& source, ChatTemplateLimits limits = {}) {
  try {
    render(source, Json::object(), limits);
    return "";
  } catch (const Error& e) {
    return e.what();
  }
}

bool mentions(const std::string& text, const char* part) { return text.find(part) != text.npos; }

std::filesystem::path goldens() { return std::filesystem::path(GRADUS_TEST_DIR) / "golden"; }

}  // namespace

TEST_CASE("chat templates render what jinja2 renders") {
  const Json cases = read_json(goldens() / "chat_templates.json");
  REQUIRE(cases.size() > 100);
  for (const Json& c : cases) {
    const std::string source = c["template"];
    CAPTURE(source);
    ChatOptions options;
    const Json variables = c.value("variables", Json::object());
    options.variables = &variables;
    if (c.contains("tools")) options.tools = &c["tools"];
    options.add_generation_prompt = c.value("add_generation_prompt", false);
    const Json messages = c.value("messages", Json::array());
    if (c.contains("error")) {
      CHECK_THROWS_AS(ChatTemplate(source).render(messages, options), Error);
      continue;
    }
    RenderedChat got;
    REQUIRE_NOTHROW(got = ChatTemplate(source).render(messages, options));
    CHECK(got.text == c["text"].get<std::string>());
    Json spans = Json::array();
    for (const auto& [begin, end] : got.assistant) spans.push_back(Json::array({begin, end}));
    CHECK(spans == c.value("assistant", Json::array()));
  }
}

TEST_CASE("errors of a template name its line and what was expected") {
  struct Case {
    const char *source, *says, *where;
  };
  const Case cases[] = {
      {"a\n{% if x %}", "expected {% endif %}, got the end of the template", "line 2"},
      {"{{ 1 + }}", "expected an expression, got '}}'", "line 1"},
      {"\n\n{% foo %}", "the tag 'foo' is not known", "line 3"},
      {"{{ 'abc }}", "a string is not closed", "line 1"},
      {"{% for x y %}", "expected 'in', got the name 'y'", "line 1"},
      {"{{ (1] }}", "unexpected ']', expected ')'", "line 1"},
      {"{{ ? }}", "unexpected character '?'", "line 1"},
      {"{# x", "a comment is not closed", "line 1"},
      {"{% break %}", "outside a loop", "line 1"},
      {"{% include 'x' %}", "needs other templates", "line 1"},
      {"{% set none = 1 %}", "cannot assign to 'none'", "line 1"},
      {"{% macro m(a=1, b) %}{% endmacro %}", "needs a default", "line 1"},
      {"x\n{{ y.z }}", "'y' is undefined", "line 2"},
      {"{{ 1 + 'a' }}", "unsupported operand types for +: 'int' and 'str'", "line 1"},
      {"{{ 1 | nosuch }}", "no filter named 'nosuch'", "line 1"},
      {"{{ 1 is nosuch }}", "no test named 'nosuch'", "line 1"},
      {"{{ raise_exception('roles must alternate') }}", "roles must alternate", "line 1"},
      {"{{ [].append(1) }}", "would change a value", "line 1"},
      {"{% set x.y = 1 %}", "non-namespace", "line 1"},
      {"{{ 9223372036854775807 + 1 }}", "more than 64 bits", "line 1"},
      {"{{ (1).real() }}", "has no attribute 'real'", "line 1"},
      {"{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}", "takes not more than 1 argument", "line 1"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.source);
    const std::string said = complaint(c.source);
    CAPTURE(said);
    CHECK(mentions(said, c.says));
    CHECK(mentions(said, c.where));
  }
}

TEST_CASE("a template cannot take more than it is given") {
  const ChatTemplateLimits limits{.work = 50'000'000};
  const char* const greedy[] = {
      "{% for i in range(99999) %}{% for j in range(99999) %}x{% endfor %}{% endfor %}",
      "{% set ns = namespace(s='x') %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
      "{{ 'x' * 999999999999 }}",
      "{{ [1] * 999999999999 }}",
      "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
      "{% set ns = namespace(l=[]) %}{% for i in range(9999) %}{% set ns.l = [ns.l] %}{% endfor %}",
      "{% set ns = namespace(l=[1]) %}{% for i in range(200) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
      "{% set ns = namespace(a=[1], b=[1]) %}{% for i in range(200) %}{% set ns.a = [ns.a, ns.a] %}"
      "{% set ns.b = [ns.b, ns.b] %}{% endfor %}{{ ns.a == ns.b }}",
      "{{ '%99999999d' % 1 }}",
      "{{ '{:99999999}'.format(1) }}",
      "{{ 'x'.ljust(99999999999) }}",
      "{% set ns = namespace() %}{% set ns.me = ns %}{{ ns }}",
      "{{ range(100001) }}",
      "{{ 2 ** 64 }}",
  };
  for (const char* source : greedy) {
    CAPTURE(source);
    CHECK(complaint(source, limits) != "");
  }
  std::string deep = "{{ ";
  deep += std::string(5000, '(') + "1" + std::string(5000, ')') + " }}";
  CHECK(mentions(complaint(deep), "deeper than 200"));
  deep = "{{ 1";
  for (int i = 0; i < 5000; ++i) deep += "+1";
  CHECK(mentions(complaint(deep + "}}"), "more than 200"));
  deep.clear();
  for (int i = 0; i < 5000; ++i) deep += "{% if 1 %}";
  CHECK(mentions(complaint(deep), "deeper than 200"));
  // A namespace and a macro that hold themselves leave nothing behind (seen by the leak checker).
  CHECK(render("{% set ns = namespace() %}{% set ns.me = ns %}{% macro m() %}1{% endmacro %}{% set ns.m = m %}{{ "
               "ns.m() }}") == "1");
  // A macro outlives the loop it was made in.
  CHECK(render("{% set ns = namespace() %}{% for i in range(3) %}{% macro m() %}{{ i }}{% endmacro %}{% set ns.m = m %}"
               "{% endfor %}{{ ns.m() }}") == "2");
}

TEST_CASE("the template of a folder") {
  TempDir folder;
  CHECK_FALSE(ChatTemplate::is_in(folder.path));
  CHECK_THROWS_AS(ChatTemplate::load(folder.path), FileError);
  const auto text = [&](bool tools = false, const std::string& name = "") {
    return ChatTemplate::load(folder.path, tools, name).render(Json::array()).text;
  };
  write_file_atomic(folder / "tokenizer_config.json",
                    R"({"bos_token": {"content": "<s>", "lstrip": false}, "eos_token": "</s>", "pad_token": null,
                        "chat_template": [{"name": "default", "template": "{{ bos_token }}d"},
                                          {"name": "tool_use", "template": "t{{ eos_token }}{{ pad_token is defined }}"}]})");
  CHECK(text() == "<s>d");
  CHECK(text(true) == "t</s>False");
  CHECK(text(false, "tool_use") == "t</s>False");
  CHECK_THROWS_AS(text(false, "rag"), ValueError);
  write_file_atomic(folder / "tokenizer_config.json", R"({"chat_template": "only{{ bos_token }}"})");
  write_file_atomic(folder / "special_tokens_map.json", R"({"bos_token": "<b>"})");
  CHECK(text() == "only<b>");
  CHECK(text(true) == "only<b>");
  write_file_atomic(folder / "chat_template.jinja", "file");  // goes before the configuration
  CHECK(text() == "file");
  std::filesystem::create_directory(folder / "additional_chat_templates");
  write_file_atomic(folder / "additional_chat_templates" / "rag.jinja", "rag");
  CHECK(text(false, "rag") == "rag");
  std::filesystem::remove(folder / "chat_template.jinja");
  std::filesystem::remove_all(folder / "additional_chat_templates");
  write_file_atomic(folder / "tokenizer_config.json", R"({"chat_template": 3})");
  CHECK_THROWS_AS(text(), FileError);
  write_file_atomic(folder / "tokenizer_config.json", R"({"chat_template": [{"name": "x"}]})");
  CHECK_THROWS_AS(text(), FileError);
}

TEST_CASE("a final message is continued, and refused where the template hides it") {
  const ChatTemplate kept("{% for m in messages %}[{{ m.role }}]{{ m.content }}</s>{% endfor %}");
  const ChatTemplate trimmed("{% for m in messages %}[{{ m.role }}]{{ m.content | trim }}</s>{% endfor %}");
  const Json messages =
      parse_json(R"([{"role": "user", "content": "a"}, {"role": "assistant", "content": "So, "}])", "");
  ChatOptions options;
  options.continue_final_message = true;
  CHECK(kept.render(messages, options).text == "[user]a</s>[assistant]So, ");
  CHECK(trimmed.render(messages, options).text == "[user]a</s>[assistant]So,");
  CHECK_THROWS_AS(ChatTemplate("nothing").render(messages, options), ValueError);
  CHECK_THROWS_AS(kept.render(Json::array(), options), ValueError);
  options.add_generation_prompt = true;
  CHECK_THROWS_AS(kept.render(messages, options), ValueError);
}

TEST_CASE("messages that are none are refused") {
  const ChatTemplate t("{{ messages | length }}");
  CHECK(t.render(parse_json(R"({"messages": [{"role": "user"}]})", "")).text == "1");
  CHECK_THROWS_AS(t.render(Json("x")), ValueError);
  CHECK_THROWS_AS(t.render(parse_json("[1]", "")), ValueError);
}

TEST_CASE("broken templates never crash") {
  const Json cases = read_json(goldens() / "chat_templates.json");
  const RandomKey key{7, 1};
  uint64_t draw = 0;
  const std::string bits = "{}%-+#()[]|.,:'\"\\ \n0x=~*if for endfor set in is not \xF0\x9F";
  for (int round = 0; round < 4000; ++round) {
    std::string source = cases[key.below(cases.size(), draw++)]["template"];
    const auto changes = 1 + key.below(6, draw++);
    for (uint64_t i = 0; i < changes; ++i) {
      const size_t at = key.below(source.size() + 1, draw++);
      const size_t n = std::min<size_t>(key.below(4, draw++), source.size() - at);
      const size_t from = key.below(bits.size(), draw++);
      source.replace(at, n, bits.substr(from, 1 + key.below(3, draw++)));
    }
    complaint(source, {.work = 1'000'000});
  }
}
