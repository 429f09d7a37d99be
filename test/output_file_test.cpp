// SPDX-License-Identifier: MIT
#include "core/output_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "test/expect_error.h"
#include "test/tiny_model.h"

namespace proxima {
namespace {

size_t n_entries(const std::filesystem::path& folder) {
  const std::filesystem::directory_iterator entries(folder);
  return static_cast<size_t>(std::distance(begin(entries), end(entries)));
}

// The wait status of a child process that runs `body`.
template <class Body>
int status_of_child(Body body) {
  const pid_t child = fork();
  if (child == 0) {
    body();
    _exit(0);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return status;
}

class OutputFileTest : public testing::TestWithParam<OutputFile::Temporary> {
 protected:
  std::filesystem::path path() const { return folder_.path() / "out"; }
  const test::TemporaryFolder folder_;
};

INSTANTIATE_TEST_SUITE_P(Temporaries, OutputFileTest,
                         testing::Values(OutputFile::Temporary::kNamelessIfPossible, OutputFile::Temporary::kNamed),
                         [](const auto& parameter) {
                           return parameter.param == OutputFile::Temporary::kNamed ? "Named" : "Nameless";
                         });

TEST_P(OutputFileTest, AppearsCompleteByFinish) {
  OutputFile file(path(), GetParam());
  file.set_size(8);
  file.append("abc");
  file.write_at(5, "xy", 2);
  EXPECT_FALSE(std::filesystem::exists(path()));
  file.finish();
  EXPECT_EQ(test::read_text(path()), std::string("abc\0\0xy\0", 8));
  EXPECT_EQ(n_entries(folder_.path()), 1U);
}

TEST_P(OutputFileTest, ReplacesAnOlderFileOnlyByFinish) {
  test::write_text(path(), "old");
  {
    OutputFile unfinished(path(), GetParam());
    unfinished.append("new");
  }
  EXPECT_EQ(test::read_text(path()), "old");
  EXPECT_EQ(n_entries(folder_.path()), 1U);
  OutputFile file(path(), GetParam());
  file.append("new");
  file.finish();
  EXPECT_EQ(test::read_text(path()), "new");
  EXPECT_EQ(n_entries(folder_.path()), 1U);
}

TEST_P(OutputFileTest, TwoWritersOfOnePathDoNotMix) {
  OutputFile first(path(), GetParam());
  OutputFile second(path(), GetParam());
  first.append("first");
  second.append("2");
  first.finish();
  second.finish();
  EXPECT_EQ(test::read_text(path()), "2");
  EXPECT_EQ(n_entries(folder_.path()), 1U);
}

TEST_P(OutputFileTest, FollowsALinkToTheFileItReplaces) {
  const auto link = folder_.path() / "link";
  test::write_text(path(), "old");
  std::filesystem::create_symlink("out", link);
  OutputFile file(link, GetParam());
  file.append("new");
  file.finish();
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_EQ(test::read_text(path()), "new");
}

TEST_P(OutputFileTest, AFullDiskIsAnErrorAndLeavesNothing) {
  test::write_text(path(), "old");
  // A limit on file size stands for the full disk; in a child, because it cannot be lifted again.
  const int status = status_of_child([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{4096, 4096};
    setrlimit(RLIMIT_FSIZE, &limit);
    try {
      OutputFile file(path(), GetParam());
      for (int round = 0; round < 100; ++round) file.append(std::string(100, 'x'));
    } catch (const Error& error) {
      const bool named = std::string(error.what()).find(path().string() + ": could not be written: ") == 0;
      _exit(error.kind() == ErrorKind::kOutput && named ? 0 : 2);
    }
    _exit(3);
  });
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_EQ(test::read_text(path()), "old");
  EXPECT_EQ(n_entries(folder_.path()), 1U);
}

TEST(OutputFile, AKilledWriterLeavesNothing) {
  const test::TemporaryFolder folder;
  const int probe = open(folder.path().c_str(), O_TMPFILE | O_WRONLY, 0600);
  if (probe < 0) GTEST_SKIP() << "this file system has no nameless files";
  close(probe);
  const int status = status_of_child([&] {
    OutputFile file(folder.path() / "out");
    file.append("half");
    raise(SIGKILL);
  });
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(n_entries(folder.path()), 0U);
}

TEST(OutputFile, WritesDevicesDirectly) {
  OutputFile file("/dev/null");
  file.append("gone");
  file.finish();
  struct stat status {};
  ASSERT_EQ(stat("/dev/null", &status), 0);
  EXPECT_TRUE(S_ISCHR(status.st_mode));
}

TEST(OutputFile, NamesTheReasonOfEachFailure) {
  test::expect_error(ErrorKind::kOutput, "/dev/full: could not be written: No space left on device", [] {
    OutputFile file("/dev/full");
    file.append("x");
  });
  const test::TemporaryFolder folder;
  test::expect_error(ErrorKind::kOutput, "is a directory", [&] { OutputFile file(folder.path()); });
  test::expect_error(ErrorKind::kOutput, "could not be created: No such file",
                     [&] { OutputFile file(folder.path() / "absent" / "out"); });
}

TEST(OutputFile, ObeysTheUmask) {
  const test::TemporaryFolder folder;
  const mode_t before = umask(027);
  for (const auto temporary : {OutputFile::Temporary::kNamelessIfPossible, OutputFile::Temporary::kNamed}) {
    OutputFile file(folder.path() / "out", temporary);
    file.finish();
    struct stat status {};
    ASSERT_EQ(stat((folder.path() / "out").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0640U);
  }
  umask(before);
}

}  // namespace
}  // namespace proxima
