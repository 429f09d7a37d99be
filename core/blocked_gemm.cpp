// SPDX-License-Identifier: MIT
#include "core/blocked_gemm.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/task_runs.h"
#include "core/threads.h"

namespace proxima {
namespace {

// For cache levels of 48 KiB and 1 MiB: a block of x and the sums it adds to stay in the second while W passes.
constexpr size_t kMostRows = 256;              // of x at a time
constexpr size_t kMostWords = 448;             // of a row, which are summed before the sums go to memory
constexpr size_t kGroup = GemmKernels::kSums;  // rows of W that are multiplied together
constexpr size_t kMostGroups = 12;             // that meet a block of x before the next one comes

constexpr size_t kLanes = GemmKernels::kLanes;
constexpr size_t kPanel = GemmKernels::kMostRegisters * kLanes;  // rows of x in a tile

constexpr size_t divided_up(size_t a, size_t b) {
  return (a + b - 1) / b;
}

size_t groups_of(const Matrix& w) {
  return divided_up(w.n_out, kGroup);
}

// Parts of W for the threads, the same number for each.
size_t shares_of(const Matrix& w, size_t n_threads) {
  return divided_up(groups_of(w), n_threads * kMostGroups) * n_threads;
}

// Asks memory for rows that come next, some at each step.
class Ahead {
 public:
  Ahead() = default;
  Ahead(StoredRows rows, size_t n_rows, size_t n_bytes, size_t n_steps)
      : rows_(rows),
        n_rows_(n_rows),
        n_bytes_(n_bytes),
        share_(divided_up(n_rows * divided_up(n_bytes, kLine), n_steps)) {}
  void step() {
    for (size_t i = 0; i < share_ && row_ < n_rows_; ++i) {
      __builtin_prefetch(rows_.from(row_).data + byte_);
      byte_ += kLine;
      if (byte_ < n_bytes_) continue;
      byte_ = 0;
      ++row_;
    }
  }

 private:
  static constexpr size_t kLine = 64;
  StoredRows rows_;
  size_t n_rows_ = 0, n_bytes_ = 0, share_ = 0;
  size_t row_ = 0, byte_ = 0;
};

}  // namespace

// Up to kMostRows rows in words: for each block of words, for each panel of rows, [word, row].
class BlockedGemm::PackedX {
 public:
  PackedX(const GemmKernels& of_words, size_t rows, size_t in, AlignedVector<uint32_t>& memory)
      : kernels(of_words),
        n_rows(rows),
        n_in(in),
        n_words(divided_up(n_in, kernels.word_elements)),
        block_words(divided_up(n_words, divided_up(n_words, kMostWords))),
        n_columns(divided_up(n_rows, kLanes) * kLanes) {
    memory.resize(std::max(memory.size(), n_words * n_columns));
    packed_ = memory.data();
  }

  // Words and elements of a row in the block that begins with this word.
  size_t words_from(size_t word) const { return std::min(block_words, n_words - word); }
  size_t elements_from(size_t word) const {
    return std::min(words_from(word) * kernels.word_elements, n_in - word * kernels.word_elements);
  }
  // Rows in the panel that begins with this one, in whole registers.
  size_t columns_from(size_t row) const { return std::min(kPanel, n_columns - row); }
  uint32_t* panel(size_t word, size_t row) const { return packed_ + word * n_columns + row * words_from(word); }

  // A register's rows, from this one on.
  void pack(const float* x, size_t row) const {
    const size_t first = row / kPanel * kPanel;  // of the panel
    for (size_t word = 0; word < n_words; word += block_words) {
      kernels.pack(x + row * n_in + word * kernels.word_elements, n_in, std::min(kLanes, n_rows - row),
                   elements_from(word), panel(word, first) + (row - first), columns_from(first));
    }
  }

  const GemmKernels& kernels;
  size_t n_rows, n_in;
  size_t n_words, block_words;  // of a row, of a block
  size_t n_columns;             // rows in whole registers

