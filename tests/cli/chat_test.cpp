#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/json.h"
#include "cli/run_program.h"
#include "support/letter_tokenizer.h"
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

TEST_CASE("chat: one turn, several, a system message") {
  const std::filesystem::path golden = std::filesystem::path(GRADUS_TEST_DIR) / "golden/models/gpt2-unscaled-untied";
  const TempDir folder;
  for (const char* file : {"config.json", "model.safetensors"})
    std::filesystem::copy_file(golden / file, folder / file);
  letter_tokenizer(read_json(folder / "config.json")["vocab_size"].get<int>()).save(folder.path);
  const auto with_template = [&](const char* text) { write_file_atomic(folder / "chat_template.jinja", text); };
  const std::string base = " --model " + folder.path.string() + " -n 6 --temp 0 ";
  with_template("{% for m in messages %}{{ m.content }}{% endfor %}");

  // The template adds nothing: the answer is what follows the message.
  const std::string follows = run_gradus("generate" + base + "-p '%#1J('").out;
  const ProgramResult one = run_gradus("chat" + base + "-p '%#1J('");
  CHECK(one.code == 0);
  CHECK(one.out == follows + "\n");
  CHECK(run_gradus("chat" + base + "--system '%#1' -p 'J('").out == follows + "\n");
  const Json json = parse_json(run_gradus("chat" + base + "--json -p '%#1J('").out, "stdout");
  CHECK(json["role"] == "assistant");
  CHECK(json["content"] == follows);
  CHECK(json["prompt_tokens"] == 5);
  CHECK(json["completion_tokens"] == 6);

  // The second turn sees the first, question and answer.
  const std::string second = run_gradus("generate" + base + "-p '%#1J(" + follows + "%'").out;
  write_file_atomic(folder / "turns", "%#1J(\n%\n");
  CHECK(run_gradus("chat" + base + "<" + (folder / "turns").string()).out == follows + "\n" + second + "\n");
  write_file_atomic(folder / "turns", "%#1J(\n/new\n%#1J(\n/exit\n%\n");
  CHECK(run_gradus("chat" + base + "<" + (folder / "turns").string()).out == follows + "\n" + follows + "\n");

  CHECK(run_gradus("chat --model " + folder.path.string() + "/missing -p a").code == 1);
  std::filesystem::remove(folder / "chat_template.jinja");
  CHECK(run_gradus("chat" + base + "-p '%'").code == 1);
}
