#include "infer/grammar.h"

#include <algorithm>
#include <compare>
#include <set>

#include "base/error.h"

namespace gradus {

namespace {

constexpr size_t kMostStacks = 20000;

[[noreturn]] void too_many() {
  throw ValueError("grammar", "there are more than " + std::to_string(kMostStacks) + " ways to go on.",
                   "make it less ambiguous.");
}

bool matches(const Grammar::Element& e, uint32_t c) {
  bool inside = false;
  for (const auto& [low, high] : e.ranges) inside |= c >= low && c <= high;
  return inside == (e.kind == Grammar::Element::in);
}

// Whether a character of which only the first bytes are known can match: any code point from low to high.
bool may_match(const Grammar::Element& e, uint32_t low, uint32_t high) {
  if (e.kind == Grammar::Element::in)
    return std::any_of(e.ranges.begin(), e.ranges.end(),
                       [&](const auto& r) { return r.first <= high && r.second >= low; });
  // a class of what is not: refused only when one of its ranges holds them all
  return std::none_of(e.ranges.begin(), e.ranges.end(),
                      [&](const auto& r) { return r.first <= low && r.second >= high; });
}

}  // namespace

GrammarState::GrammarState(std::shared_ptr<const Grammar> grammar) : grammar_(std::move(grammar)) {
  Stacks all;
  for (const Grammar::Alternative& a : grammar_->rules()[grammar_->root()].alternatives) expand({{&a, 0}}, all);
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  now_.stacks = std::move(all);
}

// Goes into rules until a character is wanted, or the text may end (an empty stack).
void GrammarState::expand(Stack first, Stacks& out) const {
  std::set<Stack> known;
  Stacks open{std::move(first)};
  while (!open.empty()) {
    Stack stack = std::move(open.back());
    open.pop_back();
    // what has come to its end is left
    while (!stack.empty() && (*stack.back().alternative)[stack.back().at].kind == Grammar::Element::end)
      stack.pop_back();
    if (!known.insert(stack).second) continue;
    if (known.size() > kMostStacks) too_many();
    if (stack.empty() || (*stack.back().alternative)[stack.back().at].kind != Grammar::Element::rule) {
      out.push_back(std::move(stack));
      continue;
    }
    const uint32_t rule = (*stack.back().alternative)[stack.back().at].index;
    ++stack.back().at;
    // a call at the end of an alternative does not come back to it
    if ((*stack.back().alternative)[stack.back().at].kind == Grammar::Element::end) stack.pop_back();
    for (const Grammar::Alternative& a : grammar_->rules()[rule].alternatives) {
      open.push_back(stack);
      open.back().push_back({&a, 0});
    }
  }
}

void GrammarState::step(Snapshot& s, uint32_t character) const {
  Stacks next;
  for (Stack& stack : s.stacks) {
    if (stack.empty() || !matches((*stack.back().alternative)[stack.back().at], character)) continue;
    ++stack.back().at;
    expand(std::move(stack), next);
    if (next.size() > kMostStacks) too_many();
  }
  std::sort(next.begin(), next.end());
  next.erase(std::unique(next.begin(), next.end()), next.end());
  s.stacks = std::move(next);
}

bool GrammarState::advance(Snapshot& s, std::string_view bytes) const {
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    Partial& p = s.partial;
    if (p.missing > 0) {
      if ((byte & 0xC0) != 0x80) return false;
      p.bits = p.bits << 6 | (byte & 0x3F);
      if (--p.missing == 0) step(s, p.bits);
    } else if (byte < 0x80) {
      step(s, byte);
    } else if (byte >= 0xC2 && byte < 0xF5) {
      p.missing = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : 1;
      p.bits = byte & (0x3F >> p.missing);
    } else {
      return false;
    }
    if (s.stacks.empty()) return false;
  }
  if (s.partial.missing == 0) return true;
  const uint32_t low = s.partial.bits << (6 * s.partial.missing), high = low | ((1u << (6 * s.partial.missing)) - 1);
  return std::any_of(s.stacks.begin(), s.stacks.end(), [&](const Stack& stack) {
    return !stack.empty() && may_match((*stack.back().alternative)[stack.back().at], low, high);
  });
}

bool GrammarState::accepts(std::string_view bytes) const {
  Snapshot s = now_;
  return advance(s, bytes);
}

void GrammarState::push(std::string_view bytes) {
  if (!advance(now_, bytes)) throw ValueError("grammar", "the text left the grammar.");
}

bool GrammarState::complete() const {
  return now_.partial.missing == 0 &&
         std::any_of(now_.stacks.begin(), now_.stacks.end(), [](const Stack& stack) { return stack.empty(); });
}

}  // namespace gradus
