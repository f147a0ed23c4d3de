#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/value.h"

/// A parsed template.
namespace gradus::jinja {

struct Expression;
struct Statement;
using ExpressionPtr = std::unique_ptr<Expression>;
using Body = std::vector<Statement>;

enum class ExpressionKind : uint8_t {
  constant,
  name,         ///< id
  list,         ///< items
  tuple,        ///< items
  dict,         ///< items: key, value, key, value …
  attribute,    ///< items[0].text
  subscript,    ///< items[0][items[1]]
  slice,        ///< items[0][items[1]:items[2]:items[3]]; null where left out
  call,         ///< items[0](…)
  filter,       ///< items[0] | text(…); items[0] null: the filtered block
  test,         ///< items[0] is text(…)
  conditional,  ///< items[0] if items[1] else items[2], which may be null
  logical_or,
  logical_and,
  logical_not,
  negative,
  positive,
  add,
  subtract,
  multiply,
  divide,
  floor_divide,
  modulo,
  power,
  concat,   ///< items, joined as text
  compare,  ///< items[0] op[0] items[1] op[1] items[2] …
};

enum class Comparison : uint8_t { equal, not_equal, less, less_equal, greater, greater_equal, in, not_in };

struct Expression {
  ExpressionKind kind;
  int line;
  int id = -1;
  std::string text = {};
  Value constant = {};
  std::vector<ExpressionPtr> items = {};
  std::vector<Comparison> comparisons = {};
  /// Arguments of call, filter, test.
  std::vector<ExpressionPtr> arguments = {};
  std::vector<std::pair<std::string, ExpressionPtr>> named = {};
  ExpressionPtr more_arguments = {}, more_named = {};  ///< *list, **dict
};

/// What a value is assigned to.
struct Target {
  enum Kind : uint8_t { name, attribute, tuple } kind = name;
  int id = -1;       ///< the name, or the namespace's name
  std::string text;  ///< its attribute
  std::vector<Target> items;
};

struct Parameter {
  std::string name;
  int id;
  ExpressionPtr otherwise;  ///< may be null
};

enum class StatementKind : uint8_t {
  text,        ///< text
  output,      ///< expression
  branch,      ///< if expressions[i] then bodies[i]; one more body: else
  loop,        ///< for target in expressions[0] if expressions[1]: bodies[0]; bodies[1] when there was none
  assign,      ///< set target = expressions[0]
  capture,     ///< set target: bodies[0], through the filter expressions[0] (may be null)
  macro,       ///< id, text, parameters, bodies[0]
  call,        ///< call(parameters) expressions[0]: bodies[0]
  filter,      ///< expressions[0] of bodies[0]
  with,        ///< targets[i] = expressions[i]: bodies[0]
  scope,       ///< bodies[0] with variables of its own
  generation,  ///< bodies[0], said by the assistant
  break_loop,
  continue_loop,
};

struct Statement {
  StatementKind kind;
  int line;
  int id = -1;
  std::string text = {};
  std::vector<ExpressionPtr> expressions = {};
  std::vector<Body> bodies = {};
  std::vector<Target> targets = {};
  std::vector<Parameter> parameters = {};
};

struct Syntax {
  std::string name;  ///< for errors
  Body body;
  std::vector<std::string> names;  ///< by id
  bool has_generation = false;
  int id_of(std::string_view name) const;
};

/// Throws FileError that names template, line, and what was expected.
Syntax parse_template(std::string_view source, const std::string& name);

}  // namespace gradus::jinja
