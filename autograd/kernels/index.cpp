#include "autograd/kernels/index.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "autograd/base/divide.h"
#include "autograd/base/fail.h"
#include "autograd/base/parallel.h"
#include "autograd/kernels/axes.h"

namespace ebb::kernels {
namespace {

constexpr std::int64_t kWork = 16 * 1024;  // elements worth a piece of a parallel_for
constexpr std::int64_t kLeastLane = 64;    // elements that stay together when a lane is cut

void check_indices(std::string_view op, const View& index, std::int64_t size) {
  Axes<1> outer;
  for (int d = 0; d < index.rank(); ++d) outer.push_back({index.size(d), {index.stride(d)}});
  const auto lane = outer.pop_back();
  const auto outside = [size](std::int64_t v) {
    return static_cast<std::uint64_t>(v) >= static_cast<std::uint64_t>(size);
  };
  for (std::int64_t i = 0; i < outer.count(); ++i) {
    const auto* v = index.as<const std::int64_t>() + outer.offset(i)[0];
    bool any = false;
    for (std::int64_t j = 0; j < lane.size; ++j) any |= outside(v[j * lane.step[0]]);
    for (std::int64_t j = 0; any && j < lane.size; ++j)
      if (const std::int64_t bad = v[j * lane.step[0]]; outside(bad))
        fail("{}: index {} at place {} is outside [0, {})", op, bad, i * lane.size + j, size);
  }
}

// A 1-d index as one of any shape: the same along all dimensions but dim.
Dims expanded_strides(const View& index, int rank, int dim) {
  Dims strides = Dims::filled(rank, 0);
  strides[dim] = index.stride(0);
  return strides;
}

// Calls f(outer index, begin, end) on pieces of every lane, in parallel; `weight` elements hang on one of a lane.
template <class F>
void for_each_piece(std::int64_t outer, std::int64_t lane, std::int64_t weight, F&& f) {
  if (lane == 0 || weight == 0) return;
  const std::int64_t piece = std::clamp(kWork / weight, std::min(kLeastLane, lane), lane);
  const std::int64_t pieces = ceil_div(lane, piece);
  const std::int64_t grain = std::max<std::int64_t>(1, kWork / (piece * weight));
  parallel_for(outer * pieces, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t first = i % pieces * piece;
      f(i / pieces, first, std::min(first + piece, lane));
    }
  });
}

// Elements are moved as unsigned integers of their size.
template <class F>
void visit_size(Dtype dtype, F&& f) {
  switch (size_of(dtype)) {
    case 1:
      return f(static_cast<std::uint8_t*>(nullptr));
    case 4:
      return f(static_cast<std::uint32_t*>(nullptr));
    default:
      return f(static_cast<std::uint64_t*>(nullptr));
  }
}

// One pointer per operand: the values moved from or to in order, their indices, and what is indexed.
template <class T, class Indexed>
struct Place {
  T* value;
  const std::int64_t* index;
  Indexed* indexed;

  Place at(const std::array<std::int64_t, 3>& step, std::int64_t i) const {
    return {value + i * step[0], index + i * step[1], indexed + i * step[2]};
  }
};

template <class T>
void gather_lane(const Place<T, const T>& p, const Axis<3>& lane, std::int64_t n, std::int64_t along) {
  const auto [value_step, index_step, indexed_step] = lane.step;
  if (index_step == 0) {
    const T* from = p.indexed + *p.index * along;
    if (value_step == 1 && indexed_step == 1) {
      std::copy_n(from, n, p.value);
    } else {
      for (std::int64_t i = 0; i < n; ++i) p.value[i * value_step] = from[i * indexed_step];
    }
  } else {
    for (std::int64_t i = 0; i < n; ++i)
      p.value[i * value_step] = p.indexed[i * indexed_step + p.index[i * index_step] * along];
  }
}

