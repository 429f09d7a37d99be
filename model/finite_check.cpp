// SPDX-License-Identifier: MIT
// check_weights_finite: one pass over the checkpoint at the speed of the disk or of memory.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>

#include "core/error.h"
#include "core/quote.h"
#include "model/weights.h"

namespace proxima {

namespace {

constexpr size_t kNone = SIZE_MAX;
constexpr size_t kBlock = size_t{1} << 16;  // elements; a block that holds none is dismissed without a branch

// NaN and infinity are the patterns whose exponent bits are all ones.
template <class Bits>
bool is_non_finite(const std::byte* data, size_t element, Bits exponent) {
  Bits bits;
  std::memcpy(&bits, data + element * sizeof(Bits), sizeof(Bits));
  return (bits & exponent) == exponent;
}

template <class Bits>
size_t first_in_block(const std::byte* data, size_t begin, size_t end, Bits exponent) {
  unsigned any = 0;
  for (size_t element = begin; element < end; ++element) any |= is_non_finite(data, element, exponent) ? 1U : 0U;
  if (any == 0) return kNone;
  while (!is_non_finite(data, begin, exponent)) ++begin;
  return begin;
}

template <class Bits>
size_t first_in_tensor(const TensorView& view, Bits exponent) {
  const size_t n_elements = view.n_elements();
  const size_t n_blocks = (n_elements + kBlock - 1) / kBlock;
  size_t first = kNone;
#pragma omp parallel for schedule(static) reduction(min : first)
  for (size_t block = 0; block < n_blocks; ++block) {
    const size_t begin = block * kBlock;
    first = std::min(first, first_in_block(view.data, begin, std::min(begin + kBlock, n_elements), exponent));
  }
  return first;
}

size_t first_non_finite(const TensorView& view) {
  switch (view.dtype) {
    case DType::kBF16:
      return first_in_tensor<uint16_t>(view, 0x7F80);
    case DType::kF16:
      return first_in_tensor<uint16_t>(view, 0x7C00);
    case DType::kF32:
      return first_in_tensor<uint32_t>(view, 0x7F800000);
    case DType::kF64:
      return first_in_tensor<uint64_t>(view, 0x7FF0000000000000);
    default:
      return kNone;  // no such values exist in the other types
  }
}

std::vector<size_t> coordinates(const TensorView& view, size_t element) {
  std::vector<size_t> position(view.shape.size());
  for (size_t axis = view.shape.size(); axis-- > 0;) {
    position[axis] = element % view.shape[axis];
    element /= view.shape[axis];
  }
  return position;
}

}  // namespace

void check_weights_finite(const Checkpoint& checkpoint) {
  for (const SafetensorsFile& file : checkpoint.files()) {
    for (const auto& [name, view] : file.tensors()) {
      const size_t element = first_non_finite(view);
      if (element == kNone) continue;
      fail(ErrorKind::kInput, "{}: tensor {} holds NaN or infinity at [{}]: the checkpoint is damaged, get it again",
           file.path().string(), quote(name), fmt::join(coordinates(view, element), ", "));
    }
  }
}

}  // namespace proxima
