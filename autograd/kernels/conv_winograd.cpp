#include "autograd/kernels/conv_winograd.h"

#include "autograd/base/parallel.h"
#include "autograd/base/scratch.h"
#include "autograd/base/strict.h"
#include "autograd/kernels/conv_filter.h"
#include "autograd/kernels/conv_image.h"
#include "autograd/kernels/conv_plan.h"
#include "autograd/kernels/conv_tile.h"
#include "autograd/kernels/conv_winograd_runs.h"
#include "autograd/kernels/gemm_order.h"

namespace ebb::kernels::conv {
namespace {

using memory::Scratch;

constexpr std::int64_t kPositions = 16;  // of a tile
constexpr std::int64_t kMiddle = 5;      // position (1, 1), of which all four outputs are sums with the factor 1
constexpr std::int64_t kBlockBytes = 3 << 18;  // of transformed inputs
constexpr std::int64_t kLeastTiles = 32;       // of a block
constexpr std::int64_t kLeastSlice = 64;       // output channels that are worth transforming the inputs again
constexpr std::int64_t kSize = sizeof(float);
constexpr Tap kAll{0, 0};

// How many chains of equal length, of at most kChain terms if that divides, make a sum of so many.
std::int64_t even_chains(std::int64_t terms) {
  const std::int64_t chains = ceil_div(terms, kChain);
  return terms % chains == 0 ? chains : 1;
}

// The 16 positions of a tile, for some tiles: a matrix [rows, columns] for each. These begin an odd number of cache
// lines apart, so that they do not compete for the same sets of the cache.
struct Positions {
  std::int64_t rows, columns;

  std::int64_t step() const { return (ceil_div(rows * columns, 16) | 1) * 16; }
  std::int64_t numel() const { return kPositions * step(); }
  template <class T>
  Square<T> row(T* data, std::int64_t i) const {
    return {data + i * columns, 4 * step(), step()};
  }
};

// The squares of pixels that tiles are computed from (4×4) or give (2×2), two pixels apart, in a copy of a block's images
// with the channels of a pixel side by side.
struct Squares {
  std::int64_t size;  // of a square
  std::array<std::int64_t, 2> padding;
  std::int64_t columns;  // of tiles
  std::int64_t channels;

  std::int64_t extent(std::int64_t tiles) const { return 2 * tiles + size - 2; }
  Layout layout() const { return packed_layout(Lanes::channels, channels, extent(columns), 1); }
  std::int64_t step(const Block& block) const { return extent(block.rows) * layout().row; }  // of an image
  std::int64_t numel(const Block& block) const { return block.images * step(block); }

  // copy = the channels of x from `first` on, and zeros around the images.
  void read(float* copy, const Block& block, const View& x, std::int64_t first) const {
    const Window window{
        2 * block.row - padding[0], -padding[1], extent(block.rows), extent(columns), x.size(2), x.size(3)};
    if (!window.inside()) std::fill_n(copy, numel(block), 0.0f);
    for (std::int64_t n = 0; n < block.images; ++n) {
      auto from = image<const float>(x, block.image + n);
      from.data = from.at(first, 0, 0);
      copy_window<float>(copy + n * step(block), layout(), from, window, channels);
    }
  }
  // The way back, but for pixels beyond the edge.
  void write(const View& y, const Block& block, const float* copy, std::int64_t first) const {
    const Layout from = layout();
    const std::int64_t rows = std::min(extent(block.rows), y.size(2) - 2 * block.row);
    for (std::int64_t n = 0; n < block.images; ++n, copy += step(block)) {
      auto to = image<float>(y, block.image + n);
      to.data = to.at(first, 2 * block.row, 0);
      copy_image<float>(to, {copy, from.channel, from.row, from.column}, channels, rows, y.size(3));
    }
  }

