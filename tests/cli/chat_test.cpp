#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/json.h"
#include "cli/run_program.h"
#include "support/temp_dir.h"

using namespace gradus;

TEST_CASE("tokenizer chat from the command line") {
  TempDir folder;
  const auto in = [&](const char* name) { return (folder / name).string(); };
  std::filesystem::copy(std::string(GRADUS_TEST_DIR) + "/golden/tokenizers/plain", folder.path / "model");
  write_file_atomic(folder / "model" / "tokenizer_config.json", R"({"eos_token": "<|endoftext|>"})");
  write_file_atomic(
      folder / "model" / "chat_template.jinja",
      "{% for m in messages %}[{{ m.role }}]{% if m.role == 'assistant' %}{% generation %}{{ m.content }}"
      "{{ eos_token }}{% endgeneration %}{% else %}{{ m.content }}{% endif %}{{ '\\n' }}{% endfor %}"
      "{% if tools %}{{ tools | tojson }}{% endif %}{% if add_generation_prompt %}[assistant]{% endif %}");
  write_file_atomic(folder / "chat",
                    R"([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}])");
  const std::string base = "tokenizer chat --tokenizer " + in("model") + " --messages " + in("chat");
  const std::string text = "[user]Hi\n[assistant]Hello<|endoftext|>\n";
  CHECK(run_gradus(base).out == text);
  CHECK(run_gradus(base + " --add-generation-prompt").out == text + "[assistant]");
  CHECK(run_gradus(base + " --continue-final-message").out == "[user]Hi\n[assistant]Hello");
  write_file_atomic(folder / "tools", R"({"name": "f"})");
  CHECK(run_gradus(base + " --tools " + in("tools")).out == text + R"([{"name": "f"}])");

  const ProgramResult ids = run_gradus(base + " --tokenize");
  write_file_atomic(folder / "text", text);
  CHECK(ids.out == run_gradus("tokenize --tokenizer " + in("model") + " " + in("text")).out);
  const Json all = parse_json(run_gradus(base + " --tokenize --json").out, "stdout");
  CHECK(all["text"] == text);
  REQUIRE(all["assistant"].size() == 1);
  CHECK(text.substr(all["assistant"][0][0].get<size_t>()) == "Hello<|endoftext|>\n");
  // The masked tokens are what the assistant said.
  std::string said;
  for (size_t i = 0; i < all["ids"].size(); ++i)
    if (all["assistant_mask"][i] == 1) said += " " + all["ids"][i].dump();
  write_file_atomic(folder / "said", said);
  CHECK(run_gradus("detokenize --tokenizer " + in("model") + " " + in("said")).out == "Hello<|endoftext|>");

  write_file_atomic(folder / "many", R"({"messages": [{"role": "user", "content": "a"}]})"
                                     "\n"
                                     R"({"messages": [], "add_generation_prompt": true})"
                                     "\n");
  const ProgramResult many =
      run_gradus("tokenizer chat --jsonl --tokenizer " + in("model") + " --messages " + in("many"));
  CHECK(many.out == "{\"text\":\"[user]a\\n\"}\n{\"text\":\"[assistant]\"}\n");

  write_file_atomic(folder / "bad.jinja", "x\n{% if %}");
  const ProgramResult bad =
      run_gradus("tokenizer chat --chat-template " + in("bad.jinja") + " --messages " + in("chat"));
  CHECK(bad.code == 1);
  CHECK(bad.err.find("line 2") != std::string::npos);
  CHECK(bad.out.empty());
  CHECK(run_gradus("tokenizer chat --messages " + in("chat")).code == 2);
  write_file_atomic(folder / "chat", "{");
  CHECK(run_gradus(base).code == 1);
}
