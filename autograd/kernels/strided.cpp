#include "autograd/kernels/strided.h"

#include "autograd/kernels/bytes.h"
#include "autograd/kernels/tiles.h"

namespace ebb::kernels {
namespace {

constexpr int kOperands = 1 + kMostInputs;

// Note [Tiles of strided operands]: a column that is read with a large step touches a cache line per element. In tiles
// of a few rows and not too many columns these lines are still in the cache when the next row needs them.
constexpr std::int64_t kGatheredRows = 16, kGatheredColumns = 64;
constexpr std::int64_t kStaged = 512;  // elements

// Makes the rows of tiles into runs: strided operands go through buffers.
class Runs {
 public:
  Runs(RunKernel kernel, const std::array<View, kOperands>& views, int used, const Run& whole)
      : kernel_(kernel), used_(static_cast<std::size_t>(used)), loops_(views), p_(whole.p), q_(whole.q) {
    for (std::size_t k = 0; k < used_; ++k) {
      size_[k] = size_of(views[k].dtype);
      const std::int64_t step = loops_.columns().step[k];
      direct_[k] = step == size_[k] || loops_.columns().size == 1;
      if (direct_[k]) continue;
      staged_ = true;
      gathered_ = gathered_ || step != 0;
    }
  }

  void run(std::int64_t grain) const {
    const std::int64_t columns = gathered_ ? kGatheredColumns : grain;
    const std::int64_t rows = (gathered_ ? kGatheredRows * kGatheredColumns : grain) /
                              std::clamp<std::int64_t>(loops_.columns().size, 1, columns);
    loops_.for_each(std::max<std::int64_t>(1, rows), columns, grain, [&](const TileOf<kOperands>& tile) {
      if (staged_) {
        staged_tile(tile);
      } else {
        direct_tile(tile);
      }
    });
  }

 private:
  static std::byte* row_of(const TileOf<kOperands>& tile, std::size_t k, std::int64_t row) {
    return tile.data[k] + row * tile.row_step[k];
  }

  void direct_tile(const TileOf<kOperands>& tile) const {
    for (std::int64_t row = 0; row < tile.rows; ++row) {
      Run run{tile.columns, row_of(tile, 0, row), {}, p_, q_};
      for (std::size_t k = 1; k < used_; ++k) run.x[k - 1] = row_of(tile, k, row);
      kernel_(run);
    }
  }

  // In pieces that the buffers hold; what is repeated along a row is written once for all of them.
  void staged_tile(const TileOf<kOperands>& tile) const {
    alignas(64) std::array<std::array<std::byte, kStaged * sizeof(double)>, kOperands> buffer;
    std::array<const std::byte*, kOperands> repeated{};  // the element that fills a buffer
    for (std::int64_t row = 0; row < tile.rows; ++row) {
      for (std::int64_t column = 0; column < tile.columns; column += kStaged) {
        const std::int64_t n = std::min(kStaged, tile.columns - column);
        const auto at = [&](std::size_t k) { return row_of(tile, k, row) + column * tile.column_step[k]; };
        std::byte* const y = at(0);
        Run run{n, direct_[0] ? y : buffer[0].data(), {}, p_, q_};
        for (std::size_t k = 1; k < used_; ++k) {
          const std::byte* x = at(k);
          run.x[k - 1] = direct_[k] ? x : buffer[k].data();
          if (direct_[k] || repeated[k] == x) continue;
          move_strided(buffer[k].data(), size_[k], x, tile.column_step[k], n, size_[k]);
          if (tile.column_step[k] == 0) repeated[k] = x;
        }
        kernel_(run);
        if (!direct_[0]) move_strided(y, tile.column_step[0], buffer[0].data(), size_[0], n, size_[0]);
      }
    }
  }

  RunKernel kernel_;
  std::size_t used_;
  TileLoops<kOperands> loops_;
  double p_, q_;
  std::array<std::int64_t, kOperands> size_{};
  std::array<bool, kOperands> direct_{};
  bool staged_ = false, gathered_ = false;
};

}  // namespace

void detail::for_each_run_of_many(RunKernel kernel, Grain grain, const Run& whole,
                                  std::span<const View* const> operands) {
  std::array<View, kOperands> views;
  for (std::size_t k = 0; k < views.size(); ++k) views[k] = *operands[k < operands.size() ? k : 0];
  Runs(kernel, views, static_cast<int>(operands.size()), whole).run(static_cast<std::int64_t>(grain));
}

}  // namespace ebb::kernels