  // Calls f(t, square t of a copy).
  template <class T, class F>
  void for_each(T* copy, const Block& block, F&& f) const {
    const Layout at = layout();
    std::int64_t t = 0;
    for (std::int64_t n = 0; n < block.images; ++n, copy += step(block))
      for (std::int64_t y = 0; y < block.rows; ++y)
        for (std::int64_t x = 0; x < columns; ++x, ++t)
          f(t, Square<T>{copy + at.offset(2 * y, 2 * x), at.row, at.column});
  }
};

// What the three directions share. Outputs are [n, out, h, w]; a unit is a panel of weights, whose 16 positions are
// matrices [in, channels of the unit].
struct Plan {
  const Kernels<float>& kernels;
  const WinogradRuns& runs;
  std::int64_t images, rows, columns;  // of tiles in an image
  std::array<std::int64_t, 2> padding;
  Units units;
  Panel panel;
  Positions weights;

  Plan(const View& y, const View& x, const std::array<std::int64_t, 2>& p)
      : kernels(conv::kernels<float>()),
        runs(winograd_runs()),
        images(y.size(0)),
        rows(ceil_div(y.size(2), 2)),
        columns(ceil_div(y.size(3), 2)),
        padding(p),
        units(conv::units(Lanes::channels, 1, y.size(1), x.size(1), kernels.lanes)),
        panel{3, 3, units.depth, units.width, true},
        weights{units.depth, units.width} {}

  Squares inputs() const { return {4, padding, columns, units.depth}; }
  Squares outputs(std::int64_t channels) const { return {2, {0, 0}, columns, channels}; }

  std::int64_t tiles(const Block& block) const { return block.images * block.rows * columns; }
  // Blocks of about kBlockBytes of transformed channels, and at least `shares` blocks. But each reads all weights, or adds
  // to their sums, which takes `least` tiles to pay: in proportion to the channels.
  Blocks blocks(std::int64_t channels, std::int64_t least, std::int64_t shares) const {
    const std::int64_t share = ceil_div(images * rows * columns, shares);
    const std::int64_t most = std::min(kBlockBytes / (kPositions * channels * kSize), share);
    return {images, rows, std::max<std::int64_t>(1, std::max(most, least) / columns)};
  }
  // Units of a task, where there are `tasks` tasks of all units: if they are few for several threads, the units are shared
  // out too, though each task then transforms the same inputs. The bits stay the same.
  std::int64_t slice(std::int64_t tasks) const {
    if (!detail::worth_threads() || tasks > kTasks / 2) return units.count();
    return std::max(ceil_div(units.count(), kTasks / tasks), ceil_div(kLeastSlice, units.width));
  }
  Range units_from(std::int64_t first, std::int64_t count) const {
    return {first, std::min(first + count, units.count())};
  }
  std::int64_t channels(const Range& slice) const {
    return std::min(units.outputs, slice.end * units.width) - slice.begin * units.width;
  }

  // The 3×3 weights of input channel k in a unit's panel.
  template <class T>
  Square<T> taps(T* g, std::int64_t k) const {
    return {g + k * panel.depth_step(), 3 * panel.tap_step(), panel.tap_step()};
  }

  void transform(float* v, const Positions& to, WinogradRuns::Run run, const Squares& squares, const float* pixels,
                 const Block& block) const {
    squares.for_each(pixels, block, [&](std::int64_t t, const Square<const float>& from) {
      run(to.row(v, t), from, squares.channels);
    });
  }
};

// y[o] = bias[o] + Σ_k w(o, k) x[k], by tiles.
class Correlation {
 public:
  Correlation(const View& y, const View& x, const Filter<const float>& filter, const View& bias,
              const std::array<std::int64_t, 2>& padding)
      : plan_(y, x, padding),
        y_(y),
        x_(x),
        blocks_(plan_.blocks(plan_.units.depth, std::max(kLeastTiles, plan_.units.depth / 8), kTasks)),
        slice_(plan_.slice(blocks_.count())),
        chains_(even_chains(plan_.units.depth)),
        chain_starts_(chains_),
        weights_(plan_.units.count() * plan_.weights.numel()),
        start_((1 + plan_.units.count()) * plan_.units.width) {
    for (std::int64_t i = 0; i < chains_; ++i) {
      const std::int64_t k = i * plan_.units.depth / chains_;
      chain_starts_[i] = {k, k * plan_.units.width};
    }
    spread_bias(bias);
    transform_weights(filter);
  }

