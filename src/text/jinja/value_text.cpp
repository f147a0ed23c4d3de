// Values as text: Python's str, repr and json.dumps.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "text/jinja/python_text.h"
#include "text/jinja/value.h"
#include "text/unicode.h"

namespace gradus::jinja {

namespace {

void append_hex(uint32_t code, int digits, std::string& out) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) out += "0123456789abcdef"[code >> shift & 15];
}

/// 'it' or "it's", with escapes for what cannot be printed.
std::string quoted(const std::string& s) {
  const char quote = s.find('\'') != s.npos && s.find('"') == s.npos ? '"' : '\'';
  std::string out(1, quote);
  const char *p = s.data(), *end = p + s.size();
  while (p < end) {
    const Utf8Step step = decode_utf8(p, end);
    const uint32_t c = step.code;
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\\' || c == static_cast<uint32_t>(quote)) {
      out += '\\', out += static_cast<char>(c);
    } else if (c == kInvalidUtf8 || is_printable(c)) {
      out.append(p, step.length);
    } else if (c < 0x100) {
      out += "\\x", append_hex(c, 2, out);
    } else if (c < 0x10000) {
      out += "\\u", append_hex(c, 4, out);
    } else {
      out += "\\U", append_hex(c, 8, out);
    }
    p += step.length;
  }
  return out + quote;
}

class ReprWriter {
 public:
  explicit ReprWriter(Meter& meter) : meter_(meter) {}
  void write(const Value& v) {
    if (v.is_undefined()) return put("Undefined");
    if (v.string()) return put(quoted(*v.string()));
    if (v.list()) return write_list(*v.list());
    if (v.dict()) return write_pairs("{", v.dict()->items, "}");
    if (v.space()) {
      if (++spaces_ > 8) throw Failure{"a namespace holds itself"};
      std::vector<std::pair<Value, Value>> items;
      for (const auto& [name, value] : v.space()->items) items.emplace_back(name, value);
      write_pairs("<Namespace {", items, "}>");
      --spaces_;
      return;
    }
    if (v.loop())
      return put("<LoopContext " + std::to_string(v.loop()->index + 1) + "/" +
                 std::to_string(v.loop()->items->items.size()) + ">");
    if (v.callable()) return put("<Macro '" + v.callable()->name + "'>");
    put(to_text(v, meter_));
  }
  std::string take() { return std::move(out_); }

 private:
  void put(std::string_view text) { append(out_, text, meter_); }
  void write_items(const Values& items) {
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) put(", ");
      write(items[i]);
    }
  }
  void write_list(const ListData& list) {
    if (list.kind == Sequence::generator) return put("<generator object>");
    if (list.kind == Sequence::range) {
      const Values& i = list.items;
      return put("range(" +
                 (i.empty() ? "0, 0" : std::to_string(i[0].as_int()) + ", " + std::to_string(i.back().as_int() + 1)) +
                 ")");
    }
    put(list.kind == Sequence::list ? "[" : list.kind == Sequence::tuple ? "(" : "dict_items([");
    write_items(list.items);
    if (list.kind == Sequence::tuple && list.items.size() == 1) put(",");
    put(list.kind == Sequence::list ? "]" : list.kind == Sequence::tuple ? ")" : "])");
  }
  void write_pairs(const char* open, const std::vector<std::pair<Value, Value>>& items, const char* close) {
    put(open);
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) put(", ");
      write(items[i].first);
      put(": ");
      write(items[i].second);
    }
    put(close);
  }

  Meter& meter_;
  std::string out_;
  int spaces_ = 0;
};

class JsonWriter {
 public:
  JsonWriter(const JsonStyle& style, Meter& meter) : style_(style), meter_(meter) {}
  void write(const Value& v) {
    if (v.is_none()) return put("null");
    if (v.get<bool>()) return put(*v.get<bool>() ? "true" : "false");
    if (v.get<int64_t>()) return put(std::to_string(*v.get<int64_t>()));
    if (v.get<double>()) return put(json_float(*v.get<double>()));
    if (v.string()) return write_string(*v.string());
    if (v.list() && v.list()->kind <= Sequence::tuple) {
      const Values& items = v.list()->items;
      return write_block("[", items.size(), "]", [&](size_t i) { write(items[i]); });
    }
    if (v.dict()) return write_dict(*v.dict());
    throw Failure{std::string("Object of type ") + type_name(v) + " is not JSON serializable"};
  }
  std::string take() { return std::move(out_); }

