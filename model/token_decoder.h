// SPDX-License-Identifier: MIT
// The decoder of a tokenizer.json: token strings to text, one token at a time, so that whole texts and streams go the
// same way.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/byte_alphabet.h"
#include "model/utf8.h"

namespace proxima {

// What one text needs between its tokens.
struct DecodeState {
  Utf8Repairer repairer;  // byte level: the beginning of a character
  std::string byte_run;   // byte fallback: the bytes of the run of <0xNN> tokens not yet ended
  bool at_start = true;   // nothing has been written yet
};

// Immutable.
class TokenDecoder {
 public:
  // json: the text of the "decoder" value: ByteLevel, or Sequence[Replace..., ByteFallback, Fuse, Strip(" ", 1, 0)],
  // the last optional. Throws Error(kInput) naming what is not supported.
  static TokenDecoder parse(std::string_view json);
  // What SentencePiece models mean.
  static TokenDecoder sentencepiece(bool strip_first_space);

  // Appends the text that is certain once this token has come.
  void push(std::string_view token, DecodeState& state, std::string& out) const;
  // Appends what was held back.
  void finish(DecodeState& state, std::string& out) const;

 private:
  template <class Json>
  void add_sequence(const Json& component);
  void end_byte_run(DecodeState& state, std::string& out) const;
  void write(std::string_view text, DecodeState& state, std::string& out) const;

  bool byte_level_ = false;
  ByteAlphabet alphabet_;
  std::vector<std::pair<std::string, std::string>> replacements_;
  bool strip_first_space_ = false;
};

}  // namespace proxima
