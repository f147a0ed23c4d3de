#include "train/recipe.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "base/nearest.h"
#include "models/model.h"
#include "train/toml_json.h"

namespace gradus {

namespace {

constexpr const char* kSections[] = {"data", "tokenizer", "model", "train"};

const RecipeKey* find_key(const std::string& name) {
  for (const RecipeKey& key : recipe_keys())
    if (name == key.name) return &key;
  return nullptr;
}

std::string section_of(const std::string& key) { return key.substr(0, key.find('.')); }
std::string name_in_section(const std::string& key) { return key.substr(key.find('.') + 1); }

const char* expectation(RecipeType type) {
  switch (type) {
    case RecipeType::integer: return "a whole number";
    case RecipeType::number: return "a number";
    case RecipeType::flag: return "true or false";
    case RecipeType::text: return "a text";
    case RecipeType::bytes: return "a number of bytes, or a text such as \"2GB\"";
    case RecipeType::texts: return "a list of texts";
    case RecipeType::table: return "a table { name = value }";
    case RecipeType::tables: break;
  }
  return "a list of tables { name = value }";
}

bool is_list_of(const Json& value, bool (*test)(const Json&)) {
  return value.is_array() && std::all_of(value.begin(), value.end(), test);
}

/// The value as the key wants it (40 as 40.0, "a" as ["a"]), or nothing.
std::optional<Json> fitted(const Json& value, RecipeType type) {
  const auto is_text = [](const Json& v) { return v.is_string(); };
  const auto is_table = [](const Json& v) { return v.is_object(); };
  switch (type) {
    case RecipeType::integer:
      if (value.is_number_integer()) return value;
      if (value.is_number_float() && value.get<double>() == std::floor(value.get<double>()) &&
          std::abs(value.get<double>()) < 1e15)
        return Json(static_cast<int64_t>(value.get<double>()));
      return {};
    case RecipeType::number:
      if (value.is_number() && std::isfinite(value.get<double>())) return Json(value.get<double>());
      return {};
    case RecipeType::flag: return value.is_boolean() ? std::optional<Json>(value) : std::nullopt;
    case RecipeType::text: return value.is_string() ? std::optional<Json>(value) : std::nullopt;
    case RecipeType::bytes:
      if (value.is_number_float() || value.is_number_integer()) return fitted(value, RecipeType::integer);
      return value.is_string() ? std::optional<Json>(value) : std::nullopt;
    case RecipeType::texts:
      if (value.is_string()) return Json::array({value});
      return is_list_of(value, is_text) ? std::optional<Json>(value) : std::nullopt;
    case RecipeType::table: return value.is_object() ? std::optional<Json>(value) : std::nullopt;
    case RecipeType::tables: break;
  }
  return is_list_of(value, is_table) ? std::optional<Json>(value) : std::nullopt;
}

[[noreturn]] void refuse_unknown(const std::string& source, const std::string& key,
                                 const std::vector<std::string>& model_keys) {
  std::vector<std::string> known;
  for (const RecipeKey& k : recipe_keys()) known.emplace_back(k.name);
  for (const std::string& k : model_keys) known.push_back("model." + k);
  std::string best;
  size_t least = 1000;
  const auto offer = [&](const std::string& name, size_t distance) {
    if (distance < least) least = distance, best = name;
  };
  for (const std::string& name : known) {
    offer(name, edit_distance(key, name));
    offer(name, edit_distance(name_in_section(key), name_in_section(name)) + 1);  // right name, wrong section
  }
  const bool near = least <= std::max<size_t>(2, name_in_section(key).size() / 3);
  throw ValueError("recipe", source + ": there is no key " + key + ".",
                   near ? "did you mean " + best + "?" : "gradus train --help lists the keys.");
}

Json* descend(Json& from, const std::string& path, bool make) {
  Json* at = &from;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t dot = std::min(path.find('.', begin), path.size());
    const std::string part = path.substr(begin, dot - begin);
    if (at->is_null() && make) *at = Json::object();
    if (!at->is_object() || (!make && !at->contains(part))) return nullptr;
    at = &(*at)[part];
    begin = dot + 1;
  }
  return at;
}

/// The text behind the = of an override as a value: TOML where it is TOML, the text itself otherwise.
Json override_value(const std::string& text, const RecipeKey* key) {
  if (text == "null" || text == "none") {
    if (!key) return nullptr;
  }
  const bool quoted = !text.empty() && (text.front() == '"' || text.front() == '\'');
  if (key && key->type == RecipeType::text && !quoted) return text;
  try {
    const Json parsed = parse_toml("v = " + text, "override");
    if (parsed.size() == 1) return parsed["v"];
  } catch (const Error&) {
    char* end = nullptr;
    const double number = std::strtod(text.c_str(), &end);  // .5 is no TOML
    if (!text.empty() && *end == '\0' && std::isfinite(number)) return number;
    if (text == "True" || text == "False") return text == "True";
  }
  return text;
}

}  // namespace

