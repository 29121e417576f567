#include "autograd/kernels/update.h"

#include <algorithm>
#include <cmath>

#include "autograd/base/divide.h"
#include "autograd/base/parallel.h"
#include "autograd/base/scratch.h"
#include "autograd/kernels/update_runs.h"

namespace ebb::kernels {
namespace {

constexpr std::int64_t kGrain = 16 * 1024;  // elements worth a piece of a parallel_for

const View& array_of(const View& view) { return view; }
const View& array_of(const UpdateSlot& slot) { return slot.parameter; }

// The elements of many arrays as one row.
template <class Slot>
class Row {
 public:
  explicit Row(std::span<const Slot> slots) : slots_(slots), ends_(std::ssize(slots) + 1) {
    std::int64_t end = 0;
    for (std::int64_t i = 0; i < std::ssize(slots); ++i)
      ends_[i] = end += array_of(slots[static_cast<std::size_t>(i)]).numel();
    ends_[std::ssize(slots)] = end;
  }

  std::int64_t pieces() const { return ceil_div(size(), kGrain); }

  // Calls f(piece, slot, begin, n) for elements [begin, begin + n) of the slots, in order within a piece; the pieces in
  // parallel.
  template <class F>
  void for_each(F&& f) const {
    parallel_for(size(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      const std::int64_t piece = begin / kGrain;
      auto slot = std::upper_bound(ends_.data(), ends_.data() + slots_.size(), begin) - ends_.data();
      for (; begin < end; ++slot) {
        const std::int64_t start = slot > 0 ? ends_[slot - 1] : 0, stop = std::min(end, ends_[slot]);
        if (stop > begin) f(piece, slots_[static_cast<std::size_t>(slot)], begin - start, stop - begin);
        begin = stop;
      }
    });
  }

 private:
  std::int64_t size() const { return ends_[std::ssize(slots_)]; }

  std::span<const Slot> slots_;
  memory::Scratch<std::int64_t> ends_;  // of each slot, and of all
};

// Null if the view is.
template <class T>
T* at(const View& view, std::int64_t begin) {
  return view.data ? view.as<T>() + begin : nullptr;
}

template <class Step>
void run(std::span<const UpdateSlot> slots, const Step& step) {
  Row(slots).for_each([&](std::int64_t, const UpdateSlot& slot, std::int64_t begin, std::int64_t n) {
    visit_floating(slot.parameter.dtype, [&]<class T>(T*) {
      const auto& [b0, b1, b2] = slot.buffers;
      const UpdateArrays<T> arrays{at<T>(slot.parameter, begin),
                                   at<T>(slot.gradient, begin),
                                   {at<T>(b0, begin), at<T>(b1, begin), at<T>(b2, begin)}};
      std::get<UpdateRun<T, Step>>(update_runs<Step>())(arrays, n, step);
    });
  });
}

template <class F>
void with_clip_runs(const View& view, F&& f) {
  visit_floating(view.dtype, [&]<class T>(T*) { f(std::get<ClipRuns<T>>(clip_runs())); });
}

}  // namespace

void update(std::span<const UpdateSlot> slots, const SgdStep& step) { run(slots, step); }
void update(std::span<const UpdateSlot> slots, const AdamStep& step) { run(slots, step); }
void update(std::span<const UpdateSlot> slots, const AdamaxStep& step) { run(slots, step); }
void update(std::span<const UpdateSlot> slots, const LambStep& step) { run(slots, step); }
void update(std::span<const UpdateSlot> slots, const AdagradStep& step) { run(slots, step); }
void update(std::span<const UpdateSlot> slots, const AdadeltaStep& step) { run(slots, step); }
void update(std::span<const UpdateSlot> slots, const RmspropStep& step) { run(slots, step); }
void update(std::span<const UpdateSlot> slots, const RpropStep& step) { run(slots, step); }
void update(std::span<const UpdateSlot> slots, const AsgdStep& step) { run(slots, step); }
void update(std::span<const UpdateSlot> slots, const LionStep& step) { run(slots, step); }
void update(std::span<const UpdateSlot> slots, const AverageStep& step) { run(slots, step); }

double norm2(std::span<const View> views) {
  const Row row(views);
  const memory::Scratch<double> sums(row.pieces());
  std::fill_n(sums.data(), row.pieces(), 0.0);
  row.for_each([&](std::int64_t piece, const View& view, std::int64_t begin, std::int64_t n) {
    with_clip_runs(view, [&]<class T>(const ClipRuns<T>& runs) {
      sums[piece] += runs.sum_of_squares(at<T>(view, begin), n);
    });
  });
  double sum = 0;
  for (std::int64_t i = 0; i < row.pieces(); ++i) sum += sums[i];
  return std::sqrt(sum);
}

void scale(std::span<const View> views, double factor) {
  Row(views).for_each([&](std::int64_t, const View& view, std::int64_t begin, std::int64_t n) {
    with_clip_runs(view, [&]<class T>(const ClipRuns<T>& runs) { runs.scale(at<T>(view, begin), n, factor); });
  });
}

}  // namespace ebb::kernels
