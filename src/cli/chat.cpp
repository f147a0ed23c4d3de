// gradus chat
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/sampling_arguments.h"
#include "cli/text_io.h"
#include "cli/verbs.h"
#include "infer/model_files.h"
#include "text/chat_template.h"

namespace gradus::cli {

namespace {

struct ChatArguments {
  std::string model, prompt, system, messages, tools, dtype = "f32";
  int64_t count = -1;
  SamplingArguments sampling;
  bool json = false;
};

// Of a folder, or of a GGUF file: there the special tokens' texts come from the vocabulary.
ChatTemplate template_of(const std::string& model, const Tokenizer& tokenizer, bool with_tools) {
  if (std::filesystem::is_directory(model)) return ChatTemplate::load(model, with_tools);
  const std::string source = load_chat_template(model);
  if (source.empty())
    throw FileError("chat", model + " has no chat template.", "gradus generate continues texts without one.");
  ChatTemplate t(source, model);
  const std::pair<const char*, std::optional<int32_t>> tokens[] = {{"bos_token", tokenizer.bos()},
                                                                   {"eos_token", tokenizer.eos()},
                                                                   {"pad_token", tokenizer.pad()},
                                                                   {"unk_token", tokenizer.unk()}};
  for (const auto& [name, id] : tokens)
    if (id) t.set_special_token(name, std::string(tokenizer.token(*id)));
  return t;
}

class Chat {
 public:
  explicit Chat(const ChatArguments& args)
      : args_(args),
        tokenizer_(load_tokenizer(args.model)),
        template_(template_of(args.model, tokenizer_, !args.tools.empty())),
        model_(load_causal_lm(
            args.model,
            {.dtype = dtype_from_name(args.dtype), .trainable = false, .packed_weights = args.dtype == "f32"})),
        config_(read_generation_config(args.model, *model_, tokenizer_)) {
    options_ = args.sampling.options(config_, dtype_from_name(args.dtype), draft_);
    options_.max_new_tokens = args.count;
    options_.eos = config_.eos;
    if (!args.tools.empty()) tools_ = parse_json(read_input(args.tools), args.tools);
    if (!args.messages.empty()) {
      messages_ = parse_json(read_input(args.messages), args.messages);
      if (messages_.is_object() && messages_.contains("messages")) messages_ = Json(messages_["messages"]);
      if (!messages_.is_array())
        throw FileError("chat", args.messages + " holds no list of messages.",
                        R"(it looks like [{"role": "user", "content": "Hello"}].)");
    }
    if (!args.system.empty()) messages_.insert(messages_.begin(), Json{{"role", "system"}, {"content", args.system}});
  }

  // What the model answers to everything said so far; prints it as it comes.
  std::string answer() {
    ChatOptions how{.add_generation_prompt = true};
    if (!tools_.is_null()) how.tools = &tools_;
    const std::vector<int32_t> ids = tokenize_chat(tokenizer_, template_.render(messages_, how)).ids;
    GenerateTiming timing;
    const auto texts = generate(
        *model_, tokenizer_, ids, options_,
        [&](int64_t, std::string_view text) {
          if (!args_.json && !text.empty()) write_output(text), std::fflush(stdout);
          return !interrupted();
        },
        &timing);
    const Continuation& text = texts.front();
    if (args_.json)
      write_output(dump_json(Json{{"role", "assistant"},
                                  {"content", text.text},
                                  {"stop_reason", name_of(text.reason)},
                                  {"prompt_tokens", timing.prompt_tokens},
                                  {"completion_tokens", timing.new_tokens},
                                  {"seed", options_.sampling.seed}}) +
                   "\n");
    else
      write_output("\n");
    std::fflush(stdout);
    messages_.push_back({{"role", "assistant"}, {"content", text.text}});
    return text.text;
  }

  void say(const std::string& text) { messages_.push_back({{"role", "user"}, {"content", text}}); }
  bool begun() const { return !messages_.empty() && messages_.back().value("role", "") != "system"; }
  void forget() {
    const bool system = !messages_.empty() && messages_[0].value("role", "") == "system";
    messages_ = system ? Json::array({messages_[0]}) : Json::array();
  }
  const Json& messages() const { return messages_; }

 private:
  const ChatArguments& args_;
  Tokenizer tokenizer_;
  ChatTemplate template_;
  std::unique_ptr<CausalLm> model_, draft_;
  GenerationConfig config_;
  GenerateOptions options_;
  Json messages_ = Json::array(), tools_;
};

void run_chat(const ChatArguments& args) {
  Chat chat(args);
  watch_interrupts();
  if (!args.prompt.empty() || !args.messages.empty()) {
    if (!args.prompt.empty()) chat.say(args.prompt);
    if (!chat.begun()) throw ValueError("chat", "there is nothing to answer.", "give a message with -p.");
    chat.answer();
    if (interrupted()) throw CLI::RuntimeError(kInterrupted);
    return;
  }
  const bool terminal = is_terminal(STDERR_FILENO);
  if (terminal) std::fputs("/new begins another conversation, /exit (or Ctrl-D) ends.\n", stderr);
  for (std::string line;;) {
    if (terminal) std::fputs("\n> ", stderr);
    if (!std::getline(std::cin, line) || line == "/exit" || interrupted()) break;
    if (line == "/new") {
      chat.forget();
      continue;
    }
    if (line.empty()) continue;
    chat.say(line);
    chat.answer();
    if (interrupted()) throw CLI::RuntimeError(kInterrupted);
  }
}

}  // namespace

void add_chat(CLI::App& app) {
  const auto args = std::make_shared<ChatArguments>();
  CLI::App* verb = app.add_subcommand("chat", "Talk with a model that has a chat template.");
  verb->footer(
      "Without -p and --messages each line of standard input is a message, answered in turn.\n"
      "Example: gradus chat --model models/smollm2 --system \"Answer in one word.\" -p \"The capital of France?\"");
  verb->add_option("-m,--model", args->model,
                   "folder with the model, its tokenizer and its chat template, or a GGUF file")
      ->required();
  verb->add_option("-p,--prompt", args->prompt, "one message: print the answer and end");
  verb->add_option("--system,--sys,--system-prompt", args->system, "the system message");
  verb->add_option("--messages", args->messages, "go on from a conversation: a JSON list of messages; - : stdin");
  verb->add_option("--tools", args->tools, "a JSON list of functions for the template");
  verb->add_option("-n,--max-new-tokens,--predict,--n-predict", args->count,
                   "tokens of an answer at most; -1: as many as the model has positions for")
      ->check(CLI::Range(int64_t{-1}, int64_t{1} << 40))
      ->capture_default_str();
  args->sampling.add_to(*verb);
  verb->add_option("--dtype", args->dtype, "type to compute in")
      ->check(CLI::IsMember({"f32", "f64", "bf16", "f16"}))
      ->capture_default_str();
  verb->add_flag(
      "--json", args->json,
      "an answer is a JSON object a line: role, content, stop_reason, prompt_tokens, completion_tokens, seed");
  verb->callback([args] { run_chat(*args); });
}

}  // namespace gradus::cli
