// Methods of str, dict, list and loop. Those that would change a list or dict are left out: the sandbox that Hugging
// Face renders in refuses them as well.
#include <algorithm>

#include "text/jinja/python_text.h"
#include "text/jinja/renderer.h"

namespace gradus::jinja {

namespace {

using R = Renderer;
using A = Arguments;

using StringMethod = Value (*)(R&, const std::string&, A&);

void no_arguments(const char* method, A& a) { Bound(method, a, {}); }

Value words(const std::vector<std::string_view>& parts, Meter& meter) {
  Values out;
  meter.charge(parts.size() * 64);
  for (std::string_view part : parts) out.emplace_back(part);
  return make_list(std::move(out));
}

Value strip_method(const char* name, const std::string& s, A& a, bool left, bool right) {
  Bound b(name, a, {"chars"});
  const bool chosen = b.at(0) && !b.at(0)->is_none();
  return Value(strip_text(s, left, right, chosen ? &b.text(0) : nullptr));
}

Value split_method(const char* name, R& r, const std::string& s, A& a, bool right) {
  Bound b(name, a, {"sep", "maxsplit"});
  const bool chosen = b.at(0) && !b.at(0)->is_none();
  if (chosen && b.text(0).empty()) throw Failure{"empty separator"};
  r.meter().charge(s.size());
  const std::string* separator = chosen ? &b.text(0) : nullptr;
  const int64_t most = b.integer(1, -1);
  return words(right ? rsplit_text(s, separator, most) : split_text(s, separator, most), r.meter());
}

/// The part [start, end) that find, count and startswith look at; nothing when start lies behind the end.
bool part_of(const Bound& b, const std::string& s, std::string_view& part, int64_t& offset) {
  part = s, offset = 0;
  if (!b.at(1)) return true;
  const auto n = static_cast<int64_t>(text_length(s));
  if (b.at(1)->is_int() && b.at(1)->as_int() > n) return false;
  const SliceRange range = slice_range(b.at(1), b.at(2), nullptr, n);
  if (range.start > range.stop) return false;
  const auto characters = text_characters(s);
  const auto byte = [&](int64_t i) { return i < n ? static_cast<size_t>(characters[i].data() - s.data()) : s.size(); };
  part = part.substr(byte(range.start), byte(range.stop) - byte(range.start));
  offset = range.start;
  return true;
}

int64_t find_in(const char* name, R& r, const std::string& s, A& a, bool last) {
  Bound b(name, a, {"sub", "start", "end"});
  std::string_view part;
  int64_t offset = 0;
  r.meter().charge(s.size());
  const std::string& wanted = b.text(0);
  if (!part_of(b, s, part, offset)) return -1;
  const size_t at = last ? part.rfind(wanted) : part.find(wanted);
  return at == part.npos ? -1 : offset + static_cast<int64_t>(text_length(part.substr(0, at)));
}

Value starts(const char* name, R& r, const std::string& s, A& a, bool at_end) {
  Bound b(name, a, {"prefix", "start", "end"});
  std::string_view part;
  int64_t offset = 0;
  if (!part_of(b, s, part, offset)) return false;
  const auto fits = [&](const Value& v) {
    if (!v.string()) throw Failure{std::string(name) + " first arg must be str or a tuple of str, not " + type_name(v)};
    const std::string& x = *v.string();
    if (x.size() > part.size()) return false;
    return (at_end ? part.substr(part.size() - x.size()) : part.substr(0, x.size())) == x;
  };
  const Value& wanted = b.need(0);
  if (!wanted.list() || wanted.list()->kind != Sequence::tuple) return fits(wanted);
  r.meter().charge(wanted.list()->items.size());
  return std::any_of(wanted.list()->items.begin(), wanted.list()->items.end(), fits);
}

Value replace_method(R& r, const std::string& s, A& a) {
  Bound b("replace", a, {"old", "new", "count"});
  const std::string &from = b.text(0), &to = b.text(1);
  int64_t left = b.integer(2, -1);
  std::string out;
  if (from.empty()) {  // between all characters, and at both ends
    for (std::string_view c : text_characters(s)) {
      if (left != 0) append(out, to, r.meter()), --left;
      append(out, c, r.meter());
    }
    if (left != 0) append(out, to, r.meter());
    return Value(std::move(out));
  }
  size_t at = 0;
  for (size_t next; left != 0 && (next = s.find(from, at)) != s.npos; at = next + from.size(), --left) {
    append(out, std::string_view(s).substr(at, next - at), r.meter());
    append(out, to, r.meter());
  }
  append(out, std::string_view(s).substr(at), r.meter());
  return Value(std::move(out));
}

Value pad_method(const char* name, R& r, const std::string& s, A& a, bool left, bool right) {
  Bound b(name, a, {"width", "fillchar"});
  const std::string fill = b.at(1) ? b.text(1) : " ";
  if (text_length(fill) != 1) throw Failure{std::string(name) + ": the fill character must be exactly one"};
  b.need(0);
  const auto n = static_cast<int64_t>(text_length(s));
  const int64_t width = b.integer(0, 0), pad = std::max<int64_t>(width - n, 0);
  // str.center puts the odd blank left when the width is odd.
  const int64_t before = left && right ? pad / 2 + (pad & width & 1) : left ? pad : 0;
  std::string out;
  for (int64_t i = 0; i < before; ++i) append(out, fill, r.meter());
  append(out, s, r.meter());
  for (int64_t i = before; i < pad; ++i) append(out, fill, r.meter());
  return Value(std::move(out));
}

Value partition(const char* name, const std::string& s, A& a, bool last) {
  Bound b(name, a, {"sep"});
  const std::string& separator = b.text(0);
  if (separator.empty()) throw Failure{"empty separator"};
  const size_t at = last ? s.rfind(separator) : s.find(separator);
  if (at == s.npos)
    return make_list(last ? Values{Value(""), Value(""), Value(s)} : Values{Value(s), Value(""), Value("")},
                     Sequence::tuple);
  return make_list({Value(s.substr(0, at)), Value(separator), Value(s.substr(at + separator.size()))}, Sequence::tuple);
}

template <TextClass what>
Value is_method(R&, const std::string& s, A& a) {
  no_arguments("is…", a);
  return text_is(s, what);
}

template <std::string (*change)(std::string_view)>
Value case_method(R&, const std::string& s, A& a) {
  no_arguments("the method", a);
  return Value(change(s));
}

struct StringEntry {
  const char* name;
  StringMethod call;
};

constexpr StringEntry kStringMethods[] = {
    {"strip", [](R&, const std::string& s, A& a) { return strip_method("strip", s, a, true, true); }},
    {"lstrip", [](R&, const std::string& s, A& a) { return strip_method("lstrip", s, a, true, false); }},
    {"rstrip", [](R&, const std::string& s, A& a) { return strip_method("rstrip", s, a, false, true); }},
    {"split", [](R& r, const std::string& s, A& a) { return split_method("split", r, s, a, false); }},
    {"rsplit", [](R& r, const std::string& s, A& a) { return split_method("rsplit", r, s, a, true); }},
    {"splitlines",
     [](R& r, const std::string& s, A& a) {
       Bound b("splitlines", a, {"keepends"});
       return words(split_lines(s, b.boolean(0, false)), r.meter());
     }},
    {"startswith", [](R& r, const std::string& s, A& a) { return starts("startswith", r, s, a, false); }},
    {"endswith", [](R& r, const std::string& s, A& a) { return starts("endswith", r, s, a, true); }},
    {"upper", case_method<upper_text>},
    {"lower", case_method<lower_text>},
    {"casefold", case_method<lower_text>},
    {"title", case_method<title_text>},
    {"capitalize", case_method<capitalize_text>},
    {"swapcase", case_method<swapcase_text>},
    {"replace", replace_method},
    {"find", [](R& r, const std::string& s, A& a) { return Value(find_in("find", r, s, a, false)); }},
    {"rfind", [](R& r, const std::string& s, A& a) { return Value(find_in("rfind", r, s, a, true)); }},
    {"index",
     [](R& r, const std::string& s, A& a) {
       const int64_t at = find_in("index", r, s, a, false);
       if (at < 0) throw Failure{"substring not found"};
       return Value(at);
     }},
    {"rindex",
     [](R& r, const std::string& s, A& a) {
       const int64_t at = find_in("rindex", r, s, a, true);
       if (at < 0) throw Failure{"substring not found"};
       return Value(at);
     }},
    {"count",
     [](R& r, const std::string& s, A& a) {
       Bound b("count", a, {"sub", "start", "end"});
       std::string_view part;
       int64_t offset = 0, n = 0;
       r.meter().charge(s.size());
       if (!part_of(b, s, part, offset)) return Value(0);
       const std::string& wanted = b.text(0);
       if (wanted.empty()) return Value(static_cast<int64_t>(text_length(part)) + 1);
       for (size_t at = 0; (at = part.find(wanted, at)) != part.npos; at += wanted.size()) ++n;
       return Value(n);
     }},
    {"join",
     [](R& r, const std::string& s, A& a) {
       Bound b("join", a, {"iterable"});
       std::string out;
       size_t i = 0;
       for (const Value& item : items_of(b.need(0), r.meter())) {
         if (!item.string())
           throw Failure{"sequence item " + std::to_string(i) + ": expected str instance, " + type_name(item) +
                         " found"};
         if (i++ > 0) append(out, s, r.meter());
         append(out, *item.string(), r.meter());
       }
       return Value(std::move(out));
     }},
    {"format", [](R& r, const std::string& s, A& a) { return Value(brace_format(r, s, a)); }},
    {"zfill",
     [](R& r, const std::string& s, A& a) {
       const bool sign = !s.empty() && (s[0] == '-' || s[0] == '+');
       Bound b("zfill", a, {"width"});
       A given;
       given.positional = {Value(b.integer(0, 0) - sign), Value("0")};
       const Value padded = pad_method("zfill", r, s.substr(sign), given, true, false);
       return Value(s.substr(0, sign) + *padded.string());
     }},
    {"rjust", [](R& r, const std::string& s, A& a) { return pad_method("rjust", r, s, a, true, false); }},
    {"ljust", [](R& r, const std::string& s, A& a) { return pad_method("ljust", r, s, a, false, true); }},
    {"center", [](R& r, const std::string& s, A& a) { return pad_method("center", r, s, a, true, true); }},
    {"partition", [](R&, const std::string& s, A& a) { return partition("partition", s, a, false); }},
    {"rpartition", [](R&, const std::string& s, A& a) { return partition("rpartition", s, a, true); }},
    {"removeprefix",
     [](R&, const std::string& s, A& a) {
       Bound b("removeprefix", a, {"prefix"});
       return Value(s.starts_with(b.text(0)) ? s.substr(b.text(0).size()) : s);
     }},
    {"removesuffix",
     [](R&, const std::string& s, A& a) {
       Bound b("removesuffix", a, {"suffix"});
       return Value(s.ends_with(b.text(0)) ? s.substr(0, s.size() - b.text(0).size()) : s);
     }},
    {"isalpha", is_method<TextClass::alpha>},
    {"isdigit", is_method<TextClass::digit>},
    {"isdecimal", is_method<TextClass::decimal>},
    {"isnumeric", is_method<TextClass::numeric>},
    {"isalnum", is_method<TextClass::alnum>},
    {"isspace", is_method<TextClass::space>},
    {"islower", is_method<TextClass::lower>},
    {"isupper", is_method<TextClass::upper>},
    {"istitle", is_method<TextClass::title>},
    {"isascii", is_method<TextClass::ascii>},
    {"isprintable", is_method<TextClass::printable>},
    {"isidentifier", is_method<TextClass::identifier>},
};

template <class F>
Value bind(const std::string& name, F call) {
  return Value(std::make_shared<const Callable>(Callable{name, std::move(call)}));
}

Value string_method(const Value& object, const std::string& name) {
  for (const StringEntry& e : kStringMethods)
    if (name == e.name)
      return bind(name, [object, call = e.call](R& r, A& a) {
        r.meter().charge(object.string()->size());
        return call(r, *object.string(), a);
      });
  return {};
}

Value dict_method(const Value& object, const std::string& name) {
  const auto listing = [&](auto pick) {
    return bind(name, [object, pick](R& r, A& a) {
      no_arguments("the method", a);
      Values out;
      for (const auto& [key, value] : object.dict()->items) out.push_back(pick(key, value));
      r.meter().charge(out.size() * 64);
      return make_list(std::move(out), Sequence::view);
    });
  };
  if (name == "keys") return listing([](const Value& key, const Value&) { return key; });
  if (name == "values") return listing([](const Value&, const Value& value) { return value; });
  if (name == "items")
    return listing([](const Value& key, const Value& value) { return make_list({key, value}, Sequence::tuple); });
  if (name == "get")
    return bind(name, [object](R& r, A& a) {
      Bound b("get", a, {"key", "default"});
      const Value* found = object.dict()->find(b.need(0), r.meter());
      return found ? *found : b.at(1) ? *b.at(1) : Value(None{});
    });
  if (name == "copy") return bind(name, [object](R&, A& a) { return no_arguments("copy", a), object; });
  static const char* const kChanging[] = {"clear", "pop", "popitem", "setdefault", "update"};
  if (std::find(std::begin(kChanging), std::end(kChanging), name) != std::end(kChanging))
    return bind(name, [name](R&, A&) -> Value {
      throw Failure{"dict." + name + " would change a value, which templates may not"};
    });
  return {};
}

Value list_method(const Value& object, const std::string& name) {
  if (object.list()->kind > Sequence::range) return {};
  if (name == "count")
    return bind(name, [object](R& r, A& a) {
      Bound b("count", a, {"value"});
      int64_t n = 0;
      for (const Value& v : object.list()->items) n += equals(v, b.need(0), r.meter());
      return Value(n);
    });
  if (name == "index")
    return bind(name, [object](R& r, A& a) {
      Bound b("index", a, {"value"});
      const Values& items = object.list()->items;
      for (size_t i = 0; i < items.size(); ++i)
        if (equals(items[i], b.need(0), r.meter())) return Value(static_cast<int64_t>(i));
      throw Failure{to_repr(b.need(0), r.meter()) + " is not in list"};
    });
  if (object.list()->kind != Sequence::list) return {};
  if (name == "copy") return bind(name, [object](R&, A& a) { return no_arguments("copy", a), object; });
  static const char* const kChanging[] = {"append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"};
  if (std::find(std::begin(kChanging), std::end(kChanging), name) != std::end(kChanging))
    return bind(name, [name](R&, A&) -> Value {
      throw Failure{"list." + name + " would change a value, which templates may not",
                    "set x = x + [item] makes a new list."};
    });
  return {};
}

Value loop_method(const Value& object, const std::string& name) {
  if (name == "cycle")
    return bind(name, [object](R&, A& a) {
      if (a.positional.empty()) throw Failure{"no items for cycling given"};
      return a.positional[object.loop()->index % a.positional.size()];
    });
  if (name == "changed")
    return bind(name, [object](R& r, A& a) {
      LoopState& loop = *object.loop();
      const Value now = make_list(a.positional, Sequence::tuple);
      const bool changed = !loop.changed_called || !equals(loop.last_changed, now, r.meter());
      loop.changed_called = true, loop.last_changed = now;
      return Value(changed);
    });
  return {};
}

}  // namespace

Value find_method(const Value& object, const std::string& name) {
  if (object.string()) return string_method(object, name);
  if (object.dict()) return dict_method(object, name);
  if (object.list()) return list_method(object, name);
  if (object.loop()) return loop_method(object, name);
  return {};
}

}  // namespace gradus::jinja
