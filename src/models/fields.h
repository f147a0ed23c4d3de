#pragma once
#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "base/json.h"

namespace gradus {

/// What a number in a configuration may be.
struct Bounds {
  double min = -1e300, max = 1e300;
  bool required = false;
};

/// Walks the fields of a configuration: a family lists its keys once, and the walk reads and checks them, fills in the
/// defaults, and collects the names. A value of null counts as absent. Keys that nobody asks for are kept as they are.
/// Every complaint is a ValueError naming `source`, the key, what was expected and what was found.
class Fields {
 public:
  Fields(Json& json, std::string source);
  ~Fields();

  /// `value` holds the default before and what counts after.
  void integer(const char* key, int64_t& value, Bounds bounds = {});
  void number(const char* key, double& value, Bounds bounds = {});
  void flag(const char* key, bool& value);
  void text(const char* key, std::string& value, std::initializer_list<const char*> allowed = {});
  /// Keys that may be left out: then nothing is written.
  void optional_integer(const char* key, int64_t& value, Bounds bounds = {});
  void optional_number(const char* key, double& value, Bounds bounds = {});
  void optional_text(const char* key, std::string& value, std::initializer_list<const char*> allowed = {});
  /// A token of the vocabulary that may be missing: null makes it -1, an absent key leaves the default.
  void token(const char* key, int64_t& value);
  /// A number that null turns off: it becomes 0.
  void integer_or_off(const char* key, int64_t& value, Bounds bounds = {});
  void number_or_off(const char* key, double& value, Bounds bounds = {});
  /// Lists, left alone when absent.
  void integers(const char* key, std::vector<int64_t>& value);
  void numbers(const char* key, std::vector<double>& value);
  void texts(const char* key, std::vector<std::string>& value, std::initializer_list<const char*> allowed);
  /// Hugging Face stores one id or a list of them.
  void ids(const char* key, std::vector<int64_t>& value);
  /// Refuses any value but the one Gradus computes with.
  void fixed(const char* key, bool value);

  /// Whether the key is there and not null.
  bool has(const char* key) const;
  bool given_null(const char* key) const;
  /// The object under `key`, or null.
  Json* object(const char* key);
  [[noreturn]] void refuse(const char* key, const std::string& message, const std::string& hint = "") const;
  const std::vector<std::string>& keys() const { return keys_; }
  const std::string& source() const { return source_; }

 private:
  const Json* find(const char* key);
  Json& json_;
  std::string source_;
  std::vector<std::string> keys_;
};

}  // namespace gradus
