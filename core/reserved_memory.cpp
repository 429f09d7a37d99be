// SPDX-License-Identifier: MIT
#include "core/reserved_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/error.h"

namespace proxima {

ReservedMemory::ReservedMemory(size_t n_bytes) : n_bytes_(n_bytes) {
  if (n_bytes == 0) return;
  void* mapped = mmap(nullptr, n_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) {
    fail(ErrorKind::kMemory, "cannot reserve {} bytes of address space: {}; use a smaller context", n_bytes,
         std::strerror(errno));
  }
  data_ = static_cast<std::byte*>(mapped);
}

ReservedMemory::~ReservedMemory() {
  if (data_ != nullptr) munmap(data_, n_bytes_);
}

ReservedMemory::ReservedMemory(ReservedMemory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), n_bytes_(std::exchange(other.n_bytes_, 0)) {}

ReservedMemory& ReservedMemory::operator=(ReservedMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(n_bytes_, other.n_bytes_);
  return *this;
}

void ReservedMemory::discard(size_t begin, size_t end) {
  const size_t page = page_bytes();
  const size_t first = (begin + page - 1) / page * page;
  const size_t last = end == n_bytes_ ? end : end / page * page;
  if (first < last) madvise(data_ + first, last - first, MADV_DONTNEED);
}

size_t ReservedMemory::page_bytes() {
  return static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

size_t ReservedMemory::whole_pages(size_t n_bytes) {
  return (n_bytes + page_bytes() - 1) / page_bytes() * page_bytes();
}

}  // namespace proxima
