#include "text/jinja/value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "text/jinja/python_text.h"
#include "text/unicode.h"

namespace gradus::jinja {

namespace {

int depth_of(const Value& v) { return v.list() ? v.list()->depth : v.dict() ? v.dict()->depth : 0; }

int deeper(int depth, const Value& v) {
  depth = std::max(depth, depth_of(v) + 1);
  if (depth > kMaxDepth) throw Failure{"lists and dicts lie deeper than 256 levels in each other"};
  return depth;
}

bool same_object(const Value& a, const Value& b) {
  return (a.list() && a.list() == b.list()) || (a.dict() && a.dict() == b.dict()) ||
         (a.string() && a.string() == b.string());
}

[[noreturn]] void no_order(const Value& a, const Value& b) {
  throw Failure{std::string("'<' not supported between instances of '") + type_name(a) + "' and '" + type_name(b) +
                "'"};
}

/// Exact also where an int64 has no double of its value.
int compare_numbers(const Value& a, const Value& b) {
  if (a.is_int() && b.is_int()) return a.as_int() < b.as_int() ? -1 : a.as_int() > b.as_int();
  const double x = a.as_double(), y = b.as_double();
  return x < y ? -1 : x > y;
}

}  // namespace

Value Value::undefined(std::string why) {
  Value v;
  v.data_ = Undefined{std::make_shared<const std::string>(std::move(why))};
  return v;
}

const Value* DictData::find(std::string_view key) const {
  for (const auto& [k, v] : items)
    if (k.string() && *k.string() == key) return &v;
  return nullptr;
}

const Value* DictData::find(const Value& key, Meter& meter) const {
  meter.charge(items.size() / 4);
  if (key.string()) return find(*key.string());
  for (const auto& [k, v] : items)
    if (equals(k, key, meter)) return &v;
  return nullptr;
}

Value make_list(Values items, Sequence kind) {
  int depth = 1;
  for (const Value& item : items) depth = deeper(depth, item);
  return Value(std::make_shared<const ListData>(ListData{std::move(items), kind, depth}));
}

Value make_dict(std::vector<std::pair<Value, Value>> items) {
  int depth = 1;
  for (const auto& [key, value] : items) depth = deeper(deeper(depth, value), key);
  return Value(std::make_shared<const DictData>(DictData{std::move(items), depth}));
}

void dict_set(std::vector<std::pair<Value, Value>>& items, Value key, Value value, Meter& meter) {
  if (key.dict() || (key.list() && key.list()->kind == Sequence::list) || key.is_undefined())
    throw Failure{std::string("unhashable type: '") + type_name(key) + "'"};
  meter.charge(1 + items.size() / 4);
  for (auto& [k, v] : items) {
    if (!equals(k, key, meter)) continue;
    v = std::move(value);
    return;
  }
  items.emplace_back(std::move(key), std::move(value));
}

Value from_json(const Json& json) {
  switch (json.type()) {
    case Json::value_t::null: return None{};
    case Json::value_t::boolean: return json.get<bool>();
    case Json::value_t::number_unsigned:
      if (json.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
        throw Failure{"the integer " + json.dump() + " needs more than 64 bits"};
      return json.get<int64_t>();
    case Json::value_t::number_integer: return json.get<int64_t>();
    case Json::value_t::number_float: return json.get<double>();
    case Json::value_t::string: return json.get_ref<const std::string&>();
    case Json::value_t::array: {
      Values items;
      items.reserve(json.size());
      for (const Json& item : json) items.push_back(from_json(item));
      return make_list(std::move(items));
    }
    case Json::value_t::object: {
      std::vector<std::pair<Value, Value>> items;
      for (const auto& [key, value] : json.items()) items.emplace_back(key, from_json(value));
      return make_dict(std::move(items));
    }
    default: throw Failure{"binary values have no place in a template"};
  }
}

bool truth(const Value& v) {
  if (v.is_undefined() || v.is_none()) return false;
  if (v.is_int()) return v.as_int() != 0;
  if (v.get<double>()) return *v.get<double>() != 0;
  if (v.string()) return !v.string()->empty();
  if (v.list()) return v.list()->kind == Sequence::generator || !v.list()->items.empty();
  if (v.dict()) return !v.dict()->items.empty();
  return true;
}

bool equals(const Value& a, const Value& b, Meter& meter) {
  meter.charge(1);
  if (a.is_number() && b.is_number())
    return a.get<double>() || b.get<double>() ? a.as_double() == b.as_double() : a.as_int() == b.as_int();
  if (a.string() && b.string()) return *a.string() == *b.string();
  if (a.is_none() || b.is_none()) return a.is_none() && b.is_none();
  if (a.is_undefined() || b.is_undefined()) return a.is_undefined() && b.is_undefined();
  if (same_object(a, b)) return true;
  if (a.list() && b.list()) {
    const ListData &x = *a.list(), &y = *b.list();
    if (x.kind != y.kind || x.kind == Sequence::generator || x.items.size() != y.items.size()) return false;
    for (size_t i = 0; i < x.items.size(); ++i)
      if (!equals(x.items[i], y.items[i], meter)) return false;
    return true;
  }
  if (a.dict() && b.dict()) {
    if (a.dict()->items.size() != b.dict()->items.size()) return false;
    for (const auto& [key, value] : a.dict()->items) {
      const Value* other = b.dict()->find(key, meter);
      if (!other || !equals(value, *other, meter)) return false;
    }
    return true;
  }
  if (a.space() || b.space()) return a.space() == b.space();
  if (a.callable() || b.callable()) return a.callable() == b.callable();
  return false;
}

int compare(const Value& a, const Value& b, Meter& meter) {
  meter.charge(1);
  if (a.is_number() && b.is_number()) return compare_numbers(a, b);
  if (a.string() && b.string()) {
    const int c = a.string()->compare(*b.string());  // UTF-8 sorts as its code points do
    return c < 0 ? -1 : c > 0;
  }
  if (a.list() && b.list() && a.list()->kind == b.list()->kind && a.list()->kind <= Sequence::tuple) {
    const Values &x = a.list()->items, &y = b.list()->items;
    for (size_t i = 0; i < x.size() && i < y.size(); ++i)
      if (!equals(x[i], y[i], meter)) return compare(x[i], y[i], meter);
    return x.size() < y.size() ? -1 : x.size() > y.size();
  }
  if (a.is_undefined() || b.is_undefined()) {
    const Undefined& u = *(a.is_undefined() ? a : b).get<Undefined>();
    throw Failure{u.why ? *u.why : "a value is undefined"};
  }
  no_order(a, b);
}

std::shared_ptr<const ListData> iterate(const Value& v, Meter& meter) {
  if (const auto* list = v.get<std::shared_ptr<const ListData>>()) {
    meter.charge((*list)->items.size());
    if ((*list)->kind != Sequence::generator) return *list;
    if ((*list)->consumed) return std::make_shared<const ListData>();
    (*list)->consumed = true;
    return *list;
  }
  Values items;
  if (v.dict()) {
    for (const auto& [key, value] : v.dict()->items) items.push_back(key);
  } else if (v.string()) {
    meter.charge(v.string()->size() * sizeof(Value));
    for (std::string_view c : text_characters(*v.string())) items.emplace_back(c);
  } else if (!v.is_undefined()) {
    throw Failure{std::string("'") + type_name(v) + "' object is not iterable"};
  }
  meter.charge(items.size() * 8);
  return std::make_shared<const ListData>(ListData{std::move(items)});
}

Values items_of(const Value& v, Meter& meter) { return iterate(v, meter)->items; }

bool contains(const Value& container, const Value& item, Meter& meter) {
  if (const std::string* s = container.string()) {
    if (!item.string())
      throw Failure{std::string("'in <string>' requires string as left operand, not ") + type_name(item)};
    meter.charge(s->size() / 8);
    return s->find(*item.string()) != s->npos;
  }
  if (container.dict()) return container.dict()->find(item, meter) != nullptr;
  for (const Value& other : items_of(container, meter))
    if (equals(other, item, meter)) return true;
  return false;
}

const char* type_name(const Value& v) {
  if (v.is_undefined()) return "Undefined";
  if (v.is_none()) return "NoneType";
  if (v.get<bool>()) return "bool";
  if (v.get<int64_t>()) return "int";
  if (v.get<double>()) return "float";
  if (v.string()) return "str";
  if (v.dict()) return "dict";
  if (v.space()) return "Namespace";
  if (v.loop()) return "LoopContext";
  if (v.callable()) return "function";
  static const char* const kNames[] = {"list", "tuple", "range", "dict_items", "generator"};
  return kNames[static_cast<int>(v.list()->kind)];
}

Bound::Bound(const char* function, Arguments& arguments, std::initializer_list<const char*> names)
    : function_(function), names_(names), values_(names.size()) {
  if (arguments.positional.size() > names_.size())
    throw Failure{std::string(function) + " takes at most " + std::to_string(names_.size()) + " arguments, got " +
                  std::to_string(arguments.positional.size())};
  for (size_t i = 0; i < arguments.positional.size(); ++i) values_[i] = &arguments.positional[i];
  for (const auto& [name, value] : arguments.named) {
    const auto at = std::find(names_.begin(), names_.end(), std::string_view(name));
    if (at == names_.end()) throw Failure{std::string(function) + " got an unexpected keyword argument '" + name + "'"};
    const Value*& place = values_[at - names_.begin()];
    if (place) throw Failure{std::string(function) + " got two values for '" + name + "'"};
    place = &value;
  }
}

const Value& Bound::need(size_t i) const {
  if (!values_[i]) throw Failure{std::string(function_) + " needs the argument '" + names_[i] + "'"};
  return *values_[i];
}

const std::string& Bound::text(size_t i) const {
  const Value& v = need(i);
  if (!v.string()) throw Failure{std::string(function_) + ": '" + names_[i] + "' must be a str, got " + type_name(v)};
  return *v.string();
}

int64_t Bound::integer(size_t i, int64_t otherwise) const {
  if (!values_[i]) return otherwise;
  if (!values_[i]->is_int())
    throw Failure{std::string(function_) + ": '" + names_[i] + "' must be an int, got " + type_name(*values_[i])};
  return values_[i]->as_int();
}

}  // namespace gradus::jinja
