#include "autograd/kernels/conv_pointwise.h"

#include <array>
#include <cstddef>
#include <utility>

#include "autograd/base/parallel.h"
#include "autograd/base/scratch.h"
#include "autograd/kernels/conv_image.h"
#include "autograd/kernels/elementwise.h"
#include "autograd/kernels/gemm.h"

namespace ebb::kernels::conv {
namespace {

// What a View refers to.
struct Array {
  void* data;
  Dtype dtype;
  Shape shape;
  Dims strides;

  View view() const { return {data, &shape, &strides, dtype, is_contiguous(shape, strides)}; }
};

bool is_one_row(const View& x) { return x.stride(3) == 1 && x.stride(2) == x.size(3); }

// x [n, c, h, w], whose planes are rows, as [n, c, h w].
Array planes(const View& x) {
  return {x.data, x.dtype, {x.size(0), x.size(1), x.size(2) * x.size(3)}, {x.stride(0), x.stride(1), 1}};
}

// Image n of planes.
Array image(const Array& x, std::int64_t n) {
  return {static_cast<std::byte*>(x.data) + n * x.strides[0] * size_of(x.dtype),
          x.dtype,
          {x.shape[1], x.shape[2]},
          {x.strides[1], x.strides[2]}};
}

Array transposed(Array x) {
  const int last = x.shape.rank() - 1;
  Dims shape = x.shape;
  std::swap(shape[last], shape[last - 1]);
  std::swap(x.strides[last], x.strides[last - 1]);
  return {x.data, x.dtype, Shape(shape), x.strides};
}

// [out, in], for each of n images.
Array weights(const View& weight, std::int64_t n) {
  return {weight.data, weight.dtype, {n, weight.size(0), weight.size(1)}, {0, weight.stride(0), weight.stride(1)}};
}

// The pixels of x that those of y belong to, as planes: x's own or, with a stride, every few of them in a copy.
class Pixels {
 public:
  Pixels(const View& x, const View& y, const Conv2dGeometry& geometry)
      : strided_{x.data,
                 x.dtype,
                 {x.size(0), x.size(1), y.size(2), y.size(3)},
                 {x.stride(0), x.stride(1), x.stride(2) * geometry.stride_along(0, x.size(2)),
                  x.stride(3) * geometry.stride_along(1, x.size(3))}},
        copied_(geometry.stride != std::array<std::int64_t, 2>{1, 1}),
        copy_(copied_ ? strided_.shape.numel() * size_of(x.dtype) : 0),
        dense_{copied_ ? copy_.data() : x.data, x.dtype, strided_.shape,
               copied_ ? contiguous_strides(strided_.shape) : *x.strides} {}

  bool copied() const { return copied_; }
  Array planes() const { return conv::planes(dense_.view()); }
  void read() const {
    if (!copied_) return;
    const View to = dense_.view(), from = strided_.view();
    visit_floating(to.dtype, [&]<class T>(T*) {
      parallel_for(to.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t n = begin; n < end; ++n)
          copy_image<T>(conv::image<T>(to, n), conv::image<const T>(from, n), to.size(1), to.size(2), to.size(3));
      });
    });
  }
  void write() const {
    if (copied_) copy(strided_.view(), dense_.view());
  }

 private:
  const Array strided_;
  const bool copied_;
  const memory::Scratch<std::byte> copy_;
  const Array dense_;
};

}  // namespace

bool is_pointwise(const View& y, const View& x, const View& weight, const Conv2dGeometry& geometry) {
  constexpr std::int64_t kPixels = 32;
  const bool one_pixel = weight.size(2) == 1 && weight.size(3) == 1 && geometry.padding[0] == 0 &&
                         geometry.padding[1] == 0 && geometry.groups == 1;
  return one_pixel && is_one_row(x) && is_one_row(y) && y.size(2) * y.size(3) >= kPixels &&
         (weight.stride(1) == 1 || weight.size(1) == 1);
}

void pointwise(const View& y, const View& x, const View& weight, const View& bias,
               const Conv2dGeometry& geometry) {
  const Pixels pixels(x, y, geometry);
  pixels.read();
  if (bias.data) copy(y, Array{bias.data, bias.dtype, *y.shape, {0, bias.stride(0), 0, 0}}.view());
  matmul(planes(y).view(), weights(weight, y.size(0)).view(), pixels.planes().view(), bias.data != nullptr);
}

void pointwise_backward_input(const View& gx, const View& g, const View& weight, const Conv2dGeometry& geometry) {
  const Pixels pixels(gx, g, geometry);
  matmul(pixels.planes().view(), transposed(weights(weight, g.size(0))).view(), planes(g).view());
  if (pixels.copied()) fill(gx, 0);  // the pixels between
  pixels.write();
}

void pointwise_backward_weight(const View& gweight, const View& g, const View& x, const Conv2dGeometry& geometry) {
  const Pixels pixels(x, g, geometry);
  pixels.read();
  const Array sum = image(weights(gweight, 1), 0);
  for (std::int64_t n = 0; n < g.size(0); ++n)
    matmul(sum.view(), image(planes(g), n).view(), transposed(image(pixels.planes(), n)).view(), n > 0);
}

}  // namespace ebb::kernels::conv
