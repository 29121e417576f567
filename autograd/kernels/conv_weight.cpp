#include <numeric>

#include "autograd/base/parallel.h"
#include "autograd/base/scratch.h"
#include "autograd/kernels/conv.h"
#include "autograd/kernels/conv_filter.h"
#include "autograd/kernels/conv_image.h"
#include "autograd/kernels/conv_plan.h"
#include "autograd/kernels/conv_pointwise.h"
#include "autograd/kernels/conv_tile.h"
#include "autograd/kernels/conv_winograd.h"

namespace ebb::kernels {
namespace conv {
namespace {

using memory::Scratch;

// gw[o, k, y, x] = Σ over images and pixels (i, j) of g[o, i, j] x[k, i s + y d - pad, j s + x d - pad].
//
// Note [Chunks of images]: the images are shared out to at most kTasks chunks, by sizes alone; each sums into its own
// weights, and these are added in order of the chunks. Where there are few chunks, because weights are large or images
// few, the units of channels are shared out too.
template <class T>
class WeightGradient {
 public:
  WeightGradient(View gw, View g, View x, const Sweep& rows, const Sweep& columns, std::int64_t groups)
      : kernels_(kernels<T>()),
        gw_(gw),
        g_(g),
        x_(x),
        rows_(rows),
        columns_(columns),
        units_(units(choose_lanes(groups), groups, gw.size(0) / groups, gw.size(1), kernels_.lanes)),
        panel_{rows.kernel, columns.kernel, units_.depth, units_.width},
        chunk_(images_of_chunk()),
        chunks_(ceil_div(g.size(0), chunk_)),
        slice_(ceil_div(units_.count(), ceil_div(most_tasks(), chunks_))),
        sums_(chunks_ * units_.count() * unit_size()) {}

