#include "lab/formula.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "ops/activation.h"
#include "ops/create.h"
#include "ops/elementwise.h"

namespace gradus {

namespace {

struct FormulaFunction {
  const char* name;
  int arguments;
  Tensor (*call)(const Tensor* x);
};

constexpr FormulaFunction kFormulaFunctions[] = {
    {"sin", 1, [](const Tensor* x) { return sin(x[0]); }},
    {"cos", 1, [](const Tensor* x) { return cos(x[0]); }},
    {"tan", 1, [](const Tensor* x) { return div(sin(x[0]), cos(x[0])); }},
    {"exp", 1, [](const Tensor* x) { return exp(x[0]); }},
    {"log", 1, [](const Tensor* x) { return log(x[0]); }},
    {"ln", 1, [](const Tensor* x) { return log(x[0]); }},
    {"sqrt", 1, [](const Tensor* x) { return sqrt(x[0]); }},
    {"abs", 1, [](const Tensor* x) { return abs(x[0]); }},
    {"sign", 1, [](const Tensor* x) { return sign(x[0]); }},
    {"tanh", 1, [](const Tensor* x) { return tanh(x[0]); }},
    {"sigmoid", 1, [](const Tensor* x) { return sigmoid(x[0]); }},
    {"erf", 1, [](const Tensor* x) { return erf(x[0]); }},
    {"relu", 1, [](const Tensor* x) { return relu(x[0]); }},
    {"silu", 1, [](const Tensor* x) { return silu(x[0]); }},
    {"gelu", 1, [](const Tensor* x) { return gelu(x[0]); }},
    {"max", 2, [](const Tensor* x) { return maximum(x[0], x[1]); }},
    {"min", 2, [](const Tensor* x) { return minimum(x[0], x[1]); }},
    {"pow", 2, [](const Tensor* x) { return pow(x[0], x[1]); }},
};

struct FormulaConstant {
  const char* name;
  double value;
};
constexpr FormulaConstant kFormulaConstants[] = {{"pi", std::numbers::pi}, {"e", std::numbers::e}};

constexpr size_t kMostCharacters = 10000;
constexpr int kDeepest = 200;

bool begins_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

/// One function a line of the grammar; they emit the steps of a stack machine.
class FormulaParser {
 public:
  explicit FormulaParser(Formula& formula) : f_(formula), text_(formula.text_) {}

  void parse() {
    if (text_.size() > kMostCharacters)
      throw ValueError("formula", "it has " + std::to_string(text_.size()) + " characters, more than " +
                                      std::to_string(kMostCharacters) + ".");
    sum();
    if (!at_end()) refuse(at_, begins_value() ? "an operator is missing" : "it was not expected", "write 2*x, not 2x.");
  }

 private:
  using Step = Formula::Step;

  void sum() {
    const Nested level(*this);
    product();
    for (;;)
      if (take("+"))
        product(), emit({Step::add});
      else if (take("-"))
        product(), emit({Step::sub});
      else
        return;
  }

  void product() {
    signed_value();
    for (;;)
      if (!looking_at("**") && take("*"))
        signed_value(), emit({Step::mul});
      else if (take("/"))
        signed_value(), emit({Step::div});
      else
        return;
  }

  void signed_value() {
    const Nested level(*this);
    if (take("-"))
      signed_value(), emit({Step::neg});
    else if (take("+"))
      signed_value();
    else
      power();
  }

  void power() {
    value();
    if (take("^") || take("**")) signed_value(), emit({Step::pow});
  }

  void value() {
    skip_spaces();
    const size_t begin = at_;
    if (take("(")) {
      sum();
      if (!take(")")) refuse(at_, "a ) is missing for the ( at column " + std::to_string(begin + 1));
    } else if (!at_end() && (is_digit(text_[at_]) || text_[at_] == '.')) {
      number();
    } else if (!at_end() && begins_name(text_[at_])) {
      while (at_ < text_.size() && (begins_name(text_[at_]) || is_digit(text_[at_]))) ++at_;
      named(text_.substr(begin, at_ - begin), begin);
    } else {
      refuse(at_, "a number, a name or a ( is missing");
    }
  }

  void number() {
    double value = 0;
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc() || !std::isfinite(value)) refuse(at_, "this is not a number");
    at_ = static_cast<size_t>(end - text_.data());
    emit({Step::number, value});
  }