Recipe Recipe::load(const std::filesystem::path& file, const std::vector<std::string>& overrides) {
  return parse(read_file(file, 1 << 20), file.string(), overrides);
}

Recipe Recipe::parse(const std::string& toml, const std::string& name, const std::vector<std::string>& overrides) {
  Recipe recipe;
  recipe.name_ = name;
  recipe.sections_ = std::make_shared<Json>(parse_toml(toml, name));
  Json& sections = *recipe.sections_;
  for (const std::string& change : overrides) {
    const size_t equals = change.find('=');
    const std::string key = change.substr(0, equals);
    const size_t dot = key.find('.');
    if (equals == std::string::npos || equals == 0)
      throw ValueError("recipe", "\"" + change + "\" is no override.", "write key=value, e.g. train.max_steps=40");
    const size_t second = dot == std::string::npos ? dot : key.find('.', dot + 1);
    const RecipeKey* known = find_key(key);
    if (!known && section_of(key) != "model" && !(second != std::string::npos && find_key(key.substr(0, second))))
      refuse_unknown("override", key, {});
    Json* place = descend(sections, key, true);
    if (!place) throw ValueError("recipe", "override " + change + ": " + key.substr(0, second) + " is no table.");
    *place = override_value(change.substr(equals + 1), known);
  }
  recipe.check();
  // Whoever tries a recipe for a few steps keeps its warm-up; one who asks for both lengths means both.
  const auto changed = [&](const std::string& key) {
    return std::any_of(overrides.begin(), overrides.end(), [&](const auto& c) { return c.rfind(key + "=", 0) == 0; });
  };
  if (const int64_t steps = recipe.integer("train.max_steps");
      steps > 0 && recipe.number("train.warmup_steps") > static_cast<double>(steps) && changed("train.max_steps") &&
      !changed("train.warmup_steps") && !changed("train.cut_short"))
    recipe.set("train.cut_short", true);
  return recipe;
}

void Recipe::check() {
  Json& given = *sections_;
  Json resolved = Json::object();
  Json model = given.contains("model") ? given["model"] : Json::object();
  if (!model.is_object()) throw ValueError("recipe", name_ + ": model must be a section.");
  if (!model.contains("model_type")) {
    Json typed = {{"model_type", "gpt2"}};
    typed.update(model);
    model = std::move(typed);
  }
  if (!model["model_type"].is_string())
    throw ValueError("recipe",
                     name_ + ": model.model_type must be a text, got " + dump_json(model["model_type"]) + ".");
  const std::vector<std::string> model_keys = model_config_keys(model["model_type"].get<std::string>());
  for (const auto& [key, value] : model.items())
    if (!std::count(model_keys.begin(), model_keys.end(), key)) refuse_unknown(name_, "model." + key, model_keys);

  for (const auto& [section, keys] : given.items()) {
    if (std::count(std::begin(kSections), std::end(kSections), section) == 0)
      refuse_unknown(name_, section, model_keys);
    if (!keys.is_object()) throw ValueError("recipe", name_ + ": " + section + " must be a section.");
    if (section == "model") continue;
    for (const auto& [key, value] : keys.items())
      if (!find_key(section + "." + key)) refuse_unknown(name_, section + "." + key, model_keys);
  }
  for (const char* section : kSections) {
    resolved[section] = Json::object();
    if (std::string(section) == "model") resolved[section] = model;
  }
  for (const RecipeKey& key : recipe_keys()) {
    const std::string section = section_of(key.name), name = name_in_section(key.name);
    Json value = parse_json(key.otherwise, key.name);
    if (given.contains(section) && given[section].contains(name)) value = given[section][name];
    const std::optional<Json> fit = fitted(value, key.type);
    if (fit && key.type == RecipeType::bytes) bytes_of(*fit, key.name);
    if (!fit)
      throw ValueError("recipe", name_ + ": " + key.name + " must be " + expectation(key.type) + ", got " +
                                     dump_json(value) + " (" + value.type_name() + ").");
    resolved[section][name] = *fit;
  }
  given = std::move(resolved);
}

