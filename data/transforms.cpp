#include "data/transforms.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "autograd/base/fail.h"
#include "autograd/base/parallel.h"
#include "autograd/create.h"
#include "autograd/ops.h"

namespace ebb::data {
namespace {

constexpr std::int64_t kGrain = 16;  // images for each piece of a loop

// Images in memory, row-major.
struct Images {
  Tensor x;
  std::int64_t n, c, h, w;

  Images(const char* who, const Tensor& given) : x(given) {
    const int rank = x.dim();
    if (rank != 3 && rank != 4) fail("{}: x is {}; give images [c, h, w] or [n, c, h, w]", who, describe(x));
    if (x.requires_grad()) fail("{}: x requires grad, and this function has no derivative; give x.detach()", who);
    x = x.contiguous();
    n = rank == 4 ? x.size(0) : 1;
    c = x.size(-3);
    h = x.size(-2);
    w = x.size(-1);
  }
  Shape shape(std::int64_t rows, std::int64_t columns) const {
    const int rank = x.dim();
    return x.shape().with(rank - 2, rows).with(rank - 1, columns);
  }
};

struct Place {
  std::int64_t row, column;
};

// to[i][j] = from[i + at.row][j + at.column] of one channel, `fill` outside of it.
template <class T>
void copy_window(const T* from, std::int64_t h, std::int64_t w, Place at, T* to, std::int64_t rows,
                 std::int64_t columns, T fill) {
  const std::int64_t first = std::clamp<std::int64_t>(-at.column, 0, columns);
  const std::int64_t end = std::clamp<std::int64_t>(w - at.column, first, columns);
  for (std::int64_t i = 0; i < rows; ++i, to += columns) {
    const std::int64_t row = i + at.row;
    if (row < 0 || row >= h) {
      std::fill(to, to + columns, fill);
      continue;
    }
    const T* source = from + row * w + at.column;
    std::fill(to, to + first, fill);
    std::copy(source + first, source + end, to + first);
    std::fill(to + end, to + columns, fill);
  }
}

// The window of this size at a place of its own in each image.
Tensor windows(const Images& images, const std::vector<Place>& places, Size2 size, double fill) {
  const std::int64_t rows = size[0], columns = size[1];
  const Tensor result = empty(images.shape(rows, columns), images.x.dtype());
  visit(images.x.dtype(), [&]<class T>(T*) {
    const T* from = images.x.data<const T>();
    T* to = result.data<T>();
    parallel_for(images.n, kGrain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t channel = begin * images.c; channel < end * images.c; ++channel)
        copy_window(from + channel * images.h * images.w, images.h, images.w,
                    places[static_cast<std::size_t>(channel / images.c)], to + channel * rows * columns, rows,
                    columns, static_cast<T>(fill));
    });
  });
  return result;
}

// Uniform integers from low to high for the images, one after another.
std::vector<Place> random_places(std::int64_t n, Place low, Place high, Generator& random) {
  std::vector<Place> places(static_cast<std::size_t>(n));
  for (auto& place : places) {
    place.row = low.row + random_below(random, high.row - low.row + 1);
    place.column = low.column + random_below(random, high.column - low.column + 1);
  }
  return places;
}

void check_not_negative(const char* who, const char* name, Size2 size) {
  if (size[0] < 0 || size[1] < 0) fail("{}: {} is [{}, {}]; it must not be negative", who, name, size[0], size[1]);
}

// A Gaussian's values at -radius … radius, with sum 1.
std::vector<float> gaussian(double sigma) {
  const auto radius = static_cast<std::int64_t>(4 * sigma + 0.5);
  std::vector<double> values;
  double sum = 0;
  for (std::int64_t i = -radius; i <= radius; ++i) {
    const double z = static_cast<double>(i) / sigma;
    values.push_back(std::exp(-z * z / 2));
    sum += values.back();
  }
  std::vector<float> kernel;
  for (const double value : values) kernel.push_back(static_cast<float>(value / sum));
  return kernel;
}

// Each of `lines` lines of `count` elements, `step` apart, convolved; there are zeros beyond its ends.
void blur(const float* from, float* to, std::int64_t lines, std::int64_t line_step, std::int64_t count,
          std::int64_t step, const std::vector<float>& kernel) {
  const auto radius = static_cast<std::int64_t>(kernel.size() / 2);
  for (std::int64_t line = 0; line < lines; ++line, from += line_step, to += line_step)
    for (std::int64_t i = 0; i < count; ++i) {
      float sum = 0;
      for (std::int64_t j = std::max<std::int64_t>(0, i - radius); j < std::min(count, i + radius + 1); ++j)
        sum += kernel[static_cast<std::size_t>(j - i + radius)] * from[j * step];
      to[i * step] = sum;
    }
}

// The displacements of the rows and of the columns of one image, in place of uniform numbers in [0, 1).
void smooth_field(float* field, std::int64_t h, std::int64_t w, double alpha, const std::vector<float>& kernel) {
  const auto scale = static_cast<float>(alpha);
  std::vector<float> half(static_cast<std::size_t>(h * w));
  for (float* part : {field, field + h * w}) {
    for (std::int64_t i = 0; i < h * w; ++i) part[i] = 2 * part[i] - 1;
    blur(part, half.data(), h, w, w, 1, kernel);
    blur(half.data(), part, w, 1, h, w, kernel);
    for (std::int64_t i = 0; i < h * w; ++i) part[i] *= scale;
  }
}

