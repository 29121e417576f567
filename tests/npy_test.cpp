#include "data/npy.h"
#include "autograd/create.h"
#include "autograd/ops.h"
#include "data/digits.h"
#include "tests/files.h"
#include "tests/numpy_files.h"
#include "tests/source_folder.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

using namespace ebb;

namespace {

std::string decoded(std::string_view base64) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  std::uint32_t bits = 0, count = 0;
  for (const char c : base64) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<std::uint32_t>(kDigits.find(c));
    if ((count += 6) >= 8) bytes += static_cast<char>(bits >> (count -= 8) & 0xff);
  }
  return bytes;
}

template <class T>
void check_array(const Tensor& x, const Shape& shape, const std::vector<T>& values) {
  CHECK(x.shape() == shape);
  CHECK(x.dtype() == dtype_of<T>());
  CHECK(x.is_contiguous());
  CHECK(x.to_vector<T>() == values);
}

template <class T>
void check_file(const char* file, const Shape& shape, const std::vector<T>& values) {
  const TempFolder folder;
  write_file(folder / "x.npy", decoded(file));
  check_array(data::read_npy(folder / "x.npy"), shape, values);
}

std::string message_for(const std::string& bytes) {
  const TempFolder folder;
  write_file(folder / "x.npy", bytes);
  const auto text = error_of([&] { data::read_npy(folder / "x.npy"); });
  CHECK(contains(text, "read_npy: " + folder / "x.npy"));
  return text;
}

std::string npz_message_for(const std::string& bytes) {
  const TempFolder folder;
  write_file(folder / "x.npz", bytes);
  return error_of([&] { data::read_npz(folder / "x.npz"); });
}

// A file of format 1.0 with this dict.
std::string npy(const std::string& dict, const std::string& elements = {}) {
  return std::string("\x93NUMPY\x01\0", 8) + static_cast<char>(dict.size()) + '\0' + dict + elements;
}

}  // namespace

TEST_CASE("read_npy: files of NumPy's") {
  const std::vector<float> quarters{0, 0.25, 0.5, 0.75, 1, 1.25};
  check_file<float>(numpy_files::float32, {2, 3}, quarters);
  check_file<float>(numpy_files::format_2, {2, 3}, quarters);
  check_file<float>(numpy_files::format_3, {2, 3}, quarters);
  check_file<double>(numpy_files::float64_big_endian_fortran, {2, 3}, {0, 0.125, 0.25, 0.375, 0.5, 0.625});
  check_file<std::int64_t>(numpy_files::int64_scalar, {}, {-5});
  check_file<std::uint8_t>(numpy_files::uint8_empty, {0, 3}, {});
  check_file<bool>(numpy_files::bool_1d, {3}, {true, false, true});
  std::vector<std::int32_t> count;
  for (int i = 0; i < 24; ++i) count.push_back(i);
  check_file<std::int32_t>(numpy_files::int32_3d_fortran, {2, 3, 4}, count);
}

TEST_CASE("read_npz: files of NumPy's") {
  for (const char* file : {numpy_files::stored, numpy_files::compressed, numpy_files::zip64}) {
    const TempFolder folder;
    write_file(folder / "x.npz", decoded(file));
    const auto arrays = data::read_npz(folder / "x.npz");
    REQUIRE(arrays.size() == 2);
    CHECK(arrays[0].name == "x");
    check_array<float>(arrays[0].tensor, {2, 3}, {0, 0.25, 0.5, 0.75, 1, 1.25});
    CHECK(arrays[1].name == "labels");
    check_array<std::uint8_t>(arrays[1].tensor, {2}, {3, 1});
  }
}

TEST_CASE("write_npy: the bytes that NumPy writes") {
  const TempFolder folder;
  const auto written = [&](const Tensor& x) {
    data::write_npy(folder / "x.npy", x);
    return read_file(folder / "x.npy");
  };
  const Tensor x = arange(0, 1.5, 0.25).to(float32);
  CHECK(written(reshape(x, {2, 3})) == decoded(numpy_files::float32));
  CHECK(written(t(reshape(x, {2, 3})).contiguous()) != decoded(numpy_files::float32));
  CHECK(written(t(t(reshape(x, {2, 3})).contiguous())) == decoded(numpy_files::float32));  // not contiguous
  CHECK(written(tensor(-5)) == decoded(numpy_files::int64_scalar));
  CHECK(written(zeros({0, 3}, {.dtype = uint8})) == decoded(numpy_files::uint8_empty));
  CHECK(written(tensor({true, false, true})) == decoded(numpy_files::bool_1d));
  Tensor leaf = ones({2}, {.requires_grad = true});
  written(leaf);
  check_array<float>(data::read_npy(folder / "x.npy"), {2}, {1, 1});
  CHECK(contains(error_of([&] { data::write_npy(folder / "none" + "/x.npy", x); }), "cannot be written"));
}

TEST_CASE("write_npz: what is written is read") {
  const TempFolder folder;
  const Tensor large = randn({300, 100});
  const std::vector<NamedTensor> arrays{{"fc.weight", large},
                                        {"steps", tensor(7)},
                                        {"fl\xc3\xa4"
                                         "che",
                                         zeros({2, 0})}};
  for (const bool compressed : {true, false}) {
    data::write_npz(folder / "x.npz", arrays, {.compressed = compressed});
    const auto read = data::read_npz(folder / "x.npz");
    REQUIRE(read.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(read[i].name == arrays[i].name);
      CHECK(read[i].tensor.shape() == arrays[i].tensor.shape());
      CHECK(read[i].tensor.to_vector<double>() == arrays[i].tensor.to_vector<double>());
    }
  }
  CHECK(read_file(folder / "x.npz").substr(10, 4) == std::string("\0\0\x21\0", 4));  // 1980: the same bytes always
  data::write_npz(folder / "none.npz", {});
  CHECK(data::read_npz(folder / "none.npz").empty());
  const std::vector<NamedTensor> twins{{"a", large}, {"a", large}};
  CHECK(contains(error_of([&] { data::write_npz(folder / "x.npz", twins); }), "two arrays are named a"));
  const std::vector<NamedTensor> latin{{"\xe4", large}};
  CHECK(contains(error_of([&] { data::write_npz(folder / "latin.npz", latin); }),
                 "latin.npz: \xe4.npy cannot be written"));
}

