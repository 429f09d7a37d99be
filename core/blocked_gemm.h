// SPDX-License-Identifier: MIT
// Large float products on AVX-512: bf16 times bf16 for BF16 weights where the processor multiplies them, float times
// float otherwise. Blocked as in Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008), but
// it is x that is packed: W is read once, where it is stored, a few rows at a time while those before are multiplied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "core/aligned.h"
#include "core/compute.h"
#include "core/gemm_kernels.h"
#include "core/matrix.h"

namespace proxima {

// One per running sequence: it keeps scratch. Not thread-safe; it uses compute.n_threads itself.
class BlockedGemm {
 public:
  static std::unique_ptr<BlockedGemm> create(const Compute& compute);  // null unless the target is AVX-512

  // Products of the same x [n_rows, n_in], dense rows. The same bits for any number of threads.
  void multiply(const float* x, size_t n_rows, size_t n_in, std::span<const GemmProduct> products);

  // The most it allocates for products of up to max_rows rows of up to max_in columns.
  static size_t scratch_bytes(int n_threads, size_t max_rows, size_t max_in);

 private:
  class PackedX;
  struct Words {  // rows of W as the kernels take them
    const std::byte* data;
    size_t stride_bytes;
  };
  explicit BlockedGemm(const Compute& compute) : compute_(compute) {}
  void multiply(const GemmKernels& kernels, const float* x, size_t n_rows, size_t n_in,
                std::span<GemmProduct> products);
  // By rows [first, end) of W: whole groups but for the last.
  void multiply_rows(const PackedX& x, const GemmProduct& product, size_t first, size_t end, size_t thread);
  // The words of a block from these on: where they are stored, or copied.
  Words in_words(const PackedX& x, StoredRows rows, size_t n_rows, size_t word, size_t thread);

  Compute compute_;
  AlignedVector<uint32_t> packed_;  // x
  AlignedVector<uint32_t> words_;   // [n_threads]: copied rows of W
  AlignedVector<float> sums_;       // [n_threads, rows of W, rows of x]
};

}  // namespace proxima
