// SPDX-License-Identifier: MIT
// The container built byte by byte by the tests' own hand, and round trips through the writer.
#include "core/safetensors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>

#include "core/safetensors_header.h"
#include "test/expect_error.h"
#include "test/tiny_model.h"

namespace proxima {
namespace {

using test::expect_error;

std::string length_prefix(uint64_t length) {
  std::string bytes;
  for (int index = 0; index < 8; ++index) bytes += static_cast<char>(length >> (8 * index) & 0xFF);
  return bytes;
}

std::string container(const std::string& header, size_t n_data) {
  return length_prefix(header.size()) + header + std::string(n_data, '\x2a');
}

SafetensorsHeader parse(const std::string& file) {
  return parse_safetensors(std::as_bytes(std::span(file)), "F");
}

struct Bad {
  const char* name;
  std::string file;
  const char* message;
};

std::ostream& operator<<(std::ostream& stream, const Bad& bad) {
  return stream << bad.name;
}

const std::string kTensor = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";

std::string one(const std::string& entry, size_t n_data) {
  return container("{\"a\":" + entry + "}", n_data);
}

std::string two(const char* first, const char* second, size_t n_data) {
  const auto entry = [](const char* offsets) {
    return std::string(R"({"dtype":"U8","shape":[4],"data_offsets":)") + offsets + "}";
  };
  return container("{\"a\":" + entry(first) + ",\"b\":" + entry(second) + "}", n_data);
}

const Bad kBadFiles[] = {
    {"Empty", "", "F: not a safetensors file: 0 bytes"},
    {"SevenBytes", std::string(7, '\0'), "7 bytes, shorter than the 8"},
    {"HeaderBeyondTheEnd", length_prefix(60) + kTensor, "goes beyond the file's end"},
    {"HeaderJustBeyondTheEnd", length_prefix(kTensor.size() + 1) + kTensor, "goes beyond the file's end"},
    {"HeaderAbsurd", length_prefix(100'000'001) + kTensor, "the limit is 100000000"},
    {"HeaderHuge", length_prefix(UINT64_MAX) + kTensor, "claims a header of 18446744073709551615 bytes"},
    {"HeaderEmpty", container("", 0), "does not begin with '{'"},
    {"HeaderIsAnArray", container("[]", 0), "does not begin with '{'"},
    {"HeaderBeginsWithSpace", container(" {}", 0), "does not begin with '{'"},
    {"HeaderIsNoJson", container("{\"a\":", 0), "F: header: not valid JSON"},
    {"HeaderInvalidUtf8", container("{\"\xff\":1}", 0), "not valid JSON"},
    {"HeaderHidesBytesBehindNul", container(std::string("{}\0\0", 4), 0), "NUL at byte 2"},
    {"HeaderHoldsTwoObjects", container("{}{}", 0), "not valid JSON"},
    {"NameTwice", container(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":1})", 0),
     "\"a\" appears twice"},
    {"EntryIsNoObject", one("3", 0), "F: tensor \"a\": its header entry is not an object"},
    {"EntryUnknownKey", one(R"({"dtype":"U8","shape":[1],"data_offsets":[0,1],"scale":2})", 1),
     "unknown key \"scale\""},
    {"DtypeMissing", one(R"({"shape":[1],"data_offsets":[0,1]})", 1), "\"dtype\" is missing"},
    {"DtypeUnknown", one(R"({"dtype":"F4","shape":[1],"data_offsets":[0,1]})", 1), "unknown dtype \"F4\""},
    {"DtypeNoString", one(R"({"dtype":8,"shape":[1],"data_offsets":[0,1]})", 1),
     "\"dtype\" is missing or not a string"},
    {"ShapeMissing", one(R"({"dtype":"U8","data_offsets":[0,1]})", 1), "\"shape\" is missing"},
    {"ShapeNegative", one(R"({"dtype":"U8","shape":[-1],"data_offsets":[0,1]})", 1), "\"shape\" holds \"-1\""},
    {"ShapeFraction", one(R"({"dtype":"U8","shape":[1.0],"data_offsets":[0,1]})", 1), "\"shape\" holds \"1.0\""},
    {"ShapeBeyond64Bits", one(R"({"dtype":"U8","shape":[18446744073709551616],"data_offsets":[0,1]})", 1),
     "\"shape\" holds"},
    {"ShapeProductOverflows", one(R"({"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]})", 0),
     "does not fit 64 bits"},
    {"ByteSizeOverflows", one(R"({"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]})", 0),
     "does not fit 64 bits"},
    {"OverflowHiddenByZero", one(R"({"dtype":"U8","shape":[4294967296,4294967296,0],"data_offsets":[0,0]})", 0),
     "does not fit 64 bits"},
    {"OffsetsMissing", one(R"({"dtype":"U8","shape":[1]})", 1), "\"data_offsets\" is missing"},
    {"OffsetsOfOne", one(R"({"dtype":"U8","shape":[1],"data_offsets":[0]})", 1), "needs two numbers"},
    {"OffsetsReversed", one(R"({"dtype":"U8","shape":[1],"data_offsets":[1,0]})", 1), "[1, 0] are reversed"},
    {"OffsetsBeyondTheEnd", container(kTensor, 7), "go beyond the file's 7 bytes of data: truncated?"},
    {"OffsetsHuge", one(R"({"dtype":"U8","shape":[1],"data_offsets":[18446744073709551615,18446744073709551615]})", 1),
     "go beyond"},
    {"SizeTooSmall", one(R"({"dtype":"F32","shape":[1],"data_offsets":[0,8]})", 8),
     "takes 4 bytes, but its data_offsets"},
    {"SizeTooLarge", one(R"({"dtype":"F32","shape":[3],"data_offsets":[0,8]})", 8), "takes 12 bytes"},
    {"Overlap", two("[0,4]", "[3,7]", 7), "tensors \"a\" and \"b\" overlap"},
    {"SameBytesTwice", two("[0,4]", "[0,4]", 4), "overlap"},
    {"HoleBetween", two("[0,4]", "[5,9]", 9), "the 1 bytes before tensor \"b\" belong to no tensor"},
    {"HoleBefore", two("[2,6]", "[6,10]", 10), "the 2 bytes before tensor \"a\""},
    {"BytesAfter", two("[0,4]", "[4,8]", 11), "the last 3 bytes of the file belong to no tensor"},
    {"OnlyBytes", container("{}", 1), "the last 1 bytes"},
    {"MetadataNoObject", container(R"({"__metadata__":[]})", 0), "__metadata__ is not an object"},
    {"MetadataNumber", container(R"({"__metadata__":{"step":3}})", 0), "__metadata__ \"step\" is not a string"},
};

