// Windows of images, and channels that become pixels.
#include <algorithm>
#include <array>

#include "autograd/ops/common.h"
#include "autograd/ops/part.h"

namespace ebb {
namespace {

// Windows over a padded axis: how many there are, or Error.
std::int64_t windows_over(const char* op, std::int64_t size, std::int64_t kernel, std::int64_t stride,
                          std::int64_t padding, std::int64_t dilation) {
  constexpr std::int64_t kMost = std::int64_t{1} << 31;
  if (kernel < 1 || stride < 1 || padding < 0 || dilation < 1 ||
      std::max({size, kernel, stride, padding, dilation}) > kMost)
    fail(
        "{}: kernel {}, stride {}, padding {}, dilation {}; padding must be 0 or more, the others 1 or more, all "
        "below 2^31",
        op, kernel, stride, padding, dilation);
  const std::int64_t reach = dilation * (kernel - 1) + 1, all = size + 2 * padding;
  if (all < reach) fail("{}: the window reaches over {}, the axis with its padding has {}", op, reach, all);
  return (all - reach) / stride + 1;
}

}  // namespace

Tensor unfold(const Tensor& x, Size2 kernel_size, const UnfoldOptions& options) {
  if (x.dim() != 3 && x.dim() != 4)
    fail("unfold: the tensor is {}; it must be [n, c, h, w] or [c, h, w]", x.shape());
  if (x.dim() == 3) return squeeze(unfold(unsqueeze(x, 0), kernel_size, options), 0);
  const auto& [stride, padding, dilation] = options;
  std::array<std::int64_t, 2> count{};
  for (std::size_t i = 0; i < 2; ++i)
    count[i] = windows_over("unfold", x.shape()[static_cast<int>(i) + 2], kernel_size[i], stride[i], padding[i],
                            dilation[i]);
  Tensor y = padding == Size2(0) ? x : pad(x, {padding[1], padding[1], padding[0], padding[0]});
  // Rows of pixels stay innermost, here and on the way back.
  y = permute(apply(ops::Windows{2, kernel_size[0], stride[0], dilation[0]}, y), {0, 1, 4, 2, 3});
  y = apply(ops::Windows{4, kernel_size[1], stride[1], dilation[1]}, y);
  return reshape(permute(y, {0, 1, 2, 5, 3, 4}),
                 {x.shape()[0], x.shape()[1] * kernel_size[0] * kernel_size[1], count[0] * count[1]});
}

Tensor fold(const Tensor& x, Size2 output_size, Size2 kernel_size, const UnfoldOptions& options) {
  if (x.dim() != 2 && x.dim() != 3) fail("fold: the tensor is {}; it must be [n, c kh kw, windows]", x.shape());
  if (x.dim() == 2) return squeeze(fold(unsqueeze(x, 0), output_size, kernel_size, options), 0);
  const auto& [stride, padding, dilation] = options;
  std::array<std::int64_t, 2> count{}, padded{};
  for (std::size_t i = 0; i < 2; ++i) {
    count[i] = windows_over("fold", output_size[i], kernel_size[i], stride[i], padding[i], dilation[i]);
    padded[i] = output_size[i] + 2 * padding[i];
  }
  const std::int64_t area = kernel_size[0] * kernel_size[1], n = x.shape()[0], channels = x.shape()[1] / area;
  const std::int64_t windows = ops::product("fold", count[0], count[1]);
  if (x.shape()[1] != channels * area || x.shape()[2] != windows)
    fail("fold: the tensor is {}; it must be [n, c * {}, {}]", x.shape(), area, windows);
  Tensor y =
      permute(reshape(x, {n, channels, kernel_size[0], kernel_size[1], count[0], count[1]}), {0, 1, 2, 4, 5, 3});
  y = apply(ops::WindowsBackward{{4, kernel_size[1], stride[1], dilation[1]},
                                 {n, channels, kernel_size[0], count[0], padded[1]}},
            y);
  y = permute(y, {0, 1, 3, 4, 2});
  y = apply(ops::WindowsBackward{{2, kernel_size[0], stride[0], dilation[0]}, {n, channels, padded[0], padded[1]}},
            y);
  return narrow(narrow(y, 2, padding[0], output_size[0]), 3, padding[1], output_size[1]);
}

Tensor pixel_shuffle(const Tensor& x, std::int64_t upscale_factor) {
  const std::int64_t r = upscale_factor;
  if (x.dim() < 3) fail("pixel_shuffle: the tensor is {}; it must be [.., c r r, h, w]", x.shape());
  const std::int64_t c = x.size(-3), h = x.size(-2), w = x.size(-1);
  std::int64_t height = 0, width = 0;
  if (r < 1 || r > 1 << 15 || c % (r * r) != 0 || __builtin_mul_overflow(h, r, &height) ||
      __builtin_mul_overflow(w, r, &width))
    fail("pixel_shuffle: {} channels of {} are no multiple of the square of the factor {}", c, x.shape(), r);
  Dims sizes = x.shape();
  std::int64_t n = 1;
  for (int d = 0; d < x.dim() - 3; ++d) n *= sizes[d];
  sizes[x.dim() - 3] = c / (r * r);
  sizes[x.dim() - 2] = height;
  sizes[x.dim() - 1] = width;
  return reshape(permute(reshape(x, {n, c / (r * r), r, r, h, w}), {0, 1, 4, 2, 5, 3}), Shape(sizes));
}

Tensor pixel_unshuffle(const Tensor& x, std::int64_t downscale_factor) {
  const std::int64_t r = downscale_factor;
  if (x.dim() < 3) fail("pixel_unshuffle: the tensor is {}; it must be [.., c, h r, w r]", x.shape());
  const std::int64_t c = x.size(-3), h = x.size(-2), w = x.size(-1);
  std::int64_t channels = 0;
  if (r < 1 || h % r != 0 || w % r != 0 || __builtin_mul_overflow(c, r, &channels) ||
      __builtin_mul_overflow(channels, r, &channels))
    fail("pixel_unshuffle: {} and {} of {} are no multiples of the factor {}", h, w, x.shape(), r);
  Dims sizes = x.shape();
  std::int64_t n = 1;
  for (int d = 0; d < x.dim() - 3; ++d) n *= sizes[d];
  sizes[x.dim() - 3] = channels;
  sizes[x.dim() - 2] = h / r;
  sizes[x.dim() - 1] = w / r;
  return reshape(permute(reshape(x, {n, c, h / r, r, w / r, r}), {0, 1, 3, 5, 2, 4}), Shape(sizes));
}

}  // namespace ebb
