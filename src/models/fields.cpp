#include "models/fields.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace gradus {

Fields::Fields(Json& json, std::string source) : json_(json), source_(std::move(source)) {
  if (json_.is_null()) json_ = Json::object();
  if (!json_.is_object())
    throw ValueError("config", source_ + ": expected a JSON object, found " + json_.type_name() + ".");
}
Fields::~Fields() = default;

void Fields::refuse(const char* key, const std::string& message, const std::string& hint) const {
  const auto it = json_.find(key);
  std::string found = it == json_.end() ? "nothing" : dump_json(*it);
  if (found.size() > 80) found = found.substr(0, 77) + "...";
  throw ValueError("config", source_ + ": \"" + key + "\" " + message + ", found " + found + ".", hint);
}

const Json* Fields::find(const char* key) {
  keys_.emplace_back(key);
  const auto it = json_.find(key);
  return it == json_.end() || it->is_null() ? nullptr : &*it;
}

static std::string range(const Bounds& b) {
  std::string text;
  if (b.min > -1e300) text += " of at least " + dump_json(Json(b.min));
  if (b.max < 1e300) text += std::string(text.empty() ? " of" : " and") + " at most " + dump_json(Json(b.max));
  return text;
}

void Fields::integer(const char* key, int64_t& value, Bounds bounds) {
  const Json* j = find(key);
  if (!j && bounds.required) refuse(key, "is needed");
  if (j) {
    // Some writers store whole numbers as 12.0.
    const bool whole =
        j->is_number_integer() ||
        (j->is_number_float() && j->get<double>() == std::floor(j->get<double>()) && std::abs(j->get<double>()) < 9e15);
    if (!whole) refuse(key, "must be an integer");
    if (j->is_number_unsigned() && j->get<uint64_t>() > uint64_t{1} << 53) refuse(key, "must be an integer below 2^53");
    value = j->is_number_integer() ? j->get<int64_t>() : static_cast<int64_t>(j->get<double>());
  }
  const auto v = static_cast<double>(value);
  if (v < bounds.min || v > bounds.max) refuse(key, "must be an integer" + range(bounds));
  if (!j) json_[key] = value;
}

void Fields::number(const char* key, double& value, Bounds bounds) {
  const Json* j = find(key);
  if (!j && bounds.required) refuse(key, "is needed");
  if (j) {
    if (!j->is_number()) refuse(key, "must be a number");
    value = j->get<double>();
  }
  if (!(value >= bounds.min && value <= bounds.max)) refuse(key, "must be a number" + range(bounds));
  if (!j) json_[key] = value;
}

void Fields::flag(const char* key, bool& value) {
  const Json* j = find(key);
  if (j && !j->is_boolean()) refuse(key, "must be true or false");
  if (j)
    value = j->get<bool>();
  else
    json_[key] = value;
}

void Fields::text(const char* key, std::string& value, std::initializer_list<const char*> allowed) {
  const Json* j = find(key);
  if (j && !j->is_string()) refuse(key, "must be a string");
  if (j)
    value = j->get<std::string>();
  else
    json_[key] = value;
  if (allowed.size() == 0) return;
  std::string names;
  for (const char* name : allowed) {
    if (value == name) return;
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  refuse(key, "must be one of " + names);
}

void Fields::token(const char* key, int64_t& value) {
  const auto it = json_.find(key);
  if (it == json_.end() || !it->is_null()) return integer(key, value, {.min = -1});
  keys_.emplace_back(key);
  value = -1;
}

bool Fields::has(const char* key) const {
  const auto it = json_.find(key);
  return it != json_.end() && !it->is_null();
}

bool Fields::given_null(const char* key) const {
  const auto it = json_.find(key);
  return it != json_.end() && it->is_null();
}

void Fields::optional_integer(const char* key, int64_t& value, Bounds bounds) {
  if (find(key)) keys_.pop_back(), integer(key, value, bounds);
}

void Fields::optional_number(const char* key, double& value, Bounds bounds) {
  if (find(key)) keys_.pop_back(), number(key, value, bounds);
}

void Fields::optional_text(const char* key, std::string& value, std::initializer_list<const char*> allowed) {
  if (!find(key)) return;
  keys_.pop_back();
  text(key, value, allowed);
}

void Fields::integer_or_off(const char* key, int64_t& value, Bounds bounds) {
  if (given_null(key)) {
    find(key);
    value = 0;
  } else {
    integer(key, value, bounds);
  }
}

void Fields::number_or_off(const char* key, double& value, Bounds bounds) {
  if (given_null(key)) {
    find(key);
    value = 0;
  } else {
    number(key, value, bounds);
  }
}

void Fields::integers(const char* key, std::vector<int64_t>& value) {
  const Json* j = find(key);
  if (!j) return;
  if (!j->is_array()) refuse(key, "must be a list of integers");
  value.clear();
  for (const Json& x : *j) {
    if (!x.is_number_integer() && !x.is_boolean()) refuse(key, "must be a list of integers");
    value.push_back(x.is_boolean() ? x.get<bool>() : x.get<int64_t>());
  }
}

void Fields::numbers(const char* key, std::vector<double>& value) {
  const Json* j = find(key);
  if (!j) return;
  if (!j->is_array()) refuse(key, "must be a list of numbers");
  value.clear();
  for (const Json& x : *j) {
    if (!x.is_number()) refuse(key, "must be a list of numbers");
    value.push_back(x.get<double>());
  }
}

void Fields::texts(const char* key, std::vector<std::string>& value, std::initializer_list<const char*> allowed) {
  const Json* j = find(key);
  if (!j) return;
  std::string names;
  for (const char* name : allowed) names += (names.empty() ? "" : ", ") + std::string(name);
  if (!j->is_array()) refuse(key, "must be a list of " + names);
  value.clear();
  for (const Json& x : *j) {
    bool known = false;
    for (const char* name : allowed) known |= x.is_string() && x.get<std::string>() == name;
    if (!known) refuse(key, "must be a list of " + names);
    value.push_back(x.get<std::string>());
  }
}

void Fields::ids(const char* key, std::vector<int64_t>& value) {
  const Json* j = find(key);
  if (!j) return;
  value.clear();
  const Json list = j->is_array() ? *j : Json::array({*j});
  for (const Json& id : list) {
    if (!id.is_number_integer()) refuse(key, "must be a token id or a list of them");
    value.push_back(id.get<int64_t>());
  }
}

void Fields::fixed(const char* key, bool value) {
  bool given = value;
  flag(key, given);
  if (given != value) refuse(key, std::string("is only supported as ") + (value ? "true" : "false"));
}

Json* Fields::object(const char* key) {
  if (!find(key)) return nullptr;
  Json& j = json_[key];
  if (!j.is_object()) refuse(key, "must be an object");
  return &j;
}

}  // namespace gradus
