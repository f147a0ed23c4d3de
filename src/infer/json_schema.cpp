#include "infer/json_schema.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"

namespace gradus {

namespace {

// RFC 8259. Lengths of numbers are bounded, or a model might never end one.
constexpr const char* kBasics = R"(value ::= object | array | string | number | "true" | "false" | "null"
object ::= "{" ( string ":" space value ( "," space string ":" space value )* )? "}"
array ::= "[" ( value ( "," space value )* )? "]"
string ::= "\"" char* "\""
char ::= [^"\\\x00-\x1F] | "\\" ( ["\\/bfnrt] | "u" [0-9a-fA-F]{4} )
integer ::= "-"? ( "0" | [1-9] [0-9]{0,15} )
number ::= integer ( "." [0-9]{1,16} )? ( [eE] [-+]? [0-9]{1,3} )?
space ::= " "?
)";

constexpr int kDeepestSchema = 64;

std::string quoted(const std::string& text) {
  static const char* const kDigits = "0123456789ABCDEF";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      out += "\\x";
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

// {n,m} of x, {n,} when there is no most.
std::string repeated(const std::string& x, int64_t least, int64_t most) {
  return x + "{" + std::to_string(least) + "," + (most < 0 ? "" : std::to_string(most)) + "}";
}

// Numbers without sign from low to high, both with the same number of digits.
std::string same_digits(const std::string& low, const std::string& high) {
  const auto digit = [](char a, char b) {
    return a == b ? "\"" + std::string(1, a) + "\"" : "[" + std::string(1, a) + "-" + std::string(1, b) + "]";
  };
  if (low.size() == 1) return digit(low[0], high[0]);
  const std::string rest_low = low.substr(1), rest_high = high.substr(1);
  const std::string zeros(rest_low.size(), '0'), nines(rest_low.size(), '9');
  if (low[0] == high[0]) return digit(low[0], low[0]) + " (" + same_digits(rest_low, rest_high) + ")";
  std::vector<std::string> parts;
  char first = low[0], last = high[0];
  if (rest_low != zeros) parts.push_back(digit(first, first) + " (" + same_digits(rest_low, nines) + ")"), ++first;
  if (rest_high != nines) parts.push_back(digit(last, last) + " (" + same_digits(zeros, rest_high) + ")"), --last;
  if (first <= last) parts.push_back(digit(first, last) + " [0-9]{" + std::to_string(zeros.size()) + "}");
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : " | ") + part;
  return out;
}

// Numbers from low to high, 0 <= low <= high.
std::string unsigned_range(int64_t low, int64_t high) {
  std::string out;
  const std::string last = std::to_string(high);
  for (std::string from = std::to_string(low); from.size() <= last.size(); from = "1" + std::string(from.size(), '0')) {
    const std::string to = from.size() == last.size() ? last : std::string(from.size(), '9');
    out += (out.empty() ? "" : " | ") + same_digits(from, to);
  }
  return out;
}

constexpr int64_t kLargest = 9999999999999999;

std::string integer_range(int64_t low, int64_t high) {
  low = std::max(low, -kLargest), high = std::min(high, kLargest);
  std::string out;
  if (low < 0) out = "\"-\" (" + unsigned_range(std::max<int64_t>(1, -std::min<int64_t>(high, -1)), -low) + ")";
  if (high >= 0) out += (out.empty() ? "" : " | ") + unsigned_range(std::max<int64_t>(low, 0), high);
  return out;
}

class Builder {
 public:
  explicit Builder(const Json& schema) : schema_(schema) {}

  std::string run() {
    const std::string root = expression(schema_, "#", 0);
    std::string out = "root ::= " + root + "\n";
    for (const auto& [name, body] : rules_) out += name + " ::= " + body + "\n";
    return out + kBasics;
  }

 private:
  [[noreturn]] static void refuse(const std::string& place, const std::string& what) {
    throw ValueError("json schema", place + ": " + what + ".",
                     "leave it out, or write a grammar for it (--grammar-file).");
  }

  static void check_keys(const Json& s, const std::string& place, std::initializer_list<const char*> known) {
    static const std::set<std::string> kSilent = {"title",    "description", "default",     "examples", "$schema",
                                                  "$id",      "$defs",       "definitions", "$comment", "type",
                                                  "readOnly", "writeOnly",   "deprecated",  "strict",   "name"};
    for (const auto& item : s.items()) {
      bool fine = kSilent.count(item.key()) > 0;
      for (const char* key : known) fine |= item.key() == key;
      if (!fine) refuse(place, "the keyword \"" + item.key() + "\" is not understood here");
    }
  }

  static int64_t whole(const Json& s, const char* key, int64_t otherwise, const std::string& place) {
    const auto at = s.find(key);
    if (at == s.end()) return otherwise;
    if (!at->is_number_integer()) refuse(place, std::string("\"") + key + "\" must be an integer");
    return at->get<int64_t>();
  }

