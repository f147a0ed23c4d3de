// Python's two ways of formatting: "%s" % values and "{}".format(values).
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "text/jinja/python_text.h"
#include "text/jinja/renderer.h"

namespace gradus::jinja {

namespace {

constexpr int64_t kMaxWidth = 10'000;  // of fields and precisions

/// What stands between '%' and the letter, or behind the ':' of a replacement field.
struct Field {
  std::string fill = " ";
  char align = 0, sign = 0;
  bool alternate = false, zero = false;
  char thousands = 0;
  int64_t width = 0, precision = -1;
  char type = 0;
};

int64_t read_number(std::string_view s, size_t& at) {
  int64_t n = 0;
  for (; at < s.size() && s[at] >= '0' && s[at] <= '9'; ++at) {
    n = n * 10 + (s[at] - '0');
    if (n > kMaxWidth) throw Failure{"a format asks for more than 10000 characters"};
  }
  return n;
}

std::string grouped(const std::string& digits, char separator) {
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out += separator;
    out += digits[i];
  }
  return out;
}

std::string digits_of(uint64_t n, unsigned base, bool upper) {
  std::string out;
  do out.insert(out.begin(), (upper ? "0123456789ABCDEF" : "0123456789abcdef")[n % base]);
  while (n /= base);
  return out;
}

/// Sign, prefix and digits of a number, padded as the field says.
std::string pad_number(const Field& f, bool negative, const std::string& prefix, std::string digits) {
  if (f.thousands) {
    const size_t point = digits.find_first_not_of("0123456789");
    digits = grouped(digits.substr(0, point), f.thousands) + (point == digits.npos ? "" : digits.substr(point));
  }
  const std::string sign = negative ? "-" : f.sign == '+' ? "+" : f.sign == ' ' ? " " : "";
  const auto used = static_cast<int64_t>(sign.size() + prefix.size() + digits.size());
  std::string pad;
  for (int64_t i = used; i < f.width; ++i) pad += f.fill;
  switch (f.align ? f.align : '>') {
    case '<': return sign + prefix + digits + pad;
    case '=': return sign + prefix + pad + digits;
    case '^': {
      const size_t left = pad.size() / f.fill.size() / 2 * f.fill.size();
      return pad.substr(0, left) + sign + prefix + digits + pad.substr(left);
    }
    default: return pad + sign + prefix + digits;
  }
}

std::string pad_text(const Field& f, std::string text) {
  if (f.precision >= 0)
    text = text_slice(text, 0, std::min<int64_t>(f.precision, static_cast<int64_t>(text_length(text))), 1);
  std::string pad;
  const auto missing = f.width - static_cast<int64_t>(text_length(text));
  for (int64_t i = 0; i < missing; ++i) pad += f.fill;
  if (f.align == '>') return pad + text;
  if (f.align != '^') return text + pad;
  const size_t left = pad.size() / f.fill.size() / 2 * f.fill.size();
  return pad.substr(0, left) + text + pad.substr(left);
}

std::string format_int(const Field& f, int64_t value) {
  const bool negative = value < 0;
  const uint64_t size = negative ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  const unsigned base = f.type == 'x' || f.type == 'X' ? 16 : f.type == 'o' ? 8 : f.type == 'b' ? 2 : 10;
  std::string digits = digits_of(size, base, f.type == 'X');
  while (static_cast<int64_t>(digits.size()) < f.precision) digits.insert(digits.begin(), '0');
  const std::string prefix = f.alternate && base != 10 ? std::string("0") + f.type : "";
  return pad_number(f, negative, prefix, std::move(digits));
}

std::string format_float(const Field& f, double value, char type) {
  const bool percent = type == '%';
  if (percent) value *= 100, type = 'f';
  const bool upper = type == 'E' || type == 'F' || type == 'G';
  std::string digits;
  if (!std::isfinite(value)) {
    digits = std::isnan(value) ? (upper ? "NAN" : "nan") : upper ? "INF" : "inf";
  } else {
    const char pattern[] = {
        '%', f.alternate ? '#' : '.', f.alternate ? '.' : '*', f.alternate ? '*' : type, f.alternate ? type : '\0',
        '\0'};
    const int precision = static_cast<int>(f.precision < 0 ? 6 : f.precision);
    digits.resize(static_cast<size_t>(precision) + 400);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    digits.resize(
        static_cast<size_t>(std::snprintf(digits.data(), digits.size(), pattern, precision, std::abs(value))));
#pragma GCC diagnostic pop
  }
  return pad_number(f, std::signbit(value) && !std::isnan(value), "", digits + (percent ? "%" : ""));
}

double number(const Value& v, char type) {
  if (!v.is_number())
    throw Failure{std::string("%") + type + " format: a real number is required, not " + type_name(v)};
  return v.as_double();
}

std::string percent_field(Field f, const Value& v, Meter& meter) {
  if (f.zero && f.align != '<') f.fill = "0", f.align = '=';
  switch (f.type) {
    case 's':
    case 'a':
    case 'r':
      f.fill = " ", f.align = f.align == '<' ? '<' : '>';
      return pad_text(f, f.type == 's' ? to_text(v, meter) : to_repr(v, meter));
    case 'd':
    case 'i':
    case 'u': {
      const double d = number(v, f.type);
      f.type = 'd';
      if (!v.get<double>()) return format_int(f, v.as_int());
      if (!(std::abs(d) < 9.2e18)) throw Failure{"an integer needs more than 64 bits"};
      return format_int(f, static_cast<int64_t>(d));
    }
    case 'x':
    case 'X':
    case 'o':
      if (!v.is_int())
        throw Failure{std::string("%") + f.type + " format: an integer is required, not " + type_name(v)};
      return format_int(f, v.as_int());
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G': return format_float(f, number(v, f.type), f.type);
    case 'c': {
      f.precision = -1, f.fill = " ", f.align = f.align == '<' ? '<' : '>';
      if (v.string() && text_length(*v.string()) == 1) return pad_text(f, *v.string());
      throw Failure{"%c requires a single character"};
    }
    default: throw Failure{std::string("unsupported format character '") + f.type + "'"};
  }
}

/// The part behind ':' of a replacement field.
Field read_spec(std::string_view spec) {
  Field f;
  const auto characters = text_characters(spec);
  const auto is_align = [](std::string_view c) { return c == "<" || c == ">" || c == "^" || c == "="; };
  size_t at = 0;
  if (characters.size() > 1 && is_align(characters[1])) {
    f.fill = characters[0], f.align = characters[1][0];
    at = characters[0].size() + 1;
  } else if (!characters.empty() && is_align(characters[0])) {
    f.align = characters[0][0], at = 1;
  }
  const auto take = [&](const char* any) {
    return at < spec.size() && std::string_view(any).find(spec[at]) != std::string_view::npos ? spec[at++] : '\0';
  };
  f.sign = take("+- ");
  f.alternate = take("#") != 0;
  if (take("0") && !f.align) f.fill = "0", f.align = '=';
  f.width = read_number(spec, at);
  f.thousands = take(",_");
  if (take(".")) f.precision = read_number(spec, at);
  f.type = take("sdxXobeEfFgG%cn");
  if (at != spec.size()) throw Failure{"invalid format specifier '" + std::string(spec) + "'"};
  return f;
}

std::string brace_field(Field f, const Value& v, Meter& meter) {
  const bool integral =
      f.type == 'd' || f.type == 'n' || f.type == 'x' || f.type == 'X' || f.type == 'o' || f.type == 'b';
  if (v.get<int64_t>() && (f.type == 0 || integral)) return f.precision = -1, format_int(f, v.as_int());
  if (v.get<bool>() && integral) return format_int(f, v.as_int());
  if (v.is_number() && f.type != 0 && f.type != 's' && f.type != 'c') return format_float(f, v.as_double(), f.type);
  if (v.get<double>() && f.type == 0) {
    if (f.precision >= 0) return format_float(f, v.as_double(), 'g');
    const double d = v.as_double();
    return pad_number(f, std::signbit(d) && !std::isnan(d), "", float_repr(std::abs(d)));
  }
  if (f.type != 0 && f.type != 's')
    throw Failure{std::string("unknown format code '") + f.type + "' for object of type '" + type_name(v) + "'"};
  return pad_text(f, to_text(v, meter));
}

}  // namespace

