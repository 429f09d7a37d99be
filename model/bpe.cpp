// SPDX-License-Identifier: MIT
#include "model/bpe.h"

#include <algorithm>

#include "core/error.h"
#include "model/utf8.h"

namespace proxima {
namespace {

constexpr size_t kLargePiece = 4096;       // symbols from which sorting by rank beats the heap
constexpr uint32_t kEnd = 0xFFFFFFFF;      // no neighbour
constexpr uint32_t kRemoved = 0xFFFFFFFE;  // `next` of a symbol that was merged into its left neighbour

uint64_t order_of(uint32_t rank, uint32_t pos) {
  return (uint64_t{rank} << 32) | pos;
}

constexpr auto later = [](const auto& a, const auto& b) { return a.order > b.order; };

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

void Bpe::merge_all(BpeScratch& scratch) const {
  auto& symbols = scratch.symbols;
  const auto last = static_cast<uint32_t>(symbols.size() - 1);
  for (uint32_t pos = 0; pos <= last; ++pos) {
    symbols[pos].prev = pos == 0 ? kEnd : pos - 1;
    symbols[pos].next = pos == last ? kEnd : pos + 1;
  }
  scratch.heap.clear();
  const bool large = symbols.size() > kLargePiece && symbols.size() > merges_.n_ranks() / 16;
  scratch.buckets.resize(large ? merges_.n_ranks() : 0);
  scratch.n_ranks_begun = 0;
  for (uint32_t pos = 0; pos < last; ++pos) offer(scratch, pos);
  if (large) {
    merge_buckets(scratch);
  } else {
    merge_heap(scratch);
  }
}

// Takes candidates in the order of rank and position. One goes stale when a neighbour merged first; it is recognised
// by the pair that stands there now.
void Bpe::merge_heap(BpeScratch& scratch) const {
  while (!scratch.heap.empty()) {
    std::pop_heap(scratch.heap.begin(), scratch.heap.end(), later);
    const auto candidate = scratch.heap.back();
    scratch.heap.pop_back();
    merge_at(scratch, static_cast<uint32_t>(candidate.order), candidate.id);
  }
}

// The same order for a large piece: one pass over the ranks, the positions of each sorted. Only candidates that come
// up behind the pass (of a rank it has reached already) need the heap, and those are few at a time. A binary heap of
// ten million entries would wait for memory at every step.
void Bpe::merge_buckets(BpeScratch& scratch) const {
  const auto n_ranks = static_cast<uint32_t>(scratch.buckets.size());
  for (uint32_t rank = 0; rank < n_ranks; ++rank) {
    std::vector<uint32_t> positions = std::move(scratch.buckets[rank]);
    if (positions.empty()) continue;
    // They come in order, since a token is made the same way everywhere; the order must not rest on that argument.
    if (!std::is_sorted(positions.begin(), positions.end())) std::sort(positions.begin(), positions.end());
    scratch.n_ranks_begun = rank + 1;
    for (const uint32_t pos : positions) {
      const uint64_t order = order_of(rank, pos);
      while (!scratch.heap.empty() && scratch.heap.front().order < order) {
        std::pop_heap(scratch.heap.begin(), scratch.heap.end(), later);
        const auto candidate = scratch.heap.back();
        scratch.heap.pop_back();
        merge_at(scratch, static_cast<uint32_t>(candidate.order), candidate.id);
      }
      const auto& symbol = scratch.symbols[pos];
      if (symbol.next >= kRemoved) continue;
      const Merge merge = merges_.find(symbol.id, scratch.symbols[symbol.next].id);
      if (merge.rank == rank) merge_at(scratch, pos, merge.id);
    }
    merge_heap(scratch);
  }
}

// Puts the pair that begins at `left` among the candidates, if it merges.
void Bpe::offer(BpeScratch& scratch, uint32_t left) const {
  const auto& symbols = scratch.symbols;
  const Merge merge = merges_.find(symbols[left].id, symbols[symbols[left].next].id);
  if (!merge) return;
  if (merge.rank >= scratch.n_ranks_begun && !scratch.buckets.empty()) {
    scratch.buckets[merge.rank].push_back(left);
  } else {
    scratch.heap.push_back({order_of(merge.rank, left), merge.id});
    std::push_heap(scratch.heap.begin(), scratch.heap.end(), later);
  }
}

// Merges the pair that begins at pos, if it still makes id.
void Bpe::merge_at(BpeScratch& scratch, uint32_t pos, TokenId id) const {
  auto& symbol = scratch.symbols[pos];
  if (symbol.next >= kRemoved) return;
  auto& right = scratch.symbols[symbol.next];
  const Merge merge = merges_.find(symbol.id, right.id);
  if (!merge || merge.id != id) return;
  symbol.id = id;
  symbol.next = right.next;
  right.next = kRemoved;
  if (symbol.prev != kEnd) offer(scratch, symbol.prev);
  if (symbol.next != kEnd) {
    scratch.symbols[symbol.next].prev = pos;
    offer(scratch, pos);
  }
}

}  // namespace proxima
