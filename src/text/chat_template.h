#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace gradus {

class Tokenizer;

/// Templates come with models: each is foreign text that may loop for ever.
struct ChatTemplateLimits {
  /// Bytes written and steps taken in one rendering, about.
  uint64_t work = uint64_t{1} << 30;
};

struct ChatOptions {
  bool add_generation_prompt = false;
  /// Ends behind the last message's text, so that the model continues it.
  bool continue_final_message = false;
  /// JSON schemas of functions, as an array; null: none.
  const Json* tools = nullptr;
  const Json* documents = nullptr;
  /// Further variables for the template, as an object: {"enable_thinking": false}.
  const Json* variables = nullptr;
  /// What strftime_now sees; nothing: the clock.
  std::optional<std::chrono::system_clock::time_point> now = {};
  ChatTemplateLimits limits = {};
};

struct RenderedChat {
  std::string text;
  /// Bytes [begin, end) of `text` that the assistant said, from the template's {% generation %} blocks.
  std::vector<std::pair<size_t, size_t>> assistant;
};

/// A model's chat template: Jinja as Hugging Face's apply_chat_template runs it (jinja2 3.1 with trim_blocks,
/// lstrip_blocks, break and continue, {% generation %}), and the text it makes of a conversation is the same. A handle:
/// copies share one parsed template, and any number of threads may render it.
class ChatTemplate {
 public:
  /// `name` stands in errors. Throws FileError with the line and what was expected.
  explicit ChatTemplate(std::string_view source, const std::string& name = "template");

  /// From a model's folder: chat_template.jinja (with additional_chat_templates/NAME.jinja), else the chat_template of
  /// tokenizer_config.json, a string or a list of named ones. Without `name`: "tool_use" when `with_tools` and there,
  /// otherwise "default". The special tokens' texts come from tokenizer_config.json and special_tokens_map.json.
  /// Throws FileError when there is none, and ValueError when there is none of that name.
  static ChatTemplate load(const std::filesystem::path& folder, bool with_tools = false, const std::string& name = "");
  /// Whether load(folder) finds one.
  static bool is_in(const std::filesystem::path& folder);

  /// `messages` is an array of objects with "role" and "content", or an object whose "messages" it is. Throws
  /// ValueError when they are not, when the template refuses them (raise_exception), and when it does what Python
  /// would not.
  RenderedChat render(const Json& messages, const ChatOptions& options = {}) const;

  const std::string& source() const;
  /// bos_token, eos_token, … as templates see them.
  const std::map<std::string, std::string>& special_tokens() const { return special_tokens_; }
  void set_special_token(const std::string& name, const std::string& text) { special_tokens_[name] = text; }

 private:
  struct Parsed;
  std::shared_ptr<const Parsed> parsed_;
  std::map<std::string, std::string> special_tokens_;
};

/// The special tokens' texts that a folder's tokenizer_config.json and special_tokens_map.json give to templates.
std::map<std::string, std::string> special_tokens_of(const std::filesystem::path& folder);

struct TokenizedChat {
  std::vector<int32_t> ids;
  /// 1 where a token holds bytes that the assistant said.
  std::vector<uint8_t> assistant_mask;
};

/// Renders, then encodes; the template writes its special tokens itself, so the tokenizer adds none.
TokenizedChat tokenize_chat(const Tokenizer& tokenizer, const RenderedChat& chat);

}  // namespace gradus