const Json& Recipe::value(const std::string& key) const {
  return sections_->at(section_of(key)).at(name_in_section(key));
}
int64_t Recipe::integer(const std::string& key) const { return value(key).get<int64_t>(); }
double Recipe::number(const std::string& key) const { return value(key).get<double>(); }
bool Recipe::flag(const std::string& key) const { return value(key).get<bool>(); }
std::string Recipe::text(const std::string& key) const { return value(key).get<std::string>(); }
std::vector<std::string> Recipe::texts(const std::string& key) const {
  return value(key).get<std::vector<std::string>>();
}
void Recipe::set(const std::string& key, const Json& value) {
  (*sections_)[section_of(key)][name_in_section(key)] = value;
}
const Json& Recipe::model() const { return sections_->at("model"); }

std::string Recipe::toml() const {
  std::string out;
  for (const auto& [section, keys] : sections_->items()) {
    out += (out.empty() ? "[" : "\n[") + section + "]\n";
    for (const auto& [key, value] : keys.items())
      if (!value.is_null()) out += key + " = " + toml_value(value) + "\n";
  }
  return out;
}

std::vector<std::string> Recipe::changes_since(const Recipe& before) const {
  std::vector<std::string> changes;
  for (const auto& [section, keys] : sections_->items())
    for (const auto& [key, value] : keys.items()) {
      const Json& old = before.sections_->at(section);
      const Json was = old.contains(key) ? old.at(key) : Json();
      if (was != value) changes.push_back(section + "." + key + ": " + dump_json(was) + " -> " + dump_json(value));
    }
  return changes;
}

int64_t bytes_of(const Json& value, const std::string& name) {
  const auto refuse = [&]() -> int64_t {
    throw ValueError("recipe", name + " must be a number of bytes, got " + dump_json(value) + ".",
                     "2000000000, \"2GB\" or \"512MiB\".");
  };
  double bytes = 0;
  if (value.is_number()) {
    bytes = value.get<double>();
  } else if (value.is_string()) {
    const std::string text = value.get<std::string>();
    char* end = nullptr;
    bytes = std::strtod(text.c_str(), &end);
    std::string unit;
    for (const char* c = end; *c; ++c)
      if (*c != ' ' && *c != '_') unit += static_cast<char>(std::tolower(static_cast<unsigned char>(*c)));
    if (!unit.empty() && unit.back() == 'b') unit.pop_back();
    if (end == text.c_str()) return refuse();
    constexpr const char* kPrefixes = "kmgt";
    if (!unit.empty()) {
      const char* prefix = std::strchr(kPrefixes, unit[0]);
      const bool binary = unit.size() == 2 && unit[1] == 'i';
      if (!prefix || (unit.size() > 1 && !binary)) return refuse();
      bytes *= std::pow(binary ? 1024.0 : 1000.0, static_cast<double>(prefix - kPrefixes + 1));
    }
  }
  if (!std::isfinite(bytes) || bytes < 0 || bytes > 1e18) return refuse();
  return static_cast<int64_t>(bytes);
}

}  // namespace gradus
