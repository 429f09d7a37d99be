// SPDX-License-Identifier: MIT
// The tables that the per-target translation units make; null where a target is not compiled for this architecture.
#pragma once

#include "core/kernels.h"

namespace proxima {

const Kernels* scalar_kernels();
const Kernels* avx2_kernels();
const Kernels* avx512_kernels();
const Kernels* neon_kernels();

}  // namespace proxima
