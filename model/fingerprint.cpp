// SPDX-License-Identifier: MIT
#include "model/fingerprint.h"

#include <fmt/format.h>

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace proxima {

namespace {

constexpr size_t kWholeBytes = 4096;
constexpr size_t kRuns = 8;
constexpr size_t kRunBytes = 64;

class Fnv1a {
 public:
  void add(std::span<const std::byte> bytes) {
    for (const std::byte byte : bytes) hash_ = (hash_ ^ std::to_integer<uint64_t>(byte)) * 0x100000001B3U;
  }
  void add(uint64_t value) { add(std::as_bytes(std::span(&value, 1))); }
  void add(std::string_view text) {
    add(text.size());  // so that neighbouring texts cannot trade characters
    add(std::as_bytes(std::span(text)));
  }
  uint64_t value() const { return hash_; }

 private:
  uint64_t hash_ = 0xCBF29CE484222325U;
};

void add_samples(Fnv1a& hash, std::span<const std::byte> bytes) {
  if (bytes.size() <= kWholeBytes) {
    hash.add(bytes);
    return;
  }
  const size_t step = (bytes.size() - kRunBytes) / (kRuns - 1);
  for (size_t run = 0; run + 1 < kRuns; ++run) hash.add(bytes.subspan(run * step, kRunBytes));
  hash.add(bytes.last(kRunBytes));
}

}  // namespace

std::string checkpoint_fingerprint(const Checkpoint& checkpoint) {
  Fnv1a hash;
  for (const auto& [name, view] : checkpoint.tensors()) {
    hash.add(name);
    hash.add(dtype_name(view.dtype));
    hash.add(view.shape.size());
    for (const size_t dimension : view.shape) hash.add(dimension);
    add_samples(hash, {view.data, view.n_bytes()});
  }
  return fmt::format("{:016x}", hash.value());
}

}  // namespace proxima