  std::string rule(const std::string& body) {
    std::string name = "r" + std::to_string(rules_.size());
    rules_.emplace_back(name, body);
    return name;
  }

  std::string reference(const std::string& ref, const std::string& place, int depth) {
    if (const auto at = references_.find(ref); at != references_.end()) return at->second;
    if (ref.rfind("#", 0) != 0) refuse(place, "\"$ref\" leads out of the schema: " + ref);
    const Json* target = &schema_;
    try {
      target = &schema_.at(Json::json_pointer(ref.substr(1)));
    } catch (const std::exception&) {
      refuse(place, "\"$ref\" leads nowhere: " + ref);
    }
    const size_t index = rules_.size();
    const std::string name = rule("");
    references_[ref] = name;  // before it is read: it may call itself
    const std::string body = expression(*target, ref, depth + 1);
    rules_[index].second = body;
    return name;
  }

  std::string one_of(const Json& list, const std::string& place, int depth) {
    if (!list.is_array() || list.empty()) refuse(place, "a list of schemas is expected");
    std::string out;
    for (size_t i = 0; i < list.size(); ++i)
      out += (i ? " | " : "") + expression(list[i], place + "/" + std::to_string(i), depth + 1);
    return "(" + out + ")";
  }

  // A piece of a rule: something that can be repeated and put beside others.
  std::string expression(const Json& s, const std::string& place, int depth) {
    if (depth > kDeepestSchema) refuse(place, "schemas are nested too deeply");
    if (s.is_boolean() && s.get<bool>()) return "value";
    if (!s.is_object()) refuse(place, "a schema must be an object");
    if (s.contains("$ref")) {
      check_keys(s, place, {"$ref"});
      if (!s["$ref"].is_string()) refuse(place, "\"$ref\" must be a string");
      return reference(s["$ref"].get<std::string>(), place, depth);
    }
    if (s.contains("const")) {
      check_keys(s, place, {"const"});
      return quoted(dump_json(s["const"]));
    }
    if (s.contains("enum")) {
      check_keys(s, place, {"enum"});
      if (!s["enum"].is_array() || s["enum"].empty()) refuse(place, "\"enum\" must be a list");
      std::string out;
      for (const Json& x : s["enum"]) out += (out.empty() ? "" : " | ") + quoted(dump_json(x));
      return "(" + out + ")";
    }
    for (const char* key : {"anyOf", "oneOf"})
      if (s.contains(key)) {
        check_keys(s, place, {key});
        return one_of(s[key], place + "/" + key, depth);
      }
    const auto type = s.find("type");
    if (type != s.end() && type->is_array()) {
      std::string out;
      for (const Json& t : *type) {
        Json one = s;
        one["type"] = t;
        for (const char* key : {"properties", "required", "additionalProperties"})
          if (t != "object") one.erase(key);
        for (const char* key : {"items", "prefixItems", "minItems", "maxItems"})
          if (t != "array") one.erase(key);
        for (const char* key : {"minLength", "maxLength"})
          if (t != "string") one.erase(key);
        for (const char* key : {"minimum", "maximum"})
          if (t != "integer" && t != "number") one.erase(key);
        out += (out.empty() ? "" : " | ") + expression(one, place, depth + 1);
      }
      if (out.empty()) refuse(place, "\"type\" is an empty list");
      return "(" + out + ")";
    }
    std::string t = type != s.end() && type->is_string() ? type->get<std::string>() : "";
    if (type != s.end() && !type->is_string()) refuse(place, "\"type\" must be a string or a list of them");
    if (t.empty())
      t = s.contains("properties") ? "object" : s.contains("items") || s.contains("prefixItems") ? "array" : "";
    if (t == "object") return object(s, place, depth);
    if (t == "array") return array(s, place, depth);
    if (t == "string") return string(s, place);
    if (t == "integer") return integer(s, place);
    if (t == "number") return check_keys(s, place, {}), "number";
    if (t == "boolean") return check_keys(s, place, {}), R"(("true" | "false"))";
    if (t == "null") return check_keys(s, place, {}), R"("null")";
    if (!t.empty()) refuse(place, "there is no type \"" + t + "\"");
    check_keys(s, place, {});
    return "value";
  }

