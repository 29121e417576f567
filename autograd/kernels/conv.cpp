#include "autograd/kernels/conv.h"

#include "autograd/base/parallel.h"
#include "autograd/base/scratch.h"
#include "autograd/kernels/conv_batch.h"
#include "autograd/kernels/conv_filter.h"
#include "autograd/kernels/conv_image.h"
#include "autograd/kernels/conv_plan.h"
#include "autograd/kernels/conv_pointwise.h"
#include "autograd/kernels/conv_tile.h"
#include "autograd/kernels/conv_winograd.h"
#include "autograd/kernels/elementwise.h"

namespace ebb::kernels {
namespace conv {
namespace {

using memory::Scratch;

// The outputs of one phase: the first is (y, x). Each kernel row that they use has row_taps taps, and reads row
// p step + places[i] of the image.
struct Phase {
  std::int64_t y, x;
  std::int64_t rows, columns;
  Tap* taps;
  std::int64_t* places;
  std::int64_t kernel_rows = 0, row_taps = 0;
};

// Images in memory, `step` apart.
template <class T>
struct Batch {
  T* data;
  std::int64_t step;
};

template <class T>
class Correlation {
 public:
  explicit Correlation(const Operands<T>& c)
      : kernels_(kernels<T>()),
        y_(c.y),
        x_(c.x),
        filter_(c.filter),
        rows_(c.rows),
        columns_(c.columns),
        units_(
            units(choose_lanes(c.groups), c.groups, y_.size(1) / c.groups, x_.size(1) / c.groups, kernels_.lanes)),
        panel_{rows_.kernel, columns_.kernel, units_.depth, units_.width},
        direct_in_(can_read_directly()),
        direct_out_(can_write_directly()),
        layout_(direct_in_ ? Layout{x_.stride(1), x_.stride(2), x_.stride(3)}
                           : packed_layout(lanes(), x_.size(1), columns_.extent(most_columns()), columns_.step)),
        taps_(phase_count() * panel_.taps()),
        places_(phase_count() * rows_.kernel),
        phases_(phase_count()),
        weights_(lanes() == Lanes::columns ? 0 : units_.count() * panel_.numel() + kernels_.lanes),
        start_(units_.count() * units_.width * (lanes() == Lanes::columns ? kernels_.lanes : 1)) {
    if (lanes() == Lanes::groups) filter_.out = filter_.group;
    list_phases();
    spread_bias(c.bias);
    if (lanes() != Lanes::columns) pack_weights();
  }

  void run() const {
    const Blocks blocks = cut();
    const Block most = blocks.largest();
    const std::int64_t work = y_.numel() * units_.depth * panel_.taps() / blocks.count();
    parallel_for(blocks.count(), 1 + kPieceWork / (work + 1), [&](std::int64_t begin, std::int64_t end) {
      const std::int64_t in_size = most.images * in_step(most) + kernels_.lanes;
      const Scratch<T> in(direct_in_ ? 0 : in_size);
      const Scratch<T> out(direct_out_ ? 0 : most.images * out_step(most.rows));
      for (std::int64_t i = begin; i < end; ++i) {
        const Block block = blocks[i];
        if (!direct_in_ && (i == begin || blocks.per_image() > 1)) std::fill_n(in.data(), in_size, T(0));
        run_block(block, read(block, in.data()), out.data());
      }
    });
  }

 private:
  Lanes lanes() const { return units_.lanes; }
  std::int64_t phase_count() const { return rows_.phases() * columns_.phases(); }
  std::int64_t most_columns() const { return columns_.outputs_of(0); }

  Lanes choose_lanes(std::int64_t groups) const {
    constexpr std::int64_t kFewProducts =
        640;  // so many for an output that rows of weights stay in the first cache
    const std::int64_t outputs = y_.size(1) / groups, depth = x_.size(1) / groups;
    const bool channels_side_by_side = channels_last(x_) && channels_last(y_);
    if (groups > 1 && outputs == 1 && depth == 1 && channels_side_by_side) return Lanes::groups;
    const double channels = filled(outputs, kernels_.lanes), columns = filled(most_columns(), kernels_.lanes);
    if (channels != columns) return channels < columns ? Lanes::columns : Lanes::channels;
    return !channels_side_by_side && depth * rows_.kernel * columns_.kernel <= kFewProducts ? Lanes::columns
                                                                                            : Lanes::channels;
  }

