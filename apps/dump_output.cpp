// SPDX-License-Identifier: MIT
#include "apps/dump_output.h"

#include <fcntl.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "core/error.h"
#include "core/output_file.h"

namespace proxima {
namespace {

namespace fs = std::filesystem;

class SafetensorsDump final : public DumpOutput {
 public:
  SafetensorsDump(const std::string& path, const std::vector<TensorSpec>& tensors, const DumpMetadata& metadata)
      : writer_(path, tensors, metadata) {}
  void write(std::string_view name, size_t offset, const void* data, size_t n_bytes) override {
    writer_.write(name, offset, data, n_bytes);
  }
  void finish() override { writer_.finish(); }

 private:
  SafetensorsWriter writer_;
};

const char* numpy_type(DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return "<f8";
    case DType::kF32:
      return "<f4";
    case DType::kI64:
      return "<i8";
    default:
      throw std::logic_error("NpyDump: no NumPy type for this dtype");
  }
}

// Magic, version, length and a Python dictionary, padded so that the data begins at a multiple of 64.
std::string npy_header(const TensorSpec& spec) {
  constexpr size_t kAlignment = 64;
  std::string head = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({},), }}", numpy_type(spec.dtype),
                                 fmt::join(spec.shape, ", "));
  constexpr size_t kBefore = 10;
  head.resize((kBefore + head.size() + 1 + kAlignment - 1) / kAlignment * kAlignment - kBefore - 1, ' ');
  head += '\n';
  std::string text("\x93NUMPY\x01\x00", 8);
  text += static_cast<char>(head.size() & 0xFFU);
  text += static_cast<char>(head.size() >> 8U);
  return text + head;
}

// Is gone with its content unless it got its name.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const fs::path& name)
      : path_(name.parent_path() / fmt::format(".{}.{}.tmp", name.filename().string(), getpid())) {
    std::error_code error;
    if (!fs::create_directory(path_, error)) {
      fail(ErrorKind::kOutput, "{}: could not be created: {}", path_.string(),
           error ? error.message() : "exists already");
    }
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const fs::path& path() const { return path_; }

  void rename_to(const fs::path& name) {
    std::error_code error;
    fs::rename(path_, name, error);
    if (error) fail(ErrorKind::kOutput, "{}: could not be put in place: {}", name.string(), error.message());
    path_.clear();
  }

 private:
  fs::path path_;  // empty once renamed
};

// The name of a folder that does not exist yet.
fs::path new_folder(const std::string& text) {
  fs::path path = fs::path(text).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  std::error_code ignored;
  if (fs::exists(fs::symlink_status(path, ignored))) {
    fail(ErrorKind::kOutput, "{}: exists already; name a folder that does not", text);
  }
  return path;
}

// Files are opened for each write: a deep model has more points than a process may have open files.
class NpyDump final : public DumpOutput {
 public:
  NpyDump(const std::string& path, const std::vector<TensorSpec>& tensors, const DumpMetadata& metadata)
      : path_(new_folder(path)), folder_(path_), tensors_(tensors), metadata_(metadata) {
    for (const TensorSpec& spec : tensors_) {
      const std::string header = npy_header(spec);
      files_[spec.name] = {header.size(), spec_bytes(spec)};
      write_at(spec.name, 0, header.data(), header.size());
    }
  }
  void write(std::string_view name, size_t offset, const void* data, size_t n_bytes) override {
    const auto found = files_.find(name);
    if (found == files_.end()) throw std::logic_error("NpyDump: an unknown tensor");
    if (n_bytes > found->second.n_missing) throw std::logic_error("NpyDump: bytes beyond a tensor");
    found->second.n_missing -= n_bytes;
    write_at(name, found->second.header_bytes + offset, data, n_bytes);
  }

  void finish() override {
    for (const auto& [name, file] : files_) {
      if (file.n_missing != 0) throw std::logic_error("NpyDump: a tensor is incomplete");
    }
    write_manifest();
    folder_.rename_to(path_);
  }

 private:
  struct File {
    size_t header_bytes = 0;
    size_t n_missing = 0;  // bytes not written yet
  };

  void write_at(std::string_view name, size_t offset, const void* data, size_t n_bytes) const {
    const fs::path path = folder_.path() / fmt::format("{}.npy", name);
    const int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    bool good = descriptor >= 0;
    const char* next = static_cast<const char*>(data);
    while (good && n_bytes > 0) {
      const ssize_t written = pwrite(descriptor, next, n_bytes, static_cast<off_t>(offset));
      if (written < 0 && errno == EINTR) continue;
      good = written >= 0;
      if (!good) break;
      next += written;
      offset += static_cast<size_t>(written);
      n_bytes -= static_cast<size_t>(written);
    }
    int problem = errno;
    if (descriptor >= 0 && close(descriptor) != 0 && good) {
      good = false;
      problem = errno;
    }
    if (!good) fail(ErrorKind::kOutput, "{}: could not be written: {}", path.string(), std::strerror(problem));
  }

  void write_manifest() const {
    nlohmann::ordered_json json = {{"format", "proxima.dump/1"}, {"metadata", metadata_}};
    for (const TensorSpec& spec : tensors_) {
      json["tensors"].push_back({{"name", spec.name},
                                 {"file", spec.name + ".npy"},
                                 {"dtype", dtype_name(spec.dtype)},
                                 {"shape", spec.shape}});
    }
    write_text_file(folder_.path() / "manifest.json", json.dump(2) + "\n");
  }

  fs::path path_;
  TemporaryFolder folder_;
  std::vector<TensorSpec> tensors_;
  DumpMetadata metadata_;
  std::map<std::string, File, std::less<>> files_;
};

}  // namespace

std::unique_ptr<DumpOutput> open_dump(DumpFormat format, const std::string& path,
                                      const std::vector<TensorSpec>& tensors, const DumpMetadata& metadata) {
  if (format == DumpFormat::kNpy) return std::make_unique<NpyDump>(path, tensors, metadata);
  return std::make_unique<SafetensorsDump>(path, tensors, metadata);
}

size_t spec_bytes(const TensorSpec& spec) {
  size_t n_bytes = dtype_bytes(spec.dtype);
  for (const size_t dimension : spec.shape) n_bytes *= dimension;
  return n_bytes;
}

}  // namespace proxima
