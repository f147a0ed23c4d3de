#include "lab/formula.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "ops/activation.h"
#include "ops/clamp.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/math.h"
#include "ops/rounding.h"

namespace gradus {

namespace {

struct FormulaFunction {
  const char* name;
  int arguments;
  Tensor (*call)(const Tensor* x);
};

template <Tensor (*F)(const Tensor&)>
Tensor formula_one(const Tensor* x) {
  return F(x[0]);
}
template <Tensor (*F)(const Tensor&, const Tensor&)>
Tensor formula_two(const Tensor* x) {
  return F(x[0], x[1]);
}

constexpr FormulaFunction kFormulaFunctions[] = {
    {"sin", 1, formula_one<sin>},
    {"cos", 1, formula_one<cos>},
    {"tan", 1, formula_one<tan>},
    {"asin", 1, formula_one<asin>},
    {"acos", 1, formula_one<acos>},
    {"atan", 1, formula_one<atan>},
    {"sinh", 1, formula_one<sinh>},
    {"cosh", 1, formula_one<cosh>},
    {"tanh", 1, formula_one<tanh>},
    {"asinh", 1, formula_one<asinh>},
    {"acosh", 1, formula_one<acosh>},
    {"atanh", 1, formula_one<atanh>},
    {"exp", 1, formula_one<exp>},
    {"exp2", 1, formula_one<exp2>},
    {"expm1", 1, formula_one<expm1>},
    {"log", 1, formula_one<log>},
    {"ln", 1, formula_one<log>},
    {"log2", 1, formula_one<log2>},
    {"log10", 1, formula_one<log10>},
    {"log1p", 1, formula_one<log1p>},
    {"sqrt", 1, formula_one<sqrt>},
    {"rsqrt", 1, formula_one<rsqrt>},
    {"abs", 1, formula_one<abs>},
    {"sign", 1, formula_one<sign>},
    {"floor", 1, formula_one<floor>},
    {"ceil", 1, formula_one<ceil>},
    {"trunc", 1, formula_one<trunc>},
    {"round", 1, formula_one<round>},
    {"frac", 1, formula_one<frac>},
    {"sigmoid", 1, formula_one<sigmoid>},
    {"erf", 1, formula_one<erf>},
    {"erfc", 1, formula_one<erfc>},
    {"erfinv", 1, formula_one<erfinv>},
    {"lgamma", 1, formula_one<lgamma>},
    {"digamma", 1, formula_one<digamma>},
    {"sinc", 1, formula_one<sinc>},
    {"logit", 1, [](const Tensor* x) { return logit(x[0]); }},
    {"step", 1, formula_one<step>},
    {"relu", 1, formula_one<relu>},
    {"relu6", 1, formula_one<relu6>},
    {"relu_squared", 1, formula_one<relu_squared>},
    {"leaky_relu", 1, [](const Tensor* x) { return leaky_relu(x[0]); }},
    {"elu", 1, [](const Tensor* x) { return elu(x[0]); }},
    {"selu", 1, formula_one<selu>},
    {"celu", 1, [](const Tensor* x) { return celu(x[0]); }},
    {"silu", 1, formula_one<silu>},
    {"mish", 1, formula_one<mish>},
    {"gelu", 1, formula_one<gelu>},
    {"gelu_tanh", 1, formula_one<gelu_tanh>},
    {"quick_gelu", 1, formula_one<quick_gelu>},
    {"softplus", 1, [](const Tensor* x) { return softplus(x[0]); }},
    {"log_sigmoid", 1, formula_one<log_sigmoid>},
    {"softsign", 1, formula_one<softsign>},
    {"tanh_shrink", 1, formula_one<tanh_shrink>},
    {"hard_sigmoid", 1, formula_one<hard_sigmoid>},
    {"hard_swish", 1, formula_one<hard_swish>},
    {"hard_tanh", 1, [](const Tensor* x) { return hard_tanh(x[0]); }},
    {"max", 2, formula_two<maximum>},
    {"min", 2, formula_two<minimum>},
    {"pow", 2, formula_two<pow>},
    {"atan2", 2, formula_two<atan2>},
    {"hypot", 2, formula_two<hypot>},
    {"copysign", 2, formula_two<copysign>},
    {"logaddexp", 2, formula_two<logaddexp>},
    {"xlogy", 2, formula_two<xlogy>},
    {"fmod", 2, formula_two<fmod>},
    {"remainder", 2, formula_two<remainder>},
    {"clamp", 3, [](const Tensor* x) { return clamp(x[0], x[1], x[2]); }},
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
        Tensor arguments[3];
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
  constexpr const char* kArguments[] = {"", "(x)", "(x, y)", "(x, low, high)"};
  std::string list;
  size_t line = 0;
  for (const FormulaFunction& f : kFormulaFunctions) {
    const std::string entry = f.name + std::string(kArguments[f.arguments]);
    if (line + entry.size() > 100)
      list += ",\n  ", line = 0;
    else if (!list.empty())
      list += ", ";
    list += entry;
    line += entry.size() + 2;
  }
  return list;
}

}  // namespace gradus
