#include "train/toml_json.h"

#include <toml++/toml.h>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace gradus {

namespace {

Json json_of(const toml::node& node, const std::string& name) {
  if (const auto* table = node.as_table()) {
    Json object = Json::object();
    for (const auto& [key, value] : *table) object[std::string(key.str())] = json_of(value, name);
    return object;
  }
  if (const auto* array = node.as_array()) {
    Json list = Json::array();
    for (const auto& item : *array) list.push_back(json_of(item, name));
    return list;
  }
  if (const auto v = node.value_exact<int64_t>()) return *v;
  if (const auto v = node.value_exact<double>()) return *v;
  if (const auto v = node.value_exact<bool>()) return *v;
  if (const auto v = node.value_exact<std::string>()) return *v;
  throw FileError("recipe", name + " line " + std::to_string(node.source().begin.line) + ": dates have no use here.");
}

bool is_bare(const std::string& key) {
  return !key.empty() &&
         key.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") == std::string::npos;
}

}  // namespace

Json parse_toml(const std::string& text, const std::string& name) {
  try {
    return json_of(toml::parse(text, name), name);
  } catch (const toml::parse_error& e) {
    throw FileError(
        "recipe", name + " line " + std::to_string(e.source().begin.line) + ": " + std::string(e.description()) + ".");
  }
}

std::string toml_value(const Json& value) {
  if (value.is_array()) {
    std::string out = "[";
    for (size_t i = 0; i < value.size(); ++i) out += (i ? ", " : "") + toml_value(value[i]);
    return out + "]";
  }
  if (value.is_object()) {
    std::string out = "{";
    for (const auto& [key, item] : value.items())
      out += (out.size() > 1 ? ", " : " ") + (is_bare(key) ? key : dump_json(Json(key))) + " = " + toml_value(item);
    return out + (out.size() > 1 ? " }" : "}");
  }
  if (value.is_number_float()) {
    const double number = value.get<double>();
    if (!std::isfinite(number)) return std::isnan(number) ? "nan" : number > 0 ? "inf" : "-inf";
  }
  return dump_json(value);  // JSON's strings, numbers and booleans are TOML's
}

}  // namespace gradus
