#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/json.h"

/// The part of Jinja 3.1 that chat templates are written in. Values follow Python's rules, because templates do.
namespace gradus::jinja {

/// Thrown inside a rendering; Renderer turns it into a ValueError that names template and line.
struct Failure {
  std::string message, hint = {};
};

/// What one rendering may still do. Templates are foreign text: every step is paid for here, by its work and its bytes.
class Meter {
 public:
  explicit Meter(uint64_t budget) : left_(budget) {}
  void charge(uint64_t units) {
    if (units > left_)
      throw Failure{"the template does more work than a rendering may",
                    "a loop or a string in it grows without bound; ChatTemplateLimits::work raises the limit."};
    left_ -= units;
  }

 private:
  uint64_t left_;
};

/// No single string may be longer.
constexpr size_t kMaxString = size_t{64} << 20;
/// Lists and dicts may not lie deeper in each other.
constexpr int kMaxDepth = 256;

struct Undefined {
  std::shared_ptr<const std::string> why;  ///< "'x' is undefined"; may be null
};
struct None {};
struct ListData;
struct DictData;
struct Callable;
struct LoopState;
/// Made by namespace(…): the one thing that a template may change. The renderer owns them all.
struct Namespace;

class Value {
 public:
  Value() = default;  ///< undefined
  Value(None) : data_(None{}) {}
  Value(bool b) : data_(b) {}
  Value(int64_t i) : data_(i) {}
  Value(int i) : data_(int64_t{i}) {}
  Value(double d) : data_(d) {}
  Value(std::string s) : data_(std::make_shared<const std::string>(std::move(s))) {}
  Value(std::string_view s) : Value(std::string(s)) {}
  Value(const char* s) : Value(std::string(s)) {}
  Value(std::shared_ptr<const ListData> list) : data_(std::move(list)) {}
  Value(std::shared_ptr<const DictData> dict) : data_(std::move(dict)) {}
  Value(std::shared_ptr<const Callable> callable) : data_(std::move(callable)) {}
  Value(std::shared_ptr<LoopState> loop) : data_(std::move(loop)) {}
  Value(Namespace* space) : data_(space) {}
  static Value undefined(std::string why);
  /// A str that | safe has marked: what + and % add to it is escaped for HTML, as in Jinja.
  static Value markup(std::string s) {
    Value v(std::move(s));
    v.markup_ = true;
    return v;
  }
  bool is_markup() const { return markup_; }

  template <class T>
  const T* get() const {
    return std::get_if<T>(&data_);
  }
  bool is_undefined() const { return get<Undefined>() != nullptr; }
  bool is_none() const { return get<None>() != nullptr; }
  const std::string* string() const {
    const auto* s = get<std::shared_ptr<const std::string>>();
    return s ? s->get() : nullptr;
  }
  const ListData* list() const {
    const auto* l = get<std::shared_ptr<const ListData>>();
    return l ? l->get() : nullptr;
  }
  const DictData* dict() const {
    const auto* d = get<std::shared_ptr<const DictData>>();
    return d ? d->get() : nullptr;
  }
  const Callable* callable() const {
    const auto* c = get<std::shared_ptr<const Callable>>();
    return c ? c->get() : nullptr;
  }
  Namespace* space() const {
    const auto* n = get<Namespace*>();
    return n ? *n : nullptr;
  }
  LoopState* loop() const {
    const auto* l = get<std::shared_ptr<LoopState>>();
    return l ? l->get() : nullptr;
  }
  /// bool and int64_t.
  bool is_int() const { return get<int64_t>() || get<bool>(); }
  bool is_number() const { return is_int() || get<double>(); }
  int64_t as_int() const { return get<bool>() ? int64_t{*get<bool>()} : *get<int64_t>(); }
  double as_double() const { return get<double>() ? *get<double>() : static_cast<double>(as_int()); }

