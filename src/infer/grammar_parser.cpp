// GBNF, as llama.cpp's grammars/README.md describes it.
#include <algorithm>
#include <map>

#include "base/error.h"
#include "infer/grammar.h"

namespace gradus {

namespace {

using Element = Grammar::Element;
using Alternative = Grammar::Alternative;

constexpr int kDeepest = 100;            // groups in groups
constexpr uint32_t kMostRepeats = 2000;  // of {n,m}
constexpr size_t kMostElements = 1 << 20;

class Parser {
 public:
  Parser(std::string_view text, std::vector<Grammar::Rule>& rules) : text_(text), rules_(rules) {}

  uint32_t parse() {
    space(true);
    while (at_ < text_.size()) rule();
    for (const auto& [name, where] : first_use_)
      if (rules_[index_[name]].alternatives.empty()) fail_at(where, "the rule \"" + name + "\" is used and not given");
    const auto root = index_.find("root");
    if (root == index_.end()) throw ValueError("grammar", "there is no rule \"root\".");
    refuse_left_recursion();
    return root->second;
  }

 private:
  [[noreturn]] void fail_at(size_t at, const std::string& what) const {
    const std::string_view before = text_.substr(0, at);
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    const size_t begin = before.rfind('\n') == before.npos ? 0 : before.rfind('\n') + 1;
    throw ValueError("grammar",
                     "line " + std::to_string(line) + ", column " + std::to_string(at - begin + 1) + ": " + what + ".");
  }
  [[noreturn]] void fail(const std::string& what) const { fail_at(at_, what); }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void space(bool lines) {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#')
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      else if (c == ' ' || c == '\t' || (lines && (c == '\n' || c == '\r')))
        ++at_;
      else
        return;
    }
  }

  static bool in_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  }
  std::string name() {
    const size_t begin = at_;
    while (at_ < text_.size() && in_name(text_[at_])) ++at_;
    if (at_ == begin) fail("a name is expected");
    return std::string(text_.substr(begin, at_ - begin));
  }

  uint32_t rule_named(const std::string& name) {
    const auto [at, fresh] = index_.emplace(name, static_cast<uint32_t>(rules_.size()));
    if (fresh) rules_.push_back({name, {}});
    return at->second;
  }
  uint32_t anonymous(std::vector<Alternative> alternatives) {
    rules_.push_back({"", std::move(alternatives)});
    return static_cast<uint32_t>(rules_.size() - 1);
  }

  void rule() {
    const size_t begin = at_;
    const uint32_t index = rule_named(name());
    if (!rules_[index].alternatives.empty()) fail_at(begin, "the rule \"" + rules_[index].name + "\" is given twice");
    space(false);
    if (text_.substr(at_, 3) != "::=") fail("::= is expected");
    at_ += 3;
    space(true);
    std::vector<Alternative> all = alternatives(0);
    rules_[index].alternatives = std::move(all);
    space(false);
    if (peek() == '\r') ++at_;
    if (at_ < text_.size() && peek() != '\n') fail("the end of the rule is expected");
    space(true);
  }

  std::vector<Alternative> alternatives(int depth) {
    if (depth > kDeepest) fail("groups are nested too deeply");
    std::vector<Alternative> all{sequence(depth)};
    while (true) {
      const size_t here = at_;
      space(true);
      if (peek() != '|') {
        at_ = here;
        return all;
      }
      ++at_;
      space(true);
      all.push_back(sequence(depth));
    }
  }

  Alternative sequence(int depth) {
    Alternative s;
    size_t last = 0;  // where the element begins that * + ? {} repeat
    while (at_ < text_.size()) {
      const char c = peek();
      if (c == '"') {
        last = s.size();
        ++at_;
        while (peek() != '"') {
          if (at_ >= text_.size() || peek() == '\n') fail("\" is expected");
          const uint32_t x = character();
          s.push_back({Element::in, 0, {{x, x}}});
        }
        ++at_;
      } else if (c == '[') {
        last = s.size();
        s.push_back(char_class());
      } else if (c == '.') {
        last = s.size();
        ++at_;
        s.push_back({Element::in, 0, {{0, 0x10FFFF}}});
      } else if (c == '(') {
        ++at_;
        space(true);
        std::vector<Alternative> inner = alternatives(depth + 1);
        if (peek() != ')') fail(") is expected");
        ++at_;
        last = s.size();
        s.push_back({Element::rule, anonymous(std::move(inner)), {}});
      } else if (c == '*' || c == '+' || c == '?' || c == '{') {
        if (last == s.size()) fail("there is nothing to repeat");
        repeat(s, last);
        last = s.size();
      } else if (in_name(c)) {
        const size_t begin = at_;
        const std::string called = name();
        // a name with ::= behind it begins the next rule
        const size_t after = at_;
        space(false);
        if (text_.substr(at_, 3) == "::=") {
          at_ = begin;
          break;
        }
        at_ = after;
        first_use_.emplace(called, begin);
        last = s.size();
        s.push_back({Element::rule, rule_named(called), {}});
      } else {
        break;
      }
      if ((elements_ += 1) > kMostElements) fail("the grammar is too large");
      space(depth > 0);
    }
    s.push_back({});
    return s;
  }