 private:
  uint32_t* packed_;
};

std::unique_ptr<BlockedGemm> BlockedGemm::create(const Compute& compute) {
  if (f32_gemm_kernels(compute.kernels->target) == nullptr) return nullptr;
  return std::unique_ptr<BlockedGemm>(new BlockedGemm(compute));
}

void BlockedGemm::multiply(const float* x, size_t n_rows, size_t n_in, std::span<const GemmProduct> products) {
  const GemmKernels* f32 = f32_gemm_kernels(compute_.kernels->target);
  const GemmKernels* bf16 = bf16_gemm_kernels(compute_.kernels->target);
  std::vector<GemmProduct> of_kind;
  for (const GemmKernels* kernels : {f32, bf16}) {
    of_kind.clear();
    for (const GemmProduct& product : products) {
      const bool in_bf16 = bf16 != nullptr && product.w.rows.dtype == DType::kBF16;
      if (kernels == (in_bf16 ? bf16 : f32)) of_kind.push_back(product);
    }
    if (!of_kind.empty()) multiply(*kernels, x, n_rows, n_in, of_kind);
  }
}

void BlockedGemm::multiply(const GemmKernels& kernels, const float* x, size_t n_rows, size_t n_in,
                           std::span<GemmProduct> products) {
  size_t n_out = 0;
  for (const GemmProduct& product : products) n_out += product.w.n_out;
  const int n_threads = compute_.threads_for(std::min(kMostRows, n_rows) * n_in * n_out);
  const auto n_parts = static_cast<size_t>(n_threads);
  const auto n_shares_of = [&](const GemmProduct& product) { return shares_of(product.w, n_parts); };

  for (size_t first = 0; first < n_rows; first += kMostRows) {
    const PackedX packed(kernels, std::min(kMostRows, n_rows - first), n_in, packed_);
    for_each_index(n_threads, packed.n_columns / kLanes,
                   [&](size_t strip) { packed.pack(x + first * n_in, strip * kLanes); });
    words_.resize(std::max(words_.size(), n_parts * kGroup * kMostWords));
    sums_.resize(std::max(sums_.size(), n_parts * kMostGroups * kGroup * packed.n_columns));
    for_each_task(n_threads, products, n_shares_of, [&](size_t thread, const GemmProduct& product, size_t share) {
      const size_t n_groups = groups_of(product.w), n_shares = n_shares_of(product);
      const size_t end = (share + 1) * n_groups / n_shares * kGroup;
      multiply_rows(packed, product, share * n_groups / n_shares * kGroup, std::min(end, product.w.n_out), thread);
    });
    for (GemmProduct& product : products) product.y += packed.n_rows * product.w.n_out;
  }
}

void BlockedGemm::multiply_rows(const PackedX& x, const GemmProduct& product, size_t first, size_t end, size_t thread) {
  const Matrix& w = product.w;
  float* sums = sums_.data() + thread * kMostGroups * kGroup * x.n_columns;
  const auto stored = [&](size_t row, size_t word) {
    const size_t offset = word * x.kernels.word_elements * dtype_bytes(w.rows.dtype);
    return StoredRows{w.rows.from(row).data + offset, w.rows.dtype, w.rows.stride_bytes};
  };
  for (size_t word = 0; word < x.n_words; word += x.block_words) {
    for (size_t row = first; row < end; row += kGroup) {
      const Words words = in_words(x, stored(row, word), std::min(kGroup, end - row), word, thread);
      const bool last = row + kGroup >= end;
      const size_t next_row = last ? first : row + kGroup, next_word = last ? word + x.block_words : word;
      Ahead ahead;
      if (next_word < x.n_words) {
        const size_t n_bytes = x.elements_from(next_word) * dtype_bytes(w.rows.dtype);
        ahead = Ahead(stored(next_row, next_word), std::min(kGroup, end - next_row), n_bytes, x.n_columns / kLanes);
      }
      for (size_t panel = 0; panel < x.n_columns; panel += kPanel) {
        const size_t n_registers = x.columns_from(panel) / kLanes;
        const size_t tile_rows = GemmKernels::tile_rows(n_registers);
        for (size_t i = 0; i < kGroup; i += tile_rows) {
          ahead.step();
          x.kernels.multiply(x.panel(word, panel), n_registers, words.data + i * words.stride_bytes, words.stride_bytes,
                             x.words_from(word), sums + (row - first + i) * x.n_columns + panel, x.n_columns, word > 0);
        }
      }
    }
  }
  x.kernels.unpack(sums, x.n_columns, x.n_rows, end - first, product.y + first, w.n_out);
}

BlockedGemm::Words BlockedGemm::in_words(const PackedX& x, StoredRows rows, size_t n_rows, size_t word, size_t thread) {
  const size_t n_words = x.words_from(word), n = x.elements_from(word);
  const bool in_bf16 = x.kernels.word_elements == 2;
  const bool are_words = in_bf16 ? n == 2 * n_words : rows.dtype == DType::kF32;
  if (are_words && n_rows == kGroup) return {rows.data, rows.stride_bytes};
  uint32_t* words = words_.data() + thread * kGroup * kMostWords;
  for (size_t i = 0; i < n_rows; ++i) {
    uint32_t* to = words + i * n_words;
    to[n_words - 1] = 0;  // the last BF16 may have no neighbour
    if (in_bf16) {
      std::memcpy(to, rows.from(i).data, n * sizeof(BF16));
    } else {
      compute_.kernels->f32.widen(rows.from(i).data, rows.dtype, n, reinterpret_cast<float*>(to));
    }
  }
  return {reinterpret_cast<const std::byte*>(words), n_words * sizeof(uint32_t)};
}

size_t BlockedGemm::scratch_bytes(int n_threads, size_t max_rows, size_t max_in) {
  const size_t n_columns = divided_up(std::min(max_rows, kMostRows), kLanes) * kLanes;
  const size_t of_thread = kGroup * kMostWords * sizeof(uint32_t) + kMostGroups * kGroup * n_columns * sizeof(float);
  return n_columns * max_in * sizeof(uint32_t) + static_cast<size_t>(n_threads) * of_thread;
}

}  // namespace proxima
