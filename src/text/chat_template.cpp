#include "text/chat_template.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "text/jinja/python_text.h"
#include "text/jinja/renderer.h"
#include "text/tokenizer.h"
#include "text/unicode.h"

namespace gradus {

namespace {

constexpr uint64_t kMaxTemplate = uint64_t{8} << 20;
constexpr const char* kReasoning[] = {"reasoning_content", "thinking", "reasoning"};
constexpr std::string_view kContinueMark = "CONTINUE_FINAL_MESSAGE_TAG ";

struct NamedTemplate {
  std::string source, name;
};

/// All templates of a folder by name, and where each was read.
std::map<std::string, NamedTemplate> find_templates(const std::filesystem::path& folder) {
  std::map<std::string, NamedTemplate> found;
  const auto read = [&](const std::string& name, const std::filesystem::path& file) {
    found[name] = {read_file(file, kMaxTemplate), file.string()};
  };
  if (std::filesystem::is_regular_file(folder)) {
    read("default", folder);
    return found;
  }
  if (const auto file = folder / "chat_template.jinja"; std::filesystem::exists(file)) read("default", file);
  if (const auto more = folder / "additional_chat_templates"; std::filesystem::is_directory(more))
    for (const auto& entry : std::filesystem::directory_iterator(more))
      if (entry.path().extension() == ".jinja") read(entry.path().stem().string(), entry.path());
  if (!found.empty()) return found;
  const auto config_file = folder / "tokenizer_config.json";
  if (!std::filesystem::exists(config_file)) return found;
  const Json config = read_json(config_file);
  const auto wrong = [&](const std::string& what) {
    throw FileError("chat template", config_file.string() + ": chat_template" + what + ".",
                    "it is a string, or a list of {\"name\": …, \"template\": …}.");
  };
  if (!config.is_object() || !config.contains("chat_template") || config["chat_template"].is_null()) return found;
  const Json& entry = config["chat_template"];
  const std::string where = config_file.string() + " (chat_template)";
  if (entry.is_string()) {
    found["default"] = {entry.get<std::string>(), where};
  } else if (entry.is_array()) {
    for (const Json& one : entry) {
      if (!one.is_object() || !one.contains("name") || !one["name"].is_string() || !one.contains("template") ||
          !one["template"].is_string())
        wrong(" holds an entry without name and template");
      found[one["name"].get<std::string>()] = {one["template"].get<std::string>(), where};
    }
  } else {
    wrong(std::string(" is ") + entry.type_name() + ", expected a string or a list");
  }
  return found;
}

/// bos_token and kin, from a file in which each is a string or an object with "content".
void read_special_tokens(const std::filesystem::path& file, std::map<std::string, std::string>& into) {
  if (!std::filesystem::exists(file)) return;
  const Json json = read_json(file);
  if (!json.is_object()) return;
  for (const auto& [key, value] : json.items()) {
    if (!key.ends_with("_token")) continue;
    if (value.is_string()) into[key] = value.get<std::string>();
    if (value.is_object() && value.contains("content") && value["content"].is_string())
      into[key] = value["content"].get<std::string>();
  }
}

/// Reasoning is passed under several names; templates read one of them. As transformers 5 does, the first that is there
/// is given under "reasoning_content" and, where it is missing, "thinking".
Json with_reasoning_names(const Json& message) {
  const Json* reasoning = nullptr;
  for (const char* name : kReasoning)
    if (!reasoning && message.contains(name) && !message[name].is_null()) reasoning = &message[name];
  if (!reasoning) return message;
  Json out = Json::object();
  out["thinking"] = *reasoning;
  for (const auto& [key, value] : message.items()) out[key] = value;
  out["reasoning_content"] = *reasoning;
  return out;
}

/// Writes the mark behind the last message's text; returns that text.
std::string mark_final_message(Json& message) {
  const auto refuse = [](const char* what) -> std::string {
    throw ValueError("chat template", std::string("the final message cannot be continued: ") + what + ".");
  };
  if (!message.contains("content") || message["content"].is_null()) return refuse("it has no content");
  Json& content = message["content"];
  Json* text = &content;
  if (content.is_array()) {
    text = nullptr;
    for (Json& block : content)
      if (block.is_object() && block.contains("text")) text = &block["text"];
  }
  if (!text || !text->is_string()) return refuse("its content holds no text");
  const std::string before = text->get<std::string>();
  *text = before + std::string(kContinueMark);
  return before;
}

/// Cuts the rendering where the final message's text ends.
void cut_at_mark(std::string& text, const std::string& message) {
  const std::string_view bare = kContinueMark.substr(0, kContinueMark.size() - 1);
  const size_t at = text.rfind(bare);
  if (at == text.npos || text.find(jinja::strip_text(message, true, true)) == text.npos)
    throw ValueError("chat template", "the final message cannot be continued: the template leaves parts of it out.");
  const bool spaces_kept = std::string_view(text).substr(at, kContinueMark.size()) == kContinueMark;
  text.resize(at);
  if (!spaces_kept) text.resize(jinja::strip_text(text, false, true).size());
}

}  // namespace

struct ChatTemplate::Parsed {
  std::string source;
  jinja::Syntax syntax;
};

ChatTemplate::ChatTemplate(std::string_view source, const std::string& name) {
  if (source.size() > kMaxTemplate) throw FileError("chat template", name + ": longer than 8 MiB.");
  if (!is_valid_utf8(source)) throw FileError("chat template", name + ": not valid UTF-8.");
  parsed_ = std::make_shared<const Parsed>(Parsed{std::string(source), jinja::parse_template(source, name)});
}

ChatTemplate ChatTemplate::load(const std::filesystem::path& folder, bool with_tools, const std::string& name) {
  const auto templates = find_templates(folder);
  if (templates.empty())
    throw FileError("chat template", folder.string() + ": no chat template there.",
                    "put it into chat_template.jinja, or into tokenizer_config.json as chat_template.");
  const std::string wanted = !name.empty() ? name : with_tools && templates.count("tool_use") ? "tool_use" : "default";
  const auto at = templates.find(wanted);
  if (at == templates.end()) {
    std::string names;
    for (const auto& [known, _] : templates) names += (names.empty() ? "" : ", ") + known;
    throw ValueError("chat template",
                     folder.string() + " has no chat template named \"" + wanted + "\"; it has " + names + ".");
  }
  ChatTemplate out(at->second.source, at->second.name);
  out.special_tokens_ = special_tokens_of(std::filesystem::is_directory(folder) ? folder : folder.parent_path());
  return out;
}

std::map<std::string, std::string> special_tokens_of(const std::filesystem::path& folder) {
  std::map<std::string, std::string> out;
  read_special_tokens(folder / "special_tokens_map.json", out);
  read_special_tokens(folder / "tokenizer_config.json", out);
  return out;
}

bool ChatTemplate::is_in(const std::filesystem::path& folder) { return !find_templates(folder).empty(); }

const std::string& ChatTemplate::source() const { return parsed_->source; }

RenderedChat ChatTemplate::render(const Json& conversation, const ChatOptions& options) const {
  const Json& list =
      conversation.is_object() && conversation.contains("messages") ? conversation["messages"] : conversation;
  if (!list.is_array())
    throw ValueError("chat template", std::string("the messages are ") + list.type_name() + ", expected an array.",
                     R"(write [{"role": "user", "content": "…"}].)");
  Json messages = Json::array();
  for (const Json& message : list) {
    if (!message.is_object())
      throw ValueError(
          "chat template",
          "message " + std::to_string(messages.size()) + " is " + message.type_name() + ", expected an object.",
          R"(write {"role": "user", "content": "…"}.)");
    messages.push_back(with_reasoning_names(message));
  }
  std::string final_text;
  if (options.continue_final_message) {
    if (options.add_generation_prompt)
      throw ValueError("chat template", "a final message cannot be continued and a new one begun at once.");
    if (messages.empty()) throw ValueError("chat template", "there is no final message to continue.");
    final_text = mark_final_message(messages.back());
  }
  jinja::Renderer renderer(parsed_->syntax, options.limits.work,
                           options.now.value_or(std::chrono::system_clock::now()));
  RenderedChat out;
  try {
    const auto value = [](const Json* json) { return json ? jinja::from_json(*json) : jinja::Value(jinja::None{}); };
    for (const auto& [name, text] : special_tokens_) renderer.define(name, jinja::Value(text));
    if (options.variables) {
      if (!options.variables->is_object())
        throw ValueError("chat template", "the template's variables must be one JSON object.");
      for (const auto& [name, json] : options.variables->items()) renderer.define(name, jinja::from_json(json));
    }
    renderer.define("messages", jinja::from_json(messages));
    renderer.define("tools", value(options.tools));
    renderer.define("documents", value(options.documents));
    renderer.define("add_generation_prompt", jinja::Value(options.add_generation_prompt));
  } catch (const jinja::Failure& f) {
    throw ValueError("chat template", "the conversation cannot be given to the template: " + f.message + ".");
  }
  out.text = renderer.run();
  for (const jinja::Span& span : renderer.generated()) out.assistant.emplace_back(span.begin, span.end);
  if (options.continue_final_message) {
    cut_at_mark(out.text, final_text);
    std::erase_if(out.assistant, [&](const auto& span) { return span.first >= out.text.size(); });
    for (auto& [begin, end] : out.assistant) end = std::min(end, out.text.size());
  }
  return out;
}

TokenizedChat tokenize_chat(const Tokenizer& tokenizer, const RenderedChat& chat) {
  EncodeOptions options;
  options.add_special_tokens = false;
  TokenizedChat out;
  out.ids = tokenizer.encode(chat.text, options);
  out.assistant_mask.assign(out.ids.size(), 0);
  size_t at = 0, span = 0;
  for (size_t i = 0; i < out.ids.size() && span < chat.assistant.size(); ++i) {
    const size_t end = at + tokenizer.bytes_of(out.ids[i]).size();
    while (span < chat.assistant.size() && chat.assistant[span].second <= at) ++span;
    if (span < chat.assistant.size() && end > chat.assistant[span].first) out.assistant_mask[i] = 1;
    at = end;
  }
  return out;
}

}  // namespace gradus