  // x* : r ::= x r |    x+ : x x*    x? : r ::= x |    x{n,m} : n times x, m-n times x? in each other
  void repeat(Alternative& s, size_t from) {
    uint32_t least = 0, most = 0;
    bool endless = false;
    const char c = peek();
    ++at_;
    if (c == '*') {
      endless = true;
    } else if (c == '+') {
      least = 1, endless = true;
    } else if (c == '?') {
      most = 1;
    } else {
      space(false);
      least = most = count();
      space(false);
      if (peek() == ',') {
        ++at_;
        space(false);
        endless = peek() == '}';
        if (!endless) most = count();
        space(false);
      }
      if (peek() != '}') fail("} is expected");
      ++at_;
      if (!endless && most < least) fail("the second number is smaller than the first");
    }
    const Alternative x(s.begin() + static_cast<ptrdiff_t>(from), s.end());
    elements_ += x.size() * std::max<size_t>(endless ? least : most, 1);
    if (elements_ > kMostElements) fail("the grammar is too large");
    s.resize(from);
    for (uint32_t i = 0; i < least; ++i) s.insert(s.end(), x.begin(), x.end());
    if (endless) {
      const uint32_t r = anonymous({});
      Alternative again = x;
      again.push_back({Element::rule, r, {}});
      again.push_back({});
      rules_[r].alternatives = {std::move(again), {Element{}}};
      s.push_back({Element::rule, r, {}});
    } else if (most > least) {
      uint32_t inner = 0;
      for (uint32_t i = least; i < most; ++i) {
        Alternative once = x;
        if (i > least) once.push_back({Element::rule, inner, {}});
        once.push_back({});
        inner = anonymous({std::move(once), {Element{}}});
      }
      s.push_back({Element::rule, inner, {}});
    }
  }

  uint32_t count() {
    const size_t begin = at_;
    uint32_t n = 0;
    while (peek() >= '0' && peek() <= '9') {
      n = n * 10 + static_cast<uint32_t>(peek() - '0');
      if (n > kMostRepeats) fail("more than " + std::to_string(kMostRepeats) + " repetitions");
      ++at_;
    }
    if (at_ == begin) fail("a number is expected");
    return n;
  }

  Element char_class() {
    ++at_;
    Element e{Element::in, 0, {}};
    if (peek() == '^') ++at_, e.kind = Element::not_in;
    while (peek() != ']') {
      if (at_ >= text_.size()) fail("] is expected");
      const uint32_t low = character();
      uint32_t high = low;
      if (peek() == '-' && at_ + 1 < text_.size() && text_[at_ + 1] != ']') {
        ++at_;
        high = character();
        if (high < low) fail("the range ends before it begins");
      }
      e.ranges.emplace_back(low, high);
    }
    ++at_;
    return e;
  }

  uint32_t hex(int digits) {
    uint32_t x = 0;
    for (int i = 0; i < digits; ++i) {
      const char c = peek();
      const int v = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
      if (v < 0) fail("a hexadecimal digit is expected");
      x = x << 4 | static_cast<uint32_t>(v);
      ++at_;
    }
    if (x > 0x10FFFF) fail("there is no such character");
    return x;
  }

  uint32_t character() {
    const auto byte = static_cast<unsigned char>(peek());
    if (at_ >= text_.size()) fail("a character is expected");
    ++at_;
    if (byte == '\\') {
      const char c = peek();
      ++at_;
      switch (c) {
        case 'n': return '\n';
        case 'r': return '\r';
        case 't': return '\t';
        case 'x': return hex(2);
        case 'u': return hex(4);
        case 'U': return hex(8);
        case '\\':
        case '"':
        case '[':
        case ']':
        case '^':
        case '-': return static_cast<unsigned char>(c);
        default: --at_; fail("an escape that is not known");
      }
    }
    if (byte < 0x80) return byte;
    const int more = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : 1;
    uint32_t x = byte & (0x3Fu >> more);
    for (int i = 0; i < more; ++i) {
      const auto next = static_cast<unsigned char>(peek());
      if (byte < 0xC2 || byte > 0xF4 || (next & 0xC0) != 0x80) fail("the grammar is no UTF-8");
      x = x << 6 | (next & 0x3F);
      ++at_;
    }
    return x;
  }

  // Rules that may be empty, then rules that come back to themselves with nothing read in between.
  void refuse_left_recursion() const {
    std::vector<bool> empty(rules_.size());
    for (bool changed = true; changed;) {
      changed = false;
      for (size_t r = 0; r < rules_.size(); ++r)
        for (const Alternative& a : rules_[r].alternatives) {
          const bool can = std::all_of(a.begin(), a.end(), [&](const Element& e) {
            return e.kind == Element::end || (e.kind == Element::rule && empty[e.index]);
          });
          if (can && !empty[r]) empty[r] = changed = true;
        }
    }
    enum : uint8_t { fresh, open, done };
    std::vector<uint8_t> state(rules_.size(), fresh);
    for (uint32_t r = 0; r < rules_.size(); ++r) {
      std::vector<std::pair<uint32_t, bool>> work{{r, false}};
      while (!work.empty()) {
        const auto [at, leaving] = work.back();
        work.pop_back();
        if (leaving) {
          state[at] = done;
          continue;
        }
        if (state[at] == done) continue;
        if (state[at] == open) {
          const std::string& name = rules_[at].name;
          throw ValueError("grammar",
                           "the rule " + (name.empty() ? "of a group" : "\"" + name + "\"") +
                               " calls itself before anything is read.",
                           "write the repetition with * or put the call at the end.");
        }
        state[at] = open;
        work.emplace_back(at, true);
        for (const Alternative& a : rules_[at].alternatives)
          for (const Element& e : a) {
            if (e.kind == Element::rule && state[e.index] != done) work.emplace_back(e.index, false);
            if (e.kind != Element::rule || !empty[e.index]) break;
          }
      }
    }
  }

  std::string_view text_;
  std::vector<Grammar::Rule>& rules_;
  std::map<std::string, uint32_t> index_;
  std::map<std::string, size_t> first_use_;
  size_t at_ = 0, elements_ = 0;
};

}  // namespace

Grammar Grammar::parse(std::string_view gbnf) {
  Grammar g;
  g.root_ = Parser(gbnf, g.rules_).parse();
  return g;
}

}  // namespace gradus
