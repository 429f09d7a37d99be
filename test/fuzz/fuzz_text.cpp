// SPDX-License-Identifier: MIT
// Any bytes as text for three kinds of tokenizer: ill-formed UTF-8 is refused, byte level gives the text back, streams
// equal whole decodings. The same bytes as token ids never decode to ill-formed UTF-8.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "model/tokenizer.h"
#include "model/utf8.h"
#include "test/tiny_tokenizer.h"

namespace {

using namespace proxima;

void require(bool condition) {
  if (!condition) std::abort();
}

std::string split_regex() {
  test::Json json = test::byte_level_tokenizer({{"t", "h"}, {"th", "e"}, {" ", "the"}, {" ", " "}}, false);
  const test::Json byte_level = json["pre_tokenizer"];
  const char* pattern =
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  json["pre_tokenizer"] = {
      {"type", "Sequence"},
      {"pretokenizers",
       {{{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}}, byte_level}}};
  return json.dump();
}

struct Tokenizers {
  Tokenizer gpt2 = Tokenizer::from_json(test::byte_level_tokenizer({{"t", "h"}, {"th", "e"}, {" ", " "}}).dump());
  Tokenizer llama3 = Tokenizer::from_json(split_regex());
  Tokenizer llama2 =
      Tokenizer::from_json(test::sentencepiece_tokenizer({{"l", "l"}, {"h", "e"}, {"\u2581", "he"}}).dump());
};

void check_stream(const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  StreamingDecoder decoder(tokenizer, false);
  std::string streamed;
  for (const TokenId id : ids) streamed += decoder.push(id);
  streamed += decoder.flush();
  require(streamed == tokenizer.decode(ids) && !find_invalid_utf8(streamed));
}

void check(const Tokenizer& tokenizer, std::string_view text, bool gives_back) {
  std::vector<TokenId> bytes;
  for (const char byte : text) bytes.push_back(static_cast<unsigned char>(byte));
  check_stream(tokenizer, bytes);
  try {
    const auto ids = tokenizer.encode(text);
    require(!find_invalid_utf8(text));
    check_stream(tokenizer, ids);
    if (gives_back) require(tokenizer.decode(ids) == text);
  } catch (const Error& error) {
    require(error.kind() == ErrorKind::kUsage && find_invalid_utf8(text));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* input, size_t n_input) {
  static const Tokenizers tokenizers;
  const std::string_view text(reinterpret_cast<const char*>(input), n_input);
  check(tokenizers.gpt2, text, true);
  check(tokenizers.llama3, text, true);
  check(tokenizers.llama2, text, false);
  return 0;
}