  void named(const std::string& name, size_t begin) {
    const auto function = std::find_if(std::begin(kFormulaFunctions), std::end(kFormulaFunctions),
                                       [&](const FormulaFunction& f) { return name == f.name; });
    if (take("(")) {
      if (function == std::end(kFormulaFunctions))
        refuse(begin, "there is no function \"" + name + "\"", "there are " + formula_functions() + ".");
      int given = 1;
      sum();
      while (take(",")) sum(), ++given;
      if (!take(")")) refuse(at_, "a ) is missing for the arguments of " + name);
      if (given != function->arguments)
        refuse(begin,
               name + " takes " + std::to_string(function->arguments) + " arguments, got " + std::to_string(given));
      return emit({Step::function, 0, static_cast<size_t>(function - kFormulaFunctions)});
    }
    if (function != std::end(kFormulaFunctions)) refuse(at_, "the function " + name + " needs a ( for its arguments");
    for (const FormulaConstant& c : kFormulaConstants)
      if (name == c.name) return emit({Step::number, c.value});
    const auto known = std::find(f_.variables_.begin(), f_.variables_.end(), name);
    emit({Step::variable, 0, static_cast<size_t>(known - f_.variables_.begin())});
    if (known == f_.variables_.end()) f_.variables_.push_back(name);
  }

  void skip_spaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n')) ++at_;
  }
  bool at_end() {
    skip_spaces();
    return at_ == text_.size();
  }
  bool begins_value() const { return begins_name(text_[at_]) || is_digit(text_[at_]) || text_[at_] == '('; }
  bool looking_at(std::string_view token) {
    skip_spaces();
    return text_.compare(at_, token.size(), token) == 0;
  }
  bool take(std::string_view token) {
    if (!looking_at(token)) return false;
    at_ += token.size();
    return true;
  }
  void emit(const Step& step) { f_.steps_.push_back(step); }

  [[noreturn]] void refuse(size_t at, const std::string& what, const std::string& hint = "") const {
    const std::string found = at < text_.size() ? "at \"" + text_.substr(at, 20) + "\"" : "at the end";
    throw ValueError("formula",
                     "column " + std::to_string(at + 1) + ", " + found + ": " + what + ".\n  " + text_ + "\n  " +
                         std::string(at, ' ') + "^",
                     hint);
  }

  /// Keeps hostile text from using up the call stack.
  struct Nested {
    FormulaParser& parser;
    explicit Nested(FormulaParser& p) : parser(p) {
      if (++parser.depth_ > kDeepest) parser.refuse(parser.at_, "it nests too deeply");
    }
    ~Nested() { --parser.depth_; }
  };

  Formula& f_;
  const std::string& text_;
  size_t at_ = 0;
  int depth_ = 0;
};

namespace {

// Small whole exponents and halves have better rules than x^y in general, which is no good at x = 0.
Tensor power(const Tensor& base, const Tensor& exponent, const double* constant) {
  if (!constant) return pow(base, exponent);
  if (*constant == 0) return ones_like(base);
  if (*constant == 1) return base;
  if (*constant == 2) return square(base);
  if (*constant == 0.5) return sqrt(base);
  if (*constant == -1) return reciprocal(base);
  return pow(base, *constant);
}

}  // namespace

Formula::Formula(std::string text) : text_(std::move(text)) { FormulaParser(*this).parse(); }

Tensor Formula::operator()(const Tensors& values) const {
  if (values.size() != variables_.size())
    throw ValueError("formula", "\"" + text_ + "\" has " + std::to_string(variables_.size()) + " variables, got " +
                                    std::to_string(values.size()) + " values.");
  const Shape shape = values.empty() ? Shape{} : values[0].shape();
  struct Entry {
    Tensor value;
    bool constant = false;
    double number = 0;
  };
  std::vector<Entry> stack;
  const auto pop = [&] {
    Entry top = std::move(stack.back());
    stack.pop_back();
    return top;
  };
  for (const Step& step : steps_) {
    switch (step.kind) {
      case Step::number: stack.push_back({full(shape, step.value, Dtype::f64), true, step.value}); continue;
      case Step::variable: stack.push_back({values[step.index]}); continue;
      case Step::neg: {
        const Entry x = pop();
        stack.push_back({neg(x.value), x.constant, -x.number});
        continue;
      }
      case Step::function: {
        const FormulaFunction& f = kFormulaFunctions[step.index];
        Tensor arguments[2];
        for (int i = f.arguments; i-- > 0;) arguments[i] = pop().value;
        stack.push_back({f.call(arguments)});
        continue;
      }
      default: break;
    }
    const Entry b = pop(), a = pop();
    switch (step.kind) {
      case Step::add: stack.push_back({add(a.value, b.value)}); break;
      case Step::sub: stack.push_back({sub(a.value, b.value)}); break;
      case Step::mul: stack.push_back({mul(a.value, b.value)}); break;
      case Step::div: stack.push_back({div(a.value, b.value), a.constant && b.constant, a.number / b.number}); break;
      default: stack.push_back({power(a.value, b.value, b.constant ? &b.number : nullptr)}); break;
    }
  }
  return stack.back().value;
}

std::string formula_functions() {
  std::string list;
  for (const FormulaFunction& f : kFormulaFunctions)
    list += (list.empty() ? "" : ", ") + std::string(f.name) + (f.arguments == 1 ? "(x)" : "(x, y)");
  return list;
}

}  // namespace gradus
