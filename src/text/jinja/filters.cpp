// `value | …`.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "text/jinja/python_text.h"
#include "text/jinja/renderer.h"

namespace gradus::jinja {

namespace {

using R = Renderer;
using V = Value;
using A = Arguments;

void none(const char* filter, A& a) { Bound(filter, a, {}); }
std::string text(R& r, const V& v) { return to_text(v, r.meter()); }
Values items_of(R& r, const V& v) { return jinja::items_of(v, r.meter()); }
V list(Values items) { return make_list(std::move(items)); }
V generator(Values items) { return make_list(std::move(items), Sequence::generator); }

V lowered(const V& v) { return v.string() ? V(lower_text(*v.string())) : v; }

V capitalize(R& r, const V& v, A& a) { return none("capitalize", a), V(capitalize_text(text(r, v))); }
V upper(R& r, const V& v, A& a) { return none("upper", a), V(upper_text(text(r, v))); }
V lower(R& r, const V& v, A& a) { return none("lower", a), V(lower_text(text(r, v))); }

/// Words begin behind blanks, hyphens and opening brackets: not what str.title does.
V title(R& r, const V& v, A& a) {
  none("title", a);
  const std::string s = text(r, v);
  std::string out, word;
  const auto flush = [&] { out += capitalize_text(word), word.clear(); };
  for (std::string_view c : text_characters(s)) {
    const bool splits =
        c.size() == 1 ? std::string_view("-({[<").find(c[0]) != std::string_view::npos || text_is(c, TextClass::space)
                      : text_is(c, TextClass::space);
    if (splits)
      flush(), out += c;
    else
      word += c;
  }
  flush();
  return V(std::move(out));
}

V trim(R& r, const V& v, A& a) {
  Bound b("trim", a, {"chars"});
  const std::string s = text(r, v);
  const bool chosen = b.at(0) && !b.at(0)->is_none();
  return V(strip_text(s, true, true, chosen ? &b.text(0) : nullptr));
}

V replace(R& r, const V& v, A& a) {
  Bound b("replace", a, {"old", "new", "count"});
  Arguments given;
  given.positional = {V(text(r, b.need(0))), V(text(r, b.need(1)))};
  if (b.at(2) && !b.at(2)->is_none()) given.positional.push_back(*b.at(2));
  return r.call(find_method(V(text(r, v)), "replace"), given);
}

V join(R& r, const V& v, A& a) {
  Bound b("join", a, {"d", "attribute"});
  const std::string separator = b.at(0) ? text(r, *b.at(0)) : "";
  std::string out;
  bool first = true;
  for (const V& item : items_of(r, v)) {
    if (!first) append(out, separator, r.meter());
    first = false;
    append(out, text(r, b.at(1) ? attribute_path(r, item, *b.at(1)) : item), r.meter());
  }
  return V(std::move(out));
}

V length(R&, const V& v, A& a) {
  none("length", a);
  if (v.is_undefined()) return 0;
  if (v.string()) return static_cast<int64_t>(text_length(*v.string()));
  if (v.dict()) return static_cast<int64_t>(v.dict()->items.size());
  if (v.list() && v.list()->kind != Sequence::generator) return static_cast<int64_t>(v.list()->items.size());
  throw Failure{std::string("object of type '") + type_name(v) + "' has no len()"};
}

V default_(R&, const V& v, A& a) {
  Bound b("default", a, {"default_value", "boolean"});
  if (v.is_undefined() || (b.boolean(1, false) && !truth(v))) return b.at(0) ? *b.at(0) : V("");
  return v;
}

V first(R& r, const V& v, A& a) {
  none("first", a);
  const auto items = iterate(v, r.meter());
  return items->items.empty() ? V::undefined("No first item, sequence was empty.") : items->items.front();
}

V last(R& r, const V& v, A& a) {
  none("last", a);
  if (v.list() && v.list()->kind == Sequence::generator) throw Failure{"'generator' object is not reversible"};
  const auto items = iterate(v, r.meter());
  return items->items.empty() ? V::undefined("No last item, sequence was empty.") : items->items.back();
}

V to_list(R& r, const V& v, A& a) {
  none("list", a);
  return list(items_of(r, v));
}

V string(R& r, const V& v, A& a) { return none("string", a), V(text(r, v)); }

V safe(R& r, const V& v, A& a) { return none("safe", a), V::markup(text(r, v)); }

V escape(R& r, const V& v, A& a) {
  none("escape", a);
  return v.is_markup() ? v : V::markup(escape_html(text(r, v)));
}

V forceescape(R& r, const V& v, A& a) { return none("forceescape", a), V::markup(escape_html(text(r, v))); }

/// A number as Python's int() and float() read it: white space around, underscores between digits.
bool parse_float(std::string_view s, double& out) {
  s = strip_text(s, true, true);
  std::string plain;
  for (size_t i = 0; i < s.size(); ++i) {
    if (s[i] != '_')
      plain += s[i];
    else if (i == 0 || i + 1 == s.size() || !std::isdigit(static_cast<unsigned char>(s[i - 1])) ||
             !std::isdigit(static_cast<unsigned char>(s[i + 1])))
      return false;
  }
  const std::string low = lower_text(plain);
  if (low.empty() || low.find_first_of("x(") != low.npos) return false;
  char* end = nullptr;
  out = std::strtod(low.c_str(), &end);
  return end == low.c_str() + low.size();
}

bool parse_int(std::string_view s, int base, int64_t& out) {
  s = strip_text(s, true, true);
  std::string digits;
  bool negative = false;
  if (!s.empty() && (s[0] == '-' || s[0] == '+')) negative = s[0] == '-', s.remove_prefix(1);
  if (s.size() > 2 && s[0] == '0') {
    const char c = static_cast<char>(s[1] | 0x20);
    const int named = c == 'x' ? 16 : c == 'o' ? 8 : c == 'b' ? 2 : 0;
    if (named && (base == named || base == 0)) base = named, s.remove_prefix(2);
  }
  for (char c : s)
    if (c != '_') digits += c;
  if (digits.empty() || (negative && digits[0] == '-')) return false;
  if (negative) digits.insert(0, "-");
  const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out, base == 0 ? 10 : base);
  return error == std::errc() && stop == digits.data() + digits.size();
}

V to_int(R&, const V& v, A& a) {
  Bound b("int", a, {"default", "base"});
  const V otherwise = b.at(0) ? *b.at(0) : V(0);
  const int64_t base = b.integer(1, 10);
  if (base != 0 && (base < 2 || base > 36)) return otherwise;
  double d = 0;
  int64_t i = 0;
  if (v.is_int()) return v.as_int();
  if (v.string() && parse_int(*v.string(), static_cast<int>(base), i)) return i;
  if (v.string() ? !parse_float(*v.string(), d) : !v.get<double>()) return otherwise;
  if (v.get<double>()) d = *v.get<double>();
  if (!std::isfinite(d)) return otherwise;
  if (std::abs(d) >= 9.2e18) throw Failure{"an integer needs more than 64 bits"};
  return static_cast<int64_t>(d);
}

V to_float(R&, const V& v, A& a) {
  Bound b("float", a, {"default"});
  double d = 0;
  if (v.is_number()) return v.as_double();
  if (v.string() && parse_float(*v.string(), d)) return d;
  return b.at(0) ? *b.at(0) : V(0.0);
}

V abs_(R&, const V& v, A& a) {
  none("abs", a);
  if (v.get<double>()) return std::abs(*v.get<double>());
  if (!v.is_int()) throw Failure{std::string("bad operand type for abs(): '") + type_name(v) + "'"};
  if (v.as_int() == INT64_MIN) throw Failure{"an integer needs more than 64 bits"};
  return std::abs(v.as_int());
}

V round_(R&, const V& v, A& a) {
  Bound b("round", a, {"precision", "method"});
  const int64_t precision = std::clamp<int64_t>(b.integer(0, 0), -300, 300);
  const std::string method = b.at(1) ? b.text(1) : "common";
  if (!v.is_number()) throw Failure{std::string("type ") + type_name(v) + " cannot be rounded"};
  if (method == "common") {
    if (v.is_int()) return v.as_int();
    if (precision < 0) {
      const double scale = std::pow(10.0, static_cast<double>(-precision));
      return std::nearbyint(v.as_double() / scale) * scale;
    }
    char buffer[700];  // correctly rounded in decimal, as Python's round
    std::snprintf(buffer, sizeof buffer, "%.*f", static_cast<int>(precision), v.as_double());
    return std::strtod(buffer, nullptr);
  }
  if (method != "ceil" && method != "floor") throw Failure{"method must be common, ceil or floor"};
  const double scale = std::pow(10.0, static_cast<double>(precision));
  return (method == "ceil" ? std::ceil(v.as_double() * scale) : std::floor(v.as_double() * scale)) / scale;
}

V items(R& r, const V& v, A& a) {
  none("items", a);
  if (v.is_undefined()) return generator({});
  if (!v.dict()) throw Failure{"Can only get item pairs from a mapping."};
  Values out;
  for (const auto& [key, value] : v.dict()->items) out.push_back(make_list({key, value}, Sequence::tuple));
  r.meter().charge(out.size() * 64);
  return generator(std::move(out));
}

/// Sorts stably by keys made once.
void sort_by(R& r, Values& values, const std::vector<V>& keys, bool reverse) {
  std::vector<size_t> order(values.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t x, size_t y) {
    return reverse ? compare(keys[y], keys[x], r.meter()) < 0 : compare(keys[x], keys[y], r.meter()) < 0;
  });
  Values sorted;
  for (size_t i : order) sorted.push_back(values[i]);
  values = std::move(sorted);
}

