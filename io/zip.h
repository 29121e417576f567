// Archives of files in one file, as NumPy's .npz are, by libzip: stored or deflated, ZIP64. For ebb's own readers
// and writers.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace ebb::io {

// Calls each(name, bytes) for the entries in the order of the directory. Error if the file is no archive, or if an
// entry is damaged, encrypted or packed by another method.
void read_zip(std::string_view who, const std::string& path,
              const std::function<void(const std::string& name, std::string_view bytes)>& each);

struct ZipEntry {
  std::string name, head;
  std::string_view body;  // behind the head
};
// As a whole or not at all; the same bytes for the same entries. Error for a name that is not UTF-8.
void write_zip(std::string_view who, const std::string& path, std::span<const ZipEntry> entries, bool deflated);

}  // namespace ebb::io