class BadSafetensors : public testing::TestWithParam<Bad> {};
INSTANTIATE_TEST_SUITE_P(Each, BadSafetensors, testing::ValuesIn(kBadFiles),
                         [](const auto& parameter) { return parameter.param.name; });

TEST_P(BadSafetensors, IsRefusedByName) {
  expect_error(ErrorKind::kInput, GetParam().message, [] { parse(GetParam().file); });
}

TEST(Safetensors, ReadsScalarsZeroSizedTensorsAndMetadata) {
  const std::string header =
      R"({"__metadata__":{"format":"pt"},"scalar":{"dtype":"F32","shape":[],"data_offsets":[0,4]},)"
      R"("none":{"dtype":"F32","shape":[3,0],"data_offsets":[4,4]},)"
      R"("byte":{"dtype":"BOOL","shape":[1,1],"data_offsets":[4,5]}})";
  const std::string file = container(header, 5);
  const auto parsed = parse(file);
  EXPECT_EQ(parsed.tensors.size(), 3U);
  EXPECT_EQ(parsed.tensors.at("scalar").n_elements(), 1U);
  EXPECT_EQ(parsed.tensors.at("none").n_bytes(), 0U);
  EXPECT_EQ(parsed.tensors.at("byte").dtype, DType::kBool);
  EXPECT_EQ(parsed.tensors.at("byte").data, std::as_bytes(std::span(file)).data() + file.size() - 1);
  EXPECT_EQ(parsed.metadata.at("format"), "pt");
  EXPECT_TRUE(parse(container("{}", 0)).tensors.empty());
}

TEST(Safetensors, ReadsOddHeadersWithTheDataAtAnyByte) {
  for (size_t n_spaces = 0; n_spaces < 9; ++n_spaces) {
    const std::string file = container(kTensor + std::string(n_spaces, ' '), 8);
    EXPECT_EQ(parse(file).tensors.at("a").data, std::as_bytes(std::span(file)).data() + file.size() - 8);
  }
}

TEST(Safetensors, NamesThePath) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "x.safetensors";
  test::write_text(path, "short");
  expect_error(ErrorKind::kInput, path.string() + ": not a safetensors file", [&] { SafetensorsFile file(path); });
  std::string file = container(kTensor, 8);
  test::write_text(path, file.substr(0, file.size() - 1));
  expect_error(ErrorKind::kInput, path.string() + ": tensor \"a\"", [&] { SafetensorsFile truncated(path); });
}

// A random file: tensors of all dtypes and ranks 0 to 3, zero sizes included, with random bytes.
struct RandomFile {
  std::vector<TensorSpec> specs;
  std::map<std::string, std::string> bytes;

