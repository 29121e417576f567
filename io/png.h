// Pictures as PNG files (ISO/IEC 15948), 8 bits per channel, grey or RGB.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "autograd/tensor.h"

namespace ebb::io {

struct Image {
  std::int64_t height = 0, width = 0;
  int channels = 1;                  // 1: grey; 3: red, green, blue
  std::vector<std::uint8_t> pixels;  // [height, width, channels], row-major
};

// From uint8 or float32 [h, w], [1, h, w] or [3, h, w]. Floats from `low` to `high` become 0 to 255; what is
// beyond is cut off, and NaN becomes 0.
Image to_image(const Tensor& x, double low = 0, double high = 1);
// Pictures of one size, uint8 or float32 [n, h, w], [n, 1, h, w] or [n, 3, h, w], `columns` in a row, one pixel of grey apart.
Image to_grid(const Tensor& x, std::int64_t columns, double low = 0, double high = 1);
// A matrix as colours around 0: blue at -scale, white at 0, red at scale. For weights. x float32 [h, w].
Image to_signed_image(const Tensor& x, double scale);

// The PNG file's bytes. Error for an empty image or one whose pixels do not match its sizes.
std::string encode_png(const Image& image);
void save_png(const std::string& path, const Image& image);

// RFC 4648, with padding.
std::string base64(std::string_view bytes);

}  // namespace ebb::io
