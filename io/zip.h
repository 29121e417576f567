// Archives of files in one file, as NumPy's .npz are (PKWARE's APPNOTE 6.3): stored or deflated, ZIP64 when reading. For ebb's
// own readers and writers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/file.h"

namespace ebb::io {

class ZipReader {
 public:
  // Error if the file is no ZIP archive or its directory is damaged.
  ZipReader(std::string_view who, const std::string& path);

  struct Entry {
    std::string name;
    std::uint64_t offset, packed, size;  // of its header in the file; bytes in the file and unpacked
    std::uint32_t checksum;
    std::uint16_t flags, method;
  };
  // In the order of the directory.
  const std::vector<Entry>& entries() const { return entries_; }
  // The bytes of one, unpacked. Error if they are encrypted, packed by another method, or damaged.
  std::string read(const Entry& entry) const;

 private:
  std::string unpacked(const Entry& entry, std::string_view packed) const;

  std::string who_;
  InputFile file_;
  std::vector<Entry> entries_;
};

// Writes an archive that appears under its name when commit() has completed it.
class ZipWriter {
 public:
  ZipWriter(std::string_view who, const std::string& path, bool deflated);

  // Error for 4 GiB or more, of it or of all together.
  void add(std::string_view name, std::string_view bytes);
  void commit();

 private:
  std::string who_, path_;
  AtomicFile file_;
  bool deflated_;
  std::string directory_;
  std::uint64_t count_ = 0, offset_ = 0;
};

}  // namespace ebb::io
