// SPDX-License-Identifier: MIT
// Any bytes either are refused with an Error(kInput) of one line or give tensors that lie inside the file and fill it.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <span>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/safetensors_header.h"

namespace {

using namespace proxima;

void require(bool condition) {
  if (!condition) std::abort();
}

void parse(std::span<const std::byte> file) {
  try {
    const SafetensorsHeader header = parse_safetensors(file, "file");
    uint64_t n_header = 0;
    std::memcpy(&n_header, file.data(), sizeof(n_header));
    const auto data = file.subspan(sizeof(n_header) + n_header);
    size_t n_bytes = 0;
    unsigned sum = 0;
    for (const auto& [name, view] : header.tensors) {
      const auto bytes = std::span(view.data, view.n_bytes());
      require(bytes.data() >= data.data() && bytes.data() + bytes.size() <= data.data() + data.size());
      n_bytes += bytes.size();
      for (const std::byte byte : bytes) sum += std::to_integer<unsigned>(byte);  // the sanitizer watches the reads
    }
    require(n_bytes == data.size() && sum != UINT32_MAX);
  } catch (const Error& error) {
    const std::string_view message = error.what();
    require(error.kind() == ErrorKind::kInput && message.find('\n') == message.npos && message.size() < 2000);
  }
}

}  // namespace

// The first byte chooses: a whole file, or a header's text for which a right length and so many bytes of data are made
// (blind search seldom finds those).
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* input, size_t n_input) {
  if (n_input == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(input) + 1, n_input - 1);
  if (input[0] >= 128) {
    parse(std::as_bytes(std::span(text)));
    return 0;
  }
  std::string file(sizeof(uint64_t), '\0');
  const uint64_t n_header = text.size();
  std::memcpy(file.data(), &n_header, sizeof(n_header));
  file += text + std::string(input[0], '\x01');
  parse(std::as_bytes(std::span(file)));
  return 0;
}
