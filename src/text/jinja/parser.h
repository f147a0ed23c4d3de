#pragma once
#include <string>
#include <unordered_map>
#include <vector>

#include "text/jinja/lexer.h"
#include "text/jinja/syntax.h"

namespace gradus::jinja {

/// Recursive descent over the tokens of one template, with Jinja's grammar and precedences.
class Parser {
 public:
  Parser(std::string_view source, const std::string& name);
  Syntax run();

 private:
  // Tokens.
  const Token& now() const { return tokens_[at_]; }
  const Token& next_one() const { return tokens_[at_ + (at_ + 1 < tokens_.size())]; }
  Token take() { return at_ + 1 < tokens_.size() ? std::move(tokens_[at_++]) : tokens_[at_]; }
  bool at_op(std::string_view op) const { return now().kind == TokenKind::op && now().text == op; }
  bool at_name(std::string_view name) const { return now().kind == TokenKind::name && now().text == name; }
  bool skip_op(std::string_view op) { return at_op(op) && (take(), true); }
  bool skip_name(std::string_view name) { return at_name(name) && (take(), true); }
  void expect_op(std::string_view op);
  void expect(TokenKind kind, const char* what);
  std::string expect_name(const char* what);
  [[noreturn]] void fail(const std::string& what) const;
  int intern(const std::string& name);

  // Statements (parser.cpp).
  Body body(std::initializer_list<const char*> ends);
  /// The rest of an opening tag, a body and its closing tag.
  Body block(const char* end);
  void tag(Body& into);
  Statement branch();
  Statement loop();
  Statement set();
  Statement macro();
  Statement call_block();
  Statement with();
  Target target(bool with_namespace, bool stops_at_in);
  Target one_target(bool with_namespace);
  std::vector<Parameter> signature();

  // Expressions (parser_expression.cpp).
  ExpressionPtr expression(bool with_conditional = true);
  ExpressionPtr tuple(bool with_conditional = true, bool parentheses = false);
  ExpressionPtr logical_or();
  ExpressionPtr logical_and();
  ExpressionPtr logical_not();
  ExpressionPtr comparison();
  ExpressionPtr sum();
  ExpressionPtr concat();
  ExpressionPtr product();
  ExpressionPtr power();
  ExpressionPtr unary(bool with_filter = true);
  ExpressionPtr primary();
  ExpressionPtr postfix(ExpressionPtr node);
  ExpressionPtr filters(ExpressionPtr node);
  ExpressionPtr one_filter(ExpressionPtr node);
  ExpressionPtr test(ExpressionPtr node);
  ExpressionPtr subscript(ExpressionPtr node);
  ExpressionPtr list();
  ExpressionPtr dict();
  void arguments(Expression& call);
  ExpressionPtr make(ExpressionKind kind) const;
  ExpressionPtr make(ExpressionKind kind, ExpressionPtr a, ExpressionPtr b = nullptr) const;

  /// Counts how deep the recursion is while it lives.
  struct Deeper {
    explicit Deeper(Parser& parser);
    ~Deeper() { --parser.depth_; }
    Parser& parser;
  };
  /// A chain (a + b + c …) is a tree as deep as it is long.
  void chain(int length) const;

  Syntax syntax_;
  std::vector<Token> tokens_;
  std::unordered_map<std::string, int> ids_;
  size_t at_ = 0;
  int depth_ = 0, loops_ = 0;
};

}  // namespace gradus::jinja