V dictsort(R& r, const V& v, A& a) {
  Bound b("dictsort", a, {"case_sensitive", "by", "reverse"});
  if (!v.dict()) throw Failure{std::string("dictsort needs a mapping, got ") + type_name(v)};
  const std::string by = b.at(1) ? b.text(1) : "key";
  if (by != "key" && by != "value") throw Failure{"You can only sort by either \"key\" or \"value\""};
  Values out, keys;
  for (const auto& [key, value] : v.dict()->items) {
    out.push_back(make_list({key, value}, Sequence::tuple));
    const V& chosen = by == "key" ? key : value;
    keys.push_back(b.boolean(0, false) ? chosen : lowered(chosen));
  }
  sort_by(r, out, keys, b.boolean(2, false));
  return list(std::move(out));
}

V sort(R& r, const V& v, A& a) {
  Bound b("sort", a, {"reverse", "case_sensitive", "attribute"});
  Values out = items_of(r, v), keys;
  for (const V& item : out) {
    if (!b.at(2) || b.at(2)->is_none()) {
      keys.push_back(b.boolean(1, false) ? item : lowered(item));
      continue;
    }
    Values parts;  // attribute="a,b": by a, then by b
    if (b.at(2)->string()) {
      const std::string comma = ",";
      for (std::string_view path : split_text(*b.at(2)->string(), &comma, -1)) {
        const V key = attribute_path(r, item, V(path));
        parts.push_back(b.boolean(1, false) ? key : lowered(key));
      }
    } else {
      parts.push_back(attribute_path(r, item, *b.at(2)));
    }
    keys.push_back(list(std::move(parts)));
  }
  sort_by(r, out, keys, b.boolean(0, false));
  return list(std::move(out));
}

