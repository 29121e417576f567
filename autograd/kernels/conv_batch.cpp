#include "autograd/kernels/conv_batch.h"

#include <span>

#include "autograd/base/parallel.h"
#include "autograd/base/scratch.h"
#include "autograd/kernels/conv_image.h"
#include "autograd/kernels/conv_tile.h"

namespace ebb::kernels::conv {
namespace {

using memory::Scratch;

// Along an axis, the kernel elements that an output sums, and the inputs that they multiply.
class Terms {
 public:
  struct Term {
    std::int64_t k, input;
  };

  explicit Terms(const Sweep& sweep)
      : kernel_(sweep.kernel), terms_(sweep.outputs * sweep.kernel), counts_(sweep.outputs) {
    for (std::int64_t i = 0; i < sweep.outputs; ++i) {
      const std::int64_t phase = i % sweep.divisor, first = i / sweep.divisor * sweep.step;
      Term *const begin = terms_.data() + i * kernel_, *end = begin;
      for (std::int64_t k = 0; k < kernel_; ++k) {
        if (!sweep.reads(phase, k)) continue;
        const std::int64_t input = first + sweep.place(phase, k);
        if (input >= 0 && input < sweep.inputs) *end++ = {k, input};
      }
      counts_[i] = end - begin;
    }
  }
  std::span<const Term> operator[](std::int64_t output) const {
    return {terms_.data() + output * kernel_, static_cast<std::size_t>(counts_[output])};
  }

 private:
  std::int64_t kernel_;
  Scratch<Term> terms_;
  Scratch<std::int64_t> counts_;
};

// How many terms there are along an axis: those of inputs that are inside of the image, and those that vectors of
// neighbouring outputs have, which all sum what one of them does.
struct TermCounts {
  std::int64_t inside = 0, all = 0, in_vectors = 0;

  TermCounts(const Sweep& sweep, std::int64_t lanes) {
    for (std::int64_t phase = 0; phase < sweep.phases(); ++phase) {
      const std::int64_t outputs = sweep.outputs_of(phase);
      for (std::int64_t k = 0; k < sweep.kernel; ++k) {
        if (!sweep.reads(phase, k)) continue;
        const std::int64_t place = sweep.place(phase, k);  // of the first output's input
        const std::int64_t begin = std::max<std::int64_t>(0, ceil_div(-place, sweep.step));
        const std::int64_t end = std::min(outputs, ceil_div(sweep.inputs - place, sweep.step));
        inside += std::max<std::int64_t>(0, end - begin);
        all += outputs;
        in_vectors += ceil_div(outputs, lanes) * lanes;
      }
    }
  }
};

// Images of a block, which are lanes of whole vectors.
template <class T>
std::int64_t images_of_block(const Operands<T>& c) {
  const std::int64_t lanes = kernels<T>().lanes;
  return std::min(best_vectors(kernels<T>(), c.y.size(1) / c.groups), ceil_div(c.y.size(0), lanes)) * lanes;
}

template <class T>
class BatchCorrelation {
 public:
  explicit BatchCorrelation(const Operands<T>& c)
      : kernels_(kernels<T>()),
        c_(c),
        rows_(c.rows),
        columns_(c.columns),
        side_(images_of_block(c)),
        channels_(c.x.size(1)),
        outputs_(c.y.size(1)),
        start_(outputs_ * kernels_.lanes),
        in_(c.x.size(2) * c.x.size(3) * pixel(channels_)) {
    for (std::int64_t o = 0; o < outputs_; ++o)
      std::fill_n(start_.data() + o * kernels_.lanes, kernels_.lanes,
                  c.bias.data ? c.bias.template as<T>()[o * c.bias.stride(0)] : T(0));
  }

  void run() const {
    const std::int64_t row_work = c_.y.size(3) * outputs_ * channels_ * c_.rows.kernel * c_.columns.kernel * side_;
    for (std::int64_t n = 0; n < c_.y.size(0); n += side_) {
      const std::int64_t images = std::min(side_, c_.y.size(0) - n);
      read(n, images);
      parallel_for(c_.y.size(2), 1 + kPieceWork / (row_work + 1), [&](std::int64_t begin, std::int64_t end) {
        const Scratch<T> out(c_.y.size(3) * pixel(outputs_));
        const Scratch<Tap> taps(c_.rows.kernel * c_.columns.kernel);
        for (std::int64_t row = begin; row < end; ++row) {
          for (std::int64_t column = 0; column < c_.y.size(3); ++column)
            sum(row, column, images, taps.data(), out.data() + column * pixel(outputs_));
          write(n, images, row, out.data());
        }
      });
    }
  }

 private:
  // Pixels hold their channels, each with the block's images. A gap keeps pixels that are a power of two long from falling
  // into one set of the cache.
  std::int64_t pixel(std::int64_t channels) const { return channels * side_ + kernels_.lanes; }

