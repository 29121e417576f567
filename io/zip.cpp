#include "io/zip.h"

#include <zip.h>

#include <array>
#include <cstdint>
#include <memory>

#include "autograd/base/fail.h"
#include "io/file.h"

namespace ebb::io {
namespace {

struct Discard {
  void operator()(zip_t* archive) const { zip_discard(archive); }
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};
template <class T>
using Owned = std::unique_ptr<T, Discard>;

}  // namespace

void read_zip(std::string_view who, const std::string& path,
              const std::function<void(const std::string& name, std::string_view bytes)>& each) {
  const std::uint64_t file_bytes = InputFile(who, path).size();  // says why where it can not be opened
  const Owned<zip_t> archive(zip_open(path.c_str(), ZIP_RDONLY, nullptr));
  if (!archive || file_bytes == 0)  // libzip takes an empty file for an archive
    fail("{}: {}: is not a ZIP archive, or its directory is damaged", who, path);
  const auto count = static_cast<zip_uint64_t>(zip_get_num_entries(archive.get(), 0));
  for (zip_uint64_t i = 0; i < count; ++i) {
    zip_stat_t entry;
    if (zip_stat_index(archive.get(), i, ZIP_FL_ENC_RAW, &entry) != 0)
      fail("{}: {}: the archive's directory is damaged at entry {}", who, path, i);
    const std::string name = entry.name;
    if (entry.encryption_method != ZIP_EM_NONE) fail("{}: {}: {} is encrypted", who, path, name);
    if (entry.comp_method != ZIP_CM_STORE && entry.comp_method != ZIP_CM_DEFLATE)
      fail("{}: {}: {} is packed by method {}; only stored and deflated entries can be read", who, path, name,
           entry.comp_method);
    constexpr std::uint64_t kMostRatio = 1032;  // deflate: 258 bytes from two bits
    const auto damaged = [&] { fail("{}: {}: the entry {} is damaged", who, path, name); };
    if (entry.comp_size > file_bytes || entry.size / kMostRatio > entry.comp_size) damaged();
    std::string bytes(entry.size, '\0');
    const Owned<zip_file_t> file(zip_fopen_index(archive.get(), i, 0));
    char extra;
    if (!file || zip_fread(file.get(), bytes.data(), entry.size) != static_cast<zip_int64_t>(entry.size) ||
        zip_fread(file.get(), &extra, 1) != 0)  // compares the checksum
      damaged();
    each(name, bytes);
  }
}

void write_zip(std::string_view who, const std::string& path, std::span<const ZipEntry> entries, bool deflated) {
  AtomicFile file(who, path);
  if (entries.empty()) {  // libzip writes none
    file.write(std::string("PK\5\6").append(18, '\0'));
    return file.commit();
  }
  Owned<zip_t> archive(zip_open(file.temporary().c_str(), ZIP_TRUNCATE, nullptr));
  if (!archive) fail("{}: {}: cannot be written", who, path);
  const auto fragment = [](std::string_view bytes) {
    return zip_buffer_fragment_t{reinterpret_cast<zip_uint8_t*>(const_cast<char*>(bytes.data())), bytes.size()};
  };
  for (const auto& [name, head, body] : entries) {
    const std::array parts{fragment(head), fragment(body)};
    zip_source_t* source = zip_source_buffer_fragment(archive.get(), parts.data(), parts.size(), 0);
    const auto index = source ? zip_file_add(archive.get(), name.c_str(), source, ZIP_FL_ENC_UTF_8) : -1;
    if (index < 0) zip_source_free(source);
    const auto entry = static_cast<zip_uint64_t>(index);
    constexpr zip_uint32_t kLevel = 6;
    constexpr zip_uint16_t kMidnight = 0, k1980 = 1 << 5 | 1;  // the same bytes for the same content
    if (index < 0 ||
        zip_set_file_compression(archive.get(), entry, deflated ? ZIP_CM_DEFLATE : ZIP_CM_STORE, kLevel) != 0 ||
        zip_file_set_dostime(archive.get(), entry, kMidnight, k1980, 0) != 0)
      fail("{}: {}: {} cannot be written ({})", who, path, name, zip_strerror(archive.get()));
  }
  if (zip_close(archive.get()) != 0)
    fail("{}: {}: cannot be written ({})", who, path, zip_strerror(archive.get()));
  archive.release();
  file.reopen();
  file.commit();
}

}  // namespace ebb::io
