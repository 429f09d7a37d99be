// SPDX-License-Identifier: MIT
#include <algorithm>
#include <filesystem>
#include <new>

#include "apps/command_line.h"
#include "apps/interrupt.h"
#include "apps/text_output.h"
#include "core/error.h"

#if PROXIMA_TRAINER
#include "apps/train/torch_trainer.h"
constexpr proxima::TrainFunction kTrainer = proxima::torch_train;
#else
constexpr proxima::TrainFunction kTrainer = nullptr;
#endif

namespace {

int report(proxima::ErrorKind kind, const char* message) {
  fmt::print(stderr, "proxima: {}\n", message);
  return static_cast<int>(kind);
}

}  // namespace

int main(int argc, char** argv) {
  proxima::protect_standard_streams();
  proxima::install_signal_handlers();
  try {
    proxima::run_command_line({argv + std::min(argc, 1), argv + argc}, kTrainer);
    return 0;
  } catch (const proxima::Error& error) {
    return report(error.kind(), error.what());
  } catch (const std::bad_alloc&) {
    return report(proxima::ErrorKind::kMemory, "out of memory; see `proxima plan` for what a run needs");
  } catch (const std::filesystem::filesystem_error& error) {
    return report(proxima::ErrorKind::kInput, error.what());
  }
}
