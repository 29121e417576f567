#include <optional>

#include "autograd/base/memory.h"
#include "autograd/base/parallel.h"
#include "autograd/kernels/conv.h"
#include "autograd/kernels/conv_filter.h"
#include "autograd/kernels/conv_image.h"
#include "autograd/kernels/conv_plan.h"
#include "autograd/kernels/conv_tile.h"

namespace ebb::kernels {
namespace conv {
namespace {

using memory::Scratch;

struct Range {
  std::int64_t begin, end;
  std::int64_t size() const { return end - begin; }
};

// gw[o, k, y, x] = Σ over images and pixels (i, j) of g[o, i, j] in[k, i s + y d - pad, j s + x d - pad].
//
// Note [Chunks of images]: images are shared out to at most kTasks chunks, by sizes alone; each sums into its own
// weights, and these are added in order of the chunks. Where there are few chunks, because weights are large or images
// few, the channels are shared out too.
template <class T>
class WeightGradient {
 public:
  WeightGradient(View gw, View g, View x, const Conv2dGeometry& geometry)
      : kernels_(kernels<T>()),
        gw_(gw),
        g_(g),
        x_(x),
        geometry_(geometry),
        outputs_(gw.size(0) / geometry.groups),
        depth_(gw.size(1)),
        lanes_(filled(outputs_) < filled(g.size(3)) ? Lanes::columns : Lanes::channels),
        panels_(lanes_ == Lanes::channels ? ceil_div(outputs_, 2 * kernels_.lanes) : 1),
        rows_(sweep(0)),
        columns_(sweep(1)),
        window_{rows_.lowest(), columns_.lowest(), rows_.extent(g.size(2)), columns_.extent(g.size(3))},
        chunk_(images_of_chunk()),
        chunks_(ceil_div(g.size(0), chunk_)),
        slice_(units_of_slice()),
        partial_(chunks_ * units() * unit_size()) {}

