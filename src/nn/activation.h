#pragma once
#include <string>

#include "tensor/tensor.h"

namespace gradus {

using Activation = Tensor (*)(const Tensor&);

/// By Hugging Face's name (`activation_function`, `hidden_act`): gelu, gelu_new, gelu_pytorch_tanh, gelu_fast, relu,
/// relu2, silu, swish, tanh, sigmoid, quick_gelu. Throws ValueError listing them for any other.
Activation activation_named(const std::string& name);

}  // namespace gradus