 private:
  std::variant<Undefined, None, bool, int64_t, double, std::shared_ptr<const std::string>,
               std::shared_ptr<const ListData>, std::shared_ptr<const DictData>, std::shared_ptr<const Callable>,
               std::shared_ptr<LoopState>, Namespace*>
      data_;
  bool markup_ = false;
};

using Values = std::vector<Value>;

/// Python's kinds of sequence that templates can tell apart.
enum class Sequence : uint8_t {
  list,
  tuple,
  range,
  view,       ///< dict.keys() and kin: has a length, no index
  generator,  ///< map, select and kin: true even when empty, no length, read once
};

struct ListData {
  Values items;
  Sequence kind = Sequence::list;
  int depth = 1;
  mutable bool consumed = false;  ///< of generators
};

struct DictData {
  std::vector<std::pair<Value, Value>> items;
  int depth = 1;
  const Value* find(const Value& key, Meter& meter) const;
  const Value* find(std::string_view key) const;
};

struct Namespace {
  std::vector<std::pair<std::string, Value>> items;
};

/// `loop` inside a for.
struct LoopState {
  std::shared_ptr<const ListData> items;
  size_t index = 0;
  int depth = 1;
  Value last_changed;
  bool changed_called = false;
};

struct Arguments {
  Values positional;
  std::vector<std::pair<std::string, Value>> named;
};

class Renderer;

struct Callable {
  std::string name;
  std::function<Value(Renderer&, Arguments&)> call;
};

/// Throws Failure when the result lies too deep.
Value make_list(Values items, Sequence kind = Sequence::list);
/// Keys must be distinct.
Value make_dict(std::vector<std::pair<Value, Value>> items);
/// Adds or replaces; throws Failure for keys that Python cannot hash.
void dict_set(std::vector<std::pair<Value, Value>>& items, Value key, Value value, Meter& meter);
Value from_json(const Json& json);

bool truth(const Value& v);
bool equals(const Value& a, const Value& b, Meter& meter);
/// -1, 0, 1; throws Failure when Python would not order the two.
int compare(const Value& a, const Value& b, Meter& meter);
/// The items that a for loop over `v` sees. Throws Failure when it is not iterable.
std::shared_ptr<const ListData> iterate(const Value& v, Meter& meter);
/// The same as a copy, which a range-for may go over directly.
Values items_of(const Value& v, Meter& meter);
bool contains(const Value& container, const Value& item, Meter& meter);

/// Python's str(v), repr(v).
std::string to_text(const Value& v, Meter& meter);
std::string to_repr(const Value& v, Meter& meter);
std::string float_repr(double d);
/// & < > " ' as HTML's entities.
std::string escape_html(std::string_view text);
/// "str", "dict", … as Python names types in its errors.
const char* type_name(const Value& v);

struct JsonStyle {
  bool ensure_ascii = false, sort_keys = false;
  bool indented = false;
  std::string indent, item_separator = ", ", key_separator = ": ";
};
/// Python's json.dumps(v, …).
std::string to_json(const Value& v, const JsonStyle& style, Meter& meter);

/// Appends while the string stays below kMaxString.
inline void append(std::string& out, std::string_view more, Meter& meter) {
  if (out.size() + more.size() > kMaxString)
    throw Failure{"the template makes a text longer than 64 MiB", "a loop in it grows without bound."};
  meter.charge(1 + more.size());
  out += more;
}

/// Gives a function's arguments their names: at(i) is the one for names[i], or null when the caller left it out.
class Bound {
 public:
  Bound(const char* function, Arguments& arguments, std::initializer_list<const char*> names);
  const Value* at(size_t i) const { return values_[i]; }
  /// Throws Failure when left out.
  const Value& need(size_t i) const;
  const std::string& text(size_t i) const;
  int64_t integer(size_t i, int64_t otherwise) const;
  bool boolean(size_t i, bool otherwise) const { return values_[i] ? truth(*values_[i]) : otherwise; }

 private:
  const char* function_;
  std::vector<const char*> names_;
  std::vector<const Value*> values_;
};

}  // namespace gradus::jinja
