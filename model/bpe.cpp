// SPDX-License-Identifier: MIT
#include "model/bpe.h"

#include <algorithm>

#include "core/error.h"
#include "model/utf8.h"

namespace proxima {
namespace {

constexpr uint32_t kEnd = 0xFFFFFFFF;      // no neighbour
constexpr uint32_t kRemoved = 0xFFFFFFFE;  // `next` of a symbol that was merged into its left neighbour

}  // namespace

Bpe::Bpe(Vocabulary vocabulary, MergeTable merges, const BpeOptions& options, bool byte_level)
    : vocabulary_(std::move(vocabulary)), merges_(std::move(merges)), options_(options), byte_level_(byte_level) {
  for (size_t byte = 0; byte < 256; ++byte) {
    std::string text;
    append_utf8(byte_level ? alphabet_.character(static_cast<uint8_t>(byte)) : static_cast<char32_t>(byte), text);
    byte_ids_[byte] = vocabulary_.find(text);
    fallback_ids_[byte] = vocabulary_.find(fmt::format("<0x{:02X}>", byte));
  }
}

void Bpe::encode(std::string_view piece, BpeScratch& scratch, std::vector<TokenId>& ids) const {
  if (piece.size() >= kRemoved)
    fail(ErrorKind::kUsage, "a piece of text of {} bytes is too long to encode", piece.size());
  if (options_.ignore_merges) {
    std::string_view whole = piece;
    if (byte_level_) {
      scratch.text.clear();
      alphabet_.append_text(piece, scratch.text);
      whole = scratch.text;
    }
    if (const auto id = vocabulary_.find(whole)) return ids.push_back(*id);
  }
  scratch.symbols.clear();
  begin(piece, scratch);
  if (scratch.symbols.empty()) return;
  merge_all(scratch);
  for (uint32_t pos = 0; pos != kEnd; pos = scratch.symbols[pos].next) ids.push_back(scratch.symbols[pos].id);
}

// An unknown character waits for the next known one (or the end) before its token is written, so that neighbours can
// be fused. Fallback bytes do not end the wait: that is the reference implementation's order, and ids must be equal.
void Bpe::begin(std::string_view piece, BpeScratch& scratch) const {
  bool unknown_waits = false;
  const auto write_unknown = [&] {
    if (unknown_waits) scratch.symbols.push_back({*options_.unk});
    unknown_waits = false;
  };
  for (size_t pos = 0; pos < piece.size();) {
    const auto byte = static_cast<uint8_t>(piece[pos]);
    const size_t n_bytes = byte_level_ || byte < 0x80 ? 1 : code_point_at(piece, pos).n_bytes;
    const std::string_view character = piece.substr(pos, n_bytes);
    pos += n_bytes;
    if (const auto id = n_bytes == 1 ? byte_ids_[byte] : vocabulary_.find(character)) {
      write_unknown();
      scratch.symbols.push_back({*id});
    } else if (!(options_.byte_fallback && add_fallback_bytes(character, scratch)) && options_.unk) {
      if (!options_.fuse_unk) write_unknown();
      unknown_waits = true;
    }
  }
  write_unknown();
}

bool Bpe::add_fallback_bytes(std::string_view character, BpeScratch& scratch) const {
  const auto id_of = [this](char byte) { return fallback_ids_[static_cast<uint8_t>(byte)]; };
  if (!std::all_of(character.begin(), character.end(), [&](char byte) { return id_of(byte).has_value(); }))
    return false;
  for (const char byte : character) scratch.symbols.push_back({*id_of(byte)});
  return true;
}

// Puts the pair that begins at `left` into the heap, if it merges.
void Bpe::offer(BpeScratch& scratch, uint32_t left) const {
  const auto& symbols = scratch.symbols;
  const Merge merge = merges_.find(symbols[left].id, symbols[symbols[left].next].id);
  if (merge) scratch.heap.push_back({(uint64_t{merge.rank} << 32) | left, merge.id});
}

// A min-heap of candidate pairs over a linked list of symbols. A candidate goes stale when a neighbour merged first;
// it is recognised when popped, by the pair that stands there now.
void Bpe::merge_all(BpeScratch& scratch) const {
  const auto later = [](const auto& a, const auto& b) { return a.order > b.order; };
  auto& symbols = scratch.symbols;
  auto& heap = scratch.heap;
  heap.clear();
  const auto last = static_cast<uint32_t>(symbols.size() - 1);
  for (uint32_t pos = 0; pos <= last; ++pos) {
    symbols[pos].prev = pos == 0 ? kEnd : pos - 1;
    symbols[pos].next = pos == last ? kEnd : pos + 1;
    if (pos != last) offer(scratch, pos);
  }
  std::make_heap(heap.begin(), heap.end(), later);
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), later);
    const auto candidate = heap.back();
    heap.pop_back();
    const auto pos = static_cast<uint32_t>(candidate.order);
    auto& symbol = symbols[pos];
    if (symbol.next >= kRemoved) continue;
    auto& right = symbols[symbol.next];
    const Merge merge = merges_.find(symbol.id, right.id);
    if (!merge || merge.id != candidate.id) continue;
    symbol.id = candidate.id;
    symbol.next = right.next;
    right.next = kRemoved;
    const auto offer_pair = [&](uint32_t left) {
      const size_t n_before = heap.size();
      offer(scratch, left);
      if (heap.size() != n_before) std::push_heap(heap.begin(), heap.end(), later);
    };
    if (symbol.prev != kEnd) offer_pair(symbol.prev);
    if (symbol.next != kEnd) {
      symbols[symbol.next].prev = pos;
      offer_pair(pos);
    }
  }
}

}  // namespace proxima
