// SPDX-License-Identifier: MIT
#include "core/safetensors_header.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/json_file.h"
#include "core/quote.h"

namespace proxima {

namespace {

using nlohmann::json;

constexpr size_t kLengthBytes = 8;
constexpr size_t kMaxHeaderBytes = 100'000'000;  // the reference implementation's limit

struct Extent {
  size_t begin;
  size_t end;
  std::string_view name;
};

// Splits the file into the header's text and the tensors' bytes.
std::pair<std::string_view, std::span<const std::byte>> split(std::span<const std::byte> file,
                                                              const std::string& where) {
  if (file.size() < kLengthBytes) {
    fail(ErrorKind::kInput, "{}: not a safetensors file: {} bytes, shorter than the 8 of the header length", where,
         file.size());
  }
  uint64_t n_header = 0;
  for (size_t index = 0; index < kLengthBytes; ++index) {
    n_header |= std::to_integer<uint64_t>(file[index]) << (8 * index);
  }
  if (n_header > kMaxHeaderBytes) {
    fail(ErrorKind::kInput, "{}: not a safetensors file: it claims a header of {} bytes, the limit is {}", where,
         n_header, kMaxHeaderBytes);
  }
  const size_t n_left = file.size() - kLengthBytes;
  if (n_header > n_left) {
    fail(ErrorKind::kInput, "{}: the header of {} bytes goes beyond the file's end ({} bytes): truncated? Get it again",
         where, n_header, file.size());
  }
  const auto* text = reinterpret_cast<const char*>(file.data() + kLengthBytes);
  return {{text, n_header}, file.subspan(kLengthBytes + n_header)};
}

std::vector<size_t> read_sizes(const json& entry, const char* key, const std::string& what) {
  const auto found = entry.find(key);
  if (found == entry.end() || !found->is_array()) {
    fail(ErrorKind::kInput, "{}: \"{}\" is missing or not an array", what, key);
  }
  std::vector<size_t> sizes;
  for (const json& size : *found) {
    if (!size.is_number_unsigned()) {
      fail(ErrorKind::kInput, "{}: \"{}\" holds {}, not a whole number from 0 to 2^64-1", what, key,
           quote(size.dump(-1, ' ', true)));
    }
    sizes.push_back(size.get<size_t>());
  }
  return sizes;
}

DType read_dtype(const json& entry, const std::string& what) {
  const auto found = entry.find("dtype");
  if (found == entry.end() || !found->is_string()) {
    fail(ErrorKind::kInput, "{}: \"dtype\" is missing or not a string", what);
  }
  const auto& name = found->get_ref<const std::string&>();
  const auto dtype = dtype_from_name(name);
  if (!dtype || block_elements(*dtype) > 1) fail(ErrorKind::kInput, "{}: unknown dtype {}", what, quote(name));
  return *dtype;
}

// Zero-sized dimensions do not hide an overflow of the others: no such tensor has ever been written.
size_t checked_bytes(const TensorView& view, const std::string& what) {
  size_t n_bytes = dtype_bytes(view.dtype);
  bool overflow = false;
  bool is_zero = false;
  for (const size_t dimension : view.shape) {
    is_zero = is_zero || dimension == 0;
    if (dimension != 0) overflow = overflow || __builtin_mul_overflow(n_bytes, dimension, &n_bytes);
  }
  if (overflow) {
    fail(ErrorKind::kInput, "{}: the size of shape [{}] does not fit 64 bits", what, fmt::join(view.shape, ", "));
  }
  return is_zero ? 0 : n_bytes;
}

Extent read_tensor(const std::string& name, const json& entry, std::span<const std::byte> data,
                   const std::string& where, TensorView& view) {
  const std::string what = fmt::format("{}: tensor {}", where, quote(name));
  if (!entry.is_object()) fail(ErrorKind::kInput, "{}: its header entry is not an object", what);
  for (const auto& [key, ignored] : entry.items()) {
    if (key != "dtype" && key != "shape" && key != "data_offsets") {
      fail(ErrorKind::kInput, "{}: unknown key {} in its header entry", what, quote(key));
    }
  }
  view.dtype = read_dtype(entry, what);
  view.shape = read_sizes(entry, "shape", what);
  const auto offsets = read_sizes(entry, "data_offsets", what);
  if (offsets.size() != 2) fail(ErrorKind::kInput, "{}: \"data_offsets\" needs two numbers", what);
  const size_t begin = offsets[0];
  const size_t end = offsets[1];
  if (begin > end) fail(ErrorKind::kInput, "{}: data_offsets [{}, {}] are reversed", what, begin, end);
  if (end > data.size()) {
    fail(ErrorKind::kInput, "{}: data_offsets [{}, {}] go beyond the file's {} bytes of data: truncated? Get it again",
         what, begin, end, data.size());
  }
  if (const size_t n_bytes = checked_bytes(view, what); n_bytes != end - begin) {
    fail(ErrorKind::kInput, "{}: {} of shape [{}] takes {} bytes, but its data_offsets span {}", what,
         dtype_name(view.dtype), fmt::join(view.shape, ", "), n_bytes, end - begin);
  }
  view.data = data.data() + begin;
  return {begin, end, name};
}

void read_metadata(const json& entry, const std::string& where, SafetensorsHeader& header) {
  if (!entry.is_object()) fail(ErrorKind::kInput, "{}: __metadata__ is not an object", where);
  for (const auto& [key, value] : entry.items()) {
    if (!value.is_string()) fail(ErrorKind::kInput, "{}: __metadata__ {} is not a string", where, quote(key));
    header.metadata.emplace(key, value.get<std::string>());
  }
}

// Every byte of the data belongs to exactly one tensor: nothing overlaps and nothing is hidden in between.
void check_cover(std::vector<Extent> extents, size_t n_data, const std::string& where) {
  std::sort(extents.begin(), extents.end(),
            [](const Extent& a, const Extent& b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });
  size_t covered = 0;
  std::string_view previous;
  for (const Extent& extent : extents) {
    if (extent.begin < covered) {
      fail(ErrorKind::kInput, "{}: tensors {} and {} overlap", where, quote(previous), quote(extent.name));
    }
    if (extent.begin > covered) {
      fail(ErrorKind::kInput, "{}: the {} bytes before tensor {} belong to no tensor", where, extent.begin - covered,
           quote(extent.name));
    }
    covered = extent.end;
    previous = extent.name;
  }
  if (covered != n_data) {
    fail(ErrorKind::kInput, "{}: the last {} bytes of the file belong to no tensor", where, n_data - covered);
  }
}

}  // namespace

SafetensorsHeader parse_safetensors(std::span<const std::byte> file, const std::string& where) {
  const auto [text, data] = split(file, where);
  if (!text.starts_with('{')) {
    fail(ErrorKind::kInput, "{}: not a safetensors file: its header does not begin with '{{'", where);
  }
  const json parsed = parse_json(text, where + ": header");
  SafetensorsHeader header;
  std::vector<Extent> extents;
  for (const auto& [name, entry] : parsed.items()) {
    if (name == "__metadata__") {
      read_metadata(entry, where, header);
    } else {
      TensorView& view = header.tensors[name];
      extents.push_back(read_tensor(header.tensors.find(name)->first, entry, data, where, view));
    }
  }
  check_cover(std::move(extents), data.size(), where);
  return header;
}

}  // namespace proxima
