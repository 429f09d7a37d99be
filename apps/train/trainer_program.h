// SPDX-License-Identifier: MIT
// The program that trains stands beside this one: it alone loads LibTorch.
#pragma once

#include <string>
#include <vector>

namespace proxima {

// Becomes proxima-trainer with these arguments. Throws Error(kUsage) that says what to install where it is absent.
[[noreturn]] void become_trainer(const std::vector<std::string>& arguments);

}  // namespace proxima