  // An image in a lane, as if the images were channels.
  template <class U>
  Image<U> in_lane(U* data, std::int64_t channels, std::int64_t columns) const {
    return {data, 1, columns * pixel(channels), pixel(channels)};
  }
  // One channel of the images from n on.
  template <class U>
  static Image<U> across(const View& x, std::int64_t n, std::int64_t channel) {
    const auto first = image<U>(x, n);
    return {first.at(channel, 0, 0), x.stride(0), first.row, first.column};
  }

  // Each image is read from its beginning to its end, beside as many as fill a vector.
  void read(std::int64_t n, std::int64_t images) const {
    const std::int64_t pixels = c_.x.size(2) * c_.x.size(3), lanes = kernels_.lanes;
    parallel_for(ceil_div(images, lanes) * channels_, 1 + kPieceWork / 64 / (pixels * lanes + 1),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t i = begin; i < end; ++i) {
                     const std::int64_t first = i / channels_ * lanes, k = i % channels_;
                     const std::int64_t count = std::min(lanes, images - first);
                     T* const to = in_.data() + k * side_ + first;
                     for (std::int64_t p = 0; p < pixels && count < lanes; ++p)
                       std::fill_n(to + p * pixel(channels_) + count, lanes - count, T(0));
                     copy_image<T>(in_lane(to, channels_, c_.x.size(3)), across<const T>(c_.x, n + first, k),
                                   count, c_.x.size(2), c_.x.size(3));
                   }
                 });
  }

  void write(std::int64_t n, std::int64_t images, std::int64_t row, const T* out) const {
    for (std::int64_t o = 0; o < outputs_; ++o) {
      auto to = across<T>(c_.y, n, o);
      to.data = to.at(0, row, 0);
      copy_image<T>(to, in_lane(out + o * side_, outputs_, c_.y.size(3)), images, 1, c_.y.size(3));
    }
  }

  // One pixel of all outputs. A tile is output channels × vectors of images.
  void sum(std::int64_t row, std::int64_t column, std::int64_t images, Tap* taps, T* out) const {
    Tap* end = taps;
    for (const auto& y : rows_[row])
      for (const auto& x : columns_[column])
        *end++ = {y.k * c_.filter.row + x.k * c_.filter.column,
                  (y.input * c_.x.size(3) + x.input) * pixel(channels_)};
    const std::int64_t vectors = ceil_div(images, kernels_.lanes);
    const std::int64_t outputs = outputs_ / c_.groups, depth = channels_ / c_.groups;
    Tile<T> tile{};
    tile.a_row = c_.filter.out;
    tile.a_step = c_.filter.in;
    tile.b_vector = tile.c_vector = tile.width = tile.last_width = tile.start_row = kernels_.lanes;
    tile.b_step = tile.c_row = side_;
    tile.taps = taps;
    tile.tap_count = end - taps;
    tile.depth = depth;
    for (std::int64_t g = 0; g < c_.groups; ++g) {
      for_each_part(outputs, kernels_.rows[vectors - 1], [&](std::int64_t o, std::int64_t rows) {
        tile.a = c_.filter.part(g, o).data;
        tile.b = in_.data() + g * depth * side_;
        tile.start = start_.data() + (g * outputs + o) * kernels_.lanes;
        tile.c = out + (g * outputs + o) * side_;
        kernels_.product[vectors - 1][rows - 1](tile);
      });
    }
  }

  const Kernels<T>& kernels_;
  const Operands<T>& c_;
  const Terms rows_, columns_;
  const std::int64_t side_;  // images side by side
  const std::int64_t channels_, outputs_;
  const Scratch<T> start_, in_;
};

}  // namespace

template <class T>
bool suits_batch(const Operands<T>& c) {
  constexpr double kCopy = 8;  // multiplications in the time of copying an element to its lane
  constexpr double kGain = 1.25;
  const std::int64_t lanes = kernels<T>().lanes, outputs = c.y.size(1) / c.groups;
  const std::int64_t image = c.x.numel() / c.x.size(0);
  if (c.x.size(0) < lanes || outputs >= lanes || c.x.stride(3) != 1 || c.y.stride(3) != 1 ||
      images_of_block(c) * image * static_cast<std::int64_t>(sizeof(T)) > kTaskBytes)
    return false;
  const TermCounts rows(c.rows, lanes), columns(c.columns, lanes);
  const auto of_row = static_cast<double>(c.y.size(1) * (c.x.size(1) / c.groups) * rows.inside);
  const auto in_images = static_cast<double>(columns.inside) / filled(c.x.size(0), lanes);
  const auto in_columns = static_cast<double>(columns.in_vectors);
  const auto in_channels = static_cast<double>(columns.all) / filled(outputs, lanes);
  const auto copies = kCopy * static_cast<double>(image + c.y.numel() / c.y.size(0));
  return kGain * (of_row * in_images + copies) < of_row * std::min(in_columns, in_channels);
}

template <class T>
void correlate_batch(const Operands<T>& c) {
  BatchCorrelation<T>(c).run();
}

template bool suits_batch(const Operands<float>& c);
template bool suits_batch(const Operands<double>& c);
template void correlate_batch(const Operands<float>& c);
template void correlate_batch(const Operands<double>& c);

}  // namespace ebb::kernels::conv
