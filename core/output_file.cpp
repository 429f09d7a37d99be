// SPDX-License-Identifier: MIT
#include "core/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include "core/error.h"

namespace proxima {

namespace {

constexpr mode_t kMode = 0666;  // less the umask
constexpr int kMaxNames = 1000;

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

// Hidden, and recognisable as an unfinished `path` should it ever be left behind.
std::filesystem::path temporary_name(const std::filesystem::path& path, int attempt) {
  return folder_of(path) / fmt::format(".{}.{}-{}.tmp", path.filename().string(), getpid(), attempt);
}

}  // namespace

OutputFile::OutputFile(const std::filesystem::path& path, Temporary temporary) : path_(path) {
  std::error_code ignored;
  if (std::filesystem::is_symlink(path_, ignored)) {
    auto target = std::filesystem::weakly_canonical(path_, ignored);
    if (!ignored) path_ = std::move(target);
  }
  struct stat status {};
  const bool exists = stat(path_.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) fail(ErrorKind::kOutput, "{}: is a directory, not a file", path_.string());
  if (exists && !S_ISREG(status.st_mode)) {
    direct_ = true;
    descriptor_ = open(path_.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor_ < 0) fail_with("opened for writing", errno);
    return;
  }
  if (temporary == Temporary::kNamelessIfPossible) open_nameless();
  if (descriptor_ < 0) open_named();
}

OutputFile::~OutputFile() {
  discard();
}

void OutputFile::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_with("written", errno);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

void OutputFile::write_at(size_t offset, const void* data, size_t n_bytes) {
  const char* next = static_cast<const char*>(data);
  while (n_bytes > 0) {
    const ssize_t written = pwrite(descriptor_, next, n_bytes, static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_with("written", errno);
    next += written;
    offset += static_cast<size_t>(written);
    n_bytes -= static_cast<size_t>(written);
  }
}

void OutputFile::set_size(size_t n_bytes) {
  if (!direct_ && ftruncate(descriptor_, static_cast<off_t>(n_bytes)) != 0) fail_with("enlarged", errno);
}

void OutputFile::finish() {
  // Network file systems and quotas may report a failed write only here. Devices and pipes cannot be synced.
  if (!direct_ && fsync(descriptor_) != 0) fail_with("written to disk", errno);
  if (!direct_ && temporary_.empty()) give_name();
  if (close(std::exchange(descriptor_, -1)) != 0) fail_with("closed", errno);
  if (direct_) return;
  if (rename(temporary_.c_str(), path_.c_str()) != 0) fail_with("put in place", errno);
  temporary_.clear();
}

void OutputFile::open_nameless() {
  descriptor_ = open(folder_of(path_).c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, kMode);
}

void OutputFile::open_named() {
  for (int attempt = 0; attempt < kMaxNames && descriptor_ < 0; ++attempt) {
    std::filesystem::path name = temporary_name(path_, attempt);
    descriptor_ = open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kMode);
    if (descriptor_ < 0 && errno != EEXIST) fail_with("created", errno);
    if (descriptor_ >= 0) temporary_ = std::move(name);
  }
  if (descriptor_ < 0) fail_with("created", EEXIST);
}

// linkat() cannot replace an existing file, rename() can: hence a short-lived name in between.
void OutputFile::give_name() {
  const std::string source = fmt::format("/proc/self/fd/{}", descriptor_);
  for (int attempt = 0; attempt < kMaxNames; ++attempt) {
    std::filesystem::path name = temporary_name(path_, attempt);
    if (linkat(AT_FDCWD, source.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0) {
      temporary_ = std::move(name);
      return;
    }
    if (errno != EEXIST) fail_with("put in place", errno);
  }
  fail_with("put in place", EEXIST);
}

void OutputFile::discard() noexcept {
  if (descriptor_ >= 0) close(std::exchange(descriptor_, -1));
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void OutputFile::fail_with(std::string_view action, int error_number) const {
  fail(ErrorKind::kOutput, "{}: could not be {}: {}", path_.string(), action, std::strerror(error_number));
}

void write_text_file(const std::filesystem::path& path, std::string_view text) {
  OutputFile file(path);
  file.append(text);
  file.finish();
}

}  // namespace proxima