  void run() const {
    const std::int64_t slices = ceil_div(plan_.units.count(), slice_), tasks = blocks_.count() * slices;
    const Block most = blocks_.largest();
    const Positions v{plan_.tiles(most), plan_.units.depth}, m{plan_.tiles(most), plan_.units.width};
    const Squares in = plan_.inputs(), out = plan_.outputs(plan_.channels({0, slice_}));
    const std::int64_t work = v.numel() * y_.size(1) / slices;
    parallel_for(tasks, 1 + kPieceWork / work, [&](std::int64_t begin, std::int64_t end) {
      const Scratch<float> pixels(std::max(in.numel(most), out.numel(most))), transformed(v.numel()),
          products(m.numel());
      for (std::int64_t i = begin; i < end; ++i)
        run_task(blocks_[i / slices], plan_.units_from(i % slices * slice_, slice_), pixels.data(),
                 transformed.data(), products.data());
    });
  }

 private:
  // The sums of the middle position start as the bias; those of the others as the zeros before it.
  void spread_bias(const View& bias) {
    std::fill_n(start_.data(), (1 + plan_.units.count()) * plan_.units.width, 0.0f);
    if (!bias.data) return;
    for (std::int64_t o = 0; o < plan_.units.outputs; ++o)
      start_[plan_.units.width + o] = bias.as<float>()[o * bias.stride(0)];
  }

  void transform_weights(const Filter<const float>& filter) {
    const Panel& panel = plan_.panel;
    parallel_for(plan_.units.count(), 1 + kPieceWork / 16 / panel.numel(),
                 [&](std::int64_t begin, std::int64_t end) {
                   const Scratch<float> g(panel.numel());
                   for (std::int64_t unit = begin; unit < end; ++unit) {
                     pack(g.data(), panel, filter.part(0, unit * panel.channels), plan_.units.outputs_of(unit));
                     for (std::int64_t k = 0; k < panel.depth; ++k)
                       plan_.runs.filter(plan_.weights.row(weights_of(unit), k),
                                         plan_.taps<const float>(g.data(), k), panel.channels);
                   }
                 });
  }
  float* weights_of(std::int64_t unit) const { return weights_.data() + unit * plan_.weights.numel(); }

  void run_task(const Block& block, const Range& slice, float* pixels, float* transformed, float* products) const {
    const Squares in = plan_.inputs(), out = plan_.outputs(plan_.channels(slice));
    const Positions v{plan_.tiles(block), plan_.units.depth}, m{v.rows, plan_.units.width};
    in.read(pixels, block, x_, 0);
    plan_.transform(transformed, v, plan_.runs.input, in, pixels, block);
    for (std::int64_t unit = slice.begin; unit < slice.end; ++unit) {
      multiply(unit, transformed, v, products, m);
      float* const to = pixels + (unit - slice.begin) * plan_.units.width;
      out.for_each(to, block, [&](std::int64_t t, const Square<float>& y) {
        plan_.runs.output(y, m.row<const float>(products, t), plan_.units.outputs_of(unit));
      });
    }
    out.write(y_, block, pixels, slice.begin * plan_.units.width);
  }

  // m = v U at each position: a tile of sums is tiles × vectors of the unit's channels.
  void multiply(std::int64_t unit, const float* transformed, const Positions& v, float* products,
                const Positions& m) const {
    const std::int64_t lanes = plan_.kernels.lanes, vectors = ceil_div(plan_.units.outputs_of(unit), lanes);
    Tile<float> tile{};
    tile.a_row = v.columns;
    tile.a_step = 1;
    tile.b_vector = tile.start_vector = tile.c_vector = tile.width = tile.last_width = lanes;
    tile.b_step = tile.c_row = m.columns;
    tile.taps = chain_starts_.data();
    tile.tap_count = chains_;
    tile.depth = v.columns / chains_;
    for (std::int64_t p = 0; p < kPositions; ++p) {
      tile.b = weights_of(unit) + p * plan_.weights.step();
      tile.start = p == kMiddle ? start_.data() + (1 + unit) * m.columns : start_.data();
      for_each_part(v.rows, plan_.kernels.rows[vectors - 1], [&](std::int64_t t, std::int64_t count) {
        tile.a = transformed + p * v.step() + t * v.columns;
        tile.c = products + p * m.step() + t * m.columns;
        plan_.kernels.product[vectors - 1][count - 1](tile);
      });
    }
  }

