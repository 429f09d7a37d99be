// SPDX-License-Identifier: MIT
// Token ids that a user gives as JSON.
#pragma once

#include <string>
#include <vector>

#include "model/config.h"

namespace proxima {

// An array of ids, or an object whose input_ids is one. Throws Error(kInput) for a file that is neither, Error(kUsage)
// for an element that is no token id and where there are none.
std::vector<TokenId> read_ids(const std::string& path);

}  // namespace proxima
