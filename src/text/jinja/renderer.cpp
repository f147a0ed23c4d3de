#include "text/jinja/renderer.h"

#include <algorithm>

#include "base/error.h"

namespace gradus::jinja {

namespace {

constexpr int kMaxRecursion = 1000;

}  // namespace

Renderer::Renderer(const Syntax& syntax, uint64_t work, std::chrono::system_clock::time_point now)
    : syntax_(syntax), meter_(work), now_(now), root_(std::make_shared<Frame>()), frame_(root_) {
  for (auto& [name, value] : global_functions())
    if (const int id = syntax.id_of(name); id >= 0) globals_.emplace_back(id, std::move(value));
}

Renderer::~Renderer() {
  for (const auto& frame : captured_) frame->values.clear();
  for (Namespace& space : namespaces_) space.items.clear();
}

Renderer::Deeper::Deeper(Renderer& r) : renderer(r) {
  if (++r.depth_ > kMaxRecursion) throw Failure{"macros call each other, or expressions nest, deeper than 1000 levels"};
}

void Renderer::define(const std::string& name, Value value) {
  if (const int id = syntax_.id_of(name); id >= 0) globals_.emplace_back(id, std::move(value));
}

Namespace* Renderer::make_namespace() {
  meter_.charge(sizeof(Namespace));
  return &namespaces_.emplace_back();
}

std::string Renderer::run() {
  try {
    execute(syntax_.body);
  } catch (const Failure& f) {
    throw ValueError("chat template", syntax_.name + ", line " + std::to_string(line_) + ": " + f.message + ".",
                     f.hint);
  }
  return std::move(root_out_);
}

void Renderer::write(std::string_view text) { append(*out_, text, meter_); }

std::string Renderer::capture(const Body& body) {
  std::string text;
  std::string* const before = std::exchange(out_, &text);
  within(body);
  out_ = before;
  return text;
}

Renderer::Flow Renderer::within(const Body& body) {
  const std::shared_ptr<Frame> outer = frame_;
  frame_ = std::make_shared<Frame>(Frame{outer, {}});
  const Flow flow = execute(body);
  frame_ = outer;
  return flow;
}

Renderer::Flow Renderer::execute(const Body& body) {
  const Deeper deeper(*this);
  for (const Statement& s : body)
    if (const Flow flow = execute(s); flow != Flow::on) return flow;
  return Flow::on;
}

Renderer::Flow Renderer::execute(const Statement& s) {
  line_ = s.line;
  meter_.charge(16);
  switch (s.kind) {
    case StatementKind::text: write(s.text); return Flow::on;
    case StatementKind::output: write(to_text(evaluate(*s.expressions[0]), meter_)); return Flow::on;
    case StatementKind::branch: return branch(s);
    case StatementKind::loop: return loop(s);
    case StatementKind::assign: assign(s.targets[0], evaluate(*s.expressions[0])); return Flow::on;
    case StatementKind::capture: {
      Value text(capture(s.bodies[0]));
      if (s.expressions[0]) text = filtered(*s.expressions[0], &text);
      assign(s.targets[0], text);
      return Flow::on;
    }
    case StatementKind::macro: set(s.id, define_macro(s)); return Flow::on;
    case StatementKind::call: {
      const Expression& e = *s.expressions[0];
      const Value callee = evaluate(*e.items[0]);
      Arguments given = arguments(e);
      given.named.emplace_back("caller", define_macro(s));
      write(to_text(call(callee, given), meter_));
      return Flow::on;
    }
    case StatementKind::filter: {
      const Value text(capture(s.bodies[0]));
      write(to_text(filtered(*s.expressions[0], &text), meter_));
      return Flow::on;
    }
    case StatementKind::with: {
      Values values;
      for (const auto& e : s.expressions) values.push_back(evaluate(*e));
      const std::shared_ptr<Frame> outer = frame_;
      frame_ = std::make_shared<Frame>(Frame{outer, {}});
      for (size_t i = 0; i < values.size(); ++i) assign(s.targets[i], values[i]);
      const Flow flow = execute(s.bodies[0]);
      frame_ = outer;
      return flow;
    }
    case StatementKind::scope: return within(s.bodies[0]);
    case StatementKind::generation: generation(s); return Flow::on;
    case StatementKind::break_loop: return Flow::stop;
    case StatementKind::continue_loop: return Flow::skip;
  }
  return Flow::on;
}

Renderer::Flow Renderer::branch(const Statement& s) {
  for (size_t i = 0; i < s.bodies.size(); ++i)
    if (i >= s.expressions.size() || truth(evaluate(*s.expressions[i]))) return execute(s.bodies[i]);
  return Flow::on;
}

Renderer::Flow Renderer::loop(const Statement& s) {
  const Value over = evaluate(*s.expressions[0]);
  const std::shared_ptr<Frame> outer = frame_;
  auto state = std::make_shared<LoopState>();
  state->items = iterate(over, meter_);
  if (s.expressions[1]) {
    Values chosen;
    for (const Value& item : state->items->items) {
      frame_ = std::make_shared<Frame>(Frame{outer, {}});
      assign(s.targets[0], item);
      if (truth(evaluate(*s.expressions[1]))) chosen.push_back(item);
    }
    frame_ = outer;
    state->items = std::make_shared<const ListData>(ListData{std::move(chosen)});
  }
  static constexpr const char* kLoop = "loop";
  const int loop_id = syntax_.id_of(kLoop);
  const size_t n = state->items->items.size();
  for (size_t i = 0; i < n; ++i) {
    state->index = i;
    frame_ = std::make_shared<Frame>(Frame{outer, {}});
    if (loop_id >= 0) set(loop_id, Value(state));
    assign(s.targets[0], state->items->items[i]);
    const Flow flow = execute(s.bodies[0]);
    frame_ = outer;
    if (flow == Flow::stop) break;
  }
  return n == 0 ? within(s.bodies[1]) : Flow::on;
}

void Renderer::set(int id, Value value) {
  for (auto& [known, old] : frame_->values) {
    if (known != id) continue;
    old = std::move(value);
    return;
  }
  frame_->values.emplace_back(id, std::move(value));
}

void Renderer::assign(const Target& target, const Value& value) {
  if (target.kind == Target::name) return set(target.id, value);
  if (target.kind == Target::attribute) {
    Value owner;
    for (const Frame* f = frame_.get(); f && owner.is_undefined(); f = f->outer.get())
      for (const auto& [id, v] : f->values)
        if (id == target.id) owner = v;
    if (!owner.space()) throw Failure{"cannot assign attribute on non-namespace object"};
    if (target.text[0] == '_') throw Failure{"a namespace cannot hold '" + target.text + "', which begins with '_'"};
    for (auto& [name, old] : owner.space()->items) {
      if (name != target.text) continue;
      old = value;
      return;
    }
    meter_.charge(64);
    owner.space()->items.emplace_back(target.text, value);
    return;
  }
  const auto items = iterate(value, meter_);
  if (items->items.size() != target.items.size())
    throw Failure{"expected " + std::to_string(target.items.size()) + " values to unpack, got " +
                  std::to_string(items->items.size())};
  for (size_t i = 0; i < target.items.size(); ++i) assign(target.items[i], items->items[i]);
}

void Renderer::generation(const Statement& s) {
  const std::string text = capture(s.bodies[0]);
  const size_t begin = root_out_.size();
  write(text);
  generated_.push_back({begin, begin + text.size()});
}

Value Renderer::define_macro(const Statement& s) {
  captured_.push_back(frame_);
  meter_.charge(128);
  return Value(std::make_shared<const Callable>(
      // The renderer keeps the frame alive; were it the macro, a frame that holds its own macro would never go.
      Callable{s.text, [&s, frame = captured_.size() - 1](Renderer& r, Arguments& given) {
                 return r.call_macro(s, r.captured_[frame], given);
               }}));
}

Value Renderer::call_macro(const Statement& s, std::shared_ptr<Frame> definition, Arguments& given) {
  const std::string macro = s.text.empty() ? "the call block" : "macro '" + s.text + "'";
  const auto called = std::make_shared<Frame>(Frame{definition, {}});
  const int varargs = syntax_.id_of("varargs"), kwargs = syntax_.id_of("kwargs"), caller = syntax_.id_of("caller");
  const std::shared_ptr<Frame> before = std::exchange(frame_, called);
  std::vector<bool> used(given.named.size());
  for (size_t i = 0; i < s.parameters.size(); ++i) {
    const Parameter& p = s.parameters[i];
    const auto named =
        std::find_if(given.named.begin(), given.named.end(), [&](const auto& n) { return n.first == p.name; });
    if (i < given.positional.size()) {
      if (named != given.named.end()) throw Failure{macro + " got two values for '" + p.name + "'"};
      set(p.id, given.positional[i]);
    } else if (named != given.named.end()) {
      used[named - given.named.begin()] = true;
      set(p.id, named->second);
    } else if (p.otherwise) {
      set(p.id, evaluate(*p.otherwise));
    } else {
      set(p.id, Value::undefined("parameter '" + p.name + "' was not provided"));
    }
  }
  if (given.positional.size() > s.parameters.size()) {
    if (varargs < 0)
      throw Failure{macro + " takes not more than " + std::to_string(s.parameters.size()) + " argument(s)"};
    set(varargs,
        make_list(Values(given.positional.begin() + s.parameters.size(), given.positional.end()), Sequence::tuple));
  } else if (varargs >= 0) {
    set(varargs, make_list({}, Sequence::tuple));
  }
  std::vector<std::pair<Value, Value>> others;
  for (size_t i = 0; i < given.named.size(); ++i) {
    if (used[i]) continue;
    const auto& [name, value] = given.named[i];
    if (name == "caller") {
      if (caller >= 0) set(caller, value);
    } else if (kwargs >= 0) {
      others.emplace_back(name, value);
    } else {
      throw Failure{macro + " takes no keyword argument '" + name + "'"};
    }
  }
  if (kwargs >= 0) set(kwargs, make_dict(std::move(others)));
  std::string text;
  std::string* const out = std::exchange(out_, &text);
  execute(s.bodies[0]);
  out_ = out;
  frame_ = before;
  return Value(std::move(text));
}

Value Renderer::call_filter(const std::string& name, const Value& input, Arguments& arguments) {
  const Filter filter = find_filter(name);
  if (!filter) throw Failure{"no filter named '" + name + "'", "docs/chat-templates.md lists the filters."};
  meter_.charge(16);
  return filter(*this, input, arguments);
}

bool Renderer::call_test(const std::string& name, const Value& input, Arguments& arguments) {
  const Test test = find_test(name);
  if (!test) throw Failure{"no test named '" + name + "'", "docs/chat-templates.md lists the tests."};
  return test(*this, input, arguments);
}

}  // namespace gradus::jinja
