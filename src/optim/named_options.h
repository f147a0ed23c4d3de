#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"

namespace gradus {

/// A table of options of which each is asked for once, by its name; done() refuses what nobody asked for.
/// Errors are ValueErrors that name `where` ("lr_scheduler_kwargs"), the option, what was expected and what was got.
class NamedOptions {
 public:
  /// `of` is what the options belong to, for errors: "the schedule \"cosine\"". `table` is an object or null.
  NamedOptions(const char* op, std::string where, std::string of, const Json& table);

  bool has(const char* key) const;
  double number(const char* key, double otherwise, double least = 0, double most = 1e300);
  int64_t integer(const char* key, int64_t otherwise, int64_t least, int64_t most);
  bool flag(const char* key, bool otherwise);
  std::string word(const char* key, const std::string& otherwise, const std::vector<std::string>& allowed);
  std::vector<double> numbers(const char* key, const std::vector<double>& otherwise);
  /// Throws for an option that was not asked for, naming the nearest that was.
  void done() const;

 private:
  [[noreturn]] void refuse(const char* key, const std::string& expected, const Json& got) const;
  Json take(const char* key);  // null when it is not given

  const char* op_;
  std::string where_, of_;
  std::shared_ptr<Json> left_;
  std::vector<std::string> known_;
};

}  // namespace gradus