  void run() const {
    const std::int64_t slices = ceil_div(units_.count(), slice_);
    parallel_for(chunks_ * slices, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t n = i / slices * chunk_, unit = i % slices * slice_;
        T* const sums = sums_.data() + (i / slices * units_.count() + unit) * unit_size();
        sum_images({n, std::min(n + chunk_, g_.size(0))}, {unit, std::min(unit + slice_, units_.count())}, sums);
      }
    });
    add_chunks(sums_.data(), units_.count() * unit_size(), chunks_);
    parallel_for(units_.count(), 1 + kPieceWork / 16 / unit_size(), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t unit = begin; unit < end; ++unit) write(unit);
    });
  }

 private:
  static constexpr std::int64_t kTilePixels = 256;  // whose vectors of g stay in the first cache

  Lanes lanes() const { return units_.lanes; }
  Lanes choose_lanes(std::int64_t groups) const {
    const std::int64_t outputs = gw_.size(0) / groups;
    if (groups > 1 && outputs == 1 && gw_.size(1) == 1 && channels_last(x_) && channels_last(g_))
      return Lanes::groups;
    // Multiplications for an element of g, and those in the time of its copy to a lane.
    constexpr double kCopy = 12, kDot = 1.25;  // a dot product loads more for a multiplication
    const auto work = static_cast<double>(gw_.size(1) * rows_.kernel * columns_.kernel);
    const double channels = work / filled(outputs, kernels_.lanes) + kCopy;
    const double columns = work / filled(g_.size(3), kernels_.lanes) * kDot;
    return columns < channels ? Lanes::columns : Lanes::channels;
  }

  // With columns as lanes each sum is a vector.
  std::int64_t unit_size() const { return panel_.numel() * (lanes() == Lanes::columns ? kernels_.lanes : 1); }

  std::int64_t most_tasks() const {
    return std::min(kTasks, 1 + g_.numel() * units_.depth * panel_.taps() / kPieceWork);
  }
  std::int64_t images_of_chunk() const {
    const auto bytes = units_.count() * unit_size() * static_cast<std::int64_t>(sizeof(T));
    const std::int64_t most = std::min(most_tasks(), std::max<std::int64_t>(1, kSumBytes / bytes));
    return ceil_div(g_.size(0), most);
  }

  // Some channels of images as the tiles read them: in place, or copied.
  struct Source {
    View view;
    Window window;
    bool direct;
    Layout layout;
    std::int64_t step;  // from an image to the next

    Source(const View& v, const Window& w, Lanes lanes, std::int64_t channels, std::int64_t column_step,
           bool in_place)
        : view(v),
          window(w),
          direct(in_place && w.inside()),
          layout(direct ? Layout{v.stride(1), v.stride(2), v.stride(3)}
                        : packed_layout(lanes, channels, w.columns, column_step)),
          step(direct ? v.stride(0) : w.rows * layout.row) {}

    std::int64_t copied() const { return direct ? 0 : step; }

    const T* read(const Range& images, const Range& channels, T* copy) const {
      auto from = image<const T>(view, images.begin);
      from.data = from.at(channels.begin, 0, 0);
      if (direct) return from.at(0, window.y, window.x);
      for (std::int64_t n = 0; n < images.size(); ++n, from.data += view.stride(0))
        copy_window<T>(copy + n * step, layout, from, window, channels.size());
      return copy;
    }
  };

  Range inputs_of(const Range& slice) const {
    const std::int64_t last = slice.end - 1;
    return {units_.first_input(slice.begin), units_.first_input(last) + units_.inputs_of(last)};
  }
  Range outputs_of(std::int64_t unit) const {
    const std::int64_t first = units_.first_output(unit);
    return {first, first + units_.outputs_of(unit)};
  }
  Source inputs(const Range& slice) const {
    const Window window{rows_.lowest(), columns_.lowest(), rows_.extent(g_.size(2)), columns_.extent(g_.size(3)),
                        rows_.inputs,   columns_.inputs};
    const bool in_place = lanes() == Lanes::columns ? x_.stride(3) == 1 && columns_.step == 1 : channels_last(x_);
    return Source(x_, window, lanes(), inputs_of(slice).size(), columns_.step, in_place);
  }
  // The outputs of one unit; for channels a copy, of whole vectors.
  Source outputs() const {
    const Window window{0, 0, g_.size(2), g_.size(3), g_.size(2), g_.size(3)};
    const bool in_place = lanes() == Lanes::groups || (lanes() == Lanes::columns && g_.stride(3) == 1);
    return Source(g_, window, lanes(), units_.width, 1, in_place);
  }

  // Where the terms of a row of the kernel are: rows of pixels of images, or pixels if the lanes are groups.
  struct Terms {
    const Tap* taps;
    std::int64_t count;
  };

  // sums = what the images give to the units.
  void sum_images(const Range& images, const Range& slice, T* sums) const {
    const Source x = inputs(slice), g = outputs();
    const std::int64_t bytes = (x.copied() + g.copied()) * static_cast<std::int64_t>(sizeof(T));
    const std::int64_t most =
        lanes() == Lanes::channels ? std::clamp<std::int64_t>(kTaskBytes / (bytes + 1), 1, images.size()) : 1;
    const Scratch<T> x_copy(most * x.copied()), g_copy(most * g.copied());
    std::fill_n(x_copy.data(), most * x.copied(), T(0));
    std::fill_n(g_copy.data(), most * g.copied(), T(0));
    std::fill_n(sums, slice.size() * unit_size(), T(0));
    const std::int64_t lists = lanes() == Lanes::columns ? 1 : rows_.kernel;
    const Scratch<Tap> taps(lists * most * g_.size(2) * (lanes() == Lanes::groups ? g_.size(3) : 1));
    const Scratch<Terms> terms(lists);

    for (std::int64_t n = images.begin; n < images.end; n += most) {
      const Range part{n, std::min(n + most, images.end)};
      Tap* end = taps.data();
      for (std::int64_t y = 0; y < lists; ++y) {
        Tap* const begin = end;
        end = list_terms(begin, y, part.size(), x, g);
        terms[y] = {begin, end - begin};
      }
      const T* const in = x.read(part, inputs_of(slice), x_copy.data());
      for (std::int64_t unit = slice.begin; unit < slice.end; ++unit) {
        const T* const first =
            in + (units_.first_input(unit) - units_.first_input(slice.begin)) * x.layout.channel;
        const T* const out = g.read(part, outputs_of(unit), g_copy.data());
        T* const sum = sums + (unit - slice.begin) * unit_size();
        if (lanes() == Lanes::channels) add_channels(unit, terms.data(), {first, x.layout}, {out, g.layout}, sum);
        if (lanes() == Lanes::groups) add_groups(unit, terms.data(), {first, x.layout}, {out, g.layout}, sum);
        if (lanes() == Lanes::columns) add_columns(terms.data(), {first, x.layout}, {out, g.layout}, sum);
      }
    }
  }

  // Rows of kernel row y that lie in zeros around the image give nothing; with columns as lanes they are for all rows of
  // the kernel.
  Tap* list_terms(Tap* tap, std::int64_t y, std::int64_t images, const Source& x, const Source& g) const {
    for (std::int64_t n = 0; n < images; ++n) {
      for (std::int64_t i = 0; i < g_.size(2); ++i) {
        const std::int64_t row = i * rows_.step + rows_.place(0, y);
        if (lanes() != Lanes::columns && (row < 0 || row >= rows_.inputs)) continue;
        const Tap at{n * x.step + (row - rows_.lowest()) * x.layout.row, n * g.step + i * g.layout.row};
        if (lanes() == Lanes::groups) {
          for (std::int64_t j = 0; j < g_.size(3); ++j)
            *tap++ = {at.a + j * columns_.step * x.layout.column, at.b + j * g.layout.column};
        } else {
          *tap++ = lanes() == Lanes::columns ? Tap{at.b, at.a} : at;
        }
      }
    }
    return tap;
  }

  struct Operand {
    const T* data;
    Layout layout;
  };

  // A tile is input channels × vectors of output channels.
  void add_channels(std::int64_t unit, const Terms* terms, const Operand& x, const Operand& g, T* sums) const {
    // Neighbouring elements of a row of the kernel read neighbouring pixels: one row of inputs for all of them.
    const bool joined = columns_.dilation == 1 && x.layout.column == units_.depth;
    const std::int64_t depth = units_.depth * (joined ? columns_.kernel : 1);
    const std::int64_t vectors = ceil_div(units_.outputs_of(unit), kernels_.lanes);
    const std::int64_t block = std::max<std::int64_t>(1, kTilePixels / g_.size(3));
    Tile<T> tile{};
    tile.a_row = 1;
    tile.a_step = columns_.step * x.layout.column;
    tile.b = g.data;
    tile.b_vector = tile.start_vector = tile.c_vector = tile.width = tile.last_width = kernels_.lanes;
    tile.b_step = g.layout.column;
    tile.start_row = tile.c_row = panel_.channels;
    tile.depth = g_.size(3);
    for (std::int64_t y = 0; y < rows_.kernel; ++y) {
      for (std::int64_t i = 0; i < terms[y].count; i += block) {
        tile.taps = terms[y].taps + i;
        tile.tap_count = std::min(block, terms[y].count - i);
        for (std::int64_t at = 0; at < columns_.kernel * units_.depth; at += depth) {
          const T* const in = x.data + at / units_.depth * columns_.dilation * x.layout.column;
          T* const sum = sums + (y * columns_.kernel * units_.depth + at) * panel_.channels;
          for_each_part(depth, kernels_.rows[vectors - 1], [&](std::int64_t k, std::int64_t count) {
            tile.a = in + k;
            tile.start = tile.c = sum + k * panel_.channels;
            kernels_.product[vectors - 1][count - 1](tile);
          });
        }
      }
    }
  }

  // A tile is elements of a row of the kernel, for a vector of channels.
  void add_groups(std::int64_t unit, const Terms* terms, const Operand& x, const Operand& g, T* sums) const {
    Tile<T> tile{};
    tile.a_row = columns_.dilation * x.layout.column;
    tile.b = g.data;
    tile.start_row = tile.c_row = panel_.channels;
    tile.last_width = kernels_.lanes;
    tile.depth = units_.outputs_of(unit);
    for (std::int64_t y = 0; y < rows_.kernel; ++y) {
      tile.taps = terms[y].taps;
      tile.tap_count = terms[y].count;
      for_each_part(columns_.kernel, kMaxDotRows, [&](std::int64_t k, std::int64_t count) {
        tile.a = x.data + k * tile.a_row;
        tile.start = tile.c = sums + (y * columns_.kernel + k) * panel_.channels;
        kernels_.dot[0][count - 1](tile);
      });
    }
  }

  // A tile is output channels × rows of the kernel, of vectors of sums over every lanes-th pixel.
  void add_columns(const Terms* terms, const Operand& x, const Operand& g, T* sums) const {
    constexpr std::int64_t kRows = 3;  // of the kernel
    Tile<T> tile{};
    tile.a_row = g.layout.channel;
    tile.b_vector = rows_.dilation * x.layout.row;
    tile.start_row = tile.c_row = units_.depth * panel_.taps() * kernels_.lanes;
    tile.start_vector = tile.c_vector = columns_.kernel * kernels_.lanes;
    tile.width = tile.last_width = kernels_.lanes;
    tile.taps = terms->taps;
    tile.tap_count = terms->count;
    tile.depth = g_.size(3);
    for_each_part(rows_.kernel, kRows, [&](std::int64_t y, std::int64_t vectors) {
      const std::int64_t most = std::min<std::int64_t>(kMaxDotRows, kernels_.rows[vectors - 1]);
      for_each_part(units_.outputs, most, [&](std::int64_t o, std::int64_t count) {
        tile.a = g.data + o * g.layout.channel;
        for (std::int64_t k = 0; k < units_.depth; ++k) {
          for (std::int64_t c = 0; c < columns_.kernel; ++c) {
            tile.b = x.data + k * x.layout.channel + x.layout.offset(y * rows_.dilation, c * columns_.dilation);
            tile.start = tile.c =
                sums + (((o * units_.depth + k) * rows_.kernel + y) * columns_.kernel + c) * kernels_.lanes;
            kernels_.dot[vectors - 1][count - 1](tile);
          }
        }
      });
    });
  }

  // Chunk 0's sums of a unit to the weights.
  void write(std::int64_t unit) const {
    const T* sums = sums_.data() + unit * unit_size();
    const std::int64_t out = gw_.stride(0);
    const Filter<T> filter{
        gw_.as<T>() + units_.first_output(unit) * out, 0, out, gw_.stride(1), gw_.stride(2), gw_.stride(3)};
    if (lanes() != Lanes::columns) return unpack(filter, sums, panel_, units_.outputs_of(unit));
    for (std::int64_t o = 0; o < units_.outputs; ++o)
      for (std::int64_t k = 0; k < units_.depth; ++k)
        for (std::int64_t y = 0; y < rows_.kernel; ++y)
          for (std::int64_t x = 0; x < columns_.kernel; ++x, sums += kernels_.lanes)
            filter.data[o * out + k * filter.in + y * filter.row + x * filter.column] =
                std::accumulate(sums, sums + kernels_.lanes, T(0));
  }

  const Kernels<T>& kernels_;
  const View gw_, g_, x_;
  const Sweep rows_, columns_;
  const Units units_;
  const Panel panel_;
  const std::int64_t chunk_, chunks_, slice_;  // images of a chunk, chunks, units of a task
  const Scratch<T> sums_;
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
  if (gweight.numel() == 0) return;
  if (g.numel() > 0 && conv::is_pointwise(g, x, gweight, geometry))
    return conv::pointwise_backward_weight(gweight, g, x, geometry);
  if (g.numel() > 0 && conv::prefers_winograd(g, gweight, geometry))
    return conv::winograd_backward_weight(gweight, g, x, geometry);
  const auto sweep = [&](std::size_t i, int axis) {
    return conv::Sweep{g.size(axis),
                       x.size(axis),
                       gweight.size(axis),
                       geometry.stride_along(i, x.size(axis)),
                       geometry.dilation[i],
                       geometry.padding[i],
                       1};
  };
  visit_floating(gweight.dtype, [&]<class T>(T*) {
    if (g.numel() == 0) return conv::clear<T>(gweight);
    conv::WeightGradient<T>(gweight, g, x, sweep(0, 2), sweep(1, 3), geometry.groups).run();
  });
}

}  // namespace ebb::kernels