V unique(R& r, const V& v, A& a) {
  Bound b("unique", a, {"case_sensitive", "attribute"});
  Values out, seen;
  for (const V& item : items_of(r, v)) {
    V key = b.at(1) && !b.at(1)->is_none() ? attribute_path(r, item, *b.at(1)) : item;
    if (!b.boolean(0, false)) key = lowered(key);
    const bool known = std::any_of(seen.begin(), seen.end(), [&](const V& s) { return equals(s, key, r.meter()); });
    if (known) continue;
    seen.push_back(std::move(key));
    out.push_back(item);
  }
  return generator(std::move(out));
}

V extreme(R& r, const V& v, A& a, bool largest) {
  Bound b(largest ? "max" : "min", a, {"case_sensitive", "attribute"});
  V best = V::undefined("No aggregated item, sequence was empty."), best_key;
  bool any = false;
  for (const V& item : items_of(r, v)) {
    V key = b.at(1) && !b.at(1)->is_none() ? attribute_path(r, item, *b.at(1)) : item;
    if (!b.boolean(0, false)) key = lowered(key);
    const int c = any ? compare(key, best_key, r.meter()) : 0;
    if (any && (largest ? c <= 0 : c >= 0)) continue;
    any = true, best = item, best_key = std::move(key);
  }
  return best;
}
V min(R& r, const V& v, A& a) { return extreme(r, v, a, false); }
V max(R& r, const V& v, A& a) { return extreme(r, v, a, true); }

