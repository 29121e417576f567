#include "io/zip.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>
#include <new>
#include <optional>

#include "autograd/base/fail.h"

namespace ebb::io {
namespace {

constexpr std::uint16_t kStored = 0, kDeflated = 8, kEncrypted = 1;
constexpr std::uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd = 0x06054b50, kEnd64 = 0x06064b50,
                        kLocator64 = 0x07064b50, kIn64 = 0xffffffff;
constexpr std::size_t kLocalBytes = 30, kEndBytes = 22, kEnd64Bytes = 56, kLocatorBytes = 20;
constexpr std::uint64_t kMostComment = 0xffff, kMostRatio = 1032;  // deflate: 258 bytes from two bits

// Little-endian numbers from one place to the next; those behind the end are 0, and then it is no longer good.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : bytes_(bytes) {}
  std::uint64_t number(std::size_t width) {
    std::uint64_t value = 0;
    const auto digits = text(width);
    for (std::size_t i = 0; i < digits.size(); ++i)
      value |= std::uint64_t{static_cast<unsigned char>(digits[i])} << (8 * i);
    return value;
  }
  std::uint16_t two() { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t four() { return static_cast<std::uint32_t>(number(4)); }
  std::string_view text(std::size_t count) {
    good_ = good_ && count <= bytes_.size();
    const auto result = bytes_.substr(0, good_ ? count : 0);
    bytes_.remove_prefix(result.size());
    return result;
  }
  bool good() const { return good_; }
  bool empty() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
  bool good_ = true;
};

std::string little_endian(std::uint64_t value, std::size_t width) {
  std::string digits;
  for (std::size_t i = 0; i < width; ++i) digits += static_cast<char>(value >> (8 * i));
  return digits;
}

std::uint32_t checksum_of(std::string_view bytes) {
  return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

std::string read_bytes(const InputFile& file, std::uint64_t offset, std::uint64_t count) {
  std::string bytes(count, '\0');
  file.read(offset, bytes.data(), bytes.size());
  return bytes;
}

// Where the directory is, and how long.
struct Directory {
  std::uint64_t offset = 0, bytes = 0, entries = 0;
};

std::optional<Directory> find_directory(const InputFile& file) {
  const std::uint64_t tail = std::min<std::uint64_t>(file.size(), kEndBytes + kMostComment);
  const std::uint64_t start = file.size() - tail;
  const std::string bytes = read_bytes(file, start, tail);
  const auto at = bytes.rfind(little_endian(kEnd, 4));
  if (at == std::string::npos || bytes.size() - at < kEndBytes) return {};
  Cursor end(std::string_view(bytes).substr(at + 10));
  Directory directory{.offset = 0, .bytes = 0, .entries = end.two()};
  directory.bytes = end.four();
  directory.offset = end.four();
  const std::uint64_t end_at = start + at;
  if (end_at >= kLocatorBytes) {
    const std::string located = read_bytes(file, end_at - kLocatorBytes, kLocatorBytes);
    Cursor locator(located);
    if (locator.four() == kLocator64) {
      locator.four();
      const std::uint64_t record_at = locator.number(8);
      if (record_at > file.size() || file.size() - record_at < kEnd64Bytes) return {};
      const std::string record_bytes = read_bytes(file, record_at, kEnd64Bytes);
      Cursor record(record_bytes);
      if (record.four() != kEnd64) return {};
      record.text(28);
      directory.entries = record.number(8);
      directory.bytes = record.number(8);
      directory.offset = record.number(8);
    }
  }
  if (directory.offset > file.size() || directory.bytes > file.size() - directory.offset) return {};
  return directory;
}

// Sizes that do not fit in 32 bits stand in the extra field of header 1, in this order.
void read_extra(std::string_view extra, ZipReader::Entry& entry) {
  Cursor fields(extra);
  while (!fields.empty() && fields.good()) {
    const auto id = fields.two(), bytes = fields.two();
    Cursor content(fields.text(bytes));
    if (id != 1) continue;
    for (std::uint64_t* value : {&entry.size, &entry.packed, &entry.offset})
      if (*value == kIn64) *value = content.number(8);
  }
}

}  // namespace

ZipReader::ZipReader(std::string_view who, const std::string& path) : who_(who), file_(who, path) {
  const auto directory = find_directory(file_);
  if (!directory) fail("{}: {}: is not a ZIP archive, or its end is missing", who_, path);
  const std::string bytes = read_bytes(file_, directory->offset, directory->bytes);
  Cursor cursor(bytes);
  for (std::uint64_t i = 0; i < directory->entries; ++i) {
    const auto signature = cursor.four();
    cursor.four();  // versions
    Entry entry;
    entry.flags = cursor.two();
    entry.method = cursor.two();
    cursor.four();  // time and date
    entry.checksum = cursor.four();
    entry.packed = cursor.four();
    entry.size = cursor.four();
    const auto name = cursor.two(), extra = cursor.two(), comment = cursor.two();
    cursor.text(8);  // disk and attributes
    entry.offset = cursor.four();
    entry.name = cursor.text(name);
    read_extra(cursor.text(extra), entry);
    cursor.text(comment);
    if (signature != kCentral || !cursor.good())
      fail("{}: {}: the archive's directory is damaged at entry {}", who_, path, i);
    entries_.push_back(std::move(entry));
  }
}

std::string ZipReader::read(const Entry& entry) const {
  const auto& path = file_.path();
  if (entry.flags & kEncrypted) fail("{}: {}: {} is encrypted", who_, path, entry.name);
  if (entry.method != kStored && entry.method != kDeflated)
    fail("{}: {}: {} is packed by method {}; only stored and deflated entries can be read", who_, path, entry.name,
         entry.method);
  const bool inside = entry.offset <= file_.size() && file_.size() - entry.offset >= kLocalBytes;
  const std::string header = inside ? read_bytes(file_, entry.offset, kLocalBytes) : std::string();
  Cursor local(header);
  const bool signature = local.four() == kLocal;
  local.text(22);
  const std::uint64_t before = kLocalBytes + local.two() + local.two();
  if (!signature || file_.size() - entry.offset < before || file_.size() - entry.offset - before < entry.packed ||
      entry.size / kMostRatio > entry.packed)
    fail("{}: {}: the entry {} is damaged", who_, path, entry.name);
  std::string bytes = read_bytes(file_, entry.offset + before, entry.packed);
  if (entry.method == kDeflated) bytes = unpacked(entry, bytes);
  if (bytes.size() != entry.size || checksum_of(bytes) != entry.checksum)
    fail("{}: {}: the entry {} is damaged: its checksum does not match", who_, path, entry.name);
  return bytes;
}

std::string ZipReader::unpacked(const Entry& entry, std::string_view packed) const {
  z_stream z{};
  if (inflateInit2(&z, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  std::string bytes(entry.size, '\0');
  constexpr std::uint64_t kMost = std::numeric_limits<uInt>::max();
  int status = Z_OK;
  std::uint64_t read = 0, written = 0;
  while (status == Z_OK) {
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data() + read));
    z.avail_in = static_cast<uInt>(std::min(packed.size() - read, kMost));
    z.next_out = reinterpret_cast<Bytef*>(bytes.data() + written);
    z.avail_out = static_cast<uInt>(std::min(bytes.size() - written, kMost));
    const std::uint64_t in = z.avail_in, out = z.avail_out;
    status = inflate(&z, Z_NO_FLUSH);
    read += in - z.avail_in;
    written += out - z.avail_out;
  }
  inflateEnd(&z);
  if (status != Z_STREAM_END || written != entry.size)
    fail("{}: {}: the entry {} is damaged: its data can not be unpacked", who_, file_.path(), entry.name);
  return bytes;
}

ZipWriter::ZipWriter(std::string_view who, const std::string& path, bool deflated)
    : who_(who), path_(path), file_(who, path), deflated_(deflated) {}

void ZipWriter::add(std::string_view name, std::string_view bytes) {
  std::string packed;
  if (bytes.size() < kIn64 && deflated_) {
    z_stream z{};
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
      throw std::bad_alloc();
    packed.resize(deflateBound(&z, static_cast<uLong>(bytes.size())));
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    z.avail_in = static_cast<uInt>(bytes.size());
    z.next_out = reinterpret_cast<Bytef*>(packed.data());
    z.avail_out = static_cast<uInt>(std::min<std::uint64_t>(packed.size(), kIn64));
    const int status = deflate(&z, Z_FINISH);
    packed.resize(z.total_out);
    deflateEnd(&z);
    if (status != Z_STREAM_END) fail("{}: {}: {} can not be packed", who_, path_, name);
  }
  const std::string_view stored = deflated_ ? packed : bytes;
  if (bytes.size() >= kIn64 || offset_ + stored.size() + directory_.size() + 1024 >= kIn64 || count_ == 0xfffe)
    fail("{}: {}: with {} it would have more than 4 GiB or 65,534 entries; write several files", who_, path_,
         name);
  constexpr std::uint16_t kVersion = 20, kUtf8 = 1 << 11;
  constexpr std::uint32_t kMidnight1980 = 1 << 21 | 1 << 16;  // the same bytes for the same content
  std::string common = little_endian(kVersion, 2) + little_endian(kUtf8, 2) +
                       little_endian(deflated_ ? kDeflated : kStored, 2) + little_endian(kMidnight1980, 4) +
                       little_endian(checksum_of(bytes), 4) + little_endian(stored.size(), 4) +
                       little_endian(bytes.size(), 4) + little_endian(name.size(), 2) + little_endian(0, 2);
  const std::string header = little_endian(kLocal, 4) + common + std::string(name);
  file_.write(header);
  file_.write(stored);
  directory_ += little_endian(kCentral, 4) + little_endian(kVersion, 2) + common + std::string(10, '\0') +
                little_endian(offset_, 4) + std::string(name);
  offset_ += header.size() + stored.size();
  ++count_;
}

void ZipWriter::commit() {
  file_.write(directory_);
  file_.write(little_endian(kEnd, 4) + little_endian(0, 4) + little_endian(count_, 2) + little_endian(count_, 2) +
              little_endian(directory_.size(), 4) + little_endian(offset_, 4) + little_endian(0, 2));
  file_.commit();
}

}  // namespace ebb::io
