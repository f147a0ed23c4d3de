#include "text/jinja/parser.h"

#include <algorithm>

namespace gradus::jinja {

namespace {

constexpr int kMaxNesting = 200;

Statement make_statement(StatementKind kind, int line) { return {.kind = kind, .line = line}; }

}  // namespace

Parser::Parser(std::string_view source, const std::string& name) {
  syntax_.name = name;
  tokens_ = tokenize_template(source, syntax_.name);
}

Syntax Parser::run() {
  syntax_.body = body({});
  syntax_.names.resize(ids_.size());
  for (auto& [name, id] : ids_) syntax_.names[id] = name;
  return std::move(syntax_);
}

Parser::Deeper::Deeper(Parser& p) : parser(p) {
  if (++p.depth_ > kMaxNesting) p.fail("statements and expressions lie deeper than 200 levels in each other");
}

void Parser::chain(int length) const {
  if (depth_ + length > kMaxNesting) fail("more than 200 operations stand in one chain");
}

void Parser::fail(const std::string& what) const { syntax_error(syntax_.name, now().line, what); }

void Parser::expect_op(std::string_view op) {
  if (!skip_op(op)) fail("expected '" + std::string(op) + "', got " + describe(now()));
}

void Parser::expect(TokenKind kind, const char* what) {
  if (now().kind != kind) fail(std::string("expected ") + what + ", got " + describe(now()));
  take();
}

std::string Parser::expect_name(const char* what) {
  if (now().kind != TokenKind::name) fail(std::string("expected ") + what + ", got " + describe(now()));
  return take().text;
}

int Parser::intern(const std::string& name) { return ids_.emplace(name, static_cast<int>(ids_.size())).first->second; }

Body Parser::body(std::initializer_list<const char*> ends) {
  Body out;
  for (;;) {
    switch (now().kind) {
      case TokenKind::data: {
        Statement& s = out.emplace_back(make_statement(StatementKind::text, now().line));
        s.text = take().text;
        break;
      }
      case TokenKind::variable_begin: {
        Statement& s = out.emplace_back(make_statement(StatementKind::output, now().line));
        take();
        s.expressions.push_back(tuple());
        expect(TokenKind::variable_end, "'}}'");
        break;
      }
      case TokenKind::block_begin: {
        take();
        if (now().kind != TokenKind::name) fail("expected the name of a tag, got " + describe(now()));
        for (const char* end : ends)
          if (now().text == end) return out;
        tag(out);
        expect(TokenKind::block_end, "'%}'");
        break;
      }
      default:
        if (ends.size() == 0) return out;
        fail(std::string("expected {% ") + *(ends.end() - 1) + " %}, got " + describe(now()));
    }
  }
}

Body Parser::block(const char* end) {
  skip_op(":");
  expect(TokenKind::block_end, "'%}'");
  Body inner = body({end});
  take();
  return inner;
}

void Parser::tag(Body& into) {
  const Deeper deeper(*this);
  const std::string name = now().text;
  const int line = now().line;
  if (name == "if") return into.push_back(branch());
  if (name == "for") return into.push_back(loop());
  if (name == "set") return into.push_back(set());
  if (name == "macro") return into.push_back(macro());
  if (name == "call") return into.push_back(call_block());
  if (name == "with") return into.push_back(with());
  if (name == "print") {
    take();
    while (now().kind != TokenKind::block_end) {
      Statement& s = into.emplace_back(make_statement(StatementKind::output, line));
      s.expressions.push_back(expression());
      if (now().kind != TokenKind::block_end) expect_op(",");
    }
    return;
  }
  if (name == "filter") {
    take();
    Statement s = make_statement(StatementKind::filter, line);
    s.expressions.push_back(one_filter(nullptr));
    while (skip_op("|")) s.expressions[0] = one_filter(std::move(s.expressions[0]));
    s.bodies.push_back(block("endfilter"));
    return into.push_back(std::move(s));
  }
  if (name == "block") {
    take();
    Statement s = make_statement(StatementKind::scope, line);
    s.text = expect_name("the name of the block");
    skip_name("scoped"), skip_name("required");
    s.bodies.push_back(block("endblock"));
    skip_name(s.text);
    return into.push_back(std::move(s));
  }
  if (name == "generation") {
    take();
    syntax_.has_generation = true;
    Statement s = make_statement(StatementKind::generation, line);
    s.bodies.push_back(block("endgeneration"));
    return into.push_back(std::move(s));
  }
  if (name == "break" || name == "continue") {
    if (loops_ == 0) fail("{% " + name + " %} stands outside a loop");
    take();
    return into.push_back(
        make_statement(name == "break" ? StatementKind::break_loop : StatementKind::continue_loop, line));
  }
  if (name == "include" || name == "import" || name == "from" || name == "extends")
    fail("{% " + name + " %} needs other templates, which a chat template cannot have");
  fail("the tag '" + name + "' is not known");
}

Statement Parser::branch() {
  Statement s = make_statement(StatementKind::branch, now().line);
  for (std::string tag = "if"; tag != "endif";) {
    take();
    if (tag != "else") s.expressions.push_back(tuple(false));
    skip_op(":");
    expect(TokenKind::block_end, "'%}'");
    s.bodies.push_back(tag == "else" ? body({"endif"}) : body({"elif", "else", "endif"}));
    tag = now().text;
  }
  take();
  return s;
}

Statement Parser::loop() {
  Statement s = make_statement(StatementKind::loop, take().line);
  s.targets.push_back(target(false, true));
  if (!skip_name("in")) fail("expected 'in', got " + describe(now()));
  s.expressions.push_back(tuple(false));
  s.expressions.push_back(skip_name("if") ? expression() : nullptr);
  if (at_name("recursive")) fail("recursive loops are not supported");
  skip_op(":");
  expect(TokenKind::block_end, "'%}'");
  ++loops_;
  s.bodies.push_back(body({"else", "endfor"}));
  --loops_;
  s.bodies.push_back(take().text == "else" ? block("endfor") : Body());
  return s;
}

Statement Parser::set() {
  Statement s = make_statement(StatementKind::assign, take().line);
  s.targets.push_back(target(true, false));
  if (skip_op("=")) {
    s.expressions.push_back(tuple());
    return s;
  }
  s.kind = StatementKind::capture;
  ExpressionPtr filter;
  while (skip_op("|")) filter = one_filter(std::move(filter));
  s.expressions.push_back(std::move(filter));
  s.bodies.push_back(block("endset"));
  return s;
}

Statement Parser::macro() {
  Statement s = make_statement(StatementKind::macro, take().line);
  s.text = expect_name("the name of the macro");
  s.id = intern(s.text);
  s.parameters = signature();
  const int loops = std::exchange(loops_, 0);
  s.bodies.push_back(block("endmacro"));
  loops_ = loops;
  return s;
}

Statement Parser::call_block() {
  Statement s = make_statement(StatementKind::call, take().line);
  if (at_op("(")) s.parameters = signature();
  s.expressions.push_back(expression());
  if (s.expressions[0]->kind != ExpressionKind::call) fail("expected a call of a macro");
  const int loops = std::exchange(loops_, 0);
  s.bodies.push_back(block("endcall"));
  loops_ = loops;
  return s;
}

Statement Parser::with() {
  Statement s = make_statement(StatementKind::with, take().line);
  while (now().kind != TokenKind::block_end) {
    if (!s.targets.empty()) expect_op(",");
    s.targets.push_back(one_target(false));
    expect_op("=");
    s.expressions.push_back(expression());
  }
  s.bodies.push_back(block("endwith"));
  return s;
}

Target Parser::one_target(bool with_namespace) {
  const Deeper deeper(*this);
  Target out;
  if (skip_op("(")) {
    out = target(with_namespace, false);
    expect_op(")");
    return out;
  }
  const std::string name = expect_name("a name to assign to");
  static const char* const kConstants[] = {"true", "false", "none", "True", "False", "None"};
  if (std::find(std::begin(kConstants), std::end(kConstants), name) != std::end(kConstants))
    fail("cannot assign to '" + name + "'");
  out.id = intern(name);
  if (with_namespace && skip_op(".")) {
    out.kind = Target::attribute;
    out.text = expect_name("an attribute of the namespace");
  }
  return out;
}

Target Parser::target(bool with_namespace, bool stops_at_in) {
  Target first = one_target(with_namespace);
  if (!at_op(",")) return first;
  Target out;
  out.kind = Target::tuple;
  out.items.push_back(std::move(first));
  while (skip_op(",")) {
    if (at_op(")") || at_op("=") || now().kind == TokenKind::block_end || (stops_at_in && at_name("in"))) break;
    out.items.push_back(one_target(with_namespace));
  }
  return out;
}

std::vector<Parameter> Parser::signature() {
  std::vector<Parameter> out;
  expect_op("(");
  while (!at_op(")")) {
    if (!out.empty()) expect_op(",");
    Parameter p;
    p.name = expect_name("the name of a parameter");
    p.id = intern(p.name);
    if (skip_op("="))
      p.otherwise = expression();
    else if (!out.empty() && out.back().otherwise)
      fail("the parameter '" + p.name + "' needs a default, as the one before it has");
    out.push_back(std::move(p));
  }
  take();
  return out;
}

int Syntax::id_of(std::string_view wanted) const {
  const auto at = std::find(names.begin(), names.end(), wanted);
  return at == names.end() ? -1 : static_cast<int>(at - names.begin());
}

Syntax parse_template(std::string_view source, const std::string& name) { return Parser(source, name).run(); }

}  // namespace gradus::jinja
