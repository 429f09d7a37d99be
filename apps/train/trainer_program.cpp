// SPDX-License-Identifier: MIT
#include "apps/train/trainer_program.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/error.h"

namespace proxima {

void become_trainer(const std::vector<std::string>& arguments) {
  std::error_code ignored;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path() / "proxima-trainer";
  std::vector<char*> argv = {const_cast<char*>(program.c_str())};  // execv takes them so and does not write
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  execv(program.c_str(), argv.data());
  if (errno == ENOENT) {
    fail(ErrorKind::kUsage,
         "built without the trainer: install LibTorch (Debian: apt install libtorch-dev), configure and build again");
  }
  fail(ErrorKind::kUsage, "{}: cannot be run: {}", program.string(), std::strerror(errno));
}

}  // namespace proxima
