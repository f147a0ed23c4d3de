// Expressions.
#include <algorithm>
#include <cmath>

#include "text/jinja/python_text.h"
#include "text/jinja/renderer.h"

namespace gradus::jinja {

namespace {

[[noreturn]] void fail_undefined(const Value& v) {
  const Undefined& u = *v.get<Undefined>();
  throw Failure{u.why ? *u.why : "a value is undefined"};
}

[[noreturn]] void unsupported(const char* op, const Value& a, const Value& b) {
  if (a.is_undefined()) fail_undefined(a);
  if (b.is_undefined()) fail_undefined(b);
  throw Failure{std::string("unsupported operand types for ") + op + ": '" + type_name(a) + "' and '" + type_name(b) +
                "'"};
}

const char* sign_of(ExpressionKind kind) {
  switch (kind) {
    case ExpressionKind::add: return "+";
    case ExpressionKind::subtract: return "-";
    case ExpressionKind::multiply: return "*";
    case ExpressionKind::divide: return "/";
    case ExpressionKind::floor_divide: return "//";
    case ExpressionKind::modulo: return "%";
    default: return "**";
  }
}

/// `result` is a reference because the overflow check that fills it may run after it is passed.
int64_t exact(bool overflow, const int64_t& result) {
  if (overflow) throw Failure{"an integer needs more than 64 bits"};
  return result;
}

int64_t negated(int64_t a) {
  int64_t result = 0;
  return exact(__builtin_sub_overflow(int64_t{0}, a, &result), result);
}

int64_t floor_divide(int64_t a, int64_t b) {
  if (b == 0) throw Failure{"integer division or modulo by zero"};
  if (b == -1) return negated(a);
  const int64_t q = a / b;
  return q - (a % b != 0 && (a < 0) != (b < 0));
}

int64_t modulo(int64_t a, int64_t b) {
  if (b == 0) throw Failure{"integer division or modulo by zero"};
  if (b == -1) return 0;
  const int64_t r = a % b;
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

double float_modulo(double a, double b) {
  if (b == 0) throw Failure{"float modulo by zero"};
  const double r = std::fmod(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

Value power(const Value& a, const Value& b) {
  if (!a.is_int() || !b.is_int() || b.as_int() < 0) return Value(std::pow(a.as_double(), b.as_double()));
  int64_t base = a.as_int(), n = b.as_int(), result = 1;
  if (base == 0 || base == 1) return n == 0 ? 1 : static_cast<int>(base);
  if (base == -1) return n % 2 ? -1 : 1;
  for (; n > 0; --n) result = exact(__builtin_mul_overflow(result, base, &result), result);
  return result;
}

Value repeat(const Value& v, int64_t times, Meter& meter) {
  times = std::max<int64_t>(times, 0);
  const size_t size = v.string() ? v.string()->size() : v.list()->items.size() * sizeof(Value);
  if (size > 0 && static_cast<uint64_t>(times) > kMaxString / size)
    throw Failure{"a repeated value is longer than 64 MiB"};
  meter.charge(size * times);
  if (v.string()) {
    std::string out;
    out.reserve(size * times);
    for (int64_t i = 0; i < times; ++i) out += *v.string();
    return Value(std::move(out));
  }
  Values out;
  for (int64_t i = 0; i < times; ++i) out.insert(out.end(), v.list()->items.begin(), v.list()->items.end());
  return make_list(std::move(out), v.list()->kind);
}

bool is_plain_list(const Value& v) { return v.list() && v.list()->kind <= Sequence::tuple; }

}  // namespace

SliceRange slice_range(const Value* start, const Value* stop, const Value* step, int64_t length) {
  const auto given = [](const Value* v) { return v && !v->is_none(); };
  for (const Value* v : {start, stop, step})
    if (given(v) && !v->is_int()) throw Failure{"slice indices must be integers or none"};
  const int64_t by = given(step) ? step->as_int() : 1;
  if (by == 0) throw Failure{"slice step cannot be zero"};
  const int64_t low = by < 0 ? -1 : 0, high = by < 0 ? length - 1 : length;
  const auto place = [&](const Value* v, int64_t otherwise) {
    if (!given(v)) return otherwise;
    const int64_t i = v->as_int() < 0 ? v->as_int() + length : v->as_int();
    return std::clamp(i, low, high);
  };
  // A step beyond the length takes the first item only; smaller numbers keep i + step from overflowing.
  const int64_t most = length + 1;
  return {place(start, by < 0 ? high : low), place(stop, by < 0 ? low : high), std::clamp(by, -most, most)};
}

Value Renderer::evaluate(const Expression& e) {
  const Deeper deeper(*this);
  line_ = e.line;
  meter_.charge(8);
  switch (e.kind) {
    case ExpressionKind::constant: return e.constant;
    case ExpressionKind::name: return name(e);
    case ExpressionKind::list:
    case ExpressionKind::tuple: {
      Values items;
      for (const auto& item : e.items) items.push_back(evaluate(*item));
      meter_.charge(items.size() * sizeof(Value));
      return make_list(std::move(items), e.kind == ExpressionKind::list ? Sequence::list : Sequence::tuple);
    }
    case ExpressionKind::dict: {
      std::vector<std::pair<Value, Value>> items;
      for (size_t i = 0; i < e.items.size(); i += 2) {
        Value key = evaluate(*e.items[i]);
        dict_set(items, std::move(key), evaluate(*e.items[i + 1]), meter_);
      }
      meter_.charge(items.size() * 2 * sizeof(Value));
      return make_dict(std::move(items));
    }
    case ExpressionKind::attribute: return attribute(evaluate(*e.items[0]), e.text);
    case ExpressionKind::subscript: {
      const Value object = evaluate(*e.items[0]);
      return item(object, evaluate(*e.items[1]));
    }
    case ExpressionKind::slice: return slice(e);
    case ExpressionKind::call: return call(e);
    case ExpressionKind::filter: return filtered(e, nullptr);
    case ExpressionKind::test: return test(e);
    case ExpressionKind::conditional:
      if (truth(evaluate(*e.items[1]))) return evaluate(*e.items[0]);
      if (e.items[2]) return evaluate(*e.items[2]);
      return Value::undefined("the inline if-expression evaluated to false and no else section was defined");
    case ExpressionKind::logical_or: {
      Value left = evaluate(*e.items[0]);
      return truth(left) ? left : evaluate(*e.items[1]);
    }
    case ExpressionKind::logical_and: {
      Value left = evaluate(*e.items[0]);
      return truth(left) ? evaluate(*e.items[1]) : left;
    }
    case ExpressionKind::logical_not: return !truth(evaluate(*e.items[0]));
    case ExpressionKind::negative:
    case ExpressionKind::positive: {
      const Value v = evaluate(*e.items[0]);
      if (v.is_undefined()) fail_undefined(v);
      if (!v.is_number()) throw Failure{std::string("bad operand type for unary sign: '") + type_name(v) + "'"};
      if (v.get<double>()) return e.kind == ExpressionKind::negative ? -v.as_double() : v.as_double();
      return e.kind == ExpressionKind::negative ? negated(v.as_int()) : v.as_int();
    }
    case ExpressionKind::concat: return concat(e);
    case ExpressionKind::compare: return comparison(e);
    default: {
      const Value a = evaluate(*e.items[0]);
      return arithmetic(e.kind, a, evaluate(*e.items[1]));
    }
  }
}

Value Renderer::name(const Expression& e) {
  for (const Frame* f = frame_.get(); f; f = f->outer.get())
    for (const auto& [id, value] : f->values)
      if (id == e.id) return value;
  for (auto it = globals_.rbegin(); it != globals_.rend(); ++it)
    if (it->first == e.id) return it->second;
  return Value::undefined("'" + syntax_.names[e.id] + "' is undefined");
}

Value Renderer::concat(const Expression& e) {
  std::string out;
  for (const auto& item : e.items) append(out, to_text(evaluate(*item), meter_), meter_);
  return Value(std::move(out));
}

Value Renderer::comparison(const Expression& e) {
  Value left = evaluate(*e.items[0]);
  for (size_t i = 0; i < e.comparisons.size(); ++i) {
    Value right = evaluate(*e.items[i + 1]);
    bool holds = false;
    const bool nan = (left.get<double>() && std::isnan(*left.get<double>())) ||
                     (right.get<double>() && std::isnan(*right.get<double>()));
    switch (e.comparisons[i]) {
      case Comparison::equal: holds = equals(left, right, meter_); break;
      case Comparison::not_equal: holds = !equals(left, right, meter_); break;
      case Comparison::in: holds = contains(right, left, meter_); break;
      case Comparison::not_in: holds = !contains(right, left, meter_); break;
      default: {
        const int c = compare(left, right, meter_);
        holds = !nan && (e.comparisons[i] == Comparison::less         ? c < 0
                         : e.comparisons[i] == Comparison::less_equal ? c <= 0
                         : e.comparisons[i] == Comparison::greater    ? c > 0
                                                                      : c >= 0);
      }
    }
    if (!holds) return false;
    left = std::move(right);
  }
  return true;
}

Value Renderer::arithmetic(ExpressionKind kind, const Value& a, const Value& b) {
  if (kind == ExpressionKind::modulo && a.string()) return Value(percent_format(*a.string(), b, meter_));
  if (a.is_number() && b.is_number()) {
    const bool whole = a.is_int() && b.is_int();
    int64_t result = 0;
    switch (kind) {
      case ExpressionKind::add:
        if (!whole) return a.as_double() + b.as_double();
        return exact(__builtin_add_overflow(a.as_int(), b.as_int(), &result), result);
      case ExpressionKind::subtract:
        if (!whole) return a.as_double() - b.as_double();
        return exact(__builtin_sub_overflow(a.as_int(), b.as_int(), &result), result);
      case ExpressionKind::multiply:
        if (!whole) return a.as_double() * b.as_double();
        return exact(__builtin_mul_overflow(a.as_int(), b.as_int(), &result), result);
      case ExpressionKind::divide:
        if (b.as_double() == 0) throw Failure{"division by zero"};
        return a.as_double() / b.as_double();
      case ExpressionKind::floor_divide:
        if (whole) return floor_divide(a.as_int(), b.as_int());
        if (b.as_double() == 0) throw Failure{"float floor division by zero"};
        return std::floor(a.as_double() / b.as_double());
      case ExpressionKind::modulo:
        if (whole) return modulo(a.as_int(), b.as_int());
        return float_modulo(a.as_double(), b.as_double());
      default: return power(a, b);
    }
  }
  if (kind == ExpressionKind::add && a.string() && b.string()) {
    const bool markup = a.is_markup() || b.is_markup();
    std::string out;
    for (const Value* v : {&a, &b})
      append(out, markup && !v->is_markup() ? escape_html(*v->string()) : *v->string(), meter_);
    return markup ? Value::markup(std::move(out)) : Value(std::move(out));
  }
  if (kind == ExpressionKind::add && is_plain_list(a) && is_plain_list(b) && a.list()->kind == b.list()->kind) {
    Values items = a.list()->items;
    items.insert(items.end(), b.list()->items.begin(), b.list()->items.end());
    meter_.charge(items.size() * sizeof(Value));
    return make_list(std::move(items), a.list()->kind);
  }
  if (kind == ExpressionKind::multiply) {
    if ((a.string() || is_plain_list(a)) && b.is_int()) return repeat(a, b.as_int(), meter_);
    if ((b.string() || is_plain_list(b)) && a.is_int()) return repeat(b, a.as_int(), meter_);
  }
  unsupported(sign_of(kind), a, b);
}

Value Renderer::slice(const Expression& e) {
  const Value object = evaluate(*e.items[0]);
  Value parts[3];
  const Value* given[3] = {};
  for (int i = 0; i < 3; ++i)
    if (e.items[i + 1]) parts[i] = evaluate(*e.items[i + 1]), given[i] = &parts[i];
  if (object.is_undefined()) fail_undefined(object);
  if (const std::string* s = object.string()) {
    meter_.charge(s->size() * 2);
    const SliceRange r = slice_range(given[0], given[1], given[2], static_cast<int64_t>(text_length(*s)));
    return Value(text_slice(*s, r.start, r.stop, r.step));
  }
  if (!object.list() || object.list()->kind > Sequence::range)
    return Value::undefined(std::string("'") + type_name(object) + "' object has no slices");
  const Values& items = object.list()->items;
  const SliceRange r = slice_range(given[0], given[1], given[2], static_cast<int64_t>(items.size()));
  Values out;
  for (int64_t i = r.start; r.step > 0 ? i < r.stop : i > r.stop; i += r.step) out.push_back(items[i]);
  meter_.charge(out.size() * sizeof(Value));
  return make_list(std::move(out), object.list()->kind);
}

Value Renderer::item(const Value& object, const Value& index) {
  if (object.is_undefined()) fail_undefined(object);
  if (object.dict()) {
    if (const Value* found = object.dict()->find(index, meter_)) return *found;
  } else if (index.is_int()) {
    const int64_t n = object.list()     ? static_cast<int64_t>(object.list()->items.size())
                      : object.string() ? static_cast<int64_t>(text_length(*object.string()))
                                        : 0;
    const int64_t i = index.as_int() < 0 ? index.as_int() + n : index.as_int();
    if (i >= 0 && i < n) {
      if (object.string()) {
        meter_.charge(object.string()->size());
        return Value(text_slice(*object.string(), i, i + 1, 1));
      }
      if (object.list()->kind <= Sequence::range) return object.list()->items[i];
    }
    return Value::undefined(std::string("'") + type_name(object) + " object' has no element " +
                            std::to_string(index.as_int()));
  }
  if (index.string()) {
    if (object.space() || object.loop()) return attribute(object, *index.string());
    Value method = find_method(object, *index.string());
    if (!method.is_undefined()) return method;
  }
  return Value::undefined(std::string("'") + type_name(object) + " object' has no attribute '" +
                          (index.string() ? *index.string() : to_repr(index, meter_)) + "'");
}

Value Renderer::attribute(const Value& object, const std::string& attribute) {
  if (object.is_undefined()) fail_undefined(object);
  if (object.space()) {
    for (const auto& [name, value] : object.space()->items)
      if (name == attribute) return value;
  } else if (LoopState* loop = object.loop()) {
    const auto at = static_cast<int64_t>(loop->index), n = static_cast<int64_t>(loop->items->items.size());
    if (attribute == "index") return at + 1;
    if (attribute == "index0") return at;
    if (attribute == "revindex") return n - at;
    if (attribute == "revindex0") return n - at - 1;
    if (attribute == "first") return at == 0;
    if (attribute == "last") return at + 1 == n;
    if (attribute == "length") return n;
    if (attribute == "depth") return loop->depth;
    if (attribute == "depth0") return loop->depth - 1;
    if (attribute == "previtem")
      return at > 0 ? loop->items->items[at - 1] : Value::undefined("there is no previous item");
    if (attribute == "nextitem")
      return at + 1 < n ? loop->items->items[at + 1] : Value::undefined("there is no next item");
    return find_method(object, attribute);
  } else {
    Value method = find_method(object, attribute);
    if (!method.is_undefined()) return method;
    if (object.dict()) {
      meter_.charge(object.dict()->items.size() / 4);
      if (const Value* found = object.dict()->find(attribute)) return *found;
    }
    if (object.callable() && attribute == "name") return Value(object.callable()->name);
  }
  return Value::undefined(std::string("'") + type_name(object) + " object' has no attribute '" + attribute + "'");
}

Arguments Renderer::arguments(const Expression& e) {
  Arguments out;
  for (const auto& argument : e.arguments) out.positional.push_back(evaluate(*argument));
  for (const auto& [name, argument] : e.named) out.named.emplace_back(name, evaluate(*argument));
  if (e.more_arguments)
    for (const Value& v : items_of(evaluate(*e.more_arguments), meter_)) out.positional.push_back(v);
  if (e.more_named) {
    const Value more = evaluate(*e.more_named);
    if (!more.dict()) throw Failure{std::string("argument after ** must be a mapping, not ") + type_name(more)};
    for (const auto& [key, value] : more.dict()->items) {
      if (!key.string()) throw Failure{"keywords must be strings"};
      out.named.emplace_back(*key.string(), value);
    }
  }
  return out;
}

Value Renderer::call(const Value& callee, Arguments& given) {
  const Deeper deeper(*this);
  meter_.charge(32);
  if (callee.is_undefined()) fail_undefined(callee);
  if (!callee.callable()) throw Failure{std::string("'") + type_name(callee) + "' object is not callable"};
  return callee.callable()->call(*this, given);
}

Value Renderer::call(const Expression& e) {
  const Value callee = evaluate(*e.items[0]);
  Arguments given = arguments(e);
  line_ = e.line;
  return call(callee, given);
}

Value Renderer::filtered(const Expression& e, const Value* block) {
  const Value input = !block ? evaluate(*e.items[0]) : e.items[0] ? filtered(*e.items[0], block) : *block;
  Arguments given = arguments(e);
  line_ = e.line;
  return call_filter(e.text, input, given);
}

Value Renderer::test(const Expression& e) {
  const Value input = evaluate(*e.items[0]);
  Arguments given = arguments(e);
  line_ = e.line;
  return call_test(e.text, input, given);
}

}  // namespace gradus::jinja
