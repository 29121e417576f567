#include "io/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <system_error>
#include <tuple>
#include <utility>

#include "autograd/base/fail.h"

namespace ebb::io {
namespace {

std::string reason(int error) { return std::generic_category().message(error); }

// Repeats a system call that a signal has interrupted.
template <class Call>
auto retried(Call&& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// A new, empty file beside `path`: its descriptor and name. Never follows or truncates what is there already.
std::pair<int, std::string> create_beside(const std::string& path) {
  static std::atomic<std::uint64_t> counter{0};
  for (;;) {
    std::string name = fmt::format("{}.{}.{}.tmp", path, ::getpid(), counter.fetch_add(1));
    const int descriptor =
        retried([&] { return ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666); });
    if (descriptor >= 0 || errno != EEXIST) return {descriptor, std::move(name)};
  }
}

}  // namespace

InputFile::InputFile(std::string_view who, const std::string& path)
    : who_(who), path_(path), descriptor_(retried([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); })) {
  if (descriptor_ < 0) fail("{}: {}: cannot be opened ({})", who_, path_, reason(errno));
  struct ::stat status {};
  const bool known = ::fstat(descriptor_, &status) == 0;
  if (known && S_ISREG(status.st_mode)) {
    size_ = static_cast<std::uint64_t>(status.st_size);
    return;
  }
  ::close(descriptor_);
  fail("{}: {}: is not a file; give the path of one", who_, path_);
}

InputFile::~InputFile() { ::close(descriptor_); }

void InputFile::read(std::uint64_t offset, void* to, std::size_t bytes) const {
  auto* at = static_cast<char*>(to);
  while (bytes > 0) {
    const auto got = retried([&] { return ::pread(descriptor_, at, bytes, static_cast<::off_t>(offset)); });
    if (got < 0) fail("{}: {}: cannot be read ({})", who_, path_, reason(errno));
    if (got == 0) fail("{}: {}: ends at byte {}, {} bytes too early", who_, path_, offset, bytes);
    at += got;
    offset += static_cast<std::uint64_t>(got);
    bytes -= static_cast<std::size_t>(got);
  }
}

AtomicFile::AtomicFile(std::string_view who, const std::string& path) : who_(who), path_(path) {
  std::tie(descriptor_, temporary_) = create_beside(path);
  if (descriptor_ < 0)
    fail("{}: {}: cannot be written ({}); is its folder there and writable?", who_, path_, reason(errno));
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(const void* data, std::size_t bytes) {
  const auto* at = static_cast<const char*>(data);
  while (bytes > 0) {
    const auto put = retried([&] { return ::write(descriptor_, at, bytes); });
    if (put < 0) fail("{}: {}: cannot be written ({})", who_, path_, reason(errno));
    at += put;
    bytes -= static_cast<std::size_t>(put);
  }
}

void AtomicFile::reopen() {
  ::close(descriptor_);
  descriptor_ = retried([&] { return ::open(temporary_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC); });
  if (descriptor_ < 0) fail("{}: {}: cannot be written ({})", who_, path_, reason(errno));
}

void AtomicFile::close() {
  const bool synced = retried([&] { return ::fsync(descriptor_); }) == 0;
  const int error = errno;
  const bool closed = ::close(std::exchange(descriptor_, -1)) == 0;
  if (!synced || !closed) fail("{}: {}: cannot be written ({})", who_, path_, reason(synced ? errno : error));
}

// The folder is synced too, so that the new name survives a power cut; some file systems cannot, and then the
// file is as safe as they make it.
void AtomicFile::commit() {
  close();
  if (::rename(temporary_.c_str(), path_.c_str()) != 0)
    fail("{}: {}: cannot be replaced ({})", who_, path_, reason(errno));
  temporary_.clear();
  const int folder = ::open(folder_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  ::fsync(folder);
  ::close(folder);
}

}  // namespace ebb::io
