#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gradus {

/// Python's pickles, read as data: nothing is called and nothing imported. Names of the few classes and functions that
/// state dicts need are recognised; every other name is refused.
class Pickle {
 public:
  enum class Kind : uint8_t { none, boolean, integer, number, text, tuple, list, dict, global, call, persistent, mark };
  struct Value {
    Kind kind = Kind::none;
    int64_t integer = 0;  ///< also of a boolean
    double number = 0;
    std::string text;  ///< of a global: "module.name"
    std::vector<size_t>
        items;  ///< of a dict: key, value, key, …; of a call: the callable, then its arguments as a tuple
  };

  /// Throws FileError naming the opcode's place for damaged pickles and for opcodes and names outside the allow-list.
  Pickle(std::string_view bytes, const std::string& name);

  const Value& root() const { return values_[root_]; }
  const Value& at(size_t index) const { return values_[index]; }
  size_t size() const { return values_.size(); }

 private:
  class Machine;
  std::vector<Value> values_;
  size_t root_ = 0;
};

}  // namespace gradus