// One channel at (row, column), between its pixels in proportion.
template <class T>
T sample(const T* image, std::int64_t h, std::int64_t w, float row, float column, T fill) {
  const float top = std::floor(row), left = std::floor(column);
  const auto down = static_cast<T>(row - top), right = static_cast<T>(column - left);
  const auto i = static_cast<std::int64_t>(top), j = static_cast<std::int64_t>(left);
  const auto pixel = [&](std::int64_t y, std::int64_t x) {
    return y < 0 || y >= h || x < 0 || x >= w ? fill : image[y * w + x];
  };
  return (1 - down) * ((1 - right) * pixel(i, j) + right * pixel(i, j + 1)) +
         down * ((1 - right) * pixel(i + 1, j) + right * pixel(i + 1, j + 1));
}

}  // namespace

Tensor random_crop(const Tensor& x, Size2 size, Generator& random, const CropOptions& options) {
  const Images images("random_crop", x);
  const auto& padding = options.padding;
  check_not_negative("random_crop", "padding", padding);
  check_not_negative("random_crop", "size", size);
  const Place room{images.h + 2 * padding[0] - size[0], images.w + 2 * padding[1] - size[1]};
  if (room.row < 0 || room.column < 0)
    fail(
        "random_crop: there is no window of {} x {} in images of {} x {} with padding {} x {}; make it smaller or "
        "the padding larger",
        size[0], size[1], images.h, images.w, padding[0], padding[1]);
  const Place low{-padding[0], -padding[1]};
  return windows(images, random_places(images.n, low, {low.row + room.row, low.column + room.column}, random),
                 size, options.fill);
}

Tensor random_shift(const Tensor& x, Size2 most, Generator& random, double fill) {
  const Images images("random_shift", x);
  check_not_negative("random_shift", "most", most);
  return windows(images, random_places(images.n, {-most[0], -most[1]}, {most[0], most[1]}, random),
                 {images.h, images.w}, fill);
}

Tensor random_horizontal_flip(const Tensor& x, Generator& random, double p) {
  const Images images("random_horizontal_flip", x);
  if (!(p >= 0 && p <= 1)) fail("random_horizontal_flip: p is {}; it must be from 0 to 1", p);
  std::vector<bool> turned(static_cast<std::size_t>(images.n));
  for (std::size_t i = 0; i < turned.size(); ++i)
    turned[i] = static_cast<double>(random_bits(random) >> 11) * 0x1p-53 < p;
  const Tensor result = empty(images.x.shape(), images.x.dtype());
  visit(images.x.dtype(), [&]<class T>(T*) {
    const T* from = images.x.data<const T>();
    T* to = result.data<T>();
    const std::int64_t rows = images.c * images.h, w = images.w;
    parallel_for(images.n, kGrain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin * rows; row < end * rows; ++row) {
        if (turned[static_cast<std::size_t>(row / rows)])
          std::reverse_copy(from + row * w, from + (row + 1) * w, to + row * w);
        else std::copy(from + row * w, from + (row + 1) * w, to + row * w);
      }
    });
  });
  return result;
}

Tensor elastic_transform(const Tensor& x, Generator& random, const ElasticOptions& options) {
  const Images images("elastic_transform", x);
  if (!is_floating(x.dtype()))
    fail("elastic_transform: x is {}; give floating images, x.to(float32)", describe(x));
  constexpr double kMost = 1000;
  if (!(options.sigma > 0 && options.sigma <= kMost && std::abs(options.alpha) <= kMost))
    fail("elastic_transform: sigma is {} and alpha {}; give 0 < sigma <= {} and alpha up to {}", options.sigma,
         options.alpha, kMost, kMost);
  const std::int64_t h = images.h, w = images.w;
  std::vector<Tensor> fields;  // one draw for each image, as if it were alone
  for (std::int64_t i = 0; i < images.n; ++i)
    fields.push_back(rand({2, h, w}, {.dtype = float32, .generator = &random}));
  const Tensor result = empty(images.x.shape(), images.x.dtype());
  const auto kernel = gaussian(options.sigma);
  std::vector<float*> field_data;
  for (const Tensor& field : fields) field_data.push_back(field.data<float>());

  visit_floating(images.x.dtype(), [&]<class T>(T*) {
    const T* from = images.x.data<const T>();
    T* to = result.data<T>();
    parallel_for(images.n, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t image = begin; image < end; ++image) {
        float* down = field_data[static_cast<std::size_t>(image)];
        const float* right = down + h * w;
        smooth_field(down, h, w, options.alpha, kernel);
        for (std::int64_t channel = image * images.c; channel < (image + 1) * images.c; ++channel)
          for (std::int64_t at = 0; at < h * w; ++at)
            to[channel * h * w + at] =
                sample(from + channel * h * w, h, w, static_cast<float>(at / w) + down[at],
                       static_cast<float>(at % w) + right[at], static_cast<T>(options.fill));
      }
    });
  });
  return result;
}

Tensor normalize(const Tensor& x, std::span<const double> mean, std::span<const double> std) {
  const Images images("normalize", x);
  if (!is_floating(x.dtype())) fail("normalize: x is {}; give floating images, x.to(float32)", describe(x));
  const auto of_channels = [&](const char* name, std::span<const double> values) {
    const auto count = static_cast<std::int64_t>(values.size());
    if (count != 1 && count != images.c)
      fail("normalize: {} has {} numbers, and the images {} channels; give one for each, or one for all", name,
           count, images.c);
    return reshape(tensor(values), {count, 1, 1}).to(x.dtype());
  };
  for (const double value : std)
    if (!(value > 0)) fail("normalize: a std is {}; it must be positive", value);
  return (images.x - of_channels("mean", mean)) / of_channels("std", std);
}

}  // namespace ebb::data