  Window window(std::int64_t row, std::int64_t rows) const {
    return {row * rows_.step + rows_.lowest(), columns_.lowest(), rows_.extent(rows),
            columns_.extent(most_columns()),   rows_.inputs,      columns_.inputs};
  }
  bool can_read_directly() const {
    if (!window(0, rows_.outputs_of(0)).inside()) return false;
    if (lanes() != Lanes::columns) return channels_last(x_);
    return x_.stride(3) == 1 && columns_.step == 1 && most_columns() % kernels_.lanes == 0;
  }
  bool can_write_directly() const {
    return lanes() == Lanes::columns ? y_.stride(3) == 1 && columns_.divisor == 1 : channels_last(y_);
  }

  std::int64_t in_step(const Block& block) const { return rows_.extent(block.rows) * layout_.row; }
  std::int64_t out_step(std::int64_t rows) const { return rows * phase_count() * most_columns() * y_.size(1); }

  // The rows of a block are those of every phase.
  Blocks cut() const {
    const std::int64_t rows = rows_.outputs_of(0), images = y_.size(0);
    const auto row_bytes = static_cast<std::int64_t>(sizeof(T)) *
                           (rows_.step * columns_.extent(most_columns()) * x_.size(1) + out_step(1));
    return {images, rows,
            std::clamp<std::int64_t>(kTaskBytes / (row_bytes + 1), 1, ceil_div(rows * images, kTasks))};
  }

  void list_phases() {
    const bool joined = can_join_taps();
    Tap* tap = taps_.data();
    std::int64_t* place = places_.data();
    for (std::int64_t i = 0; i < phase_count(); ++i) {
      Phase& phase = phases_[i];
      const std::int64_t first_y = i / columns_.phases(), first_x = i % columns_.phases();
      phase = {first_y, first_x, rows_.outputs_of(first_y), columns_.outputs_of(first_x), tap, place};
      for (std::int64_t y = 0; y < rows_.kernel; ++y) {
        if (!rows_.reads(phase.y, y)) continue;
        *place++ = rows_.place(phase.y, y);
        for (std::int64_t x = 0; x < (joined ? 1 : columns_.kernel); ++x)
          if (columns_.reads(phase.x, x)) *tap++ = tap_at(phase, y, x);
      }
      phase.kernel_rows = place - phase.places;
      phase.row_taps = phase.kernel_rows > 0 ? (tap - phase.taps) / phase.kernel_rows : 0;
    }
  }
  Tap tap_at(const Phase& phase, std::int64_t y, std::int64_t x) const {
    const std::int64_t in =
        layout_.offset(rows_.place(phase.y, y) - rows_.lowest(), columns_.place(phase.x, x) - columns_.lowest());
    if (lanes() == Lanes::columns) return {y * filter_.row + x * filter_.column, in};
    return {in, (y * panel_.columns + x) * panel_.depth * panel_.channels};
  }
  // Neighbouring kernel elements of a row read neighbouring pixels: one tap for all of them.
  bool can_join_taps() const {
    return lanes() == Lanes::channels && columns_.dilation == 1 && columns_.divisor == 1 &&
           layout_.column == units_.depth;
  }
  std::int64_t tap_depth() const { return units_.depth * (can_join_taps() ? columns_.kernel : 1); }

  // The sums start as the bias: side by side, or a vector for each channel.
  void spread_bias(const View& bias) {
    const std::int64_t copies = lanes() == Lanes::columns ? kernels_.lanes : 1;
    for (std::int64_t unit = 0; unit < units_.count(); ++unit) {
      T* const start = start_.data() + unit * units_.width * copies;
      std::fill_n(start, units_.width * copies, T(0));
      if (!bias.data) continue;
      for (std::int64_t o = 0; o < units_.outputs_of(unit); ++o)
        std::fill_n(start + o * copies, copies, bias.as<T>()[(units_.first_output(unit) + o) * bias.stride(0)]);
    }
  }

