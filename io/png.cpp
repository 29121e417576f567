#include "io/png.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "autograd/base/fail.h"
#include "autograd/node.h"
#include "autograd/ops.h"
#include "io/file.h"

namespace ebb::io {
namespace {

// Rounds; NaN becomes 0.
std::uint8_t to_byte(double v) {
  return v > 0 ? static_cast<std::uint8_t>(std::min(v, 255.0) + 0.5) : std::uint8_t{0};
}

std::string big_endian(std::uint32_t v) {
  return {static_cast<char>(v >> 24), static_cast<char>(v >> 16), static_cast<char>(v >> 8), static_cast<char>(v)};
}

// Length, type, content, checksum of the last two.
std::string chunk(std::string_view type, std::string_view content) {
  const std::string body = std::string(type) + std::string(content);
  const auto crc = crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  return big_endian(static_cast<std::uint32_t>(content.size())) + body +
         big_endian(static_cast<std::uint32_t>(crc));
}

std::string header_of(const Image& image) {
  constexpr char kGrey = 0, kRgb = 2, kBits = 8;
  return big_endian(static_cast<std::uint32_t>(image.width)) +
         big_endian(static_cast<std::uint32_t>(image.height)) +
         std::string{kBits, image.channels == 1 ? kGrey : kRgb, 0, 0, 0};
}

// Each row behind the number of its filter: 0, none.
std::string rows_of(const Image& image) {
  const auto bytes = image.width * image.channels;
  std::string rows;
  rows.reserve(static_cast<std::size_t>(image.height * (bytes + 1)));
  for (std::int64_t y = 0; y < image.height; ++y) {
    rows += '\0';
    rows.append(reinterpret_cast<const char*>(image.pixels.data()) + y * bytes, static_cast<std::size_t>(bytes));
  }
  return rows;
}

std::string deflated(const std::string& bytes) {
  uLongf size = compressBound(static_cast<uLong>(bytes.size()));
  std::string packed(size, '\0');
  compress2(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(bytes.data()),
            static_cast<uLong>(bytes.size()), Z_BEST_COMPRESSION);
  packed.resize(size);
  return packed;
}

void check(const Image& image) {
  constexpr std::int64_t kLargest = 1 << 15;
  const auto good = [](std::int64_t size) { return size >= 1 && size <= kLargest; };
  if (!good(image.height) || !good(image.width) || (image.channels != 1 && image.channels != 3))
    fail("encode_png: {} x {} pixels of {} channels; give 1 to {} and 1 or 3 channels", image.height, image.width,
         image.channels, kLargest);
  if (image.pixels.size() != static_cast<std::size_t>(image.height * image.width * image.channels))
    fail("encode_png: {} bytes for {} x {} pixels of {} channels", image.pixels.size(), image.height, image.width,
         image.channels);
}

}  // namespace

Image to_image(const Tensor& x, double low, double high) {
  const int rank = x.dim();
  const auto channels = rank == 3 ? x.shape()[0] : 1;
  if (rank < 2 || rank > 3 || (channels != 1 && channels != 3))
    fail("to_image: the tensor is {}; [h, w], [1, h, w] or [3, h, w] were expected", describe(x));
  const double scale = x.dtype() == uint8 ? 1 : 255 / (high - low), zero = x.dtype() == uint8 ? 0 : low;
  const auto values = x.to_vector<float>();
  Image image{x.size(-2), x.size(-1), static_cast<int>(channels), std::vector<std::uint8_t>(values.size())};
  const auto area = values.size() / static_cast<std::size_t>(channels);
  for (std::size_t i = 0; i < values.size(); ++i)  // [channels, area] → [area, channels]
    image.pixels[i % area * static_cast<std::size_t>(channels) + i / area] =
        to_byte((static_cast<double>(values[i]) - zero) * scale);
  return image;
}

Image to_grid(const Tensor& x, std::int64_t columns, double low, double high) {
  if ((x.dim() != 3 && x.dim() != 4) || x.size(0) < 1 || columns < 1)
    fail("to_grid: the tensor is {} and columns {}; give [n, h, w] or [n, channels, h, w] and 1 or more",
         describe(x), columns);
  const NoGrad off;
  const double grey = x.dtype() == uint8 ? 128 : (low + high) / 2;
  const Tensor pictures = x.dim() == 3 ? unsqueeze(x, 1) : x;
  const std::int64_t n = x.size(0), rows = (n + columns - 1) / columns;
  const Tensor framed =
      pad(pictures.to(float32), {0, 1, 0, 1, 0, 0, 0, rows * columns - n}, PadMode::constant, grey);
  const Tensor table = permute(unflatten(framed, 0, {rows, columns}), {2, 0, 3, 1, 4});
  const auto& size = framed.shape();
  const bool bytes = x.dtype() == uint8;
  return to_image(reshape(table, {size[1], rows * size[2], columns * size[3]}), bytes ? 0 : low,
                  bytes ? 255 : high);
}

Image to_signed_image(const Tensor& x, double scale) {
  constexpr std::array<double, 3> kRed{178, 24, 43}, kWhite{247, 247, 247}, kBlue{33, 102, 172};
  if (x.dim() != 2) fail("to_signed_image: the tensor is {}; [h, w] was expected", describe(x));
  Image image{x.size(0), x.size(1), 3, {}};
  for (const float value : x.to_vector<float>()) {
    const double t = scale > 0 ? std::clamp(static_cast<double>(value) / scale, -1.0, 1.0) : 0;
    const auto& end = t > 0 ? kRed : kBlue;
    for (std::size_t c = 0; c < 3; ++c)
      image.pixels.push_back(to_byte(kWhite[c] + std::abs(t) * (end[c] - kWhite[c])));
  }
  return image;
}

std::string encode_png(const Image& image) {
  check(image);
  return "\x89PNG\r\n\x1a\n" + chunk("IHDR", header_of(image)) + chunk("IDAT", deflated(rows_of(image))) +
         chunk("IEND", "");
}

void save_png(const std::string& path, const Image& image) {
  const auto bytes = encode_png(image);
  AtomicFile file("save_png", path);
  file.write(bytes);
  file.commit();
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto group = bytes.substr(i, 3);
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k)
      bits = bits << 8 | (k < group.size() ? static_cast<unsigned char>(group[k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k) text += k <= group.size() ? kDigits[bits >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

}  // namespace ebb::io
