#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

/// What a text may be, in llama.cpp's GBNF: rules `name ::= alternatives`, of "literals", [classes] and [^classes],
/// `.`, names and (groups), with * + ? {n} {n,m} behind any of them, and # comments. The text is that of the rule
/// `root`.
class Grammar {
 public:
  /// Throws ValueError naming line and column of what is wrong, rules that are missing, that call themselves before
  /// anything is read, or that grow beyond all bounds.
  static Grammar parse(std::string_view gbnf);

  /// One step of a rule: a character out of ranges (or outside them), another rule, or the end of an alternative.
  struct Element {
    enum Kind : uint8_t { end, rule, in, not_in } kind = end;
    uint32_t index = 0;  ///< of the rule
    std::vector<std::pair<uint32_t, uint32_t>> ranges = {};
  };
  using Alternative = std::vector<Element>;
  struct Rule {
    std::string name;
    std::vector<Alternative> alternatives;
  };
  const std::vector<Rule>& rules() const { return rules_; }
  uint32_t root() const { return root_; }

 private:
  std::vector<Rule> rules_;
  uint32_t root_ = 0;
};

/// How far a text has come in a grammar: all the ways to go on.
class GrammarState {
 public:
  explicit GrammarState(std::shared_ptr<const Grammar> grammar);
  /// Whether the text may go on with these bytes; they may end within a character.
  bool accepts(std::string_view bytes) const;
  /// Goes on. Throws ValueError for bytes that accepts() refuses.
  void push(std::string_view bytes);
  /// Whether the text may end here.
  bool complete() const;

 private:
  /// A place within an alternative, to be gone on with.
  struct Place {
    const Grammar::Alternative* alternative;
    size_t at;
    auto operator<=>(const Place&) const = default;
  };
  using Stack = std::vector<Place>;  // the innermost last
  using Stacks = std::vector<Stack>;
  /// Begun characters: their bits so far, and how many bytes are missing.
  struct Partial {
    uint32_t bits = 0;
    int missing = 0;
  };
  struct Snapshot {
    Stacks stacks;
    Partial partial;
  };
  void expand(Stack stack, Stacks& out) const;
  void step(Snapshot& s, uint32_t character) const;
  bool advance(Snapshot& s, std::string_view bytes) const;

  std::shared_ptr<const Grammar> grammar_;
  Snapshot now_;
};

}  // namespace gradus
