// The format: "\x93NUMPY", two bytes of version, the header's length in 2 (1.0) or 4 bytes, little-endian; the header, a Python
// dict; the elements.
//
//   {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
#include "data/npy.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <charconv>
#include <optional>
#include <set>
#include <string_view>

#include "autograd/base/fail.h"
#include "autograd/node.h"
#include "autograd/ops.h"
#include "io/byte_stream.h"
#include "io/zip.h"

namespace ebb::data {
namespace {

static_assert(std::endian::native == std::endian::little, "elements are written as they are in memory");

constexpr std::string_view kMagic = "\x93NUMPY", kSuffix = ".npy";
constexpr std::array<std::string_view, 6> kCodes{"f4", "f8", "i8", "i4", "u1", "b1"};  // in Dtype's order

// What a header says.
struct Header {
  Dtype dtype = float32;
  bool swapped = false, fortran = false;
  Dims sizes;
};

// Reads the dict; `what` names the array in messages.
class HeaderReader {
 public:
  HeaderReader(const std::string& what, std::string_view text) : what_(what), rest_(text) {}

  Header read() {
    Header header;
    int seen = 0;
    expect('{');
    while (!accept('}')) {
      const auto key = string();
      expect(':');
      if (key == "descr") read_dtype(header), seen |= 1;
      else if (key == "fortran_order") header.fortran = truth(), seen |= 2;
      else if (key == "shape") header.sizes = sizes(), seen |= 4;
      else damaged();
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    if (seen != 7) damaged();
    return header;
  }

 private:
  [[noreturn]] void damaged() const { fail("{}: its header is not that of an array", what_); }
  void skip() {
    while (!rest_.empty() && std::isspace(static_cast<unsigned char>(rest_[0]))) rest_.remove_prefix(1);
  }
  bool accept(char c) {
    skip();
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!accept(c)) damaged();
  }
  std::string_view string() {
    const char quote = accept('"') ? '"' : '\'';
    if (quote == '\'') expect('\'');
    const auto end = rest_.find(quote);
    if (end == std::string_view::npos) damaged();
    const auto text = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return text;
  }
  bool truth() {
    skip();
    for (const std::string_view word : {"True", "False"})
      if (rest_.starts_with(word)) {
        rest_.remove_prefix(word.size());
        return word == "True";
      }
    damaged();
  }
  void read_dtype(Header& header) {
    skip();
    if (!rest_.empty() && rest_[0] == '[')
      fail("{}: is an array of records; write each field as an array of its own", what_);
    const auto descr = string();
    const auto code =
        std::find(kCodes.begin(), kCodes.end(), descr.substr(std::min<std::size_t>(1, descr.size())));
    if (code == kCodes.end() || std::string_view("<>|=").find(descr[0]) == std::string_view::npos)
      fail("{}: its elements are '{}'; write it with astype(np.float32), float64, int64, int32, uint8 or bool",
           what_, descr);
    header.dtype = static_cast<Dtype>(code - kCodes.begin());
    header.swapped = descr[0] == '>';
  }
  Dims sizes() {
    Dims result;
    expect('(');
    while (!accept(')')) {
      skip();
      std::int64_t size = 0;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), size);
      if (error != std::errc() || size < 0) damaged();
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      accept('L');  // written by Python 2
      if (result.rank() == kMaxRank) fail("{}: has more dimensions than a tensor may have, {}", what_, kMaxRank);
      result.push_back(size);
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return result;
  }

