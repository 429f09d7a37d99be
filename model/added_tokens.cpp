// SPDX-License-Identifier: MIT
#include "model/added_tokens.h"

#include <algorithm>

#include "core/error.h"
#include "model/utf8.h"

namespace proxima {
namespace {

// Bounds the time a hostile file can cost per byte of text.
constexpr size_t kMaxContentBytes = 1024;

size_t skip_white_space(std::string_view text, size_t pos) {
  while (pos < text.size()) {
    const CodePoint point = code_point_at(text, pos);
    if (!is_white_space(point.value)) break;
    pos += point.n_bytes;
  }
  return pos;
}

}  // namespace

void StringSet::add(std::string text, size_t value) {
  entries_.emplace_back(std::move(text), value);
}

void StringSet::finish() {
  std::stable_sort(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (size_t byte = 0; byte < 256; ++byte) {
    const auto below = [](const auto& entry, size_t key) { return static_cast<unsigned char>(entry.first[0]) < key; };
    first_[byte] =
        static_cast<uint32_t>(std::lower_bound(entries_.begin(), entries_.end(), byte, below) - entries_.begin());
  }
  first_[256] = static_cast<uint32_t>(entries_.size());
}

std::optional<StringSet::Found> StringSet::match_at(std::string_view text, size_t pos) const {
  const auto lead = static_cast<unsigned char>(text[pos]);
  auto begin = entries_.begin() + first_[lead];
  auto end = entries_.begin() + first_[lead + 1];
  std::optional<Found> longest;
  for (size_t depth = 1; begin != end; ++depth) {
    if (begin->first.size() == depth) {
      longest = Found{pos, pos + depth, begin->second};
      while (begin != end && begin->first.size() == depth) ++begin;
    }
    if (pos + depth == text.size()) break;
    const auto byte = static_cast<unsigned char>(text[pos + depth]);
    const auto at_depth = [depth](const auto& entry) { return static_cast<unsigned char>(entry.first[depth]); };
    begin = std::lower_bound(begin, end, byte, [&](const auto& entry, unsigned char b) { return at_depth(entry) < b; });
    end = std::upper_bound(begin, end, byte, [&](unsigned char b, const auto& entry) { return b < at_depth(entry); });
  }
  return longest;
}

std::optional<StringSet::Found> StringSet::find(std::string_view text, size_t from) const {
  if (entries_.empty()) return std::nullopt;
  for (size_t pos = from; pos < text.size(); ++pos) {
    const auto lead = static_cast<unsigned char>(text[pos]);
    if (first_[lead] == first_[lead + 1]) continue;
    if (const auto found = match_at(text, pos)) return found;
  }
  return std::nullopt;
}

AddedTokens::AddedTokens(std::vector<AddedToken> tokens, const Normalizer& normalizer) : tokens_(std::move(tokens)) {
  std::sort(tokens_.begin(), tokens_.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  // Special tokens come first: where two are equal once normalised, the first one is found.
  for (const bool special : {true, false}) {
    for (size_t index = 0; index < tokens_.size(); ++index) {
      const AddedToken& token = tokens_[index];
      if (token.special != special) continue;
      const std::string text = token.normalized ? normalizer.apply(token.content) : token.content;
      if (text.empty() || text.size() > kMaxContentBytes) {
        fail(ErrorKind::kInput, "added token {} is empty or longer than {} bytes", token.id, kMaxContentBytes);
      }
      sets_[token.normalized][1].add(text, index);
      if (!special) sets_[token.normalized][0].add(text, index);
    }
  }
  for (auto& pair : sets_) {
    for (StringSet& set : pair) set.finish();
  }
}

std::vector<TextSegment> AddedTokens::cut(std::string_view text, bool normalized, bool parse_special) const {
  std::vector<TextSegment> segments;
  const StringSet& set = sets_[normalized][parse_special];
  size_t done = 0;   // everything before is in segments
  size_t after = 0;  // where the search goes on: white space swallowed by rstrip is searched too
  while (const auto found = set.find(text, after)) {
    const AddedToken& token = tokens_[found->value];
    if (done < found->begin) segments.push_back({std::nullopt, text.substr(done, found->begin - done)});
    segments.push_back({token.id, {}});
    after = found->end;
    done = token.rstrip ? skip_white_space(text, after) : after;
  }
  if (done < text.size()) segments.push_back({std::nullopt, text.substr(done)});
  return segments;
}

const AddedToken* AddedTokens::find(TokenId id) const {
  const auto found = std::lower_bound(tokens_.begin(), tokens_.end(), id,
                                      [](const AddedToken& token, TokenId key) { return token.id < key; });
  return found != tokens_.end() && found->id == id ? &*found : nullptr;
}

const AddedToken* AddedTokens::find(std::string_view content) const {
  const auto found =
      std::find_if(tokens_.begin(), tokens_.end(), [&](const AddedToken& token) { return token.content == content; });
  return found != tokens_.end() ? &*found : nullptr;
}

}  // namespace proxima
