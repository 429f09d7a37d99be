// SPDX-License-Identifier: MIT
// Large float products for `fast`, by whoever is fastest: on AVX-512 BlockedGemm, but BF16 weights by oneDNN where the
// processor multiplies tiles of them (AMX); elsewhere OpenBLAS, on panels widened to float.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "core/compute.h"
#include "core/matrix.h"

namespace proxima {

class BlockedGemm;
class OneDnnGemm;

class Gemm {
 public:
  explicit Gemm(const Compute& compute);
  ~Gemm();

  // Products of the same x [n_rows, n_in], dense rows.
  void multiply(const float* x, size_t n_rows, size_t n_in, std::span<const GemmProduct> products);

  // The most it allocates for products of up to max_rows rows with matrices of up to max_in columns, the libraries' own
  // memory aside.
  static size_t scratch_bytes(int n_threads, size_t max_rows, size_t max_in);

 private:
  void multiply_widened(const float* x, size_t n_rows, const GemmProduct& product);

  Compute compute_;
  std::unique_ptr<OneDnnGemm> onednn_;    // null where the processor or the build lacks it
  std::unique_ptr<BlockedGemm> blocked_;  // null without AVX-512
  std::vector<float> panels_;             // [n_threads, kPanelRows, n_in]
};

}  // namespace proxima