V sum(R& r, const V& v, A& a) {
  Bound b("sum", a, {"attribute", "start"});
  double total = 0;
  int64_t whole = 0;
  bool floating = false;
  const auto add = [&](const V& x) {
    if (!x.is_number()) throw Failure{std::string("sum needs numbers, got ") + type_name(x)};
    floating = floating || x.get<double>();
    total += x.as_double();
    if (x.is_int() && __builtin_add_overflow(whole, x.as_int(), &whole))
      throw Failure{"an integer needs more than 64 bits"};
  };
  if (b.at(1)) add(*b.at(1));
  for (const V& item : items_of(r, v)) add(b.at(0) && !b.at(0)->is_none() ? attribute_path(r, item, *b.at(0)) : item);
  return floating ? V(total) : V(whole);
}

V reverse(R& r, const V& v, A& a) {
  none("reverse", a);
  if (v.string()) {
    const auto n = static_cast<int64_t>(text_length(*v.string()));
    return V(text_slice(*v.string(), n - 1, -1, -1));
  }
  Values out = items_of(r, v);
  std::reverse(out.begin(), out.end());
  return generator(std::move(out));
}

V map(R& r, const V& v, A& a) {
  Values out;
  if (a.positional.empty()) {
    Bound b("map", a, {"attribute", "default"});
    if (!b.at(0)) throw Failure{"map requires a filter argument"};
    for (const V& item : items_of(r, v)) {
      V value = attribute_path(r, item, *b.at(0));
      out.push_back(value.is_undefined() && b.at(1) && !b.at(1)->is_none() ? *b.at(1) : std::move(value));
    }
    return generator(std::move(out));
  }
  if (!a.positional[0].string()) throw Failure{"map requires the name of a filter"};
  for (const V& item : items_of(r, v)) {
    A rest{Values(a.positional.begin() + 1, a.positional.end()), a.named};
    out.push_back(r.call_filter(*a.positional[0].string(), item, rest));
  }
  return generator(std::move(out));
}

V choose(R& r, const V& v, A& a, bool by_attribute, bool wanted) {
  const size_t test = by_attribute ? 1 : 0;
  if (a.positional.size() < test) throw Failure{"the filter needs the name of an attribute"};
  const bool tests = a.positional.size() > test;
  if (tests && !a.positional[test].string()) throw Failure{"the filter needs the name of a test"};
  Values out;
  for (const V& item : items_of(r, v)) {
    const V value = by_attribute ? attribute_path(r, item, a.positional[0]) : item;
    bool holds = truth(value);
    if (tests) {
      A rest{Values(a.positional.begin() + static_cast<int64_t>(test) + 1, a.positional.end()), a.named};
      holds = r.call_test(*a.positional[test].string(), value, rest);
    }
    if (holds == wanted) out.push_back(item);
  }
  return generator(std::move(out));
}
V select(R& r, const V& v, A& a) { return choose(r, v, a, false, true); }
V reject(R& r, const V& v, A& a) { return choose(r, v, a, false, false); }
V selectattr(R& r, const V& v, A& a) { return choose(r, v, a, true, true); }
V rejectattr(R& r, const V& v, A& a) { return choose(r, v, a, true, false); }

