// SPDX-License-Identifier: MIT
// A file mapped read-only for the life of the object. Nothing is copied; pages come and go as the kernel likes.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace proxima {

class MappedFile {
 public:
  // Throws Error(kInput) naming the path and the reason: absent, a directory, unreadable.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// Lets the kernel take back the whole pages inside a part of a mapped file at once; reading maps them again.
void forget_pages(const std::byte* data, size_t n_bytes);

}  // namespace proxima
