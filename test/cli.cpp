// SPDX-License-Identifier: MIT
#include "test/cli.h"

#include <sys/wait.h>

#include <cstdlib>

namespace proxima::test {

CliResult Cli::run(const std::string& arguments, const std::string& before) const {
  return shell(before + " \"$P\" " + arguments);
}

CliResult Cli::shell(const std::string& text) const {
  const std::string model = model_.empty() ? "" : "export PROXIMA_MODEL='" + model_ + "'\n";
  write(".script",
        "P='" PROXIMA_PROGRAM "'\n" + model + "cd '" + folder_.path().string() + "'\nexec </dev/null\n" + text + "\n");
  const std::string script = path(".script").string();
  const std::string command =
      "bash '" + script + "' >'" + path(".out").string() + "' 2>'" + path(".err").string() + "'";
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read(".out"), read(".err")};
}

}  // namespace proxima::test
