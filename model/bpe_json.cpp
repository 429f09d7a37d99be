// SPDX-License-Identifier: MIT
#include "model/bpe_json.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/quote.h"

namespace proxima {
namespace {

// Every token takes at least this much JSON ("":0,), so a larger id leaves a hole.
constexpr size_t kMinTokenJsonBytes = 4;

Vocabulary read_vocabulary(JsonCursor& cursor) {
  Vocabulary vocabulary;
  const size_t max_tokens = cursor.n_bytes_left() / kMinTokenJsonBytes;
  cursor.enter_object();
  // The key stays valid: a number needs no scratch memory.
  for (std::string_view token; cursor.next_key(token);) vocabulary.add(token, cursor.read_uint32(), max_tokens);
  vocabulary.refuse_holes();
  return vocabulary;
}

// One merge as its two parts: ["a", "b"], or "a b" with exactly one space.
void read_merge(JsonCursor& cursor, std::string& left, std::string& right) {
  if (cursor.peek() == '[') {
    cursor.enter_array();
    if (!cursor.next_element()) cursor.fail_here("a merge needs two parts");
    left = cursor.read_string();
    if (!cursor.next_element()) cursor.fail_here("a merge needs two parts");
    right = cursor.read_string();
    if (cursor.next_element()) cursor.fail_here("a merge has more than two parts");
    return;
  }
  const std::string_view merge = cursor.read_string();
  const size_t space = merge.find(' ');
  if (space == merge.npos || merge.find(' ', space + 1) != merge.npos) {
    cursor.fail_here(fmt::format("the merge {} has not exactly one space", quote(merge)));
  }
  left = merge.substr(0, space);
  right = merge.substr(space + 1);
}

// Reads merges and looks their tokens up a few merges later: by then the prefetched part of the vocabulary's table has
// come from memory, which is most of what opening a large tokenizer.json costs.
class MergeReader {
 public:
  explicit MergeReader(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {}

  MergeTable read(JsonCursor& cursor) {
    size_t n_read = 0;
    cursor.enter_array();
    for (; cursor.next_element(); ++n_read) {
      Pending& pending = ring_[n_read % kAhead];
      if (n_read >= kAhead) resolve(pending);
      read_merge(cursor, pending.left, pending.right);
      pending.left_key = vocabulary_.prefetch(pending.left);
      pending.right_key = vocabulary_.prefetch(pending.right);
    }
    for (size_t index = n_read - std::min(n_read, kAhead); index < n_read; ++index) resolve(ring_[index % kAhead]);
    return make_table();
  }

 private:
  static constexpr size_t kAhead = 16;
  struct Pending {
    std::string left, right;
    Vocabulary::Key left_key, right_key;
  };
  struct Entry {
    TokenId left, right, merged;
  };

  void resolve(Pending& pending) {
    Entry entry{require(pending.left, vocabulary_.find(pending.left, pending.left_key)),
                require(pending.right, vocabulary_.find(pending.right, pending.right_key)), 0};
    // Merges mostly come in the order of what they make: the last result or the one after it needs no search.
    std::string& whole = pending.left += pending.right;
    const TokenId last = entries_.empty() ? 0 : entries_.back().merged;
    const auto is = [&](TokenId id) { return id < vocabulary_.size() && vocabulary_.text(id) == whole; };
    entry.merged = is(last) ? last : is(last + 1) ? last + 1 : require(whole, vocabulary_.find(whole));
    entries_.push_back(entry);
  }

  TokenId require(const std::string& token, std::optional<TokenId> id) const {
    if (!id) {
      fail(ErrorKind::kInput, "merge {} needs {}, which is not in the vocabulary", entries_.size(), quote(token));
    }
    return *id;
  }

  MergeTable make_table() const {
    MergeTable merges;
    merges.reserve(entries_.size());
    uint32_t rank = 0;
    for (const Entry& entry : entries_) merges.set(entry.left, entry.right, {rank++, entry.merged});
    return merges;
  }

  const Vocabulary& vocabulary_;
  std::array<Pending, kAhead> ring_;
  std::vector<Entry> entries_;
};

void require_empty(JsonCursor& cursor, std::string_view key) {
  if (cursor.peek() == '"' && cursor.read_string().empty()) return;
  if (!cursor.read_null()) fail(ErrorKind::kInput, "model: {} is not supported", key);
}

}  // namespace

BpeModel read_bpe_model(JsonCursor& cursor) {
  BpeModel model;
  std::optional<JsonCursor> merges_before_vocabulary;
  std::optional<std::string> unk;
  std::set<std::string, std::less<>> seen;
  cursor.enter_object();
  std::string key;
  for (std::string_view next; cursor.next_key(next);) {
    key = next;
    if (!seen.insert(key).second) fail(ErrorKind::kInput, "model has {} twice", quote(key));
    if (key == "vocab") {
      model.vocabulary = read_vocabulary(cursor);
    } else if (key == "merges") {
      if (seen.contains(std::string_view("vocab"))) {
        model.merges = MergeReader(model.vocabulary).read(cursor);
      } else {
        cursor.peek();
        merges_before_vocabulary = cursor;
        cursor.read_raw();
      }
    } else if (key == "type") {
      const std::string type(cursor.read_string());
      if (type != "BPE") fail(ErrorKind::kInput, "model {} is not supported", quote(type));
    } else if (key == "unk_token") {
      if (!cursor.read_null()) unk = cursor.read_string();
    } else if (key == "byte_fallback") {
      model.options.byte_fallback = cursor.read_bool();
    } else if (key == "fuse_unk") {
      model.options.fuse_unk = cursor.read_bool();
    } else if (key == "ignore_merges") {
      model.options.ignore_merges = cursor.read_bool();
    } else if (key == "dropout" || key == "continuing_subword_prefix" || key == "end_of_word_suffix") {
      require_empty(cursor, key);
    } else {
      fail(ErrorKind::kInput, "model has the unsupported key {}", quote(key));
    }
  }
  for (const char* needed : {"vocab", "merges"}) {
    if (!seen.contains(std::string_view(needed))) fail(ErrorKind::kInput, "model has no '{}'", needed);
  }
  if (merges_before_vocabulary) model.merges = MergeReader(model.vocabulary).read(*merges_before_vocabulary);
  if (unk) {
    model.options.unk = model.vocabulary.find(*unk);
    if (!model.options.unk) fail(ErrorKind::kInput, "model: unk_token {} is not in the vocabulary", quote(*unk));
  }
  return model;
}

}  // namespace proxima
