// Batches of images [n, c, h, w] for the tests of convolution and pooling.
#pragma once

#include "tests/arrays.h"

namespace ebb::test {

struct Sizes {
  std::int64_t n, c, h, w;
};

// An Array of images, in one of its layouts or channels-last.
class Pictures {
 public:
  static constexpr int kLayoutCount = 5;  // 4 is channels-last

  Pictures(Dtype dtype, const Sizes& sizes, int layout)
      : channels_last_(layout == 4),
        array_(
            dtype,
            channels_last_ ? Shape{sizes.n, sizes.h, sizes.w, sizes.c} : Shape{sizes.n, sizes.c, sizes.h, sizes.w},
            channels_last_ ? Layout::contiguous : kOutputLayouts[layout]),
        shape_{sizes.n, sizes.c, sizes.h, sizes.w},
        sizes_(sizes) {
    const View all = array_.view();
    strides_ = channels_last_ ? Dims{all.stride(0), all.stride(3), all.stride(1), all.stride(2)} : *all.strides;
  }
  Pictures(const Pictures& other)
      : channels_last_(other.channels_last_),
        array_(other.array_),
        shape_(other.shape_),
        strides_(other.strides_),
        sizes_(other.sizes_) {}

  View view() { return {array_.view().data, &shape_, &strides_, array_.dtype(), is_contiguous(shape_, strides_)}; }
  operator View() { return view(); }  // NOLINT: arguments of kernels

  const Sizes& sizes() const { return sizes_; }
  std::int64_t numel() const { return array_.numel(); }
  Array& array() { return array_; }
  const Array& array() const { return array_; }

  double at(std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) const {
    return array_[index(n, c, y, x)];
  }
  void set(std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x, double value) {
    array_.set(index(n, c, y, x), value);
  }
  // 0 outside of the image.
  double padded(std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) const {
    return y >= 0 && y < sizes_.h && x >= 0 && x < sizes_.w ? at(n, c, y, x) : 0;
  }

 private:
  std::int64_t index(std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) const {
    const auto& s = sizes_;
    return channels_last_ ? ((n * s.h + y) * s.w + x) * s.c + c : ((n * s.c + c) * s.h + y) * s.w + x;
  }

  bool channels_last_;
  Array array_;
  Shape shape_;
  Dims strides_;
  Sizes sizes_;
};

// Calls f(n, c, y, x) for each element.
template <class F>
void for_each_element(const Sizes& sizes, F&& f) {
  for (std::int64_t n = 0; n < sizes.n; ++n)
    for (std::int64_t c = 0; c < sizes.c; ++c)
      for (std::int64_t y = 0; y < sizes.h; ++y)
        for (std::int64_t x = 0; x < sizes.w; ++x) f(n, c, y, x);
}

}  // namespace ebb::test