  const Plan plan_;
  const View y_, x_;
  const Blocks blocks_;
  const std::int64_t slice_;   // units of a task
  const std::int64_t chains_;  // of equal length, that a sum over input channels is made of
  const Scratch<Tap> chain_starts_;
  const Scratch<float> weights_, start_;
};

// The gradient in the weights, see Note [Chunks of images]: here they are chunks of blocks of tiles.
class WeightGradient {
 public:
  WeightGradient(const View& gw, const View& g, const View& x, const std::array<std::int64_t, 2>& padding)
      : plan_(g, x, padding),
        gw_(gw),
        g_(g),
        x_(x),
        sum_size_(plan_.units.count() * plan_.weights.numel()),
        most_chunks_(std::clamp<std::int64_t>(kSumBytes / kSize / sum_size_, 1, kTasks)),
        blocks_(plan_.blocks(plan_.units.depth + std::min(kLeastSlice, plan_.units.outputs),
                             std::max(2 * kLeastTiles, plan_.units.depth / 4), most_chunks_)),
        chunk_(ceil_div(blocks_.count(), most_chunks_)),
        chunks_(ceil_div(blocks_.count(), chunk_)),
        slice_(plan_.slice(chunks_)),
        sums_(chunks_ * sum_size_),
        zeros_(plan_.units.width) {
    std::fill_n(zeros_.data(), plan_.units.width, 0.0f);
  }

  void run() const {
    const std::int64_t slices = ceil_div(plan_.units.count(), slice_);
    parallel_for(chunks_ * slices, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        sum_chunk(i / slices, plan_.units_from(i % slices * slice_, slice_));
    });
    add_chunks(sums_.data(), sum_size_, chunks_);
    const Panel& panel = plan_.panel;
    const std::int64_t out = gw_.stride(0);
    const Filter<float> filter{gw_.as<float>(), 0, out, gw_.stride(1), gw_.stride(2), gw_.stride(3)};
    parallel_for(
        plan_.units.count(), 1 + kPieceWork / 16 / panel.numel(), [&](std::int64_t begin, std::int64_t end) {
          const Scratch<float> gradient(panel.numel());
          for (std::int64_t unit = begin; unit < end; ++unit) {
            const float* const sum = sums_.data() + unit * plan_.weights.numel();
            for (std::int64_t k = 0; k < panel.depth; ++k)
              plan_.runs.filter_gradient(plan_.taps(gradient.data(), k), plan_.weights.row(sum, k),
                                         panel.channels);
            unpack(filter.part(0, unit * panel.channels), gradient.data(), panel, plan_.units.outputs_of(unit));
          }
        });
  }

 private:
  // What the blocks of a chunk give to the units of a slice.
  void sum_chunk(std::int64_t chunk, const Range& slice) const {
    const Block most = blocks_.largest();
    const Squares in = plan_.inputs(), out = plan_.outputs(plan_.channels(slice));
    Positions v{plan_.tiles(most), plan_.units.depth}, m{v.rows, slice.size() * plan_.units.width};
    const Scratch<float> pixels(std::max(in.numel(most), out.numel(most))), inputs(v.numel()), outputs(m.numel());
    std::fill_n(outputs.data(), m.numel(), 0.0f);  // channels that fill up the last vector
    const std::int64_t first = chunk * chunk_, end = std::min(first + chunk_, blocks_.count());
    for (std::int64_t i = first; i < end; ++i) {
      const Block block = blocks_[i];
      v.rows = m.rows = plan_.tiles(block);
      in.read(pixels.data(), block, x_, 0);
      plan_.transform(inputs.data(), v, plan_.runs.input, in, pixels.data(), block);
      out.read(pixels.data(), block, g_, slice.begin * plan_.units.width);
      plan_.transform(outputs.data(), m, plan_.runs.output_gradient, out, pixels.data(), block);
      add_products(i == first, slice, inputs.data(), v, outputs.data(), m, sums_.data() + chunk * sum_size_);
    }
  }

