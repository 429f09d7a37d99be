// SPDX-License-Identifier: MIT
#include "core/mapped_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "test/expect_error.h"
#include "test/tiny_model.h"

namespace proxima {
namespace {

std::string content(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

TEST(MappedFile, ShowsTheBytesOfTheFile) {
  const test::TemporaryFolder folder;
  const std::string text("zero \0 and more", 15);
  test::write_text(folder.path() / "a", text);
  EXPECT_EQ(content(MappedFile(folder.path() / "a")), text);
}

TEST(MappedFile, AnEmptyFileHasNoBytes) {
  const test::TemporaryFolder folder;
  test::write_text(folder.path() / "empty", "");
  EXPECT_TRUE(MappedFile(folder.path() / "empty").bytes().empty());
}

TEST(MappedFile, MovesKeepTheMappingAlive) {
  const test::TemporaryFolder folder;
  test::write_text(folder.path() / "a", "first");
  test::write_text(folder.path() / "b", "second");
  MappedFile a(folder.path() / "a");
  const auto* address = a.bytes().data();
  MappedFile moved(std::move(a));
  EXPECT_EQ(moved.bytes().data(), address);
  MappedFile b(folder.path() / "b");
  b = std::move(moved);
  EXPECT_EQ(content(b), "first");
}

TEST(MappedFile, NamesWhatCannotBeOpened) {
  const test::TemporaryFolder folder;
  const auto absent = folder.path() / "absent";
  test::expect_error(ErrorKind::kInput, absent.string() + ": cannot be opened: No such file",
                     [&] { MappedFile file(absent); });
  test::expect_error(ErrorKind::kInput, "is a directory", [&] { MappedFile file(folder.path()); });
}

TEST(MappedFile, DoesNotWaitForTheWriterOfAPipe) {
  const test::TemporaryFolder folder;
  const auto pipe = folder.path() / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  test::expect_error(ErrorKind::kInput, "not a regular file", [&] { MappedFile file(pipe); });
}

TEST(MappedFile, NamesAnUnreadableFile) {
  if (geteuid() == 0) GTEST_SKIP() << "root may read every file";
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "secret";
  test::write_text(path, "x");
  ASSERT_EQ(chmod(path.c_str(), 0), 0);
  test::expect_error(ErrorKind::kInput, "Permission denied", [&] { MappedFile file(path); });
}

}  // namespace
}  // namespace proxima