std::string percent_format(const std::string& format, const Value& values, Meter& meter) {
  std::string out;
  const bool tuple = values.list() && values.list()->kind == Sequence::tuple;
  size_t next = 0;
  const auto take_value = [&]() -> const Value& {
    if (tuple ? next >= values.list()->items.size() : next > 0) throw Failure{"not enough arguments for format string"};
    return tuple ? values.list()->items[next++] : (++next, values);
  };
  bool by_name = false;
  for (size_t i = 0; i < format.size();) {
    if (format[i] != '%') {
      const size_t end = std::min(format.find('%', i), format.size());
      append(out, std::string_view(format).substr(i, end - i), meter);
      i = end;
      continue;
    }
    ++i;
    Field f;
    const Value* named = nullptr;
    if (i < format.size() && format[i] == '(') {
      const size_t close = format.find(')', i);
      if (close == format.npos) throw Failure{"incomplete format key"};
      if (!values.dict()) throw Failure{"format requires a mapping"};
      const std::string key = format.substr(i + 1, close - i - 1);
      named = values.dict()->find(key);
      if (!named) throw Failure{"the format key '" + key + "' is not in the mapping"};
      by_name = true;
      i = close + 1;
    }
    for (; i < format.size() && std::string_view("-+ #0").find(format[i]) != std::string_view::npos; ++i) {
      const char c = format[i];
      if (c == '-')
        f.align = '<';
      else if (c == '0')
        f.zero = true;
      else if (c == '#')
        f.alternate = true;
      else if (f.sign != '+')
        f.sign = c;
    }
    const auto size = [&]() -> int64_t {
      if (i >= format.size() || format[i] != '*') return read_number(format, i);
      ++i;
      const Value& v = take_value();
      if (!v.is_int() || v.as_int() < 0 || v.as_int() > kMaxWidth) throw Failure{"* wants an int up to 10000"};
      return v.as_int();
    };
    f.width = size();
    if (i < format.size() && format[i] == '.') ++i, f.precision = size();
    while (i < format.size() && (format[i] == 'l' || format[i] == 'h' || format[i] == 'L')) ++i;
    if (i >= format.size()) throw Failure{"incomplete format"};
    f.type = format[i++];
    if (f.type == '%')
      append(out, "%", meter);
    else
      append(out, percent_field(f, named ? *named : take_value(), meter), meter);
  }
  if (!by_name && (tuple ? next < values.list()->items.size() : next == 0 && !values.dict() && !values.list()))
    throw Failure{"not all arguments converted during string formatting"};
  return out;
}

