// Files: reading at an offset, and writing that succeeds as a whole or leaves the old file as it was.
// For ebb's own readers and writers. Every failure is an Error "who: path: what is wrong".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ebb::io {

// A file open for reading. May be read from several threads.
class InputFile {
 public:
  InputFile(std::string_view who, const std::string& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::string& path() const { return path_; }
  std::uint64_t size() const { return size_; }
  // Exactly `bytes` bytes from `offset` on; Error if the file ends before.
  void read(std::uint64_t offset, void* to, std::size_t bytes) const;

 private:
  std::string who_, path_;
  int descriptor_;
  std::uint64_t size_ = 0;
};

// A file that appears under its name only when it is complete. write() goes to a temporary file beside it;
// commit() brings it to the disk and renames it over the old file; without commit() the destructor removes
// it. A symbolic link is replaced, not followed.
class AtomicFile {
 public:
  AtomicFile(std::string_view who, const std::string& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, std::size_t bytes);
  void write(std::string_view text) { write(text.data(), text.size()); }
  void commit();

  // For a library that writes by name, or renames a file of its own over this name: reopen() takes what is there.
  const std::string& temporary() const { return temporary_; }
  void reopen();

 private:
  void close();

  std::string who_, path_, temporary_;
  int descriptor_ = -1;
};

}  // namespace ebb::io