  void pack_weights() {
    parallel_for(units_.count(), 1 + kPieceWork / 16 / (panel_.numel() + 1),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t unit = begin; unit < end; ++unit) {
                     Filter<const T> part =
                         filter_.part(unit / units_.per_group(), unit % units_.per_group() * units_.width);
                     pack(weights_.data() + unit * panel_.numel(), panel_, part, units_.outputs_of(unit));
                   }
                 });
  }

  // The block's rows of x, and the zeros around them.
  Batch<const T> read(const Block& block, T* copy) const {
    const Window part = window(block.row, block.rows);
    if (direct_in_) return {image<const T>(x_, block.image).at(0, part.y, part.x), x_.stride(0)};
    for (std::int64_t i = 0; i < block.images; ++i)
      copy_window<T>(copy + i * in_step(block), layout_, image<const T>(x_, block.image + i), part, x_.size(1));
    return {copy, in_step(block)};
  }

  // Pixels of phases lie between each other's: where channels are lanes, they are brought together in one copy.
  void run_block(const Block& block, const Batch<const T>& in, T* copy) const {
    const bool apart = !direct_out_ && lanes() == Lanes::columns;
    const std::int64_t first_row = block.row * rows_.phases();
    const std::int64_t all_rows = std::min(block.rows * rows_.phases(), y_.size(2) - first_row);
    const Image<T> y = part_of(image<T>(y_, block.image), first_row, 0, 1, 1);
    const auto packed = [&](std::int64_t columns) -> Image<T> {
      const Layout layout = packed_layout(lanes(), y_.size(1), columns, 1);
      return {copy, layout.channel, layout.row, layout.column};
    };
    const auto write = [&](Image<T> to, Image<const T> from, std::int64_t rows, std::int64_t columns) {
      const std::int64_t step = rows * from.row;
      for (std::int64_t n = 0; n < block.images; ++n, to.data += y_.stride(0), from.data += step)
        copy_image<T>(to, from, y_.size(1), rows, columns);
    };
    const Image<T> whole = direct_out_ ? y : packed(y_.size(3));
    for (std::int64_t i = 0; i < phase_count(); ++i) {
      const Phase& phase = phases_[i];
      Block part = block;
      part.rows = std::min(block.rows, phase.rows - block.row);
      if (part.rows <= 0 || phase.columns == 0) continue;
      if (apart) {
        const Image<T> out = packed(phase.columns);
        sweep(part, phase, in, out, part.rows * out.row);
        write(part_of(y, phase.y, phase.x, rows_.phases(), columns_.phases()),
              {out.data, out.channel, out.row, out.column}, part.rows, phase.columns);
      } else {
        sweep(part, phase, in, part_of(whole, phase.y, phase.x, rows_.phases(), columns_.phases()),
              direct_out_ ? y_.stride(0) : all_rows * whole.row);
      }
    }
    if (!direct_out_ && !apart)
      write(y, {whole.data, whole.channel, whole.row, whole.column}, all_rows, y_.size(3));
  }

  // Every few rows and columns of an image, from (row, column) on.
  static Image<T> part_of(const Image<T>& x, std::int64_t row, std::int64_t column, std::int64_t row_step,
                          std::int64_t column_step) {
    return {x.at(0, row, column), x.channel, x.row * row_step, x.column * column_step};
  }

  void sweep(const Block& block, const Phase& phase, const Batch<const T>& in, const Image<T>& out,
             std::int64_t out_step) const {
    const auto sweep_unit = [&](std::int64_t unit, std::int64_t n, std::int64_t row, std::int64_t rows) {
      const Block part{block.image, block.images, block.row + row, rows};
      const T* const x =
          in.data + n * in.step + row * rows_.step * layout_.row + units_.first_input(unit) * layout_.channel;
      const Image<T> y{out.at(units_.first_output(unit), row, 0) + n * out_step, out.channel, out.row, out.column};
      lanes() == Lanes::columns ? sweep_columns(part, phase, unit, x, y) : sweep_channels(part, phase, unit, x, y);
    };
    if (lanes() != Lanes::groups) {
      for (std::int64_t unit = 0; unit < units_.count(); ++unit)
        for (std::int64_t n = 0; n < block.images; ++n) sweep_unit(unit, n, 0, block.rows);
    } else {
      for (std::int64_t n = 0; n < block.images; ++n)
        for (std::int64_t row = 0; row < block.rows; ++row)
          for (std::int64_t unit = 0; unit < units_.count(); ++unit) sweep_unit(unit, n, row, 1);
    }
  }

