// SPDX-License-Identifier: MIT
// A file that appears under its name complete or not at all. The bytes go to a temporary file in the same folder;
// finish() syncs it and renames it over `path`. Without finish() the temporary file is gone with the object, and where
// the file system knows nameless files (O_TMPFILE) even a killed process leaves nothing behind.
// A path that exists and is not a regular file (/dev/stdout, a FIFO) is written directly: it cannot be replaced.
// Every failure, a full disk included, throws Error(kOutput) naming the path and the reason.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string_view>

namespace proxima {

class OutputFile {
 public:
  // kNamed forces the way of file systems without O_TMPFILE: a hidden name beside `path`.
  enum class Temporary { kNamelessIfPossible, kNamed };

  explicit OutputFile(const std::filesystem::path& path, Temporary temporary = Temporary::kNamelessIfPossible);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void append(std::string_view bytes);
  void write_at(size_t offset, const void* data, size_t n_bytes);  // not for pipes
  void set_size(size_t n_bytes);                                   // bytes never written read as zero

  void finish();  // at most once, last

 private:
  void open_nameless();
  void open_named();
  void give_name();
  void discard() noexcept;
  [[noreturn]] void fail_with(std::string_view action, int error_number) const;

  std::filesystem::path path_;       // symbolic links resolved: the link's target is replaced, not the link
  std::filesystem::path temporary_;  // empty while nameless or written directly
  int descriptor_ = -1;
  bool direct_ = false;
};

// The whole file at once.
void write_text_file(const std::filesystem::path& path, std::string_view text);

}  // namespace proxima
