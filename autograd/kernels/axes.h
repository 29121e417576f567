// Loops over the dimensions of several strided operands at once.
#pragma once

#include <array>
#include <cstdint>

#include "autograd/base/shape.h"

namespace ebb::kernels {

// One dimension of K operands: its size, and the step from one element to the next in each, in elements.
template <int K>
struct Axis {
  std::int64_t size = 1;
  std::array<std::int64_t, K> step{};
};

// A nest of dimensions, outermost first. It keeps only what matters to a loop: dimensions of size 1 vanish,
// and neighbours that could be one dimension for every operand become one.
template <int K>
class Axes {
 public:
  int rank() const { return rank_; }
  const Axis<K>& operator[](int i) const { return axis_[static_cast<std::size_t>(i)]; }

  // Points of the nest; 1 if it is empty.
  std::int64_t count() const {
    std::int64_t n = 1;
    for (int i = 0; i < rank_; ++i) n *= (*this)[i].size;
    return n;
  }

  // Adds an innermost dimension.
  void push_back(const Axis<K>& axis) {
    if (axis.size == 1) return;
    if (rank_ > 0 && continues(at(rank_ - 1), axis)) {
      at(rank_ - 1) = {at(rank_ - 1).size * axis.size, axis.step};
    } else {
      at(rank_++) = axis;
    }
  }

  // Removes and returns the innermost dimension; one of size 1 from an empty nest.
  Axis<K> pop_back() { return rank_ > 0 ? at(--rank_) : Axis<K>(); }
  Axis<K> back() const { return rank_ > 0 ? (*this)[rank_ - 1] : Axis<K>(); }

  // Leaves [begin, end) of the outermost dimension; its elements begin at the offsets returned.
  std::array<std::int64_t, K> cut(std::int64_t begin, std::int64_t end) {
    std::array<std::int64_t, K> first{};
    if (rank_ == 0) return first;
    for (std::size_t k = 0; k < K; ++k) first[k] = begin * at(0).step[k];
    at(0).size = end - begin;
    return first;
  }

  // Offsets of point `index`, counted in row-major order.
  std::array<std::int64_t, K> offset(std::int64_t index) const {
    std::array<std::int64_t, K> sum{};
    for (int i = rank_ - 1; i >= 0; --i) {
      const auto& axis = (*this)[i];
      const std::int64_t place = i > 0 ? index % axis.size : index;
      if (i > 0) index /= axis.size;
      for (std::size_t k = 0; k < K; ++k) sum[k] += place * axis.step[k];
    }
    return sum;
  }

 private:
  Axis<K>& at(int i) { return axis_[static_cast<std::size_t>(i)]; }

  static bool continues(const Axis<K>& outer, const Axis<K>& inner) {
    for (std::size_t k = 0; k < K; ++k)
      if (outer.step[k] != inner.step[k] * inner.size) return false;
    return true;
  }

  std::array<Axis<K>, kMaxRank> axis_;  // only the first rank_ are set
  int rank_ = 0;
};

}  // namespace ebb::kernels
