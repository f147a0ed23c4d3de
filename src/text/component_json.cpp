#include "text/component_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "text/unicode.h"

namespace gradus {

ComponentFields::ComponentFields(const Json& component, std::string file, std::string place)
    : json_(component), file_(std::move(file)), place_(std::move(place)) {
  if (!json_.is_object() && !json_.is_null()) wrong("must be an object or null");
}

void ComponentFields::wrong(const std::string& what, const std::string& hint) const {
  throw FileError("tokenizer", file_ + ": " + place_ + " " + what + ".", hint);
}

void ComponentFields::unknown_type(const char* known) const {
  throw FileError("tokenizer", file_ + ": the " + place_ + " \"" + type() + "\" is not supported.",
                  std::string("known are ") + known + ".");
}

std::string ComponentFields::type() const { return json_.is_null() ? "" : text("type"); }

bool ComponentFields::has(const char* key) const { return json_.contains(key) && !json_[key].is_null(); }

const Json& ComponentFields::at(const char* key) const {
  const auto at = json_.find(key);
  if (at == json_.end()) throw FileError("tokenizer", file_ + ": " + place_ + "." + key + " is missing.");
  return *at;
}

bool ComponentFields::flag(const char* key, std::optional<bool> otherwise) const {
  if (otherwise && !json_.contains(key)) return *otherwise;
  const Json& value = at(key);
  if (!value.is_boolean()) throw FileError("tokenizer", file_ + ": " + place_ + "." + key + " must be true or false.");
  return value.get<bool>();
}

std::optional<std::string> ComponentFields::optional_text(const char* key) const {
  return has(key) ? std::optional(text(key)) : std::nullopt;
}

std::string ComponentFields::text(const char* key, std::optional<std::string> otherwise) const {
  if (otherwise && !json_.contains(key)) return *otherwise;
  const Json& value = at(key);
  if (!value.is_string()) throw FileError("tokenizer", file_ + ": " + place_ + "." + key + " must be a string.");
  return value.get<std::string>();
}

int64_t ComponentFields::integer(const char* key, int64_t least, int64_t most, std::optional<int64_t> otherwise) const {
  if (otherwise && !json_.contains(key)) return *otherwise;
  const Json& value = at(key);
  if (!value.is_number_integer() || value.get<double>() < static_cast<double>(least) ||
      value.get<double>() > static_cast<double>(most))
    throw FileError("tokenizer", file_ + ": " + place_ + "." + key + " must be a whole number from " +
                                     std::to_string(least) + " to " + std::to_string(most) + ".");
  return value.get<int64_t>();
}

uint32_t ComponentFields::character(const char* key, std::optional<uint32_t> otherwise) const {
  if (otherwise && !json_.contains(key)) return *otherwise;
  const std::string value = text(key);
  if (!value.empty()) {
    const Utf8Step step = decode_utf8(value.data(), value.data() + value.size());
    if (step.code != kInvalidUtf8 && static_cast<size_t>(step.length) == value.size()) return step.code;
  }
  throw FileError("tokenizer", file_ + ": " + place_ + "." + key + " must be a string of one character.");
}

int ComponentFields::choice(const char* key, std::initializer_list<std::string_view> values,
                            std::optional<int> otherwise) const {
  if (otherwise && !json_.contains(key)) return *otherwise;
  const std::string value = text(key);
  const auto* found = std::find(values.begin(), values.end(), value);
  if (found != values.end()) return static_cast<int>(found - values.begin());
  std::string all;
  for (std::string_view known : values) all += (all.empty() ? "" : ", ") + std::string(known);
  throw FileError("tokenizer",
                  file_ + ": " + place_ + "." + key + " is \"" + value + "\", expected one of " + all + ".");
}

std::vector<ComponentFields> ComponentFields::list(const char* key) const {
  const Json& value = at(key);
  if (!value.is_array()) throw FileError("tokenizer", file_ + ": " + place_ + "." + key + " must be an array.");
  std::vector<ComponentFields> out;
  for (size_t i = 0; i < value.size(); ++i) {
    out.emplace_back(value[i], file_, place_ + "." + key + "[" + std::to_string(i) + "]");
    if (value[i].is_null()) out.back().wrong("must be an object");
  }
  return out;
}

void ComponentFields::only(std::initializer_list<std::string_view> keys) const {
  for (const auto& [key, value] : json_.items())
    if (key != "type" && std::find(keys.begin(), keys.end(), key) == keys.end())
      throw FileError("tokenizer", file_ + ": the setting " + place_ + "." + key + " is not known.");
}

TextPattern read_pattern(const ComponentFields& fields) {
  const Json& pattern = fields.at("pattern");
  if (!pattern.is_object() || pattern.size() != 1 || !pattern.begin().value().is_string())
    fields.wrong("has a pattern that is not {\"String\": …} or {\"Regex\": …}");
  if (pattern.begin().key() != "String" && pattern.begin().key() != "Regex")
    fields.wrong("has a pattern of the unknown kind \"" + pattern.begin().key() + "\"");
  return {pattern.begin().key() == "Regex", pattern.begin().value().get<std::string>()};
}

}  // namespace gradus
