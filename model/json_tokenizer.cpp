// SPDX-License-Identifier: MIT
#include "model/json_tokenizer.h"

namespace proxima {

struct JsonTokenizer::Scratch {
  RegexScratch regex;
  BpeScratch bpe;
};

std::vector<TokenId> JsonTokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  std::vector<TokenId> ids;
  if (options.add_special) ids = parts_.post_processor.before;
  Scratch scratch;
  bool at_start = true;
  for (const TextSegment& raw : parts_.added.cut(text, false, options.parse_special)) {
    if (raw.id) {
      ids.push_back(*raw.id);
    } else {
      // Each stretch is normalised by itself: nothing composes across an added token.
      const std::string normalized = parts_.normalizer.apply(raw.text);
      for (const TextSegment& segment : parts_.added.cut(normalized, true, options.parse_special)) {
        if (segment.id) {
          ids.push_back(*segment.id);
        } else {
          encode_stretch(segment.text, at_start, scratch, ids);
        }
        at_start = false;
      }
    }
    at_start = false;
  }
  if (options.add_special) {
    ids.insert(ids.end(), parts_.post_processor.after.begin(), parts_.post_processor.after.end());
  }
  return ids;
}

void JsonTokenizer::encode_stretch(std::string_view text, bool at_start, Scratch& scratch,
                                   std::vector<TokenId>& ids) const {
  std::string rewritten;
  if (parts_.pre_tokenizer.rewrites()) {
    rewritten = parts_.pre_tokenizer.rewrite(text, at_start);
    text = rewritten;
  }
  for (const std::string_view piece : parts_.pre_tokenizer.split(text, scratch.regex)) {
    parts_.bpe.encode(piece, scratch.bpe, ids);
  }
}

std::optional<TokenId> JsonTokenizer::id_of(std::string_view token) const {
  if (const auto id = parts_.bpe.vocabulary().find(token)) return id;
  const AddedToken* added = parts_.added.find(token);
  return added != nullptr ? std::optional(added->id) : std::nullopt;
}

std::optional<std::string_view> JsonTokenizer::token(TokenId id) const {
  if (id < parts_.bpe.vocabulary().size()) return parts_.bpe.vocabulary().text(id);
  const AddedToken* added = parts_.added.find(id);
  return added != nullptr ? std::optional<std::string_view>(added->content) : std::nullopt;
}

}  // namespace proxima
