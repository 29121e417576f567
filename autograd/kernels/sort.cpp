#include "autograd/kernels/sort.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <numeric>
#include <type_traits>

#include "autograd/base/fail.h"
#include "autograd/base/scratch.h"
#include "autograd/kernels/lines.h"

// A line becomes an array of entries: unsigned keys in the order of the elements, each with its index. No two entries are
// equal, so every way to order them gives the same, and equal elements stay in theirs. Many entries are sorted byte by byte
// of the key, the last byte first (radix sort: Knuth, The Art of Computer Programming 3, 5.2.5); few by std::sort.

namespace ebb::kernels {
namespace {

constexpr std::int64_t kWork = 4 * 1024;                       // elements worth a piece of a parallel_for
constexpr std::int64_t kFew = 160;                             // entries that are sorted by comparing
constexpr std::int64_t kSmallPart = 16;                        // of a line: selected by a heap
constexpr std::int64_t kLongest = std::int64_t{1} << 48;       // line whose entries' bytes can be counted
constexpr std::int64_t kLongestShort = std::int64_t{1} << 32;  // line whose indices fit in a ShortEntry

// A key of up to 32 bits and an index in one number.
class ShortEntry {
 public:
  ShortEntry() = default;
  ShortEntry(std::uint64_t key, std::int64_t index) : bits_(key << 32 | static_cast<std::uint64_t>(index)) {}
  std::uint64_t key() const { return bits_ >> 32; }
  std::int64_t index() const { return static_cast<std::int64_t>(bits_ & 0xffffffff); }
  friend bool operator<(ShortEntry a, ShortEntry b) { return a.bits_ < b.bits_; }

 private:
  std::uint64_t bits_;
};

class LongEntry {
 public:
  LongEntry() = default;
  LongEntry(std::uint64_t key, std::int64_t index) : key_(key), index_(index) {}
  std::uint64_t key() const { return key_; }
  std::int64_t index() const { return index_; }
  friend bool operator<(const LongEntry& a, const LongEntry& b) {
    return a.key_ < b.key_ || (a.key_ == b.key_ && a.index_ < b.index_);
  }

 private:
  std::uint64_t key_;
  std::int64_t index_;
};

template <std::size_t Bytes>
using UnsignedOf =
    std::conditional_t<Bytes == 1, std::uint8_t, std::conditional_t<Bytes == 4, std::uint32_t, std::uint64_t>>;

template <class T>
auto key_of(T x) {
  using Key = UnsignedOf<sizeof(T)>;
  constexpr Key kSign = static_cast<Key>(Key{1} << (8 * sizeof(T) - 1));
  if constexpr (std::is_floating_point_v<T>) {
    if (x != x) return std::numeric_limits<Key>::max();
    const Key bits = std::bit_cast<Key>(x + T(0));  // -0 becomes 0
    return (bits & kSign) != 0 ? ~bits : bits | kSign;
  } else if constexpr (std::is_signed_v<T>) {
    return static_cast<Key>(static_cast<Key>(x) ^ kSign);
  } else {
    return static_cast<Key>(x);
  }
}

// The entries of a line; returns how many are NaN.
template <class T, class Entry>
std::int64_t read_line(Entry* entries, const void* x, std::int64_t at, std::int64_t step, std::int64_t n,
                       bool largest) {
  using Key = decltype(key_of(T()));
  const Key flip = largest ? std::numeric_limits<Key>::max() : Key{0};
  const T* const from = static_cast<const T*>(x) + at;
  std::int64_t nans = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const T value = from[i * step];
    nans += value != value ? 1 : 0;
    entries[i] = Entry(static_cast<Key>(key_of(value) ^ flip), i);
  }
  return nans;
}

// Sorts n entries whose keys have so many bytes; the result is in `entries` or in `spare`.
template <class Entry>
Entry* sorted(Entry* entries, Entry* spare, std::int64_t n, std::int64_t bytes) {
  if (n <= kFew) {
    std::sort(entries, entries + n);
    return entries;
  }
  const auto byte = [](const Entry& e, std::int64_t b) {
    return static_cast<std::size_t>(e.key() >> (8 * b) & 0xff);
  };
  std::array<std::array<std::int64_t, 256>, 8> places{};  // first the number of each byte's values
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t b = 0; b < bytes; ++b) ++places[static_cast<std::size_t>(b)][byte(entries[i], b)];
  for (std::int64_t b = 0; b < bytes; ++b) {
    auto& place = places[static_cast<std::size_t>(b)];
    if (place[byte(entries[0], b)] == n) continue;  // all alike
    std::int64_t begin = 0;
    for (auto& p : place) {
      const std::int64_t count = p;
      p = begin;
      begin += count;
    }
    for (std::int64_t i = 0; i < n; ++i) spare[place[byte(entries[i], b)]++] = entries[i];
    std::swap(entries, spare);
  }
  return entries;
}