std::string brace_format(Renderer& renderer, const std::string& format, Arguments& arguments) {
  Meter& meter = renderer.meter();
  std::string out;
  size_t automatic = 0;
  for (size_t i = 0; i < format.size();) {
    const size_t brace = std::min(format.find_first_of("{}", i), format.size());
    append(out, std::string_view(format).substr(i, brace - i), meter);
    i = brace;
    if (i >= format.size()) break;
    if (i + 1 < format.size() && format[i + 1] == format[i]) {
      append(out, format.substr(i, 1), meter);
      i += 2;
      continue;
    }
    const size_t close = format.find('}', i);
    if (format[i] == '}' || close == format.npos) throw Failure{"single '{' or '}' in a format string"};
    const std::string_view field = std::string_view(format).substr(i + 1, close - i - 1);
    i = close + 1;
    if (field.find('{') != field.npos) throw Failure{"nested replacement fields are not supported"};
    const size_t colon = std::min(field.find(':'), field.size());
    std::string_view path = field.substr(0, colon);
    const std::string_view spec = colon < field.size() ? field.substr(colon + 1) : std::string_view();
    char conversion = 0;
    if (path.size() >= 2 && path[path.size() - 2] == '!') conversion = path.back(), path.remove_suffix(2);
    const size_t root_end = std::min(path.find_first_of(".["), path.size());
    const std::string root(path.substr(0, root_end));
    Value v;
    if (root.empty() || std::all_of(root.begin(), root.end(), [](char c) { return c >= '0' && c <= '9'; })) {
      size_t at = 0;
      const size_t index = root.empty() ? automatic++ : static_cast<size_t>(read_number(root, at));
      if (index >= arguments.positional.size())
        throw Failure{"replacement index " + std::to_string(index) + " out of range for positional args tuple"};
      v = arguments.positional[index];
    } else {
      const auto named =
          std::find_if(arguments.named.begin(), arguments.named.end(), [&](const auto& n) { return n.first == root; });
      if (named == arguments.named.end()) throw Failure{"the format names '" + root + "', which is no argument"};
      v = named->second;
    }
    for (path.remove_prefix(root_end); !path.empty();) {
      const bool attribute = path[0] == '.';
      const size_t end = attribute ? std::min(path.find_first_of(".[", 1), path.size()) : path.find(']');
      if (end == path.npos) throw Failure{"expected ']' in a format string"};
      const std::string key(path.substr(1, end - 1));
      const bool numeric = !key.empty() && key.size() < 10 &&
                           std::all_of(key.begin(), key.end(), [](char c) { return c >= '0' && c <= '9'; });
      v = attribute ? renderer.attribute(v, key)
                    : renderer.item(v, numeric ? Value(int64_t{std::stoi(key)}) : Value(key));
      path.remove_prefix(attribute ? end : end + 1);
    }
    if (conversion == 'r' || conversion == 's')
      v = Value(conversion == 'r' ? to_repr(v, meter) : to_text(v, meter));
    else if (conversion)
      throw Failure{std::string("unknown conversion specifier '") + conversion + "'"};
    append(out, brace_field(read_spec(spec), v, meter), meter);
  }
  return out;
}

}  // namespace gradus::jinja
