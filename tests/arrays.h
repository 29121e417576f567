// Arrays of any shape and strides for the tests of kernels, and runs of a test on every instruction set and
// number of threads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <random>
#include <string_view>
#include <vector>

#include "autograd/base/parallel.h"
#include "autograd/base/view.h"
#include "autograd/kernels/targets.h"
// after targets.h
#include <hwy/targets.h>

namespace ebb::test {

using Rng = std::mt19937_64;

inline std::int64_t pick(Rng& rng, std::int64_t low, std::int64_t high) {
  return std::uniform_int_distribution<std::int64_t>(low, high)(rng);
}

// Where the elements of an Array lie.
enum class Layout {
  contiguous,
  permuted,  // contiguous in another order of dimensions
  gaps,      // every stride doubled, behind an offset
  reversed,  // negative strides
  expanded   // stride 0 in some dimensions; for inputs
};
inline constexpr Layout kOutputLayouts[] = {Layout::contiguous, Layout::permuted, Layout::gaps, Layout::reversed};
inline constexpr Layout kLayouts[] = {Layout::contiguous, Layout::permuted, Layout::gaps, Layout::reversed,
                                      Layout::expanded};

// Elements of any dtype in memory of their own, of which every byte that is no element holds kGuard.
class Array {
 public:
  static constexpr unsigned char kGuard = 0xa5;

  Array(Dtype dtype, const Shape& shape, Layout layout = Layout::contiguous)
      : dtype_(dtype), shape_(shape), strides_(strides_of(shape, layout)) {
    std::int64_t low = 0, high = 0;
    for (int dim = 0; dim < shape.rank(); ++dim) {
      const std::int64_t reach = (std::max<std::int64_t>(shape[dim], 1) - 1) * strides_[dim];
      (reach < 0 ? low : high) += reach;
    }
    const std::int64_t margin = layout == Layout::contiguous ? 0 : 3;
    first_ = margin - low;
    memory_.assign(static_cast<std::size_t>((first_ + high + 1 + margin) * size_of(dtype)), kGuard);
  }

  View view() {
    return {memory_.data() + first_ * size_of(dtype_), &shape_, &strides_, dtype_,
            is_contiguous(shape_, strides_)};
  }
  operator View() { return view(); }  // NOLINT: arguments of kernels

  std::int64_t numel() const { return shape_.numel(); }
  const Shape& shape() const { return shape_; }
  Dtype dtype() const { return dtype_; }

  // Element i in row-major order.
  double operator[](std::int64_t i) const {
    return visit(dtype_, [&]<class T>(T*) {
      T value;
      std::memcpy(&value, place(i), sizeof value);
      return static_cast<double>(value);
    });
  }
  void set(std::int64_t i, double number) {
    visit(dtype_, [&]<class T>(T*) {
      const T value = static_cast<T>(number);
      std::memcpy(const_cast<unsigned char*>(place(i)), &value, sizeof value);
    });
  }
  template <class F>
  Array& fill(F&& f) {
    for (std::int64_t i = 0; i < numel(); ++i) set(i, f(i));
    return *this;
  }
  Array& fill_normal(Rng& rng, double mean = 0, double deviation = 1) {
    std::normal_distribution<double> normal(mean, deviation);
    return fill([&](std::int64_t) { return normal(rng); });
  }

  // Whether no byte beside the elements was changed.
  bool guarded() const {
    auto copy = *this;
    for (std::int64_t i = 0; i < numel(); ++i)
      std::memset(const_cast<unsigned char*>(copy.place(i)), kGuard, static_cast<std::size_t>(size_of(dtype_)));
    return std::all_of(copy.memory_.begin(), copy.memory_.end(), [](auto byte) { return byte == kGuard; });
  }
  const std::vector<unsigned char>& bytes() const { return memory_; }

 private:
  static Dims strides_of(const Shape& shape, Layout layout) {
    Dims strides = contiguous_strides(shape);
    if (layout == Layout::permuted && shape.rank() > 1) {
      const int last = shape.rank() - 1;  // the first dimension becomes the innermost
      std::int64_t step = 1;
      strides[0] = step;
      step *= std::max<std::int64_t>(shape[0], 1);
      for (int dim = last; dim > 0; --dim) {
        strides[dim] = step;
        step *= std::max<std::int64_t>(shape[dim], 1);
      }
    }
    for (int dim = 0; dim < shape.rank(); ++dim) {
      if (layout == Layout::gaps) strides[dim] *= 2;
      if (layout == Layout::reversed) strides[dim] *= -1;
      if (layout == Layout::expanded && dim % 2 == 0) strides[dim] = 0;
    }
    return strides;
  }

  const unsigned char* place(std::int64_t i) const {
    std::int64_t at = first_;
    for (int dim = shape_.rank() - 1; dim >= 0; --dim) {
      at += i % shape_[dim] * strides_[dim];
      i /= shape_[dim];
    }
    return memory_.data() + at * size_of(dtype_);
  }

  Dtype dtype_;
  Shape shape_;
  Dims strides_;
  std::int64_t first_ = 0;
  std::vector<unsigned char> memory_;
};

// Up to `most` elements in `rank` dimensions; sizes 0 and 1 among them.
inline Shape random_shape(Rng& rng, int rank, std::int64_t most) {
  Dims sizes;
  for (int dim = 0; dim < rank; ++dim) {
    const auto kind = pick(rng, 0, 19);
    const std::int64_t size = kind == 0 ? 0 : kind < 4 ? 1 : pick(rng, 2, kind < 12 ? 7 : 70);
    sizes.push_back(std::min(size, std::max<std::int64_t>(most, 1)));
    most /= std::max<std::int64_t>(size, 1);
  }
  return Shape(sizes);
}

// Runs f on each instruction set that this machine has.
template <class F>
void on_every_target(F&& f) {
  const std::int64_t all = hwy::SupportedTargets() & ~(HWY_DISABLED_TARGETS | HWY_SCALAR | HWY_EMU128);
  for (std::int64_t rest = all; rest != 0; rest &= rest - 1) {
    hwy::SetSupportedTargetsForTest(rest & -rest);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    f();
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

// True if f, which returns bytes, returns the same ones with 1, 2, 3, 4 and 8 threads.
template <class F>
bool same_bits_on_any_threads(F&& f) {
  const int before = num_threads();
  set_num_threads(1);
  const auto expected = f();
  bool same = true;
  for (const int threads : {2, 3, 4, 8}) {
    set_num_threads(threads);
    same = same && f() == expected;
  }
  set_num_threads(before);
  return same;
}

}  // namespace ebb::test
