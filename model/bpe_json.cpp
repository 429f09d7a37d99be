// SPDX-License-Identifier: MIT
#include "model/bpe_json.h"

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

MergeTable read_merges(JsonCursor& cursor, const Vocabulary& vocabulary) {
  struct Entry {
    TokenId left, right, merged;
  };
  std::vector<Entry> entries;
  std::string left;
  std::string right;
  const auto id_of = [&](const std::string& token) {
    const auto id = vocabulary.find(token);
    if (!id)
      cursor.fail_here(
          fmt::format("the merge {} + {} needs the missing token {}", quote(left), quote(right), quote(token)));
    return *id;
  };
  cursor.enter_array();
  while (cursor.next_element()) {
    read_merge(cursor, left, right);
    entries.push_back({id_of(left), id_of(right), id_of(left + right)});
  }
  MergeTable merges;
  merges.reserve(entries.size());
  uint32_t rank = 0;
  for (const Entry& entry : entries) merges.set(entry.left, entry.right, {rank++, entry.merged});
  return merges;
}

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
        model.merges = read_merges(cursor, model.vocabulary);
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
  if (merges_before_vocabulary) model.merges = read_merges(*merges_before_vocabulary, model.vocabulary);
  if (unk) {
    model.options.unk = model.vocabulary.find(*unk);
    if (!model.options.unk) fail(ErrorKind::kInput, "model: unk_token {} is not in the vocabulary", quote(*unk));
  }
  return model;
}

}  // namespace proxima
