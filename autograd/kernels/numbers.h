// One-dimensional views as arrays.
#pragma once

#include <cstdint>

#include "autograd/base/scratch.h"
#include "autograd/base/view.h"

namespace ebb::kernels {

// The elements of a 1-d view, in place.
template <class T>
class Strided {
 public:
  explicit Strided(const View& v) : data_(v.as<T>()), step_(v.stride(0)) {}
  T& operator[](std::int64_t i) const { return data_[i * step_]; }

 private:
  T* data_;
  std::int64_t step_;
};

// The n elements of a 1-d view side by side, each `repeat` times; `missing` where the view has no data. In place
// if they are so already.
template <class T>
class Numbers {
 public:
  Numbers(const View& v, std::int64_t n, T missing, std::int64_t repeat = 1)
      : in_place_(v.data != nullptr && repeat == 1 && (n <= 1 || v.stride(0) == 1)),
        copy_(in_place_ ? 0 : n * repeat),
        data_(in_place_ ? v.as<T>() : copy_.data()) {
    if (in_place_) return;
    for (std::int64_t i = 0; i < n; ++i) {
      const T value = v.data ? Strided<const T>(v)[i] : missing;
      for (std::int64_t j = 0; j < repeat; ++j) copy_[i * repeat + j] = value;
    }
  }
  const T* data() const { return data_; }
  T operator[](std::int64_t i) const { return data_[i]; }

 private:
  bool in_place_;
  memory::Scratch<T> copy_;
  const T* data_;
};

// v[i] = f(i), unless v has no data.
template <class T, class F>
void assign(const View& v, std::int64_t n, F&& f) {
  if (v.data == nullptr) return;
  const Strided<T> to(v);
  for (std::int64_t i = 0; i < n; ++i) to[i] = static_cast<T>(f(i));
}

}  // namespace ebb::kernels