  // The taps of `count` rows of outputs from `row` on, but for those that multiply only zeros around the image.
  void choose_taps(Tile<T>& tile, const Phase& phase, std::int64_t row, std::int64_t count) const {
    std::int64_t begin = 0, end = phase.kernel_rows;
    while (begin < end && (row + count - 1) * rows_.step + phase.places[begin] < 0) ++begin;
    while (begin < end && row * rows_.step + phase.places[end - 1] >= rows_.inputs) --end;
    tile.taps = phase.taps + begin * phase.row_taps;
    tile.tap_count = (end - begin) * phase.row_taps;
  }

  // A tile is neighbouring pixels of a row × vectors of output channels.
  void sweep_channels(const Block& block, const Phase& phase, std::int64_t unit, const T* in,
                      const Image<T>& out) const {
    const bool grouped = lanes() == Lanes::groups;  // each channel has its own input
    const std::int64_t outputs = units_.outputs_of(unit), vectors = ceil_div(outputs, kernels_.lanes);
    const auto* const kernel = grouped ? kernels_.dot[0] : kernels_.product[vectors - 1];
    const std::int64_t most = grouped ? kMaxDotRows : kernels_.rows[vectors - 1];
    Tile<T> tile{};
    tile.a_row = columns_.step * layout_.column;
    tile.a_step = 1;
    tile.b = weights_.data() + unit * panel_.numel();
    tile.b_vector = tile.start_vector = tile.c_vector = tile.width = kernels_.lanes;
    tile.b_step = panel_.channels;
    tile.start = start_.data() + unit * units_.width;
    tile.c_row = out.column;
    tile.last_width = outputs - (vectors - 1) * kernels_.lanes;
    tile.depth = grouped ? outputs : tap_depth();
    for (std::int64_t y = 0; y < block.rows; ++y) {
      choose_taps(tile, phase, block.row + y, 1);
      for_each_part(phase.columns, most, [&](std::int64_t x, std::int64_t pixels) {
        tile.a = in + y * rows_.step * layout_.row + x * tile.a_row;
        tile.c = out.at(0, y, x);
        kernel[pixels - 1](tile);
      });
    }
  }

  // A tile is output channels × vectors of neighbouring pixels, each of another row.
  void sweep_columns(const Block& block, const Phase& phase, std::int64_t unit, const T* in,
                     const Image<T>& out) const {
    Tile<T> tile{};
    tile.a_row = filter_.out;
    tile.a_step = filter_.in;
    tile.b_vector = rows_.step * layout_.row;
    tile.b_step = layout_.channel;
    tile.c_row = out.channel;
    tile.c_vector = out.row;
    const std::int64_t most_vectors = best_vectors(kernels_, units_.outputs);
    const std::int64_t most_depth = pass_depth(phase, most_vectors);
    for_each_part(block.rows, most_vectors, [&](std::int64_t y, std::int64_t vectors) {
      choose_taps(tile, phase, block.row + y, vectors);
      for (std::int64_t k = 0; k < units_.depth; k += most_depth) {
        tile.depth = std::min(most_depth, units_.depth - k);
        tile.start_row = k == 0 ? kernels_.lanes : tile.c_row;
        tile.start_vector = k == 0 ? 0 : tile.c_vector;
        for_each_part(units_.outputs, kernels_.rows[vectors - 1], [&](std::int64_t o, std::int64_t rows) {
          const T* const bias = start_.data() + (unit * units_.width + o) * kernels_.lanes;
          tile.a = filter_.data + unit * filter_.group + o * filter_.out + k * filter_.in;
          for (std::int64_t x = 0; x < phase.columns; x += kernels_.lanes) {
            tile.b = in + k * layout_.channel + y * tile.b_vector + x;
            tile.c = out.at(o, y, x);
            tile.start = k == 0 ? bias : tile.c;
            tile.width = tile.last_width = std::min(kernels_.lanes, phase.columns - x);
            kernels_.product[vectors - 1][rows - 1](tile);
          }
        });
      }
    });
  }