TEST_CASE("write_npz: more arrays than 16 bits can count") {
  const TempFolder folder;
  std::vector<NamedTensor> arrays;
  for (int i = 0; i < 65'536; ++i) arrays.push_back({std::to_string(i), tensor(i)});
  data::write_npz(folder / "x.npz", arrays, {.compressed = false});
  const auto read = data::read_npz(folder / "x.npz");
  REQUIRE(read.size() == arrays.size());
  CHECK(read.back().name == "65535");
  CHECK(read.back().tensor.item() == 65'535);
}

TEST_CASE("read_npy: what it can not read") {
  CHECK(contains(message_for(decoded(numpy_files::float16)), "its elements are '<f2'; write it with astype"));
  CHECK(contains(message_for(decoded(numpy_files::records)), "is an array of records"));
  CHECK(contains(message_for("\x89PNG\r\n\x1a\n...."), "is not an array of NumPy's"));
  CHECK(contains(message_for(std::string("\x93NUMPY\x04\0\0\0\0\0", 12)), "is of format 4"));
  const auto with = [](const std::string& dict) { return message_for(npy(dict)); };
  CHECK(contains(with("{'descr': '<f4', 'fortran_order': False}"), "is not that of an array"));
  CHECK(contains(with("{'descr': '<f4', 'fortran_order': 1, 'shape': ()}"), "is not that of an array"));
  CHECK(contains(with("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}"), "is not that of an array"));
  CHECK(contains(with("{'descr': '', 'fortran_order': False, 'shape': ()}"), "its elements are ''"));
  CHECK(contains(with("{'descr': '<f4"), "is not that of an array"));
  CHECK(
      contains(with("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}"), "more dimensions"));
  CHECK(contains(with("{'descr': '<f4', 'fortran_order': False, 'shape': (4000000000, 4000000000)}"),
                 "impossible sizes"));
  CHECK(contains(with("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,)}"), "is too short"));
  CHECK(
      contains(message_for(npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2,)}", "abc")), "is too long"));
  const auto good = decoded(numpy_files::float32);
  for (std::size_t size = 0; size < good.size(); ++size) {
    CAPTURE(size);
    CHECK(!message_for(good.substr(0, size)).empty());
  }
}

TEST_CASE("read_npz: damaged archives") {
  CHECK(contains(npz_message_for(""), "is not a ZIP archive"));
  CHECK(contains(npz_message_for(std::string(100, 'x')), "is not a ZIP archive"));
  for (const char* file : {numpy_files::stored, numpy_files::compressed}) {
    const auto good = decoded(file);
    for (std::size_t size = 0; size < good.size(); ++size) {
      CAPTURE(size);
      CHECK(!npz_message_for(good.substr(0, size)).empty());
    }
    auto wrong = good;
    wrong[good.find("NUMPY") == std::string::npos ? 70 : good.find("NUMPY")] ^= 1;
    CHECK(contains(npz_message_for(wrong), "damaged"));
    const auto with = [&](std::size_t at, std::string_view bytes) {  // in the directory's first entry
      auto changed = good;
      return npz_message_for(changed.replace(good.find("PK\1\2") + at, bytes.size(), bytes));
    };
    CHECK(contains(with(8, "\1"), "x.npz: x.npy is encrypted"));
    CHECK(contains(with(10, "\x0c"), "x.npz: x.npy is packed by method 12; only stored and deflated"));
    for (const std::size_t size : {20U, 24U})  // packed and unpacked
      CHECK(contains(with(size, "\xff\xff\xff\x7f"), "x.npz: the entry x.npy is damaged"));
    for (std::size_t i = 0; i < good.size(); ++i) {  // whatever comes of it, it is read or refused
      auto changed = good;
      changed[i] = static_cast<char>(changed[i] ^ 0x55);
      npz_message_for(changed);
    }
  }
  auto huge = decoded(numpy_files::zip64);
  huge[huge.find("PK\1\2") + 46 + 5 + 4 + 5] = 64;  // 2^46 bytes in the field behind the name; not asked for
  CHECK(contains(npz_message_for(huge), "x.npz: the entry x.npy is damaged"));
}

TEST_CASE("digits: the shipped set") {
  const auto set = data::digits((test::source_folder() / "data/digits").string());
  CHECK(set.images().shape() == Shape{1797, 1, 8, 8});
  CHECK(bincount(set.labels()).to_vector<std::int64_t>() ==
        std::vector<std::int64_t>{178, 182, 177, 183, 181, 182, 181, 179, 174, 180});
  CHECK(sum(set.images().to(int64)).item() == 561718);  // both as scikit-learn has them
  CHECK(amax(set.all().images).item() == 1);
  const TempFolder folder;
  CHECK(contains(error_of([&] { data::digits(folder.path()); }), "digits.npz: cannot be opened"));
  data::write_npz(folder / "digits.npz", std::vector<NamedTensor>{{"x", ones({1})}});
  CHECK(contains(error_of([&] { data::digits(folder.path()); }), "holds other arrays"));
}
