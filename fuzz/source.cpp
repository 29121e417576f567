#include "fuzz/source.h"

#include <algorithm>
#include <iterator>
#include <limits>

namespace ebb::fuzz {
namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max(),
                       kLeast = std::numeric_limits<std::int64_t>::min(), kOne = 1;

}  // namespace

std::int64_t Source::number() {
  constexpr std::int64_t kSmall[] = {1, 0, 2, 3, -1, -2, 4, 5};
  constexpr std::int64_t kLarge[] = {8,
                                     -3,
                                     63,
                                     64,
                                     1 << 16,
                                     kOne << 31,
                                     (kOne << 31) - 1,
                                     -(kOne << 31),
                                     kOne << 32,
                                     kOne << 40,
                                     kOne << 60,
                                     kOne << 61,
                                     kOne << 62,
                                     -(kOne << 62),
                                     kMost,
                                     kMost - 1,
                                     kMost / 2,
                                     kMost / 3,
                                     kLeast,
                                     kLeast + 1};
  const unsigned b = byte();
  return b < 200 ? kSmall[b % 8] : kLarge[(b - 200) % std::size(kLarge)];
}

int Source::dim() {
  return static_cast<int>(
      std::clamp<std::int64_t>(number(), std::numeric_limits<int>::min(), std::numeric_limits<int>::max()));
}

double Source::real() {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr double kReals[] = {
      0,      1,      -1,      0.5,    2,         1e-300,     1e300,
      -1e300, 9.3e18, -9.3e18, 1. / 3, kInfinity, -kInfinity, std::numeric_limits<double>::quiet_NaN()};
  return kReals[byte() % std::size(kReals)];
}

std::int64_t Source::extent() {
  const unsigned b = byte();
  return b < 192 ? 1 + b % 3 : number();
}

std::vector<std::int64_t> Source::numbers(int most) {
  std::vector<std::int64_t> all;
  for (int n = up_to(most); n > 0; --n) all.push_back(number());
  return all;
}

std::vector<double> Source::reals(int most) {
  std::vector<double> all;
  for (int n = up_to(most); n > 0; --n) all.push_back(real());
  return all;
}

Dtype Source::dtype() {
  const unsigned b = byte();
  return b < 160 ? (b % 2 == 0 ? float32 : float64) : std::array{int64, int32, uint8, boolean}[b % 4];
}

int Source::rank() { return std::array{2, 3, 1, 4, 0, 5, 2, 3}[byte() % 8]; }

Dims Source::dims() {
  const unsigned b = byte();
  Dims all;
  for (unsigned n = b < 200 ? b % 3 : b % 10; n > 0; --n) all.push_back(number());
  return all;
}

std::int64_t Source::size() { return std::array{2, 3, 1, 4, 2, 3, 0, 5}[byte() % 8]; }

Dims Source::sizes(int rank) {
  Dims all;
  for (int i = 0; i < rank; ++i) all.push_back(size());
  if (std::count(all.begin(), all.end(), 0) > 0 && flag()) {
    constexpr std::int64_t kHuge[] = {1 << 16, kOne << 31, kOne << 40, kOne << 58, kMost / 16};
    std::int64_t& size = all[up_to(rank - 1)];
    if (size != 0) size = kHuge[up_to(4)];
  }
  return all;
}

Tensor Source::tensor(Dtype dtype, const Dims& sizes) {
  // A few numbers from 0 or -1 on, again and again; the first may be any.
  const unsigned pattern = byte(), repeat = 1 + pattern / 2 % 5;
  const int low = pattern % 2 == 1 && dtype != uint8 ? -1 : 0;
  const bool hostile = pattern >= 200;
  Shape shape(sizes);
  if (shape.numel() > 32 << 20) return zeros(shape, {.dtype = dtype});  // an Error: there is no memory for it
  if (shape.numel() > 4096) {
    // It would only take time.
    Dims fewer;
    for (const auto size : sizes) fewer.push_back(std::min<std::int64_t>(size, 5));
    shape = Shape(fewer);
  }
  const auto filled = [&](auto first) {
    std::vector<decltype(first)> all(static_cast<std::size_t>(shape.numel()));
    for (std::size_t i = 0; i < all.size(); ++i)
      all[i] = static_cast<decltype(first)>(low + static_cast<int>((7 * i + pattern / 16) % repeat));
    if (hostile && !all.empty()) all.front() = first;
    return ebb::tensor(all, {.dtype = dtype});
  };
  Tensor x = is_floating(dtype) ? filled(hostile ? real() : 0.) : filled(hostile ? number() : 0);
  x = view(x, shape);
  switch (up_to(5)) {
    case 1:
      if (x.dim() > 1) x = transpose(x, 0, x.dim() - 1);
      break;
    case 2:
      if (x.dim() > 0 && x.size(0) > 1) x = slice(x, 0, 1, {}, 2);
      break;
    case 3:
      if (x.dim() > 0) x = expand(narrow(x, 0, 0, std::min<std::int64_t>(x.size(0), 1)), x.shape());
      break;
    default:
      break;
  }
  if (!is_floating(dtype) || flag()) return x;
  x = x.detach().set_requires_grad();
  leaves_.push_back(x);
  return x;
}

Tensor Source::square() {
  Dims all = sizes(1 + up_to(2));
  all.push_back(all.back());
  return tensor(real_type(), all);
}

Tensors Source::tensors() {
  Tensors all;
  const Tensor first = tensor();
  for (int n = up_to(3); n > 0; --n) all.push_back(flag() ? tensor() : first);
  return all;
}

Tensor Source::fitting(Dtype dtype, Dims sizes) {
  const unsigned b = byte();
  if (b >= 240) return tensor();
  if (b >= 200 && !sizes.empty()) sizes[up_to(sizes.rank() - 1)] = size();
  return tensor(dtype, sizes);
}

Tensor Source::beside(const Tensor& x) {
  switch (up_to(5)) {
    case 0:
      return x;
    case 1:
      return x.dim() > 0 ? select(x, 0, 0) : x;
    case 2:
      return tensor(x.dtype());
    default:
      return fitting(x.dtype(), x.shape());
  }
}

Dims Source::tail(const Tensor& x) {
  if (byte() >= 240) return sizes(rank());
  Dims all;
  for (int d = up_to(x.dim()); d < x.dim(); ++d) all.push_back(x.shape()[d]);
  return all;
}

Index Source::subscript() {
  switch (up_to(5)) {
    case 0:
      return number();
    case 1: {
      const auto start = maybe(), stop = maybe();
      return Slice(start, stop, number());
    }
    case 2:
      return ellipsis;
    case 3:
      return newaxis;
    case 4:
      return index();
    default:
      return tensor(boolean);
  }
}

std::vector<Index> Source::subscripts() {
  std::vector<Index> all;
  for (int n = up_to(5); n > 0; --n) all.push_back(subscript());
  return all;
}

std::string Source::equation() {
  constexpr const char* kPieces[] = {"",      "a", "b", "c", "A",   ",", "->", "...", "ab,bc->ac", "ab,cb,ab->ac",
                                     "aa->a", ".", "-", " ", "\xff"};
  std::string all;
  for (int n = up_to(6); n > 0; --n) all += kPieces[byte() % std::size(kPieces)];
  return all;
}

}  // namespace ebb::fuzz
