// SPDX-License-Identifier: MIT
// Any bytes either are refused as a tokenizer.json with an Error(kInput) of one line, or give a tokenizer that encodes
// and decodes within bounds.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/error.h"
#include "model/tokenizer.h"

namespace {

using namespace proxima;

void require(bool condition) {
  if (!condition) std::abort();
}

void use(const Tokenizer& tokenizer) {
  for (const char* text :
       {"", "the <s> quick\n\n  fox's 123", "\u00e9\u65e5\u672c e\u0301", "aaaaaaaaaaaaaaaaaaaaaaaa <|end|>  "}) {
    const auto ids = tokenizer.encode(text);
    for (const TokenId id : ids) require(id < tokenizer.n_tokens());
    StreamingDecoder decoder(tokenizer, false);
    std::string streamed;
    for (const TokenId id : ids) streamed += decoder.push(id);
    require(streamed + decoder.flush() == tokenizer.decode(ids));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* input, size_t n_input) {
  try {
    use(Tokenizer::from_json({reinterpret_cast<const char*>(input), n_input}));
  } catch (const Error& error) {
    const std::string_view message = error.what();
    require(error.kind() == ErrorKind::kInput && message.find('\n') == message.npos && message.size() < 2000);
  }
  return 0;
}
