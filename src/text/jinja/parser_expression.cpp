#include "text/jinja/parser.h"

namespace gradus::jinja {

ExpressionPtr Parser::make(ExpressionKind kind) const {
  return std::make_unique<Expression>(Expression{.kind = kind, .line = now().line});
}

ExpressionPtr Parser::make(ExpressionKind kind, ExpressionPtr a, ExpressionPtr b) const {
  ExpressionPtr node = make(kind);
  node->items.push_back(std::move(a));
  if (b) node->items.push_back(std::move(b));
  return node;
}

ExpressionPtr Parser::expression(bool with_conditional) {
  const Deeper deeper(*this);
  ExpressionPtr node = logical_or();
  for (int n = 0; with_conditional && skip_name("if"); chain(++n)) {
    node = make(ExpressionKind::conditional, std::move(node), logical_or());
    node->items.push_back(skip_name("else") ? expression() : nullptr);
  }
  return node;
}

ExpressionPtr Parser::tuple(bool with_conditional, bool parentheses) {
  std::vector<ExpressionPtr> items;
  bool is_tuple = false;
  for (;;) {
    if (!items.empty()) expect_op(",");
    if (now().kind == TokenKind::variable_end || now().kind == TokenKind::block_end || at_op(")") ||
        at_name("recursive"))
      break;
    items.push_back(expression(with_conditional));
    if (!at_op(",")) break;
    is_tuple = true;
  }
  if (!is_tuple && !items.empty()) return std::move(items[0]);
  if (!is_tuple && !parentheses) fail("expected an expression, got " + describe(now()));
  ExpressionPtr node = make(ExpressionKind::tuple);
  node->items = std::move(items);
  return node;
}

ExpressionPtr Parser::logical_or() {
  ExpressionPtr node = logical_and();
  for (int n = 0; skip_name("or"); chain(++n)) node = make(ExpressionKind::logical_or, std::move(node), logical_and());
  return node;
}

ExpressionPtr Parser::logical_and() {
  ExpressionPtr node = logical_not();
  for (int n = 0; skip_name("and"); chain(++n))
    node = make(ExpressionKind::logical_and, std::move(node), logical_not());
  return node;
}

ExpressionPtr Parser::logical_not() {
  if (!at_name("not")) return comparison();
  const Deeper deeper(*this);
  take();
  return make(ExpressionKind::logical_not, logical_not());
}

ExpressionPtr Parser::comparison() {
  ExpressionPtr first = sum();
  ExpressionPtr node;
  for (;;) {
    static constexpr std::pair<const char*, Comparison> kOperators[] = {
        {"==", Comparison::equal},         {"!=", Comparison::not_equal}, {"<=", Comparison::less_equal},
        {">=", Comparison::greater_equal}, {"<", Comparison::less},       {">", Comparison::greater}};
    const std::pair<const char*, Comparison>* found = nullptr;
    for (const auto& candidate : kOperators)
      if (!found && at_op(candidate.first)) found = &candidate;
    Comparison what;
    if (found) {
      what = found->second;
      take();
    } else if (skip_name("in")) {
      what = Comparison::in;
    } else if (at_name("not") && next_one().kind == TokenKind::name && next_one().text == "in") {
      take(), take();
      what = Comparison::not_in;
    } else {
      return node ? std::move(node) : std::move(first);
    }
    if (!node) node = make(ExpressionKind::compare, std::move(first));
    node->comparisons.push_back(what);
    node->items.push_back(sum());
  }
}

ExpressionPtr Parser::sum() {
  ExpressionPtr node = concat();
  for (int n = 0; at_op("+") || at_op("-"); chain(++n)) {
    const auto kind = take().text == "+" ? ExpressionKind::add : ExpressionKind::subtract;
    node = make(kind, std::move(node), concat());
  }
  return node;
}

ExpressionPtr Parser::concat() {
  ExpressionPtr first = product();
  if (!at_op("~")) return first;
  ExpressionPtr node = make(ExpressionKind::concat, std::move(first));
  while (skip_op("~")) node->items.push_back(product());
  return node;
}

ExpressionPtr Parser::product() {
  ExpressionPtr node = power();
  for (int n = 0;; chain(++n)) {
    ExpressionKind kind;
    if (at_op("*"))
      kind = ExpressionKind::multiply;
    else if (at_op("/"))
      kind = ExpressionKind::divide;
    else if (at_op("//"))
      kind = ExpressionKind::floor_divide;
    else if (at_op("%"))
      kind = ExpressionKind::modulo;
    else
      return node;
    take();
    node = make(kind, std::move(node), power());
  }
}

ExpressionPtr Parser::power() {
  ExpressionPtr node = unary();
  for (int n = 0; skip_op("**"); chain(++n)) node = make(ExpressionKind::power, std::move(node), unary());
  return node;
}

ExpressionPtr Parser::unary(bool with_filter) {
  const Deeper deeper(*this);
  ExpressionPtr node;
  if (skip_op("-"))
    node = make(ExpressionKind::negative, unary(false));
  else if (skip_op("+"))
    node = make(ExpressionKind::positive, unary(false));
  else
    node = primary();
  node = postfix(std::move(node));
  return with_filter ? filters(std::move(node)) : std::move(node);
}

ExpressionPtr Parser::primary() {
  ExpressionPtr node = make(ExpressionKind::constant);
  switch (now().kind) {
    case TokenKind::name: {
      const std::string name = take().text;
      if (name == "true" || name == "True" || name == "false" || name == "False") {
        node->constant = Value(name == "true" || name == "True");
      } else if (name == "none" || name == "None") {
        node->constant = None{};
      } else {
        node->kind = ExpressionKind::name;
        node->id = intern(name);
      }
      return node;
    }
    case TokenKind::string: {
      std::string text;
      while (now().kind == TokenKind::string) text += take().text;
      node->constant = Value(std::move(text));
      return node;
    }
    case TokenKind::integer: node->constant = Value(take().integer); return node;
    case TokenKind::floating: node->constant = Value(take().floating); return node;
    default: break;
  }
  if (skip_op("(")) {
    node = tuple(true, true);
    expect_op(")");
    return node;
  }
  if (at_op("[")) return list();
  if (at_op("{")) return dict();
  fail("expected an expression, got " + describe(now()));
}

ExpressionPtr Parser::list() {
  ExpressionPtr node = make(ExpressionKind::list);
  take();
  while (!at_op("]")) {
    if (!node->items.empty()) expect_op(",");
    if (at_op("]")) break;
    node->items.push_back(expression());
  }
  take();
  return node;
}

ExpressionPtr Parser::dict() {
  ExpressionPtr node = make(ExpressionKind::dict);
  take();
  while (!at_op("}")) {
    if (!node->items.empty()) expect_op(",");
    if (at_op("}")) break;
    node->items.push_back(expression());
    expect_op(":");
    node->items.push_back(expression());
  }
  take();
  return node;
}

ExpressionPtr Parser::postfix(ExpressionPtr node) {
  for (int n = 0;; chain(++n)) {
    if (at_op(".") || at_op("[")) {
      node = subscript(std::move(node));
    } else if (at_op("(")) {
      node = make(ExpressionKind::call, std::move(node));
      arguments(*node);
    } else {
      return node;
    }
  }
}

ExpressionPtr Parser::filters(ExpressionPtr node) {
  for (int n = 0;; chain(++n)) {
    if (skip_op("|")) {
      node = one_filter(std::move(node));
    } else if (skip_name("is")) {
      node = test(std::move(node));
    } else if (at_op("(")) {
      node = make(ExpressionKind::call, std::move(node));
      arguments(*node);
    } else {
      return node;
    }
  }
}

ExpressionPtr Parser::one_filter(ExpressionPtr input) {
  ExpressionPtr node = make(ExpressionKind::filter);
  node->items.push_back(std::move(input));
  node->text = expect_name("the name of a filter");
  if (at_op("(")) arguments(*node);
  return node;
}

ExpressionPtr Parser::test(ExpressionPtr input) {
  ExpressionPtr node = make(ExpressionKind::test);
  const bool negated = skip_name("not");
  node->items.push_back(std::move(input));
  node->text = expect_name("the name of a test");
  const auto is_argument = [this] {
    switch (now().kind) {
      case TokenKind::name: return !at_name("else") && !at_name("or") && !at_name("and");
      case TokenKind::string:
      case TokenKind::integer:
      case TokenKind::floating: return true;
      default: return at_op("[") || at_op("{");
    }
  };
  if (at_op("(")) {
    arguments(*node);
  } else if (is_argument()) {
    if (at_name("is")) fail("tests with 'is' cannot follow each other");
    node->arguments.push_back(postfix(primary()));
  }
  return negated ? make(ExpressionKind::logical_not, std::move(node)) : std::move(node);
}

ExpressionPtr Parser::subscript(ExpressionPtr object) {
  if (skip_op(".")) {
    if (now().kind == TokenKind::integer) {
      ExpressionPtr index = make(ExpressionKind::constant);
      index->constant = Value(take().integer);
      return make(ExpressionKind::subscript, std::move(object), std::move(index));
    }
    ExpressionPtr node = make(ExpressionKind::attribute, std::move(object));
    node->text = expect_name("an attribute");
    return node;
  }
  take();
  ExpressionPtr node = make(ExpressionKind::subscript, std::move(object));
  ExpressionPtr first = at_op(":") ? nullptr : expression();
  if (skip_op(":")) {
    node->kind = ExpressionKind::slice;
    node->items.push_back(std::move(first));
    node->items.push_back(at_op(":") || at_op("]") ? nullptr : expression());
    node->items.push_back(skip_op(":") && !at_op("]") ? expression() : nullptr);
  } else {
    node->items.push_back(std::move(first));
  }
  expect_op("]");
  return node;
}

void Parser::arguments(Expression& call) {
  expect_op("(");
  bool first = true;
  while (!at_op(")")) {
    if (!first) {
      expect_op(",");
      if (at_op(")")) break;
    }
    first = false;
    const auto in_order = [this](bool good) {
      if (!good) fail("an argument stands behind those that must come last");
    };
    if (skip_op("*")) {
      in_order(!call.more_arguments && !call.more_named);
      call.more_arguments = expression();
    } else if (skip_op("**")) {
      in_order(!call.more_named);
      call.more_named = expression();
    } else if (now().kind == TokenKind::name && next_one().kind == TokenKind::op && next_one().text == "=") {
      in_order(!call.more_named);
      std::string name = take().text;
      take();
      call.named.emplace_back(std::move(name), expression());
    } else {
      in_order(!call.more_arguments && !call.more_named && call.named.empty());
      call.arguments.push_back(expression());
    }
  }
  take();
}

}  // namespace gradus::jinja
