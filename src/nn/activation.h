#pragma once
#include <string>

#include "tensor/tensor.h"

namespace gradus {

using Activation = Tensor (*)(const Tensor&);

/// By Hugging Face's name (`activation_function`, `hidden_act`): gelu, gelu_new, relu, silu, tanh, … Throws ValueError
/// listing all for any other.
Activation activation_named(const std::string& name);

}  // namespace gradus