// y = the indices of the first entries that choose(entries, spare, nans) returns, for each line.
template <class Entry, class Choose>
void write_indices(const View& y, const View& x, int dim, bool largest, Choose&& choose) {
  const std::int64_t n = x.size(dim), m = y.size(dim);
  std::int64_t (*read)(Entry*, const void*, std::int64_t, std::int64_t, std::int64_t, bool) = nullptr;
  visit(x.dtype, [&]<class T>(T*) {
    if constexpr (sizeof(T) <= 4 || std::is_same_v<Entry, LongEntry>) read = read_line<T, Entry>;
  });
  const LineLoops<2> lines({y, x}, dim);
  lines.for_each(std::max<std::int64_t>(1, kWork / n), [&](const LineTile<2>& tile) {
    const memory::Scratch<Entry> entries(2 * n);
    for (std::int64_t j = 0; j < tile.count; ++j) {
      const auto [to, from] = tile.part(j, 1).at;
      const std::int64_t nans = read(entries.data(), x.data, from, lines.along()[1], n, largest);
      const Entry* const first = choose(entries.data(), entries.data() + n, nans);
      for (std::int64_t i = 0; i < m; ++i) y.as<std::int64_t>()[to + i * lines.along()[0]] = first[i].index();
    }
  });
}

template <class Choose>
void with_entries(const View& y, const View& x, int dim, bool largest, Choose&& choose) {
  const std::int64_t n = x.size(dim);
  if (y.numel() == 0) return;
  if (n > kLongest) fail("sort: dimension {} has {} elements; at most {} are sorted", dim, n, kLongest);
  if (size_of(x.dtype) <= 4 && n <= kLongestShort) {
    write_indices<ShortEntry>(y, x, dim, largest, choose);
  } else {
    write_indices<LongEntry>(y, x, dim, largest, choose);
  }
}

// Whether row i of x comes before row j, its equal only if i < j.
template <class T>
bool is_before(const void* x, std::int64_t m, std::int64_t i, std::int64_t j) {
  const T *const a = static_cast<const T*>(x) + i * m, *const b = static_cast<const T*>(x) + j * m;
  for (std::int64_t c = 0; c < m; ++c)
    if (key_of(a[c]) != key_of(b[c])) return key_of(a[c]) < key_of(b[c]);
  return i < j;
}

}  // namespace

void argsort_rows(const View& y, const View& x) {
  bool (*before)(const void*, std::int64_t, std::int64_t, std::int64_t) = nullptr;
  visit(x.dtype, [&]<class T>(T*) { before = is_before<T>; });
  auto *const first = y.as<std::int64_t>(), *const end = first + x.size(0);
  std::iota(first, end, 0);
  std::sort(first, end, [&](std::int64_t i, std::int64_t j) { return before(x.data, x.size(1), i, j); });
}

void argsort(const View& y, const View& x, int dim, bool largest) {
  const std::int64_t n = x.size(dim), m = y.size(dim), bytes = size_of(x.dtype);
  with_entries(y, x, dim, largest, [=]<class Entry>(Entry* entries, Entry* spare, std::int64_t) {
    if (m > n / kSmallPart) return sorted(entries, spare, n, bytes);
    std::partial_sort(entries, entries + m, entries + n);
    return entries;
  });
}

void kth(const View& y, const View& x, int dim, std::int64_t rank, bool nan_first) {
  const std::int64_t n = x.size(dim);
  with_entries(y, x, dim, false, [=]<class Entry>(Entry* entries, Entry*, std::int64_t nans) {
    Entry* const place = entries + (nan_first && nans > 0 ? n - nans : rank);
    std::nth_element(entries, place, entries + n);
    return place;
  });
}

}  // namespace ebb::kernels