  const std::string& what_;
  std::string_view rest_;
};

void swap_bytes(std::byte* bytes, std::size_t count, std::size_t width) {
  for (; count > 0; --count, bytes += width) std::reverse(bytes, bytes + width);
}

// Reads one array by read(to, bytes), which says how many bytes it had; `most` bounds what is there.
template <class Read>
Tensor read_array(const std::string& what, std::uint64_t most, const Read& read) {
  const auto exactly = [&](char* to, std::size_t bytes) {
    if (read(to, bytes) != bytes) fail("{}: is cut off", what);
  };
  std::array<char, 8> start{};
  exactly(start.data(), start.size());
  if (std::string_view(start.data(), kMagic.size()) != kMagic) fail("{}: is not an array of NumPy's", what);
  const int version = start[6];
  if (version < 1 || version > 3) fail("{}: is of format {}; formats 1 to 3 can be read", what, version);
  std::array<char, 4> length{};
  exactly(length.data(), version == 1 ? 2 : 4);
  const auto bytes = std::bit_cast<std::uint32_t>(length);
  if (bytes > most) fail("{}: is cut off", what);
  std::string text(bytes, '\0');
  exactly(text.data(), text.size());
  const Header header = HeaderReader(what, text).read();

  Dims stored = header.sizes;
  if (header.fortran) std::reverse(&stored[0], &stored[0] + stored.rank());
  std::optional<Shape> shape;
  try {
    shape.emplace(stored);
  } catch (const Error& error) { fail("{}: impossible sizes {} ({})", what, header.sizes, error.what()); }
  const auto size = static_cast<std::size_t>(shape->numel() * size_of(header.dtype));
  if (size > most) fail("{}: is too short for {} elements", what, shape->numel());  // before memory is asked for
  const Tensor x = empty(*shape, header.dtype);
  auto* elements = static_cast<std::byte*>(x.writable("read_npy").data);
  exactly(reinterpret_cast<char*>(elements), size);
  char extra;
  if (read(&extra, 1) != 0) fail("{}: is too long: bytes follow its {} elements", what, shape->numel());
  if (header.swapped) {
    const auto width = static_cast<std::size_t>(size_of(header.dtype));
    swap_bytes(elements, static_cast<std::size_t>(x.numel()), width);
  }
  if (header.dtype == boolean)
    std::transform(elements, elements + size, elements, [](std::byte b) { return std::byte{b != std::byte{0}}; });
  if (!header.fortran || x.dim() < 2) return x;
  Dims order;
  for (int dim = x.dim() - 1; dim >= 0; --dim) order.push_back(dim);
  return permute(x, order).contiguous();
}

// What precedes the elements, which begin at a multiple of 64 bytes.
std::string header_of(const Tensor& x) {
  std::string sizes;
  for (const auto size : x.shape()) sizes += fmt::format("{}, ", size);
  if (x.dim() > 1) sizes.resize(sizes.size() - 2);
  if (x.dim() == 1) sizes.resize(sizes.size() - 1);
  const auto code = kCodes[static_cast<std::size_t>(x.dtype())];
  std::string dict = fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}), }}",
                                 size_of(x.dtype()) > 1 ? '<' : '|', code, sizes);
  constexpr std::size_t kBefore = 10, kAlign = 64;
  dict.append(kAlign - 1 - (kBefore + dict.size()) % kAlign, ' ') += '\n';
  return std::string(kMagic) + '\x01' + '\0' + static_cast<char>(dict.size() & 0xff) +
         static_cast<char>(dict.size() >> 8) + dict;
}

std::string_view elements_of(const Tensor& contiguous) {
  return {static_cast<const char*>(contiguous.view().data),
          static_cast<std::size_t>(contiguous.numel() * size_of(contiguous.dtype()))};
}

}  // namespace

Tensor read_npy(const std::string& path) {
  io::ByteStream stream("read_npy", path);
  return read_array("read_npy: " + path, stream.most_bytes(),
                    [&](char* to, std::size_t bytes) { return stream.read(to, bytes); });
}

void write_npy(const std::string& path, const Tensor& x) {
  const Tensor rows = x.detach().contiguous();
  io::AtomicFile file("write_npy", path);
  file.write(header_of(rows));
  file.write(elements_of(rows));
  file.commit();
}

std::vector<NamedTensor> read_npz(const std::string& path) {
  std::vector<NamedTensor> arrays;
  io::read_zip("read_npz", path, [&](const std::string& name, std::string_view rest) {
    const auto read = [&](char* to, std::size_t count) {
      count = std::min(count, rest.size());
      std::copy_n(rest.begin(), count, to);
      rest.remove_prefix(count);
      return count;
    };
    const Tensor array = read_array(fmt::format("read_npz: {}: {}", path, name), rest.size(), read);
    arrays.push_back({name.substr(0, name.size() - (name.ends_with(kSuffix) ? kSuffix.size() : 0)), array});
  });
  return arrays;
}

void write_npz(const std::string& path, std::span<const NamedTensor> arrays, const NpzOptions& options) {
  std::set<std::string_view> names;
  std::vector<Tensor> rows;
  std::vector<io::ZipEntry> entries;
  for (const auto& [name, array] : arrays) {
    if (!names.insert(name).second) fail("write_npz: {}: two arrays are named {}", path, name);
    const Tensor& x = rows.emplace_back(array.detach().contiguous());
    entries.push_back({name + std::string(kSuffix), header_of(x), elements_of(x)});
  }
  io::write_zip("write_npz", path, entries, options.compressed);
}

}  // namespace ebb::data