// y = x at the indices. The index has y's shape; strides of y, index and x are those along y's dimensions.
void gather_all(const View& y, const View& index, const Dims& index_strides, const View& x, int dim) {
  Axes<3> outer;
  for (int d = 0; d < y.rank(); ++d)
    outer.push_back({y.size(d), {y.stride(d), index_strides[d], d == dim ? 0 : x.stride(d)}});
  const auto lane = outer.pop_back();
  visit_size(y.dtype, [&]<class T>(T*) {
    const Place<T, const T> start{y.as<T>(), index.as<const std::int64_t>(), x.as<const T>()};
    for_each_piece(outer.count(), lane.size, 1, [&](std::int64_t i, std::int64_t begin, std::int64_t end) {
      const auto place = start.at(outer.offset(i), 1).at(lane.step, begin);
      gather_lane<T>(place, lane, end - begin, x.stride(dim));
    });
  });
}

template <class T>
void scatter_run(const Place<const T, T>& p, const Axis<3>& run, std::int64_t n, std::int64_t along) {
  const auto [value_step, index_step, indexed_step] = run.step;
  if (index_step == 0 && value_step == 1 && indexed_step == 1) {
    T* to = p.indexed + *p.index * along;
    for (std::int64_t i = 0; i < n; ++i) to[i] += p.value[i];
  } else {
    for (std::int64_t i = 0; i < n; ++i)
      p.indexed[i * indexed_step + p.index[i * index_step] * along] += p.value[i * value_step];
  }
}

// y at the indices += x. The index has x's shape. Elements that meet in y lie along dim of x: a piece of the work
// holds all of them and adds them in order.
void scatter_all(std::string_view op, const View& y, const View& index, const Dims& index_strides, const View& x,
                 int dim) {
  if (x.dtype == boolean) fail("{}: bool elements cannot be added; convert both to another dtype first", op);
  Axes<3> outer;
  for (int d = 0; d < x.rank(); ++d)
    if (d != dim) outer.push_back({x.size(d), {x.stride(d), index_strides[d], y.stride(d)}});
  const auto lane = outer.pop_back();
  const Axis<3> meeting{x.size(dim), {x.stride(dim), index_strides[dim], 0}};
  const bool lane_inside = std::abs(lane.step[0]) <= std::abs(meeting.step[0]);
  visit(x.dtype, [&]<class T>(T*) {
    if constexpr (!std::is_same_v<T, bool>) {
      const Place<const T, T> start{x.as<const T>(), index.as<const std::int64_t>(), y.as<T>()};
      for_each_piece(outer.count(), lane.size, meeting.size,
                     [&](std::int64_t i, std::int64_t begin, std::int64_t end) {
                       const auto place = start.at(outer.offset(i), 1).at(lane.step, begin);
                       if (lane_inside) {
                         for (std::int64_t j = 0; j < meeting.size; ++j)
                           scatter_run<T>(place.at(meeting.step, j), lane, end - begin, y.stride(dim));
                       } else {
                         for (std::int64_t j = 0; j < end - begin; ++j)
                           scatter_run<T>(place.at(lane.step, j), meeting, meeting.size, y.stride(dim));
                       }
                     });
    }
  });
}

}  // namespace

void index_select(View y, View x, View index, int dim) {
  check_indices("index_select", index, x.size(dim));
  gather_all(y, index, expanded_strides(index, y.rank(), dim), x, dim);
}

void index_add(View y, View x, View index, int dim) {
  check_indices("index_add", index, y.size(dim));
  scatter_all("index_add", y, index, expanded_strides(index, x.rank(), dim), x, dim);
}

void gather(View y, View x, View index, int dim) {
  check_indices("gather", index, x.size(dim));
  gather_all(y, index, *index.strides, x, dim);
}

void scatter_add(View y, View x, View index, int dim) {
  check_indices("scatter_add", index, y.size(dim));
  scatter_all("scatter_add", y, index, *index.strides, x, dim);
}

}  // namespace ebb::kernels