 private:
  void put(std::string_view text) { append(out_, text, meter_); }
  static std::string json_float(double d) {
    return std::isnan(d) ? "NaN" : std::isinf(d) ? (d > 0 ? "Infinity" : "-Infinity") : float_repr(d);
  }
  template <class F>
  void write_block(const char* open, size_t n, const char* close, const F& item) {
    put(open);
    ++level_;
    for (size_t i = 0; i < n; ++i) {
      if (i > 0) put(style_.item_separator);
      new_line();
      item(i);
    }
    --level_;
    if (n > 0) new_line();
    put(close);
  }
  void new_line() {
    if (!style_.indented) return;
    put("\n");
    for (int i = 0; i < level_; ++i) put(style_.indent);
  }
  static std::string key_text(const Value& key) {
    if (key.string()) return *key.string();
    if (key.is_none()) return "null";
    if (key.get<bool>()) return *key.get<bool>() ? "true" : "false";
    if (key.get<int64_t>()) return std::to_string(*key.get<int64_t>());
    if (key.get<double>()) return json_float(*key.get<double>());
    throw Failure{std::string("keys must be str, int, float, bool or None, not ") + type_name(key)};
  }
  void write_dict(const DictData& dict) {
    std::vector<const std::pair<Value, Value>*> items;
    for (const auto& item : dict.items) items.push_back(&item);
    meter_.charge(items.size());
    if (style_.sort_keys)
      std::stable_sort(items.begin(), items.end(),
                       [this](const auto* a, const auto* b) { return compare(a->first, b->first, meter_) < 0; });
    write_block("{", items.size(), "}", [&](size_t i) {
      write_string(key_text(items[i]->first));
      put(style_.key_separator);
      write(items[i]->second);
    });
  }
  void write_string(const std::string& s) {
    std::string q = "\"";
    const char *p = s.data(), *end = p + s.size();
    while (p < end) {
      const Utf8Step step = decode_utf8(p, end);
      const uint32_t c = step.code == kInvalidUtf8 ? 0xFFFDu : step.code;
      const char* short_form = c == '"'    ? "\\\""
                               : c == '\\' ? "\\\\"
                               : c == '\n' ? "\\n"
                               : c == '\r' ? "\\r"
                               : c == '\t' ? "\\t"
                               : c == '\f' ? "\\f"
                               : c == '\b' ? "\\b"
                                           : nullptr;
      if (short_form) {
        q += short_form;
      } else if (c < 0x20 || (style_.ensure_ascii && c >= 0x7F && c < 0x10000)) {
        q += "\\u", append_hex(c, 4, q);
      } else if (style_.ensure_ascii && c >= 0x10000) {
        q += "\\u", append_hex(0xD800 + ((c - 0x10000) >> 10), 4, q);
        q += "\\u", append_hex(0xDC00 + ((c - 0x10000) & 0x3FF), 4, q);
      } else {
        append_utf8(c, q);
      }
      p += step.length;
    }
    put(q += '"');
  }

  const JsonStyle& style_;
  Meter& meter_;
  std::string out_;
  int level_ = 0;
};

}  // namespace

std::string float_repr(double d) {
  if (std::isnan(d)) return "nan";
  if (std::isinf(d)) return d > 0 ? "inf" : "-inf";
  // The shortest digits that read back as d: fixed for exponents from -4 to 15, as Python prints them.
  char buffer[32];
  const char* end = std::to_chars(buffer, buffer + sizeof buffer, d, std::chars_format::scientific).ptr;
  const char* e = std::find(static_cast<const char*>(buffer), end, 'e');
  int exponent = 0;
  std::from_chars(e + 1 + (e[1] == '+'), end, exponent);
  if (exponent < -4 || exponent >= 16) return std::string(static_cast<const char*>(buffer), end);
  char fixed[64];
  std::string out(fixed, std::to_chars(fixed, fixed + sizeof fixed, d, std::chars_format::fixed).ptr);
  return out.find('.') == out.npos ? out + ".0" : out;
}

std::string escape_html(std::string_view text) {
  std::string out;
  for (char c : text) switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&#34;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  return out;
}

std::string to_text(const Value& v, Meter& meter) {
  if (v.string()) return meter.charge(v.string()->size()), *v.string();
  if (v.is_undefined()) return "";
  if (v.is_none()) return "None";
  if (v.get<bool>()) return *v.get<bool>() ? "True" : "False";
  if (v.get<int64_t>()) return std::to_string(*v.get<int64_t>());
  if (v.get<double>()) return float_repr(*v.get<double>());
  return to_repr(v, meter);
}

std::string to_repr(const Value& v, Meter& meter) {
  ReprWriter writer(meter);
  writer.write(v);
  return writer.take();
}

std::string to_json(const Value& v, const JsonStyle& style, Meter& meter) {
  JsonWriter writer(style, meter);
  writer.write(v);
  return writer.take();
}

}  // namespace gradus::jinja
