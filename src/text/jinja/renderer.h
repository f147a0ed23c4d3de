#pragma once
#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "text/jinja/syntax.h"
#include "text/jinja/value.h"

namespace gradus::jinja {

/// Variables of one scope: of the template, a loop's round, a macro's call.
struct Frame {
  std::shared_ptr<Frame> outer;
  std::vector<std::pair<int, Value>> values;  // by the name's id
};

/// Bytes [begin, end) of the rendered text.
struct Span {
  size_t begin, end;
};

/// Renders one template once. Stops with a ValueError naming template and line when the template asks for what Python
/// would refuse, raises an exception of its own, or does more work than `work` allows.
class Renderer {
 public:
  Renderer(const Syntax& syntax, uint64_t work, std::chrono::system_clock::time_point now);
  ~Renderer();

  void define(const std::string& name, Value value);
  std::string run();
  /// What stood in {% generation %} blocks.
  const std::vector<Span>& generated() const { return generated_; }

  Meter& meter() { return meter_; }
  std::chrono::system_clock::time_point now() const { return now_; }
  Namespace* make_namespace();

  /// object.name, object[index] as Jinja resolves them; undefined when there is nothing.
  Value attribute(const Value& object, const std::string& name);
  Value item(const Value& object, const Value& index);
  Value call(const Value& callee, Arguments& arguments);
  Value call_filter(const std::string& name, const Value& input, Arguments& arguments);
  bool call_test(const std::string& name, const Value& input, Arguments& arguments);

 private:
  enum class Flow : uint8_t { on, stop, skip };  // what break and continue ask of the loop

  // Statements (renderer.cpp).
  Flow execute(const Body& body);
  Flow execute(const Statement& s);
  Flow branch(const Statement& s);
  Flow loop(const Statement& s);
  Flow within(const Body& body);  // in a scope of its own
  void assign(const Target& target, const Value& value);
  void set(int id, Value value);
  void generation(const Statement& s);
  Value define_macro(const Statement& s);
  Value call_macro(const Statement& s, std::shared_ptr<Frame> definition, Arguments& arguments);
  std::string capture(const Body& body);
  void write(std::string_view text);

  // Expressions (evaluate.cpp).
  Value evaluate(const Expression& e);
  Value name(const Expression& e);
  Value slice(const Expression& e);
  Value call(const Expression& e);
  Value test(const Expression& e);
  Value comparison(const Expression& e);
  Value concat(const Expression& e);
  Value filtered(const Expression& e, const Value* block);
  Value arithmetic(ExpressionKind kind, const Value& a, const Value& b);
  Arguments arguments(const Expression& e);

  struct Deeper {
    explicit Deeper(Renderer& r);
    ~Deeper() { --renderer.depth_; }
    Renderer& renderer;
  };

  const Syntax& syntax_;
  Meter meter_;
  std::chrono::system_clock::time_point now_;
  std::shared_ptr<Frame> root_, frame_;
  std::vector<std::shared_ptr<Frame>> captured_;  // by macros: a macro in its own frame would keep both alive
  std::deque<Namespace> namespaces_;
  std::string root_out_, *out_ = &root_out_;
  std::vector<Span> generated_;
  std::vector<std::pair<int, Value>> globals_;
  int line_ = 0, depth_ = 0;
};

// The tables (filters.cpp, tests.cpp, methods.cpp, globals.cpp).
using Filter = Value (*)(Renderer&, const Value& input, Arguments&);
using Test = bool (*)(Renderer&, const Value& input, Arguments&);
Filter find_filter(std::string_view name);
Test find_test(std::string_view name);
/// The method `name` of a str, dict or list, bound to `object`; undefined when the type has none of that name.
Value find_method(const Value& object, const std::string& name);
/// What every template can call: range, dict, namespace, raise_exception, strftime_now, …
std::vector<std::pair<std::string, Value>> global_functions();

/// Python's `format % values` and `format.format(…)`.
std::string percent_format(const std::string& format, const Value& values, Meter& meter);
std::string brace_format(Renderer& renderer, const std::string& format, Arguments& arguments);

/// Start, stop and step of a Python slice over `length` items, made absolute.
struct SliceRange {
  int64_t start, stop, step;
};
SliceRange slice_range(const Value* start, const Value* stop, const Value* step, int64_t length);

/// The value that attribute="a.b.0" of a filter names.
Value attribute_path(Renderer& renderer, const Value& object, const Value& path);

}  // namespace gradus::jinja
