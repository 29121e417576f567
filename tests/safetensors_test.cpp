#include "io/safetensors.h"

#include <sys/resource.h>

#include <array>
#include <bit>
#include <cmath>
#include <csignal>
#include <cstring>
#include <limits>

#include "autograd/create.h"
#include "autograd/ops.h"
#include "tests/files.h"

using namespace ebb;
using namespace std::string_literals;

namespace {

template <class T>
std::string bytes_of(std::initializer_list<T> values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), values.begin(), bytes.size());
  return bytes;
}

std::string file_of(const std::string& header, const std::string& data = {}) {
  return bytes_of<std::uint64_t>({header.size()}) + header + data;
}

// The Error for a file of these bytes; it names the file.
std::string message_for(const std::string& bytes) {
  const TempFolder folder;
  write_file(folder / "bad.safetensors", bytes);
  const auto text = error_of([&] { io::load(folder / "bad.safetensors"); });
  CHECK(contains(text, "load: " + folder / "bad.safetensors"));
  return text;
}

std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

const Tensor& find(const std::vector<NamedTensor>& tensors, const std::string& name) {
  for (const auto& t : tensors)
    if (t.name == name) return t.tensor;
  FAIL("no tensor ", name);
  return tensors.front().tensor;
}

}  // namespace

TEST_CASE("the bytes of a file") {
  const TempFolder folder;
  io::save(folder / "x", {{"a", tensor({{1.5, -2.0}, {3.0, 4.0}})}, {"n", tensor({7, 8})}}, {{"by", "hand"}});
  // float32 lies behind int64 so that both are aligned; the header lists them as they were given.
  const std::string header = R"({"__metadata__":{"by":"hand"},)"
                             R"("a":{"data_offsets":[16,32],"dtype":"F32","shape":[2,2]},)"
                             R"("n":{"data_offsets":[0,16],"dtype":"I64","shape":[2]}})";
  const std::string padded = header + std::string((8 - header.size() % 8) % 8, ' ');
  CHECK(read_file(folder / "x") ==
        file_of(padded, bytes_of<std::int64_t>({7, 8}) + bytes_of<float>({1.5f, -2.0f, 3.0f, 4.0f})));
}

TEST_CASE("a file written by hand") {
  const TempFolder folder;
  const std::string header =
      R"( {"w": {"shape": [1, 3], "data_offsets": [4, 16], "dtype": "F32", "extra": null},)"
      R"( "\u00e9": {"dtype":"U8","shape":[4],"data_offsets":[0,4]}, "__metadata__": {"k": "v\n"}} )";
  write_file(folder / "x",
             file_of(header, bytes_of<std::uint8_t>({1, 2, 3, 255}) + bytes_of<float>({0.5f, -1.0f, 1e30f})));
  const auto [tensors, metadata] = io::load_contents(folder / "x");
  REQUIRE(tensors.size() == 2);
  CHECK(tensors[0].name == "w");
  CHECK(tensors[0].tensor.shape() == Shape{1, 3});
  CHECK(tensors[0].tensor.to_vector<float>() == std::vector<float>{0.5f, -1.0f, 1e30f});
  CHECK(tensors[1].name == "é");
  CHECK(tensors[1].tensor.dtype() == uint8);
  CHECK(tensors[1].tensor.to_vector<std::uint8_t>() == std::vector<std::uint8_t>{1, 2, 3, 255});
  CHECK(metadata == io::Metadata{{"k", "v\n"}});
}

