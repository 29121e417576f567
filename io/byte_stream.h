// The bytes of a file from the first to the last; a gzip file (RFC 1952) is unpacked on the way.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "io/file.h"

namespace ebb::io {

class ByteStream {
 public:
  // Whether the file is packed is told by its first bytes, not by its name.
  ByteStream(std::string_view who, const std::string& path);
  ~ByteStream();

  // The next `bytes` bytes, or fewer if the file ends before: the count. Error for damaged gzip data: a wrong
  // checksum, a missing end, anything after the end that is not gzip. The checksum has been compared when a
  // read ends short.
  std::size_t read(void* to, std::size_t bytes);

  // No file of this size and kind unpacks to more.
  std::uint64_t most_bytes() const;

 private:
  struct Inflater;
  std::size_t read_plain(void* to, std::size_t bytes);
  std::size_t read_packed(void* to, std::size_t bytes);
  void refill();

  std::string who_;
  InputFile file_;
  std::uint64_t offset_ = 0;  // read so far
  std::unique_ptr<Inflater> inflater_;
};

}  // namespace ebb::io
