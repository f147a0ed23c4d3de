// gradus tokenizer chat
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "cli/text_io.h"
#include "cli/verbs.h"
#include "infer/model_files.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace gradus::cli {

namespace {

struct ChatArgs {
  std::string tokenizer, messages = "-", tools, documents, variables, name, chat_template;
  bool add_generation_prompt = false, continue_final_message = false, tokenize = false, json = false, jsonl = false;
};

Json read_json_input(const std::string& file, const char* what) {
  return parse_json(read_input(file), file == "-" ? what : file);
}

/// A file's JSON, or the JSON itself when it begins with a bracket.
Json json_argument(const std::string& argument, const char* what) {
  if (!argument.empty() && (argument[0] == '{' || argument[0] == '[')) return parse_json(argument, what);
  return read_json_input(argument, what);
}

class ChatRendering {
 public:
  explicit ChatRendering(const ChatArgs& args) : args_(args) {
    if (!args.tools.empty()) tools_ = json_argument(args.tools, "--tools");
    if (!args.documents.empty()) documents_ = json_argument(args.documents, "--documents");
    if (!args.variables.empty()) variables_ = json_argument(args.variables, "--variables");
    if (tools_.is_object()) tools_ = Json::array({tools_});
    if (args.tokenize) tokenizer_ = load_tokenizer(args.tokenizer);
  }

  Json render(const Json& conversation) {
    ChatOptions options;
    Json tools = tools_, documents = documents_, variables = variables_;
    options.add_generation_prompt = args_.add_generation_prompt;
    options.continue_final_message = args_.continue_final_message;
    if (conversation.is_object()) {  // a conversation may bring its own settings
      if (conversation.contains("tools")) tools = conversation["tools"];
      if (conversation.contains("documents")) documents = conversation["documents"];
      if (conversation.contains("variables")) variables = conversation["variables"];
      const auto flag = [&](const char* name, bool& value) {
        if (conversation.contains(name) && conversation[name].is_boolean()) value = conversation[name].get<bool>();
      };
      flag("add_generation_prompt", options.add_generation_prompt);
      flag("continue_final_message", options.continue_final_message);
    }
    if (!tools.is_null()) options.tools = &tools;
    if (!documents.is_null()) options.documents = &documents;
    if (!variables.is_null()) options.variables = &variables;
    const RenderedChat chat = template_for(!tools.is_null()).render(conversation, options);
    Json out = {{"text", chat.text}};
    if (!chat.assistant.empty()) out["assistant"] = chat.assistant;
    if (tokenizer_) {
      const TokenizedChat tokens = tokenize_chat(*tokenizer_, chat);
      out["ids"] = tokens.ids;
      if (!chat.assistant.empty()) out["assistant_mask"] = tokens.assistant_mask;
    }
    return out;
  }

  std::string format(const Json& rendered) const {
    if (args_.json || args_.jsonl) return dump_json(rendered) + "\n";
    if (!args_.tokenize) return rendered["text"].get<std::string>();
    std::string ids;
    for (const Json& id : rendered["ids"]) ids += (ids.empty() ? "" : " ") + id.dump();
    return ids + "\n";
  }

 private:
  const ChatTemplate& template_for(bool with_tools) {
    std::optional<ChatTemplate>& chosen = templates_[with_tools];
    if (!chosen) {
      chosen = ChatTemplate::load(args_.chat_template.empty() ? args_.tokenizer : args_.chat_template, with_tools,
                                  args_.name);
      if (!args_.chat_template.empty() && !args_.tokenizer.empty()) {
        // The template is another; the special tokens are the tokenizer's.
        for (const auto& [name, text] : special_tokens_of(args_.tokenizer)) chosen->set_special_token(name, text);
      }
    }
    return *chosen;
  }

  const ChatArgs& args_;
  Json tools_, documents_, variables_;
  std::optional<Tokenizer> tokenizer_;
  std::optional<ChatTemplate> templates_[2];
};

void chat(const ChatArgs& args) {
  if (args.tokenizer.empty() && args.chat_template.empty()) throw CLI::RequiredError("--tokenizer or --chat-template");
  if (args.tokenize && args.tokenizer.empty()) throw CLI::RequiredError("--tokenize requires --tokenizer");
  ChatRendering chat(args);
  if (!args.jsonl) return write_output(chat.format(chat.render(read_json_input(args.messages, "messages"))));
  const std::string content = read_input(args.messages);
  size_t number = 1;
  for (size_t begin = 0; begin < content.size(); ++number) {
    const size_t end = std::min(content.find('\n', begin), content.size());
    const std::string where = "line " + std::to_string(number);
    const Json conversation = parse_json(std::string_view(content).substr(begin, end - begin), where);
    Json out;
    try {
      out = chat.render(conversation);
    } catch (const ValueError& e) {  // one refused conversation does not end the others
      out = {{"error", e.what()}};
    }
    write_output(chat.format(out));
    begin = end + 1;
  }
}

}  // namespace

void add_tokenizer_chat(CLI::App& tokenizer) {
  const auto args = std::make_shared<ChatArgs>();
  CLI::App* verb = tokenizer.add_subcommand(
      "chat", "Write a conversation as the model's chat template does, as text or as token ids.");
  verb->add_option("--tokenizer", args->tokenizer, "folder with chat_template.jinja or tokenizer_config.json");
  verb->add_option("--messages", args->messages,
                   "JSON file with the messages, [{\"role\": …, \"content\": …}]; - : standard input")
      ->capture_default_str();
  verb->add_option("--tools", args->tools, "JSON file (or JSON) with the schemas of the tools");
  verb->add_option("--documents", args->documents, "JSON file (or JSON) with documents");
  verb->add_option("--variables", args->variables,
                   "JSON file (or JSON) with further variables of the template: '{\"enable_thinking\": false}'");
  verb->add_option("--chat-template", args->chat_template, "take the template from this file or folder");
  verb->add_option("--template-name", args->name, "which of several named templates");
  verb->add_flag("--add-generation-prompt", args->add_generation_prompt,
                 "end with the beginning of the model's answer");
  verb->add_flag("--continue-final-message", args->continue_final_message, "end inside the last message");
  verb->add_flag("--tokenize", args->tokenize, "write token ids");
  auto* json = verb->add_flag("--json", args->json,
                              "one JSON object: text, ids, and what the assistant said, as byte ranges and token mask");
  verb->add_flag("--jsonl", args->jsonl,
                 "one conversation a line, {\"messages\": …, \"tools\": …, \"variables\": …}; one JSON object a line")
      ->excludes(json);
  verb->callback([args] { chat(*args); });
}

}  // namespace gradus::cli
