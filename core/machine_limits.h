// SPDX-License-Identifier: MIT
// What this machine can do at best: read bandwidth over given memory, and multiply-add peaks from registers. Measured,
// because both drift on shared machines; every speed is quoted as a share of them.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace proxima {

// Bytes per second of n_threads reading `memory` once, sequentially, each its own contiguous part.
double read_bandwidth(std::span<const std::byte> memory, int n_threads);

// The fastest of three reads of half a gigabyte of fresh memory.
double fresh_memory_bandwidth(int n_threads);

// Floating-point operations per second (a multiply-add counts two) of n_threads, the fastest of three runs of some tens
// of milliseconds; empty where this processor lacks the instructions or the program knows none for it.
std::optional<double> f64_peak(int n_threads);
std::optional<double> f32_peak(int n_threads);
std::optional<double> bf16_peak(int n_threads);

}  // namespace proxima
