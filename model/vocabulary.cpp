// SPDX-License-Identifier: MIT
#include "model/vocabulary.h"

#include <cstring>
#include <limits>

#include "core/error.h"
#include "core/quote.h"

namespace proxima {
namespace {

// Eight bytes a step: the tokens are short and a million of them are looked up at load.
uint32_t hash_of(std::string_view text) {
  constexpr uint64_t kMultiplier = 0x9E3779B97F4A7C15ULL;
  uint64_t hash = text.size() * kMultiplier;
  const auto mix = [&hash](uint64_t word) {
    hash = (hash ^ word) * kMultiplier;
    hash ^= hash >> 32;
  };
  size_t pos = 0;
  uint64_t word = 0;
  for (; text.size() - pos >= sizeof(word); pos += sizeof(word)) {
    std::memcpy(&word, text.data() + pos, sizeof(word));
    mix(word);
  }
  if (pos < text.size()) {
    word = 0;
    std::memcpy(&word, text.data() + pos, text.size() - pos);
    mix(word);
  }
  hash *= kMultiplier;
  return static_cast<uint32_t>(hash >> 32);
}

}  // namespace

size_t Vocabulary::slot_of(std::string_view text, Key hash) const {
  const size_t mask = slots_.size() - 1;
  size_t slot = hash & mask;
  while (slots_[slot].id != kAbsent && (slots_[slot].hash != hash || this->text(slots_[slot].id) != text)) {
    slot = (slot + 1) & mask;
  }
  return slot;
}

void Vocabulary::grow() {
  std::vector<Slot> old(slots_.empty() ? 1024 : slots_.size() * 2);
  old.swap(slots_);
  const size_t mask = slots_.size() - 1;
  for (const Slot& entry : old) {
    if (entry.id == kAbsent) continue;
    size_t slot = entry.hash & mask;
    while (slots_[slot].id != kAbsent) slot = (slot + 1) & mask;
    slots_[slot] = entry;
  }
}

void Vocabulary::add(std::string_view text, TokenId id, size_t max_tokens) {
  if (id >= max_tokens)
    fail(ErrorKind::kInput, "token {} has id {}, which leaves holes in the vocabulary", quote(text), id);
  if (2 * (n_used_ + 1) > slots_.size()) grow();
  const uint32_t hash = hash_of(text);
  const size_t slot = slot_of(text, hash);
  if (slots_[slot].id != kAbsent) {
    fail(ErrorKind::kInput, "token {} stands twice in the vocabulary (ids {} and {})", quote(text), slots_[slot].id,
         id);
  }
  if (id >= spans_.size()) spans_.resize(size_t{id} + 1);
  if (spans_[id].n_bytes != kAbsent) {
    fail(ErrorKind::kInput, "id {} stands twice in the vocabulary ({} and {})", id, quote(this->text(id)), quote(text));
  }
  if (texts_.size() + text.size() >= kAbsent) fail(ErrorKind::kInput, "the vocabulary's texts exceed 4 GiB");
  spans_[id] = {static_cast<uint32_t>(texts_.size()), static_cast<uint32_t>(text.size())};
  slots_[slot] = {hash, id};
  texts_ += text;
  ++n_used_;
}

void Vocabulary::refuse_holes() const {
  for (size_t id = 0; id < spans_.size(); ++id) {
    if (spans_[id].n_bytes == kAbsent) fail(ErrorKind::kInput, "the vocabulary has a hole: no token has id {}", id);
  }
}

std::optional<TokenId> Vocabulary::find(std::string_view text) const {
  return find(text, hash_of(text));
}

Vocabulary::Key Vocabulary::prefetch(std::string_view text) const {
  const Key key = hash_of(text);
  if (!slots_.empty()) __builtin_prefetch(&slots_[key & (slots_.size() - 1)]);
  return key;
}

std::optional<TokenId> Vocabulary::find(std::string_view text, Key key) const {
  if (slots_.empty()) return std::nullopt;
  const TokenId id = slots_[slot_of(text, key)].id;
  if (id == kAbsent) return std::nullopt;
  return id;
}

}  // namespace proxima
