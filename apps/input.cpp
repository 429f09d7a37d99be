// SPDX-License-Identifier: MIT
#include "apps/input.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "apps/interrupt.h"
#include "core/error.h"
#include "model/utf8.h"

namespace proxima {
namespace {

constexpr const char* kStandardInput = "standard input";
constexpr int kPatienceMs = 2000;

// Nobody should wonder why nothing happens while the other end of a pipe says nothing.
void warn_if_waiting(int descriptor) {
  pollfd poll_for{descriptor, POLLIN, 0};
  if (poll(&poll_for, 1, kPatienceMs) != 0) return;
  fmt::print(stderr, "proxima: waiting for text on standard input (</dev/null if there is none)\n");
}

std::string read_descriptor(int descriptor, const std::string& name) {
  std::string text;
  std::array<char, 65536> buffer{};
  while (true) {
    const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR && !interrupted()) continue;
    if (interrupted()) fail(ErrorKind::kInterrupt, "interrupted while reading {}", name);
    if (count < 0) fail(ErrorKind::kInput, "{}: cannot be read: {}", name, std::strerror(errno));
    if (count == 0) return text;
    text.append(buffer.data(), static_cast<size_t>(count));
  }
}

std::string read_path(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail(ErrorKind::kInput, "{}: cannot be opened: {}", path, std::strerror(errno));
  struct Closer {
    int descriptor;
    ~Closer() { close(descriptor); }
  } const closer{descriptor};
  return read_descriptor(descriptor, path);
}

void check_text(const Document& document) {
  if (const auto offset = find_invalid_utf8(document.text)) {
    fail(ErrorKind::kUsage, "{}: byte {} (0x{:02x}) is not valid UTF-8; convert the text first, for example with iconv",
         document.name, *offset, static_cast<unsigned char>(document.text[*offset]));
  }
  if (const size_t offset = document.text.find('\0'); offset != std::string::npos) {
    fail(ErrorKind::kUsage, "{}: byte {} is NUL; this is not a text file", document.name, offset);
  }
}

}  // namespace

Document read_document(const std::string& path) {
  Document document;
  if (path == "-") {
    warn_if_waiting(STDIN_FILENO);
    document = {kStandardInput, read_descriptor(STDIN_FILENO, kStandardInput)};
  } else {
    document = {path, read_path(path)};
  }
  check_text(document);
  return document;
}

bool standard_input_is_piped() {
  struct stat status {};
  return fstat(STDIN_FILENO, &status) == 0 &&
         (S_ISFIFO(status.st_mode) || S_ISREG(status.st_mode) || S_ISSOCK(status.st_mode));
}

std::vector<Document> read_documents(const std::vector<std::string>& paths) {
  std::vector<Document> documents;
  size_t n_standard_input = 0;
  for (const std::string& path : paths) {
    if (path == "-" && ++n_standard_input > 1)
      fail(ErrorKind::kUsage, "-f - is given twice; standard input is one text");
    documents.push_back(read_document(path));
  }
  if (paths.empty() && standard_input_is_piped()) documents.push_back(read_document("-"));
  return documents;
}

std::string join_texts(std::string_view first, std::string_view second) {
  std::string joined(first);
  if (!first.empty() && !second.empty() && first.back() != '\n') joined += '\n';
  return joined.append(second);
}

std::string unescape(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      plain += text[i];
      continue;
    }
    const size_t backslash = i;
    const char next = i + 1 < text.size() ? text[++i] : '\0';
    switch (next) {
      case 'n':
        plain += '\n';
        break;
      case 't':
        plain += '\t';
        break;
      case 'r':
        plain += '\r';
        break;
      case '\\':
        plain += '\\';
        break;
      default:
        fail(ErrorKind::kUsage, "unknown escape at byte {} of the text; -e knows \\n, \\t, \\r and \\\\", backslash);
    }
  }
  return plain;
}

}  // namespace proxima
