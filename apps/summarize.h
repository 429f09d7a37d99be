// SPDX-License-Identifier: MIT
// `proxima summarize`: one instruction about one or many long documents, each read whole and answered by itself.
#pragma once

#include "apps/answering.h"

namespace proxima {

// What to do with a document that exceeds the context: refuse, or cut away its head, tail or middle.
enum class Overflow { kError, kHead, kTail, kMiddle };

struct SummarizeOptions : AnswerOptions {
  Overflow overflow = Overflow::kError;
};

void declare_summarize(CLI::App& app, SummarizeOptions& options);
void summarize(const SummarizeOptions& options);

// Cuts `ids` down to `limit` tokens by taking some out of the document, which stands between n_before and n_after other
// tokens. Returns how many were taken. Throws Error(kContext) if even without the document it is too long.
size_t cut_document(std::vector<TokenId>& ids, size_t n_before, size_t n_after, size_t limit, Overflow overflow);

}  // namespace proxima
