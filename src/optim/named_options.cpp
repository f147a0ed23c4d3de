#include "optim/named_options.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/nearest.h"

namespace gradus {

NamedOptions::NamedOptions(const char* op, std::string where, std::string of, const Json& table)
    : op_(op), where_(std::move(where)), of_(std::move(of)), left_(std::make_shared<Json>(Json::object())) {
  if (table.is_null()) return;
  if (!table.is_object()) throw ValueError(op, where_ + " must be a table of options.");
  *left_ = table;
}

bool NamedOptions::has(const char* key) const { return left_->contains(key); }

Json NamedOptions::take(const char* key) {
  known_.emplace_back(key);
  const auto it = left_->find(key);
  if (it == left_->end()) return nullptr;
  Json value = *it;
  left_->erase(it);
  return value;
}

double NamedOptions::number(const char* key, double otherwise, double least, double most) {
  const Json value = take(key);
  if (value.is_null()) return otherwise;
  const bool number = value.is_number() && std::isfinite(value.get<double>());
  if (!number || value.get<double>() < least || value.get<double>() > most)
    refuse(key,
           most < 1e300 ? "a number from " + dump_json(Json(least)) + " to " + dump_json(Json(most))
                        : "a number of at least " + dump_json(Json(least)),
           value);
  return value.get<double>();
}

int64_t NamedOptions::integer(const char* key, int64_t otherwise, int64_t least, int64_t most) {
  const double value =
      number(key, static_cast<double>(otherwise), static_cast<double>(least), static_cast<double>(most));
  if (value != std::floor(value)) refuse(key, "a whole number", Json(value));
  return static_cast<int64_t>(value);
}

bool NamedOptions::flag(const char* key, bool otherwise) {
  const Json value = take(key);
  if (!value.is_null() && !value.is_boolean()) refuse(key, "true or false", value);
  return value.is_null() ? otherwise : value.get<bool>();
}

std::string NamedOptions::word(const char* key, const std::string& otherwise, const std::vector<std::string>& allowed) {
  const Json value = take(key);
  if (value.is_null()) return otherwise;
  if (!value.is_string() || std::count(allowed.begin(), allowed.end(), value.get<std::string>()) == 0)
    refuse(key, "one of " + joined_names(allowed), value);
  return value.get<std::string>();
}

std::vector<double> NamedOptions::numbers(const char* key, const std::vector<double>& otherwise) {
  const Json value = take(key);
  if (value.is_null()) return otherwise;
  const auto is_number = [](const Json& x) { return x.is_number() && std::isfinite(x.get<double>()); };
  if (!value.is_array() || !std::all_of(value.begin(), value.end(), is_number)) refuse(key, "a list of numbers", value);
  return value.get<std::vector<double>>();
}

void NamedOptions::done() const {
  if (left_->empty()) return;
  const std::string wrong = left_->begin().key(), near = nearest_name(wrong, known_);
  throw ValueError(op_, where_ + "." + wrong + " is no option of " + of_ + ".",
                   !near.empty()    ? "did you mean " + near + "?"
                   : known_.empty() ? "it has none."
                                    : "it has " + joined_names(known_) + ".");
}

void NamedOptions::refuse(const char* key, const std::string& expected, const Json& got) const {
  throw ValueError(op_, where_ + "." + key + " must be " + expected + ", got " + dump_json(got) + ".");
}

}  // namespace gradus
