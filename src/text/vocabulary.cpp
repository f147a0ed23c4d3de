#include "text/vocabulary.h"

#include <bit>

namespace gradus {

void Vocabulary::rehash(size_t slots) {
  slots_.assign(slots, {});
  for (int id = 0; id < size(); ++id) {
    const std::string_view text = (*this)[id];
    const uint64_t h = hash_bytes(text.data(), text.size());
    size_t i = h & (slots - 1);
    while (slots_[i].id >= 0) i = (i + 1) & (slots - 1);
    slots_[i] = {static_cast<uint32_t>(h >> 32), id};
  }
}

void Vocabulary::reserve(int tokens) {
  const size_t slots = std::bit_ceil(static_cast<size_t>(tokens) * 2 + 16);
  if (slots > slots_.size()) rehash(slots);
  begins_.reserve(static_cast<size_t>(tokens) + 1);
}

int Vocabulary::find(std::string_view text) const {
  if (slots_.empty()) return -1;
  const uint64_t h = hash_bytes(text.data(), text.size());
  for (size_t i = h & (slots_.size() - 1); slots_[i].id >= 0; i = (i + 1) & (slots_.size() - 1))
    if (slots_[i].hash == static_cast<uint32_t>(h >> 32) && (*this)[slots_[i].id] == text) return slots_[i].id;
  return -1;
}

int Vocabulary::add(std::string_view text) {
  if (slots_.size() < begins_.size() * 2) rehash(std::bit_ceil(begins_.size() * 4 + 16));
  const uint64_t h = hash_bytes(text.data(), text.size());
  size_t i = h & (slots_.size() - 1);
  for (; slots_[i].id >= 0; i = (i + 1) & (slots_.size() - 1))
    if (slots_[i].hash == static_cast<uint32_t>(h >> 32) && (*this)[slots_[i].id] == text) return -1;
  slots_[i] = {static_cast<uint32_t>(h >> 32), size()};
  texts_ += text;
  begins_.push_back(texts_.size());
  return size() - 1;
}

}  // namespace gradus
