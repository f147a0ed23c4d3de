#include "text/vocabulary.h"

#include <bit>

namespace gradus {

/// The slot that holds a text, or the empty one where it would go.
size_t Vocabulary::slot_of(std::string_view text, uint64_t hash) const {
  const uint32_t tag = static_cast<uint32_t>(hash >> 32);
  size_t i = hash & (slots_.size() - 1);
  while (slots_[i].id >= 0 && (slots_[i].hash != tag || (*this)[slots_[i].id] != text))
    i = (i + 1) & (slots_.size() - 1);
  return i;
}

void Vocabulary::rehash(size_t slots) {
  std::vector<Slot> old(slots);
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.id < 0) continue;
    const std::string_view text = (*this)[slot.id];
    size_t i = hash_bytes(text.data(), text.size()) & (slots_.size() - 1);
    while (slots_[i].id >= 0) i = (i + 1) & (slots_.size() - 1);
    slots_[i] = slot;
  }
}

void Vocabulary::reserve(int tokens) {
  const size_t slots = std::bit_ceil(static_cast<size_t>(tokens) * 2 + 16);
  if (slots > slots_.size()) rehash(slots);
  begins_.reserve(static_cast<size_t>(tokens) + 1);
}

int Vocabulary::find(std::string_view text) const {
  if (slots_.empty()) return -1;
  return slots_[slot_of(text, hash_bytes(text.data(), text.size()))].id;
}

int Vocabulary::add(std::string_view text) { return find(text) >= 0 ? -1 : add_again(text); }

int Vocabulary::add_again(std::string_view text) {
  if (slots_.size() < begins_.size() * 2) rehash(std::bit_ceil(begins_.size() * 4 + 16));
  const uint64_t h = hash_bytes(text.data(), text.size());
  slots_[slot_of(text, h)] = {static_cast<uint32_t>(h >> 32), size()};
  texts_ += text;
  begins_.push_back(texts_.size());
  return size() - 1;
}

}  // namespace gradus
