// SPDX-License-Identifier: MIT
// Token ids that come from no text: those that a user gives as JSON, and made-up ones.
#pragma once

#include <string>
#include <vector>

#include "model/config.h"

namespace proxima {

// An array of ids, or an object whose input_ids is one. Throws Error(kInput) for a file that is neither, Error(kUsage)
// for an element that is no token id and where there are none.
std::vector<TokenId> read_ids(const std::string& path);

// The same on every machine.
std::vector<TokenId> pseudo_random_ids(size_t n, size_t vocab);

}  // namespace proxima
