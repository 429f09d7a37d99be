// SPDX-License-Identifier: MIT
// The post-processor of a tokenizer.json: the special tokens put before and after one text.
#pragma once

#include <string_view>
#include <vector>

#include "model/config.h"

namespace proxima {

struct PostProcessor {
  std::vector<TokenId> before;
  std::vector<TokenId> after;

  // json: the text of the "post_processor" value, may be null: ByteLevel (which changes no ids), TemplateProcessing or
  // a Sequence of them. Throws Error(kInput) naming what is not supported.
  static PostProcessor parse(std::string_view json);
};

}  // namespace proxima
