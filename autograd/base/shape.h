// Shapes, strides and lists of dimensions: small inline arrays, never on the heap.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace ebb {

inline constexpr int kMaxRank = 8;

// Up to kMaxRank integers: strides, permutations, requested sizes that may hold -1.
class Dims {
 public:
  constexpr Dims() = default;
  Dims(std::initializer_list<std::int64_t> values) : Dims(std::span(values.begin(), values.size())) {}
  explicit Dims(std::span<const std::int64_t> values) {
    if (values.size() > kMaxRank) too_many(values.size());
    for (auto v : values) push_back(v);
  }
  // `rank` copies of `value`.
  static Dims filled(int rank, std::int64_t value) {
    Dims dims;
    for (int i = 0; i < rank; ++i) dims.push_back(value);
    return dims;
  }

  constexpr int rank() const { return rank_; }
  constexpr bool empty() const { return rank_ == 0; }
  constexpr std::int64_t operator[](int i) const { return d_[static_cast<std::size_t>(i)]; }
  constexpr std::int64_t& operator[](int i) { return d_[static_cast<std::size_t>(i)]; }
  constexpr const std::int64_t* begin() const { return d_.data(); }
  constexpr const std::int64_t* end() const { return d_.data() + rank_; }
  constexpr std::int64_t back() const { return d_[static_cast<std::size_t>(rank_ - 1)]; }

  void push_back(std::int64_t value) {
    if (rank_ == kMaxRank) too_many(kMaxRank + 1);
    d_[static_cast<std::size_t>(rank_++)] = value;
  }
  void insert(int at, std::int64_t value) {
    push_back(value);
    for (int i = rank_ - 1; i > at; --i) d_[static_cast<std::size_t>(i)] = d_[static_cast<std::size_t>(i - 1)];
    (*this)[at] = value;
  }
  void erase(int at) {
    for (int i = at; i + 1 < rank_; ++i) d_[static_cast<std::size_t>(i)] = d_[static_cast<std::size_t>(i + 1)];
    --rank_;
  }

  friend constexpr bool operator==(const Dims& a, const Dims& b) {
    if (a.rank_ != b.rank_) return false;
    for (int i = 0; i < a.rank_; ++i)
      if (a[i] != b[i]) return false;
    return true;
  }

 private:
  [[noreturn]] static void too_many(std::size_t count);
  std::array<std::int64_t, kMaxRank> d_{};
  int rank_ = 0;
};

// The sizes of a tensor. Construction is the one checked place: no size is negative and the number of
// elements, and its bytes in any dtype, fit in an int64; otherwise Error. Immutable afterwards.
class Shape : public Dims {
 public:
  Shape() = default;  // 0-d: one element
  Shape(std::initializer_list<std::int64_t> sizes) : Shape(Dims(sizes)) {}
  explicit Shape(std::span<const std::int64_t> sizes) : Shape(Dims(sizes)) {}
  explicit Shape(const Dims& sizes);

  std::int64_t operator[](int i) const { return Dims::operator[](i); }
  std::int64_t numel() const { return numel_; }

  // This shape with dimension `dim` set to `size`, inserted or removed. `dim` is in range.
  Shape with(int dim, std::int64_t size) const;
  Shape inserted(int dim, std::int64_t size) const;
  Shape without(int dim) const;

 private:
  using Dims::erase;
  using Dims::insert;
  using Dims::push_back;
  std::int64_t numel_ = 1;
};

// Row-major strides, in elements.
Dims contiguous_strides(const Shape& shape);

// True if the strides are row-major; dimensions of size 1 and empty shapes do not matter.
bool is_contiguous(const Shape& shape, const Dims& strides);

// [64, 10]
std::string to_string(const Dims& dims);

}  // namespace ebb
