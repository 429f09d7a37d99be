// SPDX-License-Identifier: MIT
// Byte-pair encoding of one piece of text: characters (or bytes) become ids, then the pair of lowest rank merges, the
// leftmost first, until none is left. O(n log n) in the piece: a megabyte without spaces is one piece.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/byte_alphabet.h"
#include "model/merge_table.h"
#include "model/vocabulary.h"

namespace proxima {

struct BpeOptions {
  bool byte_fallback =
      false;              // characters outside the vocabulary become the tokens <0xNN> of their bytes, if all exist
  bool fuse_unk = false;  // neighbouring unknown characters become one unknown token
  bool ignore_merges = false;  // a piece that is a token is taken whole
  std::optional<TokenId> unk;  // without it unknown characters are dropped, as the reference implementation does
};

// Working memory of one thread, reused from piece to piece.
class BpeScratch {
  friend class Bpe;
  struct Symbol {
    TokenId id = 0;
    uint32_t prev = 0;
    uint32_t next = 0;
  };
  struct Candidate {
    uint64_t order = 0;  // rank, then position
    TokenId id = 0;
  };
  std::vector<Symbol> symbols;
  std::vector<Candidate> heap;
  std::vector<std::vector<uint32_t>> buckets;  // [rank] positions of candidates; a heap's cache misses cost more
  uint32_t n_ranks_begun = 0;                  // candidates of these ranks go into the heap
  std::string text;
};

// Immutable.
class Bpe {
 public:
  // byte_level: pieces are bytes to be read through the byte alphabet, not characters.
  Bpe(Vocabulary vocabulary, MergeTable merges, const BpeOptions& options, bool byte_level);

  // Appends the ids of a piece of well-formed UTF-8.
  void encode(std::string_view piece, BpeScratch& scratch, std::vector<TokenId>& ids) const;
  const Vocabulary& vocabulary() const { return vocabulary_; }

 private:
  void begin(std::string_view piece, BpeScratch& scratch) const;
  bool add_fallback_bytes(std::string_view character, BpeScratch& scratch) const;
  void merge_all(BpeScratch& scratch) const;
  void merge_heap(BpeScratch& scratch) const;
  void merge_buckets(BpeScratch& scratch) const;
  void merge_at(BpeScratch& scratch, uint32_t pos, TokenId id) const;
  void offer(BpeScratch& scratch, uint32_t left) const;

  Vocabulary vocabulary_;
  MergeTable merges_;
  BpeOptions options_;
  bool byte_level_;
  ByteAlphabet alphabet_;
  std::array<std::optional<TokenId>, 256> byte_ids_;      // [byte] of the alphabet, or the ASCII character itself
  std::array<std::optional<TokenId>, 256> fallback_ids_;  // [byte] <0xNN>
};

}  // namespace proxima
