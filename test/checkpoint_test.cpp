// SPDX-License-Identifier: MIT
// Which files belong to a checkpoint: the index against the shards.
#include <gtest/gtest.h>

#include <string>

#include "model/weights.h"
#include "test/expect_error.h"
#include "test/tiny_model.h"

namespace proxima {
namespace {

const TensorSpec kA{"a", DType::kF32, {2}};
const TensorSpec kB{"b", DType::kF32, {3}};
const TensorSpec kC{"c", DType::kF32, {1}};

class CheckpointTest : public testing::Test {
 protected:
  void write(const std::string& file, const std::vector<TensorSpec>& tensors) {
    std::vector<std::vector<double>> values;
    for (const TensorSpec& spec : tensors) values.emplace_back(spec.shape[0]);
    test::write_tensors(dir() / file, tensors, values);
  }
  void write_index(const std::string& text) { test::write_text(dir() / "model.safetensors.index.json", text); }
  void write_map(const std::string& members) { write_index("{\"weight_map\": {" + members + "}}"); }
  void refuse(std::string_view message) {
    test::expect_error(ErrorKind::kInput, message, [&] { Checkpoint checkpoint(dir()); });
    test::expect_error(ErrorKind::kInput, dir().string(), [&] { Checkpoint checkpoint(dir()); });
  }

  const std::filesystem::path& dir() const { return folder_.path(); }
  const test::TemporaryFolder folder_;
};

TEST_F(CheckpointTest, OneFile) {
  refuse("holds neither model.safetensors nor model.safetensors.index.json");
  write("model.safetensors", {kA, kB});
  write("consolidated.safetensors", {kC});  // not part of the checkpoint, and no error
  const Checkpoint checkpoint(dir());
  EXPECT_EQ(checkpoint.tensors().size(), 2U);
  EXPECT_EQ(checkpoint.n_bytes(), 20U);
}

TEST_F(CheckpointTest, ShardsByIndex) {
  write("one.safetensors", {kA, kC});
  write("two.safetensors", {kB});
  write("stray.safetensors", {kB});
  write_index(R"({"metadata": {"total_size": 24}, "weight_map":
    {"a": "one.safetensors", "b": "two.safetensors", "c": "one.safetensors"}})");
  const Checkpoint checkpoint(dir());
  EXPECT_EQ(checkpoint.files().size(), 2U);
  EXPECT_EQ(checkpoint.tensors().size(), 3U);
  EXPECT_EQ(checkpoint.n_bytes(), 24U);
}

TEST_F(CheckpointTest, AnIndexMayNameTheSingleFile) {
  write("model.safetensors", {kA});
  write_map(R"("a": "model.safetensors")");
  EXPECT_EQ(Checkpoint(dir()).tensors().size(), 1U);
}

TEST_F(CheckpointTest, RefusesTwoCheckpointsInOneFolder) {
  write("model.safetensors", {kA});
  write("one.safetensors", {kA});
  write_map(R"("a": "one.safetensors")");
  refuse("holds both model.safetensors and an index that does not name it");
}

TEST_F(CheckpointTest, ReportsAllThatAStaleIndexGetsWrong) {
  write("one.safetensors", {kA, kC});
  write("two.safetensors", {kB});
  write_map(R"("a": "one.safetensors", "b": "one.safetensors", "d": "two.safetensors")");
  refuse("the index does not fit the files (stale?)");
  refuse("1 in a file but not in the index: \"c\" (one.safetensors)");
  refuse("1 in another file than the index says: \"b\" (two.safetensors, not one.safetensors)");
  refuse("2 in the index but not in the file it names: \"b\" (one.safetensors), \"d\" (two.safetensors)");
}

TEST_F(CheckpointTest, RefusesATensorInTwoShards) {
  write("one.safetensors", {kA});
  write("two.safetensors", {kA, kB});
  write_map(R"("a": "one.safetensors", "b": "two.safetensors")");
  refuse("1 in another file than the index says: \"a\" (two.safetensors, not one.safetensors)");
}

TEST_F(CheckpointTest, NamesAllMissingShards) {
  write("one.safetensors", {kA});
  write_map(R"("a": "one.safetensors", "b": "two.safetensors", "c": "three.safetensors")");
  refuse("files that the index names: 2 missing: \"three.safetensors\", \"two.safetensors\"");
}

TEST_F(CheckpointTest, NamesATruncatedShard) {
  write("one.safetensors", {kA});
  write("two.safetensors", {kB});
  write_map(R"("a": "one.safetensors", "b": "two.safetensors")");
  const std::string whole = test::read_text(dir() / "two.safetensors");
  for (const size_t n_bytes : {size_t{0}, size_t{5}, size_t{20}, whole.size() - 1}) {
    test::write_text(dir() / "two.safetensors", whole.substr(0, n_bytes));
    refuse((dir() / "two.safetensors").string());
  }
}

TEST_F(CheckpointTest, RefusesMalformedIndexes) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "not valid JSON"},
      {"[]", "must be a JSON object"},
      {"{}", "\"weight_map\" is missing"},
      {R"({"weight_map": []})", "\"weight_map\" must be an object"},
      {R"({"weight_map": {}})", "at least one tensor"},
      {R"({"weight_map": {"a": 3}})", "is not the name of a file in this folder"},
      {R"({"weight_map": {"a": "one.safetensors", "a": "two.safetensors"}})", "the key \"a\" appears twice"},
  };
  for (const auto& [text, message] : cases) {
    SCOPED_TRACE(text);
    write_index(text);
    refuse(message);
  }
}

TEST_F(CheckpointTest, ShardNamesCannotLeaveTheFolder) {
  for (const char* name : {"../model.safetensors", "/etc/passwd", "sub/one.safetensors", "..", ".", "", "a\\\\b",
                           "one\\u0000.safetensors"}) {
    SCOPED_TRACE(name);
    write_map("\"a\": \"" + std::string(name) + "\"");
    refuse("is not the name of a file in this folder");
  }
}

}  // namespace
}  // namespace proxima
