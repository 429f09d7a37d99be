// SPDX-License-Identifier: MIT
// Runs the real program, as a shell does.
#pragma once

#include <string>

#include "test/tiny_model.h"

namespace proxima::test {

struct CliResult {
  int exit_code = -1;
  std::string out;
  std::string err;
};

// A folder of its own, in which commands run, with data/toy as the model where they name none. `arguments` is shell
// text after the program's name and may redirect and pipe; `before` is shell text in front of it, such as variables.
class Cli {
 public:
  // Another default, a folder; empty: the program's own.
  void set_model(const std::string& model) { model_ = model; }

  CliResult run(const std::string& arguments, const std::string& before = "") const;
  // Any shell text; $P is the program. Standard output and error are captured where the text leaves them alone.
  CliResult shell(const std::string& text) const;

  std::filesystem::path path(const std::string& name) const { return folder_.path() / name; }
  void write(const std::string& name, const std::string& text) const { write_text(path(name), text); }
  std::string read(const std::string& name) const { return read_text(path(name)); }

 private:
  TemporaryFolder folder_;
  std::string model_ = PROXIMA_SOURCE_DIR "/data/toy";
};

}  // namespace proxima::test
