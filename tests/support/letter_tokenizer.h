#pragma once
#include <string>

#include "text/tokenizer.h"
#include "text/tokenizer_parts.h"

/// A tokenizer of `size` tokens for models that were never trained: id 0 is the special token "<end>", the others are
/// the characters from '!' on.
inline gradus::Tokenizer letter_tokenizer(int size) {
  gradus::TokenizerParts parts;
  parts.vocabulary.add("<end>");
  for (int id = 1; id < size; ++id) parts.vocabulary.add(std::string(1, static_cast<char>('!' + id - 1)));
  parts.added.push_back({.id = 0, .content = "<end>", .special = true});
  parts.bos = parts.eos = "<end>";
  return gradus::Tokenizer(std::move(parts));
}