  static std::string string(const Json& s, const std::string& place) {
    check_keys(s, place, {"minLength", "maxLength"});
    const int64_t least = whole(s, "minLength", 0, place), most = whole(s, "maxLength", -1, place);
    if (least < 0 || (most >= 0 && most < least)) refuse(place, "the lengths make no sense");
    if (least == 0 && most < 0) return "string";
    return R"("\"" )" + repeated("char", least, most) + R"( "\"")";
  }

  static std::string integer(const Json& s, const std::string& place) {
    check_keys(s, place, {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"});
    if (!s.contains("minimum") && !s.contains("maximum") && !s.contains("exclusiveMinimum") &&
        !s.contains("exclusiveMaximum"))
      return "integer";
    int64_t low = whole(s, "minimum", -kLargest, place), high = whole(s, "maximum", kLargest, place);
    if (s.contains("exclusiveMinimum")) low = std::max(low, whole(s, "exclusiveMinimum", 0, place) + 1);
    if (s.contains("exclusiveMaximum")) high = std::min(high, whole(s, "exclusiveMaximum", 0, place) - 1);
    if (low > high || low > kLargest || high < -kLargest) refuse(place, "no number lies between the bounds");
    return "(" + integer_range(low, high) + ")";
  }

  std::string array(const Json& s, const std::string& place, int depth) {
    check_keys(s, place, {"items", "prefixItems", "minItems", "maxItems"});
    int64_t least = whole(s, "minItems", 0, place), most = whole(s, "maxItems", -1, place);
    if (least < 0 || (most >= 0 && most < least)) refuse(place, "the numbers of items make no sense");
    if (s.contains("prefixItems")) {
      if (s.contains("items") && s["items"] != Json(false))
        refuse(place, "\"items\" beside \"prefixItems\" must be false");
      const Json& list = s["prefixItems"];
      if (!list.is_array()) refuse(place, "\"prefixItems\" must be a list");
      std::string out = R"("[")";
      for (size_t i = 0; i < list.size(); ++i)
        out +=
            (i ? R"( "," space )" : " ") + expression(list[i], place + "/prefixItems/" + std::to_string(i), depth + 1);
      return "(" + out + R"( "]"))";
    }
    const std::string item = s.contains("items") ? expression(s["items"], place + "/items", depth + 1) : "value";
    const std::string more = R"(("," space )" + item + ")";
    if (most == 0) return R"("[]")";
    std::string inside = item + " " + repeated(more, std::max<int64_t>(least - 1, 0), most < 0 ? -1 : most - 1);
    if (least == 0) inside = "(" + inside + ")?";
    return R"(("[" )" + inside + R"( "]"))";
  }

  // Properties in the schema's order: those before the first one that is there have no comma.
  std::string object(const Json& s, const std::string& place, int depth) {
    check_keys(s, place, {"properties", "required", "additionalProperties"});
    std::set<std::string> required;
    if (const auto at = s.find("required"); at != s.end()) {
      if (!at->is_array()) refuse(place, "\"required\" must be a list");
      for (const Json& x : *at) required.insert(x.is_string() ? x.get<std::string>() : "");
    }
    struct Property {
      std::string text;
      bool required;
    };
    std::vector<Property> all;
    const Json properties = s.value("properties", Json::object());
    if (!properties.is_object()) refuse(place, "\"properties\" must be an object");
    for (const auto& item : properties.items()) {
      const std::string value = expression(item.value(), place + "/properties/" + item.key(), depth + 1);
      all.push_back({quoted(dump_json(Json(item.key()))) + R"( ":" space )" + value, required.erase(item.key()) > 0});
    }
    if (!required.empty()) refuse(place, "\"" + *required.begin() + "\" is required and no property");
    // Without a word about them others would be allowed; they are when nothing else is said.
    const auto more = s.find("additionalProperties");
    if (more == s.end() && all.empty()) return "object";
    if (more != s.end() && !(more->is_boolean() && !more->get<bool>())) {
      if (!all.empty()) {
        if (!more->is_boolean()) refuse(place, "\"additionalProperties\" beside properties must be false or true");
      } else {
        const std::string value = expression(*more, place + "/additionalProperties", depth + 1);
        const std::string one = R"(string ":" space )" + value;
        return R"(("{" ()" + one + R"( ("," space )" + one + R"()*)? "}"))";
      }
    }
    // rest[i]: what may come from property i on when one came before
    std::string rest;
    std::string first;  // alternatives when none came before
    for (size_t i = all.size(); i-- > 0;) {
      const std::string own = all[i].text + (rest.empty() ? "" : " " + rest);
      first = all[i].required || first.empty() ? own : own + " | " + first;
      const std::string here = R"("," space )" + all[i].text;
      const std::string next = (all[i].required ? here : "(" + here + ")?") + (rest.empty() ? "" : " " + rest);
      rest = rule(next);
    }
    const bool may_be_empty = std::none_of(all.begin(), all.end(), [](const Property& p) { return p.required; });
    return R"(("{" ()" + first + ")" + (may_be_empty ? "?" : "") + R"( "}"))";
  }

  const Json& schema_;
  std::vector<std::pair<std::string, std::string>> rules_;
  std::map<std::string, std::string> references_;
};

}  // namespace

std::string grammar_of_json_schema(const Json& schema) { return Builder(schema).run(); }

std::string grammar_of_json() { return std::string("root ::= value\n") + kBasics; }

}  // namespace gradus
