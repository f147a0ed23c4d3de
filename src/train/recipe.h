#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"

namespace gradus {

enum class RecipeType { integer, number, flag, text, bytes, texts, table, tables };

/// One key that a recipe may hold, e.g. "train.max_steps".
struct RecipeKey {
  const char* name;
  RecipeType type;
  const char* otherwise;  ///< JSON text of the value when the recipe is silent
  const char* help;
};
const std::vector<RecipeKey>& recipe_keys();

/// What a run is made from: a TOML file with the sections [data], [tokenizer], [model] and [train], changed by
/// overrides ("train.max_steps=40"). Keys of [model] are those of the model's config.json.
class Recipe {
 public:
  /// Throws FileError when the file is missing or no TOML, ValueError for unknown keys (with the nearest known one) and
  /// for values of a wrong type (naming key, expectation and value).
  static Recipe load(const std::filesystem::path& file, const std::vector<std::string>& overrides = {});
  static Recipe parse(const std::string& toml, const std::string& name, const std::vector<std::string>& overrides = {});

  int64_t integer(const std::string& key) const;
  double number(const std::string& key) const;
  bool flag(const std::string& key) const;
  std::string text(const std::string& key) const;
  std::vector<std::string> texts(const std::string& key) const;
  const Json& value(const std::string& key) const;
  void set(const std::string& key, const Json& value);

  /// The section [model].
  const Json& model() const;
  /// All keys with the values that count, as TOML. Parsing it gives an equal recipe.
  std::string toml() const;
  /// "train.learning_rate: 0.001 -> 0.002", one entry a key that differs from `before`.
  std::vector<std::string> changes_since(const Recipe& before) const;

 private:
  Recipe() = default;
  void check();
  std::string name_;
  std::shared_ptr<Json> sections_;
};

/// A size in memory: a whole number of bytes, or a text such as "2GB", "512 MiB", "1.5e9". `name` stands in errors.
/// Throws ValueError.
int64_t bytes_of(const Json& value, const std::string& name);

}  // namespace gradus