  // sums = or += vᵀ m at each position: a tile of sums is input channels × vectors of a unit's channels.
  void add_products(bool first, const Range& slice, const float* inputs, const Positions& v, const float* outputs,
                    const Positions& m, float* sums) const {
    const std::int64_t lanes = plan_.kernels.lanes;
    Tile<float> tile{};
    tile.a_row = 1;
    tile.a_step = v.columns;
    tile.b_vector = tile.start_vector = tile.c_vector = tile.width = tile.last_width = lanes;
    tile.b_step = m.columns;
    tile.c_row = plan_.units.width;
    tile.start = zeros_.data();
    tile.start_row = first ? 0 : tile.c_row;
    tile.taps = &kAll;
    tile.tap_count = 1;
    tile.depth = v.rows;
    for (std::int64_t p = 0; p < kPositions; ++p) {
      for (std::int64_t unit = slice.begin; unit < slice.end; ++unit) {
        const std::int64_t vectors = ceil_div(plan_.units.outputs_of(unit), lanes);
        float* const sum = sums + unit * plan_.weights.numel() + p * plan_.weights.step();
        tile.b = outputs + p * m.step() + (unit - slice.begin) * plan_.units.width;
        for_each_part(v.columns, plan_.kernels.rows[vectors - 1], [&](std::int64_t k, std::int64_t rows) {
          tile.a = inputs + p * v.step() + k;
          tile.c = sum + k * plan_.units.width;
          if (!first) tile.start = tile.c;
          plan_.kernels.product[vectors - 1][rows - 1](tile);
        });
      }
    }
  }

  const Plan plan_;
  const View gw_, g_, x_;
  const std::int64_t sum_size_, most_chunks_;
  const Blocks blocks_;
  const std::int64_t chunk_, chunks_, slice_;  // blocks of a chunk, chunks, units of a task
  const Scratch<float> sums_, zeros_;
};

}  // namespace

bool prefers_winograd(const View& y, const View& weight, const Conv2dGeometry& geometry) {
  constexpr std::array<std::int64_t, 2> kOne{1, 1};
  if (strict() || y.dtype != float32 || weight.size(2) != 3 || weight.size(3) != 3 || geometry.stride != kOne ||
      geometry.dilation != kOne || geometry.groups != 1)
    return false;
  // Measured: transforming in + out channels costs what kCost products do, transforming the weights some tiles. Tiles
  // that are half empty have as many multiplications as the definition.
  constexpr std::int64_t kCost = 12, kTiles = 16;
  const std::int64_t in = weight.size(1), out = weight.size(0), planes = y.size(0);
  const std::int64_t tiles = planes * ceil_div(y.size(2), 2) * ceil_div(y.size(3), 2);
  return in * out >= kCost * (in + out) && tiles >= kTiles && planes * y.size(2) * y.size(3) > 2 * tiles;
}

void winograd(const View& y, const View& x, const View& weight, const View& bias, const Conv2dGeometry& geometry) {
  const Filter<const float> filter{weight.as<float>(), 0, weight.stride(0), weight.stride(1), weight.stride(2),
                                   weight.stride(3)};
  Correlation(y, x, filter, bias, geometry.padding).run();
}

void winograd_backward_input(const View& gx, const View& g, const View& weight, const Conv2dGeometry& geometry) {
  const Filter<const float> filter{weight.as<float>(), 0, weight.stride(1), weight.stride(0), weight.stride(2),
                                   weight.stride(3)};
  Correlation(gx, g, filter.reversed(3, 3), View{}, {2 - geometry.padding[0], 2 - geometry.padding[1]}).run();
}

void winograd_backward_weight(const View& gweight, const View& g, const View& x, const Conv2dGeometry& geometry) {
  WeightGradient(gweight, g, x, geometry.padding).run();
}

}  // namespace ebb::kernels::conv