V groupby(R& r, const V& v, A& a) {
  Bound b("groupby", a, {"attribute", "default", "case_sensitive"});
  Values all = items_of(r, v), keys;
  const auto key_of = [&](const V& item) {
    V key = attribute_path(r, item, b.need(0));
    return key.is_undefined() && b.at(1) ? *b.at(1) : key;
  };
  for (const V& item : all) keys.push_back(b.boolean(2, false) ? key_of(item) : lowered(key_of(item)));
  sort_by(r, all, keys, false);
  Values groups, group;
  const auto close = [&] {
    if (!group.empty()) groups.push_back(make_list({key_of(group[0]), list(group)}, Sequence::tuple));
    group.clear();
  };
  for (const V& item : all) {
    const V key = key_of(item);
    if (!group.empty() && !equals(b.boolean(2, false) ? key : lowered(key),
                                  b.boolean(2, false) ? key_of(group[0]) : lowered(key_of(group[0])), r.meter()))
      close();
    group.push_back(item);
  }
  close();
  return list(std::move(groups));
}

V batch(R& r, const V& v, A& a) {
  Bound b("batch", a, {"linecount", "fill_with"});
  const int64_t size = b.integer(0, 0);
  if (size < 1 || size > 1'000'000) throw Failure{"batch needs a size from 1 to 1000000"};
  Values out, row;
  for (const V& item : items_of(r, v)) {
    if (static_cast<int64_t>(row.size()) == size) out.push_back(list(std::exchange(row, {})));
    row.push_back(item);
  }
  if (!row.empty()) {
    if (b.at(1) && !b.at(1)->is_none()) {
      r.meter().charge(static_cast<uint64_t>(size) * sizeof(V));
      row.resize(size, *b.at(1));
    }
    out.push_back(list(std::move(row)));
  }
  return generator(std::move(out));
}

V indent(R& r, const V& v, A& a) {
  Bound b("indent", a, {"width", "first", "blank"});
  std::string by(4, ' ');
  if (b.at(0) && b.at(0)->string())
    by = *b.at(0)->string();
  else if (b.at(0))
    by = std::string(static_cast<size_t>(std::clamp<int64_t>(b.integer(0, 4), 0, 1000)), ' ');
  const std::string s = text(r, v) + "\n";
  std::string out;
  bool first_line = true;
  for (std::string_view line : split_lines(s, false)) {
    if (!first_line) {
      append(out, "\n", r.meter());
      if (!line.empty() || b.boolean(2, false)) append(out, by, r.meter());
    }
    first_line = false;
    append(out, line, r.meter());
  }
  return V(b.boolean(1, false) ? by + out : out);
}

V truncate(R& r, const V& v, A& a) {
  Bound b("truncate", a, {"length", "killwords", "end", "leeway"});
  const std::string s = text(r, v), end = b.at(2) ? b.text(2) : "...";
  const int64_t limit = b.integer(0, 255), leeway = b.at(3) && !b.at(3)->is_none() ? b.integer(3, 5) : 5;
  const auto tail = static_cast<int64_t>(text_length(end));
  if (limit < tail || leeway < 0) throw Failure{"truncate: the length must hold the end, and the leeway be positive"};
  const auto n = static_cast<int64_t>(text_length(s));
  if (n - limit <= leeway) return V(s);
  const std::string cut = text_slice(s, 0, limit - tail, 1);
  return V((b.boolean(1, false) ? cut : cut.substr(0, cut.rfind(' '))) + end);
}

V wordcount(R& r, const V& v, A& a) {
  none("wordcount", a);
  const std::string s = text(r, v);
  int64_t n = 0;
  bool inside = false;
  for (std::string_view c : text_characters(s)) {
    const bool word = c == "_" || text_is(c, TextClass::alnum);
    n += word && !inside;
    inside = word;
  }
  return n;
}

