#include "autograd/create.h"
#include "autograd/ops.h"
#include "data/idx.h"
#include "data/mnist.h"
#include "tests/files.h"
#include "tests/source_folder.h"

#include <zlib.h>

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

using namespace ebb;
using namespace std::string_literals;

namespace {

std::string gzipped(const std::string& bytes) {
  z_stream z{};
  REQUIRE(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string packed(bytes.size() + 100, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(packed.data());
  z.avail_out = static_cast<uInt>(packed.size());
  REQUIRE(deflate(&z, Z_FINISH) == Z_STREAM_END);
  packed.resize(z.total_out);
  deflateEnd(&z);
  return packed;
}

std::string big_endian(std::uint32_t v) {
  return {static_cast<char>(v >> 24), static_cast<char>(v >> 16), static_cast<char>(v >> 8), static_cast<char>(v)};
}

std::string idx(int type, const std::vector<std::uint32_t>& sizes, const std::string& elements) {
  std::string bytes{0, 0, static_cast<char>(type), static_cast<char>(sizes.size())};
  for (const auto size : sizes) bytes += big_endian(size);
  return bytes + elements;
}

std::string message_for(const std::string& bytes) {
  const TempFolder folder;
  write_file(folder / "bad", bytes);
  const auto text = error_of([&] { data::read_idx(folder / "bad"); });
  CHECK(contains(text, "read_idx: " + folder / "bad"));
  return text;
}

template <class T>
void check_idx(const std::string& bytes, const Shape& shape, const std::vector<T>& values) {
  const TempFolder folder;
  write_file(folder / "plain", bytes);
  write_file(folder / "packed", gzipped(bytes));
  for (const auto* name : {"plain", "packed"}) {
    const Tensor x = data::read_idx(folder / name);
    CHECK(x.shape() == shape);
    CHECK(x.dtype() == dtype_of<T>());
    CHECK(x.to_vector<T>() == values);
  }
}

// A folder with `images` of 2 x 2 pixels and labels.
void write_set(const TempFolder& folder, const std::string& part, const std::vector<std::uint8_t>& pixels,
               const std::string& labels) {
  write_file(folder / (part + "-images-idx3-ubyte"), idx(8, {static_cast<std::uint32_t>(pixels.size() / 4), 2, 2},
                                                         std::string(pixels.begin(), pixels.end())));
  write_file(folder / (part + "-labels-idx1-ubyte.gz"),
             gzipped(idx(8, {static_cast<std::uint32_t>(labels.size())}, labels)));
}

std::string shipped() { return (test::source_folder() / "data/mnist").string(); }

}  // namespace

TEST_CASE("read_idx: every element type") {
  check_idx<std::uint8_t>(idx(0x08, {2, 3}, "\x00\x01\x7f\x80\xfe\xff"s), {2, 3}, {0, 1, 127, 128, 254, 255});
  check_idx<std::int32_t>(idx(0x09, {3}, "\x80\xff\x7f"s), {3}, {-128, -1, 127});
  check_idx<std::int32_t>(idx(0x0B, {3}, "\x80\x00\xff\xfe\x12\x34"s), {3}, {-32768, -2, 0x1234});
  check_idx<std::int32_t>(idx(0x0C, {1, 2}, "\x80\x00\x00\x00\x12\x34\x56\x78"s), {1, 2},
                          {std::numeric_limits<std::int32_t>::min(), 0x12345678});
  check_idx<float>(idx(0x0D, {2}, "\x3f\x80\x00\x00\xc0\x49\x0f\xdb"s), {2}, {1.0f, -3.14159274f});
  check_idx<double>(idx(0x0E, {1, 1, 1}, "\x40\x09\x21\xfb\x54\x44\x2d\x18"s), {1, 1, 1}, {3.141592653589793});
}

TEST_CASE("read_idx: no elements, no dimensions") {
  check_idx<std::uint8_t>(idx(8, {0, 28, 28}, ""), {0, 28, 28}, {});
  check_idx<float>(idx(0x0D, {}, "\x3f\x80\x00\x00"s), {}, {1.0f});
}

TEST_CASE("read_idx: gzip in several members, and more than one buffer") {
  std::string elements(300'000, '\0');
  std::uint32_t state = 1;
  for (auto& c : elements) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  const auto bytes = idx(8, {300'000}, elements);
  const TempFolder folder;
  write_file(folder / "x.gz", gzipped(bytes.substr(0, 100'001)) + gzipped(bytes.substr(100'001)));
  const auto values = data::read_idx(folder / "x.gz").to_vector<std::uint8_t>();
  CHECK(std::string(values.begin(), values.end()) == elements);
}

TEST_CASE("read_idx: files that cannot be read") {
  const TempFolder folder;
  const auto missing = error_of([&] { data::read_idx(folder / "none"); });
  CHECK(missing == "read_idx: " + folder / "none" + ": cannot be opened (No such file or directory)");
  CHECK(contains(error_of([&] { data::read_idx(folder.path()); }), "is not a file"));
}

TEST_CASE("read_idx: malformed files") {
  CHECK(contains(message_for(""), "ends inside the IDX header"));
  CHECK(contains(message_for("\0\0\x08"s), "ends inside the IDX header"));
  CHECK(contains(message_for("\0\0\x08\x02\0\0\0\x01\0\0"s), "ends inside the IDX header"));
  CHECK(contains(message_for("\x89PNG\r\n"), "is not an IDX file (it begins with 89 50"));
  CHECK(contains(message_for(idx(0x0A, {1}, "a")), "unknown IDX element type 0x0a"));
  CHECK(contains(message_for(idx(8, std::vector<std::uint32_t>(9, 1), "a")), "9 dimensions"));
  CHECK(contains(message_for(idx(0x0E, {0xffffffff, 0xffffffff, 0xffffffff}, "")), "impossible sizes"));
  CHECK(contains(message_for(idx(8, {3, 2}, "abcde")), "is too short: its header promises 6 bytes"));
  CHECK(contains(message_for(idx(8, {3, 2}, "abcdefg")), "is too long"));
  CHECK(contains(message_for(idx(8, {0xffffffff, 0xffff}, "abc")), "is too short"));  // 281 TB are not asked for
}

TEST_CASE("read_idx: damaged gzip data") {
  const auto good = gzipped(idx(8, {1000}, std::string(1000, 'x')));
  for (std::size_t size = 3; size < good.size(); ++size) {
    CAPTURE(size);
    CHECK(contains(message_for(good.substr(0, size)), "the gzip data ends too early"));
  }
  auto wrong_sum = good;
  wrong_sum[good.size() - 8] ^= 1;
  CHECK(contains(message_for(wrong_sum), "the gzip data is damaged (incorrect data check)"));
  auto wrong_size = good;
  wrong_size[good.size() - 4] ^= 1;
  CHECK(contains(message_for(wrong_size), "the gzip data is damaged (incorrect length check)"));
  CHECK(contains(message_for(good + "garbage"), "the gzip data is damaged (incorrect header check)"));
  CHECK(contains(message_for(gzipped(idx(8, {2}, "abc"))), "is too long"));
  CHECK(contains(message_for(gzipped(idx(8, {2}, "a"))), "is too short"));
}

TEST_CASE("mnist: a small set, normalised") {
  const TempFolder folder;
  write_set(folder, "train", {0, 51, 102, 153, 204, 255, 10, 20}, "\x03\x09"s);
  const auto set = data::mnist(folder.path(), {.mean = 0.5, .std = 0.25});
  CHECK(set.size() == 2);
  CHECK(set.images().shape() == Shape{2, 1, 2, 2});
  CHECK(set.images().dtype() == uint8);
  const auto [images, labels] = set.batch(std::array<std::int64_t, 3>{1, 0, 1});
  CHECK(images.shape() == Shape{3, 1, 2, 2});
  CHECK(labels.to_vector<std::int64_t>() == std::vector<std::int64_t>{9, 3, 9});
  const auto pixels = images.to_vector<float>();
  const std::array<double, 4> first{0.8, 1.0, 10 / 255., 20 / 255.}, second{0, 0.2, 0.4, 0.6};
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(pixels[i] == doctest::Approx((first[i] - 0.5) / 0.25).epsilon(1e-6));
    CHECK(pixels[4 + i] == doctest::Approx((second[i] - 0.5) / 0.25).epsilon(1e-6));
    CHECK(pixels[8 + i] == pixels[i]);
  }
  CHECK(set.range(1, 2).labels.to_vector<std::int64_t>() == std::vector<std::int64_t>{9});
  CHECK(set.all().images.shape() == Shape{2, 1, 2, 2});
  CHECK(set.batch({}).images.shape() == Shape{0, 1, 2, 2});
  CHECK(contains(error_of([&] { set.batch(std::array<std::int64_t, 1>{2}); }), "there is no image 2 among 2"));
  CHECK(contains(error_of([&] { set.batch(std::array<std::int64_t, 1>{-1}); }), "there is no image -1"));
  CHECK(contains(error_of([&] { set.range(1, 3); }), "from 1 to before 3 among 2"));
}

TEST_CASE("mnist: what can be wrong with a folder") {
  const TempFolder folder;
  const auto text = [&](const data::MnistOptions& options = {}) {
    return error_of([&] { data::mnist(folder.path(), options); });
  };
  CHECK(contains(text(), "neither train-images-idx3-ubyte nor train-images-idx3-ubyte.gz is in " + folder.path()));
  write_set(folder, "train", {1, 2, 3, 4, 5, 6, 7, 8}, "\x01"s);
  CHECK(contains(text(), "2 images, but 1 labels"));
  write_set(folder, "train", {1, 2, 3, 4, 5, 6, 7, 8}, "\x01\x0a"s);
  CHECK(contains(text(), "label 10 of image 1 is not from 0 to 9"));
  CHECK(text({.num_classes = 11}).empty());
  CHECK(contains(text({.std = 0, .num_classes = 11}), "std is 0"));
  CHECK(contains(text({.train = false}), "t10k-images"));
  write_file(folder / "train-images-idx3-ubyte", idx(0x0C, {1, 1, 1}, "abcd"));
  CHECK(contains(text(), "holds int32 [1, 1, 1]; uint8 of 3 dimensions was expected"));
}

TEST_CASE("mnist: the shipped set") {
  const auto train = data::mnist(shipped()), test = data::mnist(shipped(), {.train = false});
  CHECK(train.images().shape() == Shape{60000, 1, 28, 28});
  CHECK(test.images().shape() == Shape{10000, 1, 28, 28});

  const auto counts = [](const data::Mnist& set) {
    std::array<int, 10> n{};
    for (const auto label : set.labels().to_vector<std::int64_t>()) ++n[static_cast<std::size_t>(label)];
    return n;
  };
  CHECK(counts(train) == std::array{5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949});
  CHECK(counts(test) == std::array{980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009});

  const auto* pixel = train.images().data<const std::uint8_t>();
  std::int64_t sum = 0;
  for (std::int64_t i = 0; i < train.images().numel(); ++i) sum += pixel[i];
  CHECK(sum == 1567298545);

  // The usual constants make mean 0 and variance 1.
  const auto images = train.all().images;
  const auto* x = images.data<const float>();
  double total = 0, squares = 0;
  for (std::int64_t i = 0; i < images.numel(); ++i) {
    total += x[i];
    squares += double{x[i]} * x[i];
  }
  const auto n = static_cast<double>(images.numel());
  CHECK(std::abs(total / n) < 2e-4);
  CHECK(squares / n == doctest::Approx(1).epsilon(1e-3));
}