  void run() const {
    const std::int64_t slices = ceil_div(units(), slice_);
    parallel_for(chunks_ * slices, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t image = i / slices * chunk_, unit = i % slices * slice_;
        sum_images({image, std::min(image + chunk_, g_.size(0))}, {unit, std::min(unit + slice_, units())},
                   partial_.data() + (i / slices * units() + unit) * unit_size());
      }
    });
    add_chunks();
    parallel_for(units(), 1 + kPieceWork / 16 / unit_size(), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t unit = begin; unit < end; ++unit) write(unit);
    });
  }

 private:
  static constexpr std::int64_t kPieceWork = 1 << 20;
  static constexpr std::int64_t kTasks = 16;
  static constexpr std::int64_t kPartialBytes = 8 << 20;  // of all chunks' sums
  static constexpr std::int64_t kBlockPixels = 256;       // whose vectors of g stay in the cache

  // Slices of the weights: a panel of channels, or a group.
  std::int64_t units() const { return geometry_.groups * panels_; }
  std::int64_t taps() const { return rows_.kernel * columns_.kernel; }
  Panel panel() const { return {rows_.kernel, columns_.kernel, depth_, 2 * kernels_.lanes}; }
  std::int64_t unit_size() const {
    return lanes_ == Lanes::channels ? panel().numel() : outputs_ * depth_ * taps() * kernels_.lanes;
  }
  double filled(std::int64_t n) const {
    return static_cast<double>(n) / static_cast<double>(ceil_div(n, kernels_.lanes) * kernels_.lanes);
  }
  Sweep sweep(int axis) const {
    const auto i = static_cast<std::size_t>(axis);
    return Sweep::forward(g_.size(2 + axis), gw_.size(2 + axis), geometry_.stride[i], geometry_.padding[i],
                          geometry_.dilation[i]);
  }

  std::int64_t most_tasks() const {
    return std::min(kTasks, 1 + g_.numel() * depth_ * taps() / kPieceWork);
  }
  std::int64_t images_of_chunk() const {
    const auto bytes = units() * unit_size() * static_cast<std::int64_t>(sizeof(T));
    const std::int64_t most = std::min(most_tasks(), std::max<std::int64_t>(1, kPartialBytes / bytes));
    return ceil_div(g_.size(0), most);
  }
  std::int64_t units_of_slice() const { return ceil_div(units(), ceil_div(most_tasks(), chunks_)); }

  // An operand's channels as the tiles read them: itself, or a copy.
  struct Operand {
    const T* data;
    Layout layout;
  };
  struct Source {
    View view;
    Range channels;
    Window window;
    std::int64_t step;
    bool direct;

    Layout layout(Lanes lanes) const {
      return direct ? Layout{view.stride(1), view.stride(2), view.stride(3)}
                    : packed_layout(lanes, channels.size(), window.columns, step);
    }
    std::int64_t copied(Lanes lanes) const { return direct ? 0 : window.rows * layout(lanes).row; }
  };

  Range channels_of(const Range& slice, std::int64_t per_group) const {
    return {slice.begin / panels_ * per_group, ((slice.end - 1) / panels_ + 1) * per_group};
  }
  Source source_of_x(const Range& slice) const {
    const bool unit = lanes_ == Lanes::channels ? x_.stride(1) == 1 || x_.size(1) == 1 : x_.stride(3) == 1 && columns_.step == 1;
    return {x_, channels_of(slice, depth_), window_, columns_.step, unit && window_.inside(x_.size(2), x_.size(3))};
  }
  Source source_of_g(const Range& slice) const {
    const bool unit = lanes_ == Lanes::channels ? g_.stride(1) == 1 && outputs_ % kernels_.lanes == 0 : g_.stride(3) == 1;
    return {g_, channels_of(slice, outputs_), {0, 0, g_.size(2), g_.size(3)}, 1, unit};
  }

  Operand read(const Source& source, std::int64_t n, T* copy) const {
    auto from = image<const T>(source.view, n);
    from.data = from.at(source.channels.begin, 0, 0);
    const Layout layout = source.layout(lanes_);
    if (source.direct) return {from.at(0, source.window.y, source.window.x), layout};
    copy_window<T>(copy, layout, from, source.window, source.channels.size(), source.view.size(2), source.view.size(3));
    return {copy, layout};
  }

  // sums += what the images give to the units.
  void sum_images(const Range& images, const Range& slice, T* sums) const {
    const Source x_source = source_of_x(slice), g_source = source_of_g(slice);
    const Scratch<T> x_copy(x_source.copied(lanes_)), g_copy(g_source.copied(lanes_) + 2 * kernels_.lanes);
    std::fill_n(g_copy.data() + g_source.copied(lanes_), 2 * kernels_.lanes, T(0));
    std::fill_n(sums, slice.size() * unit_size(), T(0));

    const Scratch<Tap> rows(g_.size(2));
    const Layout x_layout = x_source.layout(lanes_), g_layout = g_source.layout(lanes_);
    for (std::int64_t i = 0; i < g_.size(2); ++i) {
      const std::int64_t in_x = i * rows_.step * x_layout.row, in_g = i * g_layout.row;
      rows[i] = lanes_ == Lanes::channels ? Tap{in_x, in_g} : Tap{in_g, in_x};
    }
    for (std::int64_t n = images.begin; n < images.end; ++n) {
      const Operand x = read(x_source, n, x_copy.data()), g = read(g_source, n, g_copy.data());
      lanes_ == Lanes::channels ? add_channels(slice, x, g, rows.data(), sums) : add_columns(slice, x, g, rows.data(), sums);
    }
  }

  // A tile is input channels × vectors of output channels; the taps are rows of pixels.
  void add_channels(const Range& slice, const Operand& x, const Operand& g, const Tap* rows, T* sums) const {
    const Panel size = panel();
    Tile<T> tile{};
    tile.a_row = 1;
    tile.a_step = columns_.step * x.layout.column;
    tile.b_vector = tile.start_vector = tile.c_vector = tile.width = tile.last_width = kernels_.lanes;
    tile.b_step = g.layout.column;
    tile.start_row = tile.c_row = size.channels;
    tile.depth = g_.size(3);
    // Neighbouring kernel elements read neighbouring pixels: one row of inputs for all of them.
    const bool joined = columns_.dilation == 1 && x.layout.column == depth_;
    const std::int64_t inputs = joined ? columns_.kernel * depth_ : depth_;
    const std::int64_t block = std::max<std::int64_t>(1, kBlockPixels / g_.size(3));
    for (std::int64_t i = 0; i < g_.size(2); i += block) {
      tile.taps = rows + i;
      tile.tap_count = std::min(block, g_.size(2) - i);
      for (std::int64_t unit = slice.begin; unit < slice.end; ++unit) {
        const std::int64_t group = unit / panels_ - slice.begin / panels_, first = unit % panels_ * size.channels;
        const std::int64_t vectors = ceil_div(std::min(size.channels, outputs_ - first), kernels_.lanes);
        T* const sum = sums + (unit - slice.begin) * unit_size();
        tile.b = g.data + group * outputs_ + first;
        for (std::int64_t at = 0; at < taps() * depth_; at += inputs) {
          const std::int64_t tap = at / depth_, y = tap / columns_.kernel * rows_.dilation, c = tap % columns_.kernel * columns_.dilation;
          for_each_part(inputs, kernels_.rows[vectors - 1], [&](std::int64_t k, std::int64_t count) {
            tile.a = x.data + group * depth_ + y * x.layout.row + c * x.layout.column + k;
            tile.start = tile.c = sum + (at + k) * size.channels;
            kernels_.product[vectors - 1][count - 1](tile);
          });
        }
      }
    }
  }

  // A tile is output channels × rows of the kernel, of vectors of sums over every lanes-th pixel.
  void add_columns(const Range& slice, const Operand& x, const Operand& g, const Tap* rows, T* sums) const {
    Tile<T> tile{};
    tile.a_row = g.layout.channel;
    tile.b_vector = rows_.dilation * x.layout.row;
    tile.start_row = tile.c_row = depth_ * taps() * kernels_.lanes;
    tile.start_vector = tile.c_vector = columns_.kernel * kernels_.lanes;
    tile.width = tile.last_width = kernels_.lanes;
    tile.taps = rows;
    tile.tap_count = g_.size(2);
    tile.depth = g_.size(3);
    const auto tile_at = [&](std::int64_t group, std::int64_t o, std::int64_t k, std::int64_t y, std::int64_t c) {
      tile.a = g.data + (group * outputs_ + o) * g.layout.channel;
      tile.b = x.data + (group * depth_ + k) * x.layout.channel + x.layout.offset(y * rows_.dilation, c * columns_.dilation);
      tile.start = tile.c = sums + (((group * outputs_ + o) * depth_ + k) * taps() + y * columns_.kernel + c) * kernels_.lanes;
    };
    for (std::int64_t group = 0; group < slice.size(); ++group) {
      for_each_part(rows_.kernel, 3, [&](std::int64_t y, std::int64_t vectors) {
        for_each_part(outputs_, std::min<std::int64_t>(kMaxDotRows, kernels_.rows[vectors - 1]), [&](std::int64_t o, std::int64_t count) {
          for (std::int64_t i = 0; i < depth_ * columns_.kernel; ++i) {
            tile_at(group, o, i / columns_.kernel, y, i % columns_.kernel);
            kernels_.dot[vectors - 1][count - 1](tile);
          }
        });
      });
    }
  }

  void add_chunks() const {
    const std::int64_t size = units() * unit_size();
    T* const sums = partial_.data();
    parallel_for(size, 1 << 15, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t chunk = 1; chunk < chunks_; ++chunk)
        for (std::int64_t i = begin; i < end; ++i) sums[i] += sums[chunk * size + i];
    });
  }

  void write(std::int64_t unit) const {
    const T* sums = partial_.data() + unit * unit_size();
    const std::int64_t group = unit / panels_, first = unit % panels_ * panel().channels;
    const Filter<T> filter{gw_.as<T>() + (group * outputs_ + first) * gw_.stride(0), 0, gw_.stride(0), gw_.stride(1), gw_.stride(2), gw_.stride(3)};
    if (lanes_ == Lanes::channels) return unpack(filter, sums, panel(), std::min(panel().channels, outputs_ - first));
    for (std::int64_t o = 0; o < outputs_; ++o)
      for (std::int64_t k = 0; k < depth_; ++k)
        for (std::int64_t t = 0; t < taps(); ++t, sums += kernels_.lanes) {
          T sum = 0;
          for (std::int64_t l = 0; l < kernels_.lanes; ++l) sum += sums[l];
          filter.data[o * filter.out + k * filter.in + t / columns_.kernel * filter.row + t % columns_.kernel * filter.column] = sum;
        }
  }

  const Kernels<T>& kernels_;
  const View gw_, g_, x_;
  const Conv2dGeometry& geometry_;
  const std::int64_t outputs_, depth_;
  const Lanes lanes_;
  const std::int64_t panels_;
  const Sweep rows_, columns_;
  const Window window_;
  const std::int64_t chunk_, chunks_, slice_;
  const Scratch<T> partial_;
};

// gw = 0, where there is nothing to sum.
template <class T>
void clear(const View& gw) {
  for (std::int64_t o = 0; o < gw.size(0); ++o)
    for (std::int64_t k = 0; k < gw.size(1); ++k)
      for (std::int64_t y = 0; y < gw.size(2); ++y)
        for (std::int64_t x = 0; x < gw.size(3); ++x)
          gw.as<T>()[o * gw.stride(0) + k * gw.stride(1) + y * gw.stride(2) + x * gw.stride(3)] = T(0);
}

}  // namespace
}  // namespace conv

void conv2d_backward_weight(View gweight, View g, View x, const Conv2dGeometry& geometry) {
  visit_floating(gweight.dtype, [&]<class T>(T*) {
    if (gweight.numel() == 0) return;
    if (g.numel() == 0) return conv::clear<T>(gweight);
    conv::WeightGradient<T>(gweight, g, x, geometry).run();
  });
}

}  // namespace ebb::kernels