TEST_CASE("every dtype and shape comes back to the bit") {
  const auto nan = std::bit_cast<float>(0x7fc12345u);
  const std::vector<NamedTensor> saved{
      {"float32", tensor({0.0f, -0.0f, nan, std::numeric_limits<float>::infinity(), 1e-45f})},
      {"float64", tensor(std::vector<double>{0.1, -1e308, 5e-324})},
      {"int64", tensor(std::vector<std::int64_t>{std::numeric_limits<std::int64_t>::min(), 9007199254740993})},
      {"int32", tensor(std::vector<std::int32_t>{std::numeric_limits<std::int32_t>::min(), 2147483647})},
      {"uint8", tensor(std::vector<std::uint8_t>{0, 255, 128})},
      {"bool", tensor({true, false, true})},
      {"scalar", tensor(2.5)},
      {"nothing", zeros({3, 0, 2})},
      {"rank 8", ones({1, 2, 1, 2, 1, 2, 1, 2})},
      {"", tensor(1)},
      {"quote \" slash / \\ tab \t é 漢", tensor(3)},
  };
  const TempFolder folder;
  io::save(folder / "x", saved, {{"", ""}, {"ключ", "\"значение\""}});
  const auto [loaded, metadata] = io::load_contents(folder / "x");
  REQUIRE(loaded.size() == saved.size());
  for (std::size_t i = 0; i < saved.size(); ++i) {
    const auto &a = saved[i].tensor, &b = loaded[i].tensor;
    CAPTURE(saved[i].name);
    CHECK(loaded[i].name == saved[i].name);
    CHECK(b.dtype() == a.dtype());
    CHECK(b.shape() == a.shape());
    const auto bytes = static_cast<std::size_t>(a.numel() * size_of(a.dtype()));
    CHECK(std::memcmp(a.view().data, b.view().data, bytes) == 0);
  }
  CHECK(metadata == io::Metadata{{"", ""}, {"ключ", "\"значение\""}});
}

TEST_CASE("no tensors") {
  const TempFolder folder;
  io::save(folder / "x", std::vector<NamedTensor>{});
  CHECK(read_file(folder / "x") == file_of("{}      "));
  CHECK(io::load(folder / "x").empty());
}

TEST_CASE("strided tensors, and those with a history, are saved as they are seen") {
  const TempFolder folder;
  const auto x = tensor({{1.0, 2.0, 3.0}, {4.0, 5.0, 6.0}}, {.requires_grad = true});
  io::save(folder / "x", {{"t", t(x)}, {"row", expand(tensor({9, 8}), {2, 2})}});
  const auto loaded = io::load(folder / "x");
  CHECK(find(loaded, "t").to_vector<float>() == std::vector<float>{1, 4, 2, 5, 3, 6});
  CHECK_FALSE(find(loaded, "t").requires_grad());
  CHECK(find(loaded, "row").to_vector<std::int64_t>() == std::vector<std::int64_t>{9, 8, 9, 8});
}

TEST_CASE("section") {
  const std::vector<NamedTensor> all{
      {"model.a", tensor(1)}, {"models", tensor(2)}, {"model.model.b", tensor(3)}, {"x", tensor(4)}};
  const auto model = io::section(all, "model.");
  REQUIRE(model.size() == 2);
  CHECK(model[0].name == "a");
  CHECK(model[1].name == "model.b");
  CHECK(model[1].tensor.item<std::int64_t>() == 3);
}

TEST_CASE("bug class 23: saving over one's own loaded file") {
  const TempFolder folder;
  io::save(folder / "x", {{"a", tensor({1, 2, 3})}});
  for (int round = 0; round < 3; ++round) {
    auto tensors = io::load(folder / "x");
    tensors[0].tensor.data<std::int64_t>()[0] += 10;
    io::save(folder / "x", tensors);
  }
  CHECK(io::load(folder / "x")[0].tensor.to_vector<std::int64_t>() == std::vector<std::int64_t>{31, 2, 3});
  CHECK(folder.num_files() == 1);
}

