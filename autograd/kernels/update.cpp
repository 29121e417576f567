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
const View& array_of(const SgdSlot& slot) { return slot.parameter; }
const View& array_of(const AdamSlot& slot) { return slot.parameter; }

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

// Calls f(runs of T, T*) for the dtype of a view.
template <class F>
void with_runs(const View& view, F&& f) {
  visit_floating(view.dtype,
                 [&]<class T>(T*) { f.template operator()<T>(std::get<UpdateRuns<T>>(update_runs())); });
}

// Null if the view is.
template <class T>
T* at(const View& view, std::int64_t begin) {
  return view.data ? view.as<T>() + begin : nullptr;
}

}  // namespace

void sgd(std::span<const SgdSlot> slots, const SgdStep& step) {
  Row(slots).for_each([&](std::int64_t, const SgdSlot& slot, std::int64_t begin, std::int64_t n) {
    with_runs(slot.parameter, [&]<class T>(const UpdateRuns<T>& runs) {
      runs.sgd(at<T>(slot.parameter, begin), at<T>(slot.gradient, begin), at<T>(slot.momentum, begin), n, step);
    });
  });
}

void adam(std::span<const AdamSlot> slots, const AdamStep& step) {
  Row(slots).for_each([&](std::int64_t, const AdamSlot& slot, std::int64_t begin, std::int64_t n) {
    with_runs(slot.parameter, [&]<class T>(const UpdateRuns<T>& runs) {
      runs.adam(at<T>(slot.parameter, begin), at<T>(slot.gradient, begin), at<T>(slot.m, begin),
                at<T>(slot.v, begin), at<T>(slot.v_max, begin), n, step);
    });
  });
}

double norm2(std::span<const View> views) {
  const Row row(views);
  const memory::Scratch<double> sums(row.pieces());
  std::fill_n(sums.data(), row.pieces(), 0.0);
  row.for_each([&](std::int64_t piece, const View& view, std::int64_t begin, std::int64_t n) {
    with_runs(view, [&]<class T>(const UpdateRuns<T>& runs) {
      sums[piece] += runs.sum_of_squares(at<T>(view, begin), n);
    });
  });
  double sum = 0;
  for (std::int64_t i = 0; i < row.pieces(); ++i) sum += sums[i];
  return std::sqrt(sum);
}

void scale(std::span<const View> views, double factor) {
  Row(views).for_each([&](std::int64_t, const View& view, std::int64_t begin, std::int64_t n) {
    with_runs(view, [&]<class T>(const UpdateRuns<T>& runs) { runs.scale(at<T>(view, begin), n, factor); });
  });
}

}  // namespace ebb::kernels
