// SPDX-License-Identifier: MIT
// Errors planted into safetensors files.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

namespace proxima::test {

// Rewrites a file with elements [first, first + count) of one tensor replaced by change(old), rounded to the stored
// dtype; everything else stays as it is.
void plant(const std::filesystem::path& file, const std::string& tensor, size_t first, size_t count,
           const std::function<double(double)>& change);

// Rewrites a file without one tensor, or with one under another name.
void remove_tensor(const std::filesystem::path& file, const std::string& tensor);
void rename_tensor(const std::filesystem::path& file, const std::string& tensor, const std::string& name);

}  // namespace proxima::test