TEST_CASE("what cannot be saved leaves the old file and nothing else") {
  const TempFolder folder;
  const auto path = folder / "x";
  io::save(path, {{"a", tensor(1)}});
  const auto old = read_file(path);
  const auto refused = [&](std::vector<NamedTensor> tensors, const io::Metadata& metadata = {}) {
    const auto text = error_of([&] { io::save(path, tensors, metadata); });
    CHECK(contains(text, "save: " + path));
    CHECK(read_file(path) == old);
    CHECK(folder.num_files() == 1);
    return text;
  };
  CHECK(contains(refused({{"a", tensor(1)}, {"b", tensor(2)}, {"a", tensor(3)}}), "two tensors are named a"));
  CHECK(contains(refused({{"a", Tensor()}}), "tensor a is undefined"));
  CHECK(contains(refused({{"__metadata__", tensor(1)}}), "keeps this name for itself"));
  CHECK(contains(refused({{"\xff", tensor(1)}}), "is not UTF-8"));
  CHECK(contains(refused({}, {{"k", "\xc3"}}), "is not UTF-8"));
  CHECK(contains(refused({{std::string(100'000'001, 'n'), tensor(1)}}), "above the format's limit"));
}

TEST_CASE("bug class 23: folders that cannot be written") {
  const TempFolder folder;
  write_file(folder / "file", "");
  const auto no_folder = error_of([&] { io::save(folder / "none/x", {{"a", tensor(1)}}); });
  CHECK(contains(no_folder, "save: " + folder / "none/x" + ": cannot be written (No such file or directory)"));
  CHECK(contains(error_of([&] {
                   io::save(folder / "file/x", {{"a", tensor(1)}});
                 }),
                 "cannot be written (Not a directory)"));
  std::filesystem::create_directory(folder / "taken");
  CHECK(contains(error_of([&] {
                   io::save(folder / "taken", {{"a", tensor(1)}});
                 }),
                 "cannot be replaced (Is a directory)"));
  CHECK(folder.num_files() == 2);
}

TEST_CASE("a disk that is full in the middle of a write") {
  const TempFolder folder;
  const auto path = folder / "x";
  io::save(path, {{"a", tensor(1)}});
  const auto old = read_file(path);
  ::rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const ::rlimit small{100'000, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  const auto text = error_of([&] { io::save(path, {{"a", zeros({100'000})}}); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK(contains(text, "save: " + path + ": cannot be written (File too large)"));
  CHECK(read_file(path) == old);
  CHECK(folder.num_files() == 1);
}

TEST_CASE("a new file has the usual permissions") {
  const TempFolder folder;
  write_file(folder / "plain", "");
  io::save(folder / "x", {{"a", tensor(1)}});
  CHECK(std::filesystem::status(folder / "x").permissions() ==
        std::filesystem::status(folder / "plain").permissions());
}

