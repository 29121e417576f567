#include "data/idx.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <optional>

#include "autograd/base/fail.h"
#include "autograd/base/scratch.h"
#include "io/byte_stream.h"

namespace ebb::data {
namespace {

constexpr const char* kWho = "read_idx";

// How the elements are stored, big-endian, and what they become.
struct Storage {
  std::size_t bytes;
  Dtype dtype;
};

std::optional<Storage> storage_of(unsigned char type) {
  switch (type) {
    case 0x08:
      return Storage{1, uint8};
    case 0x09:
      return Storage{1, int32};
    case 0x0B:
      return Storage{2, int32};
    case 0x0C:
      return Storage{4, int32};
    case 0x0D:
      return Storage{4, float32};
    case 0x0E:
      return Storage{8, float64};
    default:
      return {};
  }
}

struct Header {
  Storage storage;
  Shape shape;
};

template <std::size_t N>
std::array<unsigned char, N> header_bytes(io::ByteStream& stream, const std::string& path) {
  std::array<unsigned char, N> bytes;
  if (stream.read(bytes.data(), N) != N) fail("{}: {}: ends inside the IDX header", kWho, path);
  return bytes;
}

// Two zeros, the type, the number of dimensions; then one 32-bit size each.
Header read_header(io::ByteStream& stream, const std::string& path) {
  const auto magic = header_bytes<4>(stream, path);
  if (magic[0] != 0 || magic[1] != 0)
    fail("{}: {}: is not an IDX file (it begins with {:02x} {:02x} instead of two zeros)", kWho, path, magic[0],
         magic[1]);
  const auto storage = storage_of(magic[2]);
  if (!storage) fail("{}: {}: unknown IDX element type 0x{:02x}", kWho, path, magic[2]);
  if (magic[3] > kMaxRank) fail("{}: {}: {} dimensions; a tensor has at most {}", kWho, path, magic[3], kMaxRank);
  Dims sizes;
  for (int i = 0; i < magic[3]; ++i) {
    const auto b = header_bytes<4>(stream, path);
    sizes.push_back(std::int64_t{b[0]} << 24 | b[1] << 16 | b[2] << 8 | b[3]);
  }
  try {
    return {*storage, Shape(sizes)};
  } catch (const Error& error) { fail("{}: {}: impossible sizes {} ({})", kWho, path, sizes, error.what()); }
}

// Big-endian numbers of type T in `bytes`, to `out`.
template <class T, class Out>
void decode(const std::byte* bytes, std::int64_t count, Out* out) {
  for (std::int64_t i = 0; i < count; ++i, bytes += sizeof(T)) {
    std::array<std::byte, sizeof(T)> number;
    std::reverse_copy(bytes, bytes + sizeof(T), number.begin());
    out[i] = static_cast<Out>(std::bit_cast<T>(number));
  }
}

void decode_into(const Tensor& x, const std::byte* bytes, std::size_t width) {
  static_assert(std::endian::native == std::endian::little);
  const auto n = x.numel();
  if (x.dtype() == float32) return decode<float>(bytes, n, x.data<float>());
  if (x.dtype() == float64) return decode<double>(bytes, n, x.data<double>());
  auto* out = x.data<std::int32_t>();
  if (width == 1) return decode<std::int8_t>(bytes, n, out);
  if (width == 2) return decode<std::int16_t>(bytes, n, out);
  decode<std::int32_t>(bytes, n, out);
}

void read_elements(io::ByteStream& stream, const std::string& path, void* to, std::size_t bytes) {
  const auto got = stream.read(to, bytes);
  if (got != bytes)
    fail("{}: {}: is too short: its header promises {} bytes of elements, {} are there", kWho, path, bytes, got);
  std::byte extra;
  if (stream.read(&extra, 1) != 0)
    fail("{}: {}: is too long: bytes follow the {} that its header promises", kWho, path, bytes);
}

}  // namespace

Tensor read_idx(const std::string& path) {
  io::ByteStream stream(kWho, path);
  const auto [storage, shape] = read_header(stream, path);
  const auto bytes = static_cast<std::size_t>(shape.numel()) * storage.bytes;
  if (bytes > stream.most_bytes())  // before memory is asked for
    fail("{}: {}: is too short: its header promises {} bytes of elements", kWho, path, bytes);
  const Tensor x = empty(shape, storage.dtype);
  if (storage.dtype == uint8) {
    read_elements(stream, path, x.data<std::uint8_t>(), bytes);
    return x;
  }
  const memory::Scratch<std::byte> stored(static_cast<std::int64_t>(bytes));
  read_elements(stream, path, stored.data(), bytes);
  decode_into(x, stored.data(), storage.bytes);
  return x;
}

}  // namespace ebb::data
