// SPDX-License-Identifier: MIT
#include "kvcache/sharing_map.h"

#include <gtest/gtest.h>

#include <string>

#include "core/error.h"
#include "test/tiny_model.h"

namespace proxima {
namespace {

const CacheGeometry kGeometry{5, 2, 8, {0, 0, 0, 0, 0}};
constexpr const char* kGood =
    R"({"format":"proxima.sharing-map/1","layers":5,"kv_heads":2,"ns":4,"nr":32,"block_starts":[[0,3],[0,1,4]],"made_by":"a test"})";

class SharingMapTest : public ::testing::Test {
 protected:
  SharingMap read(const std::string& text) const {
    test::write_text(folder_.path() / "map.json", text);
    return read_sharing_map(folder_.path() / "map.json");
  }
  // Reading and validating must fail on the input, name the file, and say each of the words.
  void expect_refused(const std::string& text, const std::vector<std::string>& words,
                      const CacheGeometry& geometry = kGeometry) const {
    SCOPED_TRACE(text);
    try {
      read(text).validate(geometry, (folder_.path() / "map.json").string());
      FAIL() << "accepted";
    } catch (const Error& error) {
      const std::string message = error.what();
      EXPECT_EQ(error.kind(), ErrorKind::kInput);
      EXPECT_NE(message.find("map.json"), std::string::npos) << message;
      EXPECT_EQ(message.find('\n'), std::string::npos) << message;
      for (const auto& word : words) EXPECT_NE(message.find(word), std::string::npos) << message << " lacks " << word;
    }
  }
  static std::string with(const std::string& from, const std::string& to) {
    std::string text = kGood;
    return text.replace(text.find(from), from.size(), to);
  }
  test::TemporaryFolder folder_;
};

TEST_F(SharingMapTest, ReadsWhatItSays) {
  const SharingMap map = read(kGood);
  map.validate(kGeometry, "map.json");
  EXPECT_EQ(map.ns, 4U);
  EXPECT_EQ(map.nr, 32U);
  const size_t lowest[2][5] = {{0, 0, 0, 3, 3}, {0, 1, 1, 1, 4}};
  for (size_t head = 0; head < 2; ++head) {
    for (size_t layer = 0; layer < 5; ++layer) {
      EXPECT_EQ(map.lowest(layer, head), lowest[head][layer]);
      EXPECT_EQ(map.owns_distant_keys(layer, head), lowest[head][layer] == layer);
    }
  }
  EXPECT_DOUBLE_EQ(map.borrowed_share(), 0.5);  // 5 blocks for 10 cells
}

TEST_F(SharingMapTest, RefusesAFileThatIsNoMap) {
  EXPECT_THROW(read_sharing_map(folder_.path() / "absent.json"), Error);
  expect_refused("", {});
  expect_refused("[1, 2]", {"object"});
  expect_refused("{\"format\": ", {});
  expect_refused(with("sharing-map/1", "sharing-map/2"), {"format", "sharing-map/2", "proxima.sharing-map/1"});
  for (const std::string key : {"format", "layers", "kv_heads", "ns", "nr", "block_starts"}) {
    expect_refused(with("\"" + key + "\"", "\"x" + key + "\""), {"\"" + key + "\""});
  }
}

TEST_F(SharingMapTest, RefusesNumbersThatAreNone) {
  for (const std::string bad : {"-4", "4.5", "\"4\"", "null", "[4]", "true", "1e30", "99999999999999999999999"}) {
    expect_refused(with("\"ns\":4", "\"ns\":" + bad), {"\"ns\""});
    expect_refused(with("[0,3]", "[0," + bad + "]"), {"block_starts"});
  }
  expect_refused(with("[[0,3],[0,1,4]]", "[0,3]"), {"block_starts", "list"});
  expect_refused(with("[[0,3],[0,1,4]]", "{}"), {"block_starts", "list"});
  expect_refused(with("\"ns\":4", "\"ns\":4,\"ns\":5"), {"ns"});  // which of the two?
}

TEST_F(SharingMapTest, RefusesAMapOfAnotherModel) {
  expect_refused(with("\"layers\":5", "\"layers\":6"), {"6 layers", "5"});
  expect_refused(with("\"kv_heads\":2", "\"kv_heads\":3"), {"3 KV heads", "2"});
  expect_refused(with("[[0,3],[0,1,4]]", "[[0,3]]"), {"1 list", "2 KV heads"});
  expect_refused(with("[[0,3],[0,1,4]]", "[[0,3],[0],[0]]"), {"3 lists", "2 KV heads"});
}

TEST_F(SharingMapTest, RefusesBlocksOutOfOrder) {
  expect_refused(with("[0,3]", "[]"), {"head 0", "start at layer 0"});
  expect_refused(with("[0,3]", "[1,3]"), {"head 0", "start at layer 0"});
  expect_refused(with("[0,1,4]", "[0,4,1]"), {"head 1", "ascend", "1 follows 4"});
  expect_refused(with("[0,1,4]", "[0,1,1]"), {"head 1", "1 follows 1"});
  expect_refused(with("[0,1,4]", "[0,1,5]"), {"head 1", "5 follows 1", "5 layers"});
}

TEST_F(SharingMapTest, RefusesWindowsThatMakeNoSense) {
  expect_refused(with("\"nr\":32", "\"nr\":0"), {"nr", "at least 1"});
  expect_refused(with("\"nr\":32", "\"nr\":18446744073709551615"), {"nr"});  // ns + nr would wrap
  expect_refused(with("\"ns\":4", "\"ns\":18446744073709551615"), {"ns"});
}

TEST_F(SharingMapTest, RefusesABlockAcrossAChangeOfLayerClass) {
  const CacheGeometry changes{5, 2, 8, {0, 0, 0, 1, 1}};
  expect_refused(kGood, {"head 1", "starts at layer 1", "crosses layer 3"}, changes);
  EXPECT_NO_THROW(read(with("[0,1,4]", "[0,3]")).validate(changes, "map.json"));
}

TEST_F(SharingMapTest, UniformBlocks) {
  for (size_t block = 1; block <= 6; ++block) {
    const SharingMap map = uniform_sharing_map(kGeometry, block);
    map.validate(kGeometry, "uniform");
    for (size_t layer = 0; layer < 5; ++layer) EXPECT_EQ(map.lowest(layer, 1), layer / block * block);
  }
  EXPECT_EQ(uniform_sharing_map(kGeometry, 1).borrowed_share(), 0);
  // Cut where the class changes, and counted anew from there.
  const CacheGeometry changes{7, 1, 8, {0, 0, 0, 3, 0, 0, 0}};
  EXPECT_EQ(uniform_sharing_map(changes, 2).block_starts.front(), (std::vector<size_t>{0, 2, 3, 4, 6}));
  EXPECT_EQ(uniform_sharing_map(changes, 7).block_starts.front(), (std::vector<size_t>{0, 3, 4}));
  EXPECT_THROW(uniform_sharing_map(kGeometry, 0), Error);
}

}  // namespace
}  // namespace proxima
