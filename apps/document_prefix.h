// SPDX-License-Identifier: MIT
// The part of a prompt that stays the same whatever is asked about its document: as text, and as the tokens that no
// question changes.
#pragma once

#include <string>

#include "apps/prompt.h"
#include "model/cache_file.h"

namespace proxima {

// The prompt that asks `question` about what was read; an empty question continues it.
PromptText ask(const SavedPrompt& saved, const std::string& question);

// Finds both by writing and encoding prompts with several questions. Throws Error(kUsage) for a chat template that does
// not put a question where it was given, or a document too short to have such tokens.
SavedPrompt document_prefix(const PromptWriter& writer, const Model& model, const Tokenizer& tokenizer,
                            const std::string& document);

}  // namespace proxima
