#pragma once
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace gradus {

/// Reads the fields of one component of a tokenizer.json. Every complaint names the file, the component and the field,
/// and is a FileError. `document` must outlive it.
class ComponentFields {
 public:
  /// `place` is where the component stands in the file: "normalizer", "pre_tokenizer.pretokenizers[1]".
  ComponentFields(const Json& component, std::string file, std::string place);

  const std::string& place() const { return place_; }
  const std::string& file() const { return file_; }
  /// The component's "type"; "" for null.
  std::string type() const;
  bool has(const char* key) const;
  bool flag(const char* key, std::optional<bool> otherwise = {}) const;
  std::string text(const char* key, std::optional<std::string> otherwise = {}) const;
  /// A string, or nothing for null and for a missing key.
  std::optional<std::string> optional_text(const char* key) const;
  int64_t integer(const char* key, int64_t least, int64_t most, std::optional<int64_t> otherwise = {}) const;
  /// A string that holds exactly one character.
  uint32_t character(const char* key, std::optional<uint32_t> otherwise = {}) const;
  /// One of `values`; its place in them.
  int choice(const char* key, std::initializer_list<std::string_view> values, std::optional<int> otherwise = {}) const;
  /// The elements of an array of components.
  std::vector<ComponentFields> list(const char* key) const;
  const Json& json() const { return json_; }
  const Json& at(const char* key) const;
  /// Throws when there is a field of another name: a setting that is not understood might change the ids.
  void only(std::initializer_list<std::string_view> keys) const;
  [[noreturn]] void wrong(const std::string& what, const std::string& hint = "") const;
  [[noreturn]] void unknown_type(const char* known) const;

 private:
  const Json& json_;
  std::string file_, place_;
};

/// A pattern of Split and Replace: {"String": "a"} or {"Regex": "a+"}.
struct TextPattern {
  bool regex;
  std::string text;
};
TextPattern read_pattern(const ComponentFields& fields);

}  // namespace gradus
