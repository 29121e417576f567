#include "io/byte_stream.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>
#include <new>

#include "autograd/base/fail.h"

namespace ebb::io {

struct ByteStream::Inflater {
  static constexpr int kGzip = 16 + MAX_WBITS;  // zlib's way to ask for gzip headers and checksums

  z_stream z{};
  std::array<unsigned char, 65536> packed;
  bool between_members = false;  // a gzip member has ended; another may follow

  Inflater() {
    if (inflateInit2(&z, kGzip) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&z); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
};

ByteStream::ByteStream(std::string_view who, const std::string& path) : who_(who), file_(who, path) {
  std::array<unsigned char, 2> magic{};
  if (file_.size() >= magic.size()) file_.read(0, magic.data(), magic.size());
  if (magic[0] == 0x1f && magic[1] == 0x8b) inflater_ = std::make_unique<Inflater>();
}

ByteStream::~ByteStream() = default;

std::uint64_t ByteStream::most_bytes() const {
  constexpr std::uint64_t kDeflate = 1032;  // its highest ratio: 258 bytes from two bits
  if (!inflater_) return file_.size();
  return file_.size() < std::numeric_limits<std::uint64_t>::max() / kDeflate
             ? kDeflate * file_.size()
             : std::numeric_limits<std::uint64_t>::max();
}

std::size_t ByteStream::read(void* to, std::size_t bytes) {
  return inflater_ ? read_packed(to, bytes) : read_plain(to, bytes);
}

std::size_t ByteStream::read_plain(void* to, std::size_t bytes) {
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, file_.size() - offset_));
  file_.read(offset_, to, count);
  offset_ += count;
  return count;
}

void ByteStream::refill() {
  auto& [z, packed, between_members] = *inflater_;
  z.next_in = packed.data();
  z.avail_in = static_cast<uInt>(read_plain(packed.data(), packed.size()));
}

std::size_t ByteStream::read_packed(void* to, std::size_t bytes) {
  auto& [z, packed, between_members] = *inflater_;
  auto* out = static_cast<unsigned char*>(to);
  std::size_t left = bytes;
  while (left > 0) {
    if (z.avail_in == 0) refill();
    if (z.avail_in == 0) {
      if (between_members) break;
      fail("{}: {}: the gzip data ends too early; fetch the file again", who_, file_.path());
    }
    if (between_members) inflateReset(&z);
    const auto room = static_cast<uInt>(std::min<std::size_t>(left, std::numeric_limits<uInt>::max()));
    z.next_out = out;
    z.avail_out = room;
    const int status = inflate(&z, Z_NO_FLUSH);
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
      fail("{}: {}: the gzip data is damaged ({}); fetch the file again", who_, file_.path(),
           z.msg ? z.msg : "unknown reason");
    between_members = status == Z_STREAM_END;
    out += room - z.avail_out;
    left -= room - z.avail_out;
  }
  return bytes - left;
}

}  // namespace ebb::io
