#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "tensor/tensor.h"

namespace gradus {

/// A formula such as "x^2 + 3*x*y - exp(-y)", read once and computed with differentiable ops.
///
///   sum     = product { ("+" | "-") product }
///   product = signed { ("*" | "/") signed }
///   signed  = ("-" | "+") signed | power
///   power   = value [ ("^" | "**") signed ]        so -x^2 = -(x^2), 2^3^2 = 2^(3^2)
///   value   = number | constant | variable | function "(" sum { "," sum } ")" | "(" sum ")"
///
/// Constants are pi and e; any other name without a "(" is a variable. formula_functions() lists the functions.
class Formula {
 public:
  /// Throws ValueError with the column of what is wrong.
  explicit Formula(std::string text);

  const std::string& text() const { return text_; }
  /// In the order in which they first appear.
  const std::vector<std::string>& variables() const { return variables_; }

  /// The value where variable i has the numbers values[i]: f64 tensors of one shape, which the result has too.
  /// Differentiable to any order. Throws ValueError when their number is not that of the variables.
  Tensor operator()(const Tensors& values) const;

 private:
  friend class FormulaParser;
  struct Step {  // of a stack machine
    enum Kind : uint8_t { number, variable, function, add, sub, mul, div, pow, neg } kind;
    double value = 0;  // of a number
    size_t index = 0;  // of a variable or function
  };
  std::string text_;
  std::vector<std::string> variables_;
  std::vector<Step> steps_;
};

/// "sin(x), cos(x), …, max(x, y)": for --help and errors.
std::string formula_functions();

}  // namespace gradus