V center(R& r, const V& v, A& a) {
  Bound b("center", a, {"width"});
  Arguments given;
  given.positional = {V(b.integer(0, 80))};
  return r.call(find_method(V(text(r, v)), "center"), given);
}

V format(R& r, const V& v, A& a) {
  if (!a.positional.empty() && !a.named.empty())
    throw Failure{"can't handle positional and keyword arguments at the same time"};
  if (a.named.empty()) return V(percent_format(text(r, v), make_list(a.positional, Sequence::tuple), r.meter()));
  std::vector<std::pair<V, V>> named;
  for (const auto& [name, value] : a.named) named.emplace_back(name, value);
  return V(percent_format(text(r, v), make_dict(std::move(named)), r.meter()));
}

V attr(R& r, const V& v, A& a) {
  Bound b("attr", a, {"name"});
  if (v.dict()) {
    const V method = find_method(v, b.text(0));
    return method.is_undefined() ? V::undefined("'dict object' has no attribute '" + b.text(0) + "'") : method;
  }
  return r.attribute(v, b.text(0));
}

V tojson(R& r, const V& v, A& a) {
  Bound b("tojson", a, {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  style.ensure_ascii = b.boolean(0, false);
  style.sort_keys = b.boolean(3, false);
  if (b.at(1) && !b.at(1)->is_none()) {
    style.indented = true;
    style.item_separator = ",";
    if (b.at(1)->string())
      style.indent = *b.at(1)->string();
    else
      style.indent = std::string(static_cast<size_t>(std::clamp<int64_t>(b.integer(1, 0), 0, 1000)), ' ');
  }
  if (b.at(2) && !b.at(2)->is_none()) {
    const auto pair = iterate(*b.at(2), r.meter());
    if (pair->items.size() != 2 || !pair->items[0].string() || !pair->items[1].string())
      throw Failure{"tojson: separators must be two strings"};
    style.item_separator = *pair->items[0].string(), style.key_separator = *pair->items[1].string();
  }
  return V(to_json(v, style, r.meter()));
}

struct FilterEntry {
  const char* name;
  Filter filter;
};

constexpr FilterEntry kFilters[] = {
    {"abs", abs_},
    {"attr", attr},
    {"batch", batch},
    {"capitalize", capitalize},
    {"center", center},
    {"count", length},
    {"d", default_},
    {"default", default_},
    {"dictsort", dictsort},
    {"e", escape},
    {"escape", escape},
    {"first", first},
    {"float", to_float},
    {"forceescape", forceescape},
    {"format", format},
    {"groupby", groupby},
    {"indent", indent},
    {"int", to_int},
    {"items", items},
    {"join", join},
    {"last", last},
    {"length", length},
    {"list", to_list},
    {"lower", lower},
    {"map", map},
    {"max", max},
    {"min", min},
    {"reject", reject},
    {"rejectattr", rejectattr},
    {"replace", replace},
    {"reverse", reverse},
    {"round", round_},
    {"safe", safe},
    {"select", select},
    {"selectattr", selectattr},
    {"sort", sort},
    {"string", string},
    {"sum", sum},
    {"title", title},
    {"tojson", tojson},
    {"trim", trim},
    {"truncate", truncate},
    {"unique", unique},
    {"upper", upper},
    {"wordcount", wordcount},
};

}  // namespace

Filter find_filter(std::string_view name) {
  for (const FilterEntry& e : kFilters)
    if (name == e.name) return e.filter;
  return nullptr;
}

Value attribute_path(Renderer& renderer, const Value& object, const Value& path) {
  if (!path.string()) return renderer.item(object, path);
  Value value = object;
  const std::string dot = ".";
  for (std::string_view part : split_text(*path.string(), &dot, -1)) {
    const bool number = !part.empty() && part.size() < 10 &&
                        std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
    value = renderer.item(value, number ? Value(int64_t{std::atoi(std::string(part).c_str())}) : Value(part));
  }
  return value;
}

}  // namespace gradus::jinja