TEST_CASE("files that are damaged or something else") {
  const TempFolder folder;
  CHECK(contains(error_of([&] { io::load(folder / "none"); }), "cannot be opened (No such file or directory)"));
  CHECK(contains(message_for(""), "0 bytes are no safetensors file"));
  CHECK(contains(message_for("1234567"), "7 bytes are no safetensors file"));
  CHECK(contains(message_for("GGUF____ and more"), "is it a safetensors file?"));
  CHECK(contains(message_for(bytes_of<std::uint64_t>({100}) + "{}"), "ends inside its header of 100 bytes"));
  CHECK(contains(message_for(bytes_of<std::uint64_t>({~std::uint64_t{0}}) + "{}"), "above the format's limit"));
  CHECK(contains(message_for(file_of("")), "the header is not JSON"));
  CHECK(contains(message_for(file_of("{\"a\":")), "the header is not JSON"));
  CHECK(contains(message_for(file_of("[]")), "the header is not a JSON object"));
  CHECK(contains(message_for(file_of("null")), "the header is not a JSON object"));
  CHECK(contains(message_for(file_of(std::string(200'000, '['))), "the header is not JSON"));
  CHECK(contains(message_for(file_of(R"({"__metadata__":[]})")), "__metadata__ is not an object"));
  CHECK(contains(message_for(file_of(R"({"__metadata__":{"n":1}})")), "__metadata__ n is not a string"));
}

TEST_CASE("entries that are wrong") {
  const auto one = [](const std::string& value, const std::string& data = std::string(8, '\0')) {
    return message_for(file_of("{\"w\":" + value + "}", data));
  };
  CHECK(contains(one("3"), "tensor w: has no shape"));
  CHECK(contains(one(R"({"shape":[1],"data_offsets":[0,8]})"), "tensor w: has no dtype"));
  CHECK(contains(one(R"({"shape":[1],"dtype":"I64"})"), "tensor w: has no data_offsets"));
  CHECK(contains(one(R"({"shape":[1],"dtype":8,"data_offsets":[0,8]})"), "tensor w: dtype is not a string"));
  CHECK(contains(one(entry("F16", "[4]", "[0,8]")),
                 "tensor w: dtype F16 is not supported; convert it to one of F32, F64, I64, I32, U8, BOOL"));
  CHECK(contains(one(entry("BF16", "[4]", "[0,8]")), "dtype BF16 is not supported"));
  CHECK(contains(one(entry("I64", "1", "[0,8]")), "shape is not a list of whole numbers"));
  CHECK(contains(one(entry("I64", "[-1]", "[0,8]")), "shape is not a list of whole numbers"));
  CHECK(contains(one(entry("I64", "[1.0]", "[0,8]")), "shape is not a list of whole numbers"));
  CHECK(contains(one(entry("I64", "[9223372036854775808]", "[0,8]")), "impossible shape"));
  CHECK(contains(one(entry("I64", "[4294967296,4294967296,4294967296]", "[0,8]")), "impossible shape"));
  CHECK(contains(one(entry("I64", "[1,1,1,1,1,1,1,1,1]", "[0,8]")), "impossible shape"));
  CHECK(contains(one(entry("I64", "[1]", "[8]")), "data_offsets are not [begin, end]"));
  CHECK(contains(one(entry("I64", "[1]", "[8,0]")), "data_offsets are not [begin, end]"));
  CHECK(contains(one(entry("I64", "[1]", "[0,-8]")), "data_offsets is not a list of whole numbers"));
  CHECK(contains(one(entry("F32", "[1]", "[0,8]")), "float32 [1] takes 4 bytes, but data_offsets give 8"));
  CHECK(contains(one(entry("BOOL", "[8]", "[0,8]"), "\0\1\0\1\0\1\0\2"s),
                 "tensor w is BOOL, but a byte is neither 0 nor 1"));
}

TEST_CASE("layouts that are wrong") {
  const auto two = [](const std::string& a, const std::string& b, std::size_t bytes) {
    return message_for(file_of("{\"a\":" + entry("U8", "[4]", a) + ",\"b\":" + entry("U8", "[4]", b) + "}",
                               std::string(bytes, '\0')));
  };
  CHECK(contains(two("[0,4]", "[4,8]", 7), "tensor b ends at byte 8 of 7; the file is truncated or damaged"));
  CHECK(contains(two("[4,8]", "[0,4]", 9), "1 bytes after the last tensor belong to none"));
  CHECK(contains(two("[0,4]", "[3,7]", 7), "tensor b overlaps another"));
  CHECK(contains(two("[0,4]", "[0,4]", 4), "overlaps another"));
  CHECK(contains(two("[0,4]", "[5,9]", 9), "there is a hole before tensor b"));
  CHECK(contains(two("[18446744073709551608,18446744073709551612]", "[0,4]", 8), "tensor a ends at byte"));
  const auto w = entry("U8", "[4]", "[0,4]");
  CHECK(contains(message_for(file_of("{\"w\":" + w + ",\"w\":" + w + "}", "abcd")), "two tensors are named w"));
}

TEST_CASE("a file cut anywhere is refused") {
  const TempFolder folder;
  io::save(folder / "x", {{"a", tensor({1.0, 2.0})}, {"b", tensor({true})}}, {{"k", "v"}});
  const auto whole = read_file(folder / "x");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(message_for(whole.substr(0, size)).empty());
  }
}