  // Inputs that `rows` rows of outputs sum before the next ones, so that those stay in the first cache while all elements of
  // the kernel read them. Sums are read again in whole vectors.
  std::int64_t pass_depth(const Phase& phase, std::int64_t rows) const {
    constexpr std::int64_t kPassBytes = 16 << 10, kFew = 8;
    if (units_.depth <= kFew || phase.columns % kernels_.lanes != 0) return units_.depth;
    const std::int64_t elements = rows_.extent(rows) * columns_.extent(phase.columns);
    return std::max(kFew, kPassBytes / static_cast<std::int64_t>(sizeof(T)) / elements);
  }

  const Kernels<T>& kernels_;
  const View y_, x_;
  Filter<const T> filter_;
  const Sweep rows_, columns_;
  const Units units_;
  const Panel panel_;
  const bool direct_in_, direct_out_;
  const Layout layout_;
  const Scratch<Tap> taps_;
  const Scratch<std::int64_t> places_;
  const Scratch<Phase> phases_;
  const Scratch<T> weights_, start_;
};

template <class T>
void correlate(const Operands<T>& c) {
  suits_batch(c) ? correlate_batch(c) : Correlation<T>(c).run();
}

// y [n, out, oh, ow] where no channel is summed over, however large the kernel: the bias, or 0.
void bias_alone(const View& y, const View& bias) {
  if (!bias.data) return fill(y, 0);
  const Dims strides{0, bias.stride(0), 0, 0};
  copy(y, {bias.data, y.shape, &strides, bias.dtype, false});
}

}  // namespace
}  // namespace conv

void conv2d(View y, View x, View weight, View bias, const Conv2dGeometry& geometry) {
  if (y.numel() == 0) return;
  if (weight.numel() == 0) return conv::bias_alone(y, bias);
  if (conv::is_pointwise(y, x, weight, geometry)) return conv::pointwise(y, x, weight, bias, geometry);
  if (conv::prefers_winograd(y, weight, geometry)) return conv::winograd(y, x, weight, bias, geometry);
  const auto sweep = [&](std::size_t i, int axis) {
    return conv::Sweep{y.size(axis),
                       x.size(axis),
                       weight.size(axis),
                       geometry.stride_along(i, x.size(axis)),
                       geometry.dilation[i],
                       geometry.padding[i],
                       1};
  };
  visit_floating(y.dtype, [&]<class T>(T*) {
    const conv::Filter<const T> filter{weight.as<T>(),   weight.size(0) / geometry.groups * weight.stride(0),
                                       weight.stride(0), weight.stride(1),
                                       weight.stride(2), weight.stride(3)};
    conv::correlate<T>({y, x, filter, bias, sweep(0, 2), sweep(1, 3), geometry.groups});
  });
}

void conv2d_backward_input(View gx, View g, View weight, const Conv2dGeometry& geometry) {
  if (gx.numel() == 0) return;
  if (weight.numel() == 0) return fill(gx, 0);
  if (conv::is_pointwise(g, gx, weight, geometry)) return conv::pointwise_backward_input(gx, g, weight, geometry);
  if (conv::prefers_winograd(gx, weight, geometry)) return conv::winograd_backward_input(gx, g, weight, geometry);
  const auto sweep = [&](std::size_t i, int axis) {
    const std::int64_t padding = geometry.dilation[i] * (weight.size(axis) - 1) - geometry.padding[i];
    return conv::Sweep{gx.size(axis),
                       g.size(axis),
                       weight.size(axis),
                       1,
                       geometry.dilation[i],
                       padding,
                       geometry.stride_along(i, gx.size(axis))};
  };
  visit_floating(gx.dtype, [&]<class T>(T*) {
    const conv::Filter<const T> filter{weight.as<T>(),   weight.size(0) / geometry.groups * weight.stride(0),
                                       weight.stride(1), weight.stride(0),
                                       weight.stride(2), weight.stride(3)};
    conv::correlate<T>({gx, g, filter.reversed(weight.size(2), weight.size(3)), View{}, sweep(0, 2), sweep(1, 3),
                        geometry.groups});
  });
}

}  // namespace ebb::kernels
