// SPDX-License-Identifier: MIT
// Text from a file, fit for a one-line message: in double quotes, control characters escaped, long text shortened.
#pragma once

#include <string>
#include <string_view>

namespace proxima {

std::string quote(std::string_view text);

}  // namespace proxima