  explicit RandomFile(std::mt19937& random) {
    const auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
    for (size_t n_tensors = below(12); specs.size() < n_tensors;) {
      TensorSpec spec{"tensor \"" + std::to_string(specs.size()) + "\" ä", static_cast<DType>(below(15)), {}};
      size_t n_bytes = dtype_bytes(spec.dtype);
      for (size_t rank = below(4); spec.shape.size() < rank;) {
        spec.shape.push_back(below(6));
        n_bytes *= spec.shape.back();
      }
      std::string& data = bytes[spec.name];
      while (data.size() < n_bytes) data += static_cast<char>(random());
      specs.push_back(spec);
    }
  }

  // In pieces and in random order.
  void write(SafetensorsWriter& writer, std::mt19937& random) const {
    struct Piece {
      const std::string* name;
      size_t begin;
      size_t end;
    };
    std::vector<Piece> pieces;
    for (const auto& [name, data] : bytes) {
      for (size_t begin = 0; begin < data.size();) {
        const size_t end = std::min(data.size(), begin + 1 + random() % 50);
        pieces.push_back({&name, begin, end});
        begin = end;
      }
    }
    std::shuffle(pieces.begin(), pieces.end(), random);
    for (const Piece& piece : pieces) {
      writer.write(*piece.name, piece.begin, bytes.at(*piece.name).data() + piece.begin, piece.end - piece.begin);
    }
  }
};

TEST(SafetensorsWriter, RoundTripsRandomFiles) {
  std::mt19937 random(7);
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "x.safetensors";
  for (int round = 0; round < 100; ++round) {
    SCOPED_TRACE(round);
    const RandomFile wanted(random);
    const std::map<std::string, std::string, std::less<>> metadata = {{"round", std::to_string(round)}, {"\n", "\\"}};
    SafetensorsWriter writer(path, wanted.specs, metadata);
    wanted.write(writer, random);
    writer.finish();
    test::pad_header(path, random() % 8);
    const SafetensorsFile file(path);
    EXPECT_EQ(file.metadata(), metadata);
    ASSERT_EQ(file.tensors().size(), wanted.specs.size());
    for (const TensorSpec& spec : wanted.specs) {
      const TensorView& view = file.tensors().at(spec.name);
      EXPECT_EQ(view.dtype, spec.dtype);
      EXPECT_EQ(view.shape, spec.shape);
      const std::string& bytes = wanted.bytes.at(spec.name);
      ASSERT_EQ(view.n_bytes(), bytes.size());
      EXPECT_EQ(std::memcmp(view.data, bytes.data(), bytes.size()), 0);
    }
  }
}

TEST(SafetensorsWriter, AlignsEveryTensorToItsElements) {
  const test::TemporaryFolder folder;
  const std::vector<TensorSpec> specs = {
      {"a", DType::kU8, {3}}, {"b", DType::kBF16, {5}}, {"c", DType::kF64, {1}}, {"d", DType::kF32, {7}}};
  test::write_tensors(folder.path() / "x", {specs[1], specs[2], specs[3]},
                      {{1, 2, 3, 4, 5}, {6}, {1, 2, 3, 4, 5, 6, 7}});
  const SafetensorsFile file(folder.path() / "x");
  for (const auto& [name, view] : file.tensors()) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(view.data) % dtype_bytes(view.dtype), 0U) << name;
  }
}

TEST(SafetensorsWriter, AnUnfinishedOneLeavesNothing) {
  const test::TemporaryFolder folder;
  {
    SafetensorsWriter writer(folder.path() / "x", {{"a", DType::kF32, {2}}});
    writer.write("a", 0, "12345678", 8);
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(SafetensorsWriter, AFullDiskIsAnOutputError) {
  expect_error(ErrorKind::kOutput, "/dev/full: could not be written: No space left", [] {
    SafetensorsWriter writer("/dev/full", {{"a", DType::kF32, {2}}});
  });
}

TEST(SafetensorsWriter, RefusesMetadataThatIsNotUtf8) {
  const test::TemporaryFolder folder;
  expect_error(ErrorKind::kOutput, "not valid UTF-8", [&] {
    SafetensorsWriter writer(folder.path() / "x", {}, {{"source", "\xff"}});
  });
}

TEST(SafetensorsWriter, CallsMisuseByItsName) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "x";
  const TensorSpec spec{"a", DType::kF32, {2}};
  EXPECT_THROW(SafetensorsWriter(path, {spec, spec}), std::logic_error);
  EXPECT_THROW(SafetensorsWriter(path, {{"__metadata__", DType::kF32, {2}}}), std::logic_error);
  EXPECT_THROW(SafetensorsWriter(path, {{"a", DType::kF32, {SIZE_MAX}}}), std::logic_error);
  SafetensorsWriter writer(path, {spec});
  EXPECT_THROW(writer.write("b", 0, "1234", 4), std::logic_error);
  EXPECT_THROW(writer.write("a", 5, "1234", 4), std::logic_error);
  EXPECT_THROW(writer.write("a", 9, "", 0), std::logic_error);
  writer.write("a", 4, "1234", 4);
  EXPECT_THROW(writer.finish(), std::logic_error);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace proxima
