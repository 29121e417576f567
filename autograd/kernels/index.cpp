#include "autograd/kernels/index.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <optional>
#include <string_view>
#include <type_traits>

#include "autograd/base/divide.h"
#include "autograd/base/fail.h"
#include "autograd/base/parallel.h"
#include "autograd/base/scratch.h"
#include "autograd/kernels/axes.h"
#include "autograd/kernels/numbers.h"

namespace ebb::kernels {
namespace {

constexpr std::int64_t kWork = 16 * 1024;  // elements worth a piece of a parallel_for
constexpr std::int64_t kLeastLane = 64;    // elements that stay together when a lane is cut

[[noreturn]] void out_of_bounds(std::string_view op, std::int64_t index, int dim, std::int64_t size) {
  fail("{}: index {} is out of bounds for dimension {} of size {}", op, index, dim, size);
}

void check_indices(std::string_view op, const View& index, int dim, std::int64_t size) {
  if (index.numel() == 0) return;
  Axes<1> outer;
  for (int d = 0; d < index.rank(); ++d)
    if (index.stride(d) != 0) outer.push_back({index.size(d), {index.stride(d)}});
  const auto lane = outer.pop_back();
  const auto outside = [size](std::int64_t v) {
    return static_cast<std::uint64_t>(v) >= static_cast<std::uint64_t>(size);
  };
  for (std::int64_t i = 0; i < outer.count(); ++i) {
    const auto* v = index.as<const std::int64_t>() + outer.offset(i)[0];
    bool any = false;
    for (std::int64_t j = 0; j < lane.size; ++j) any |= outside(v[j * lane.step[0]]);
    for (std::int64_t j = 0; any && j < lane.size; ++j)
      if (const std::int64_t bad = v[j * lane.step[0]]; outside(bad)) out_of_bounds(op, bad, dim, size);
  }
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

// What becomes of an element of the output and of the value that meets it there.
struct Assign {
  template <class T>
  void operator()(T& to, const T& value) const {
    to = value;
  }
};
// Integers wrap: they are added and multiplied as numbers without sign, which overflow without harm.
template <class T>
using Wrapping = std::conditional_t<std::is_integral_v<T>, std::uint64_t, T>;
struct Add {
  template <class T>
  void operator()(T& to, const T& value) const {
    to = static_cast<T>(static_cast<Wrapping<T>>(to) + static_cast<Wrapping<T>>(value));
  }
};
struct Multiply {
  template <class T>
  void operator()(T& to, const T& value) const {
    to = static_cast<T>(static_cast<Wrapping<T>>(to) * static_cast<Wrapping<T>>(value));
  }
};
struct Largest {
  template <class T>
  void operator()(T& to, const T& value) const {
    if (value > to || value != value) to = value;
  }
};
struct Smallest {
  template <class T>
  void operator()(T& to, const T& value) const {
    if (value < to || value != value) to = value;
  }
};
struct Take {
  static constexpr bool backwards = true;
  template <class T>
  void operator()(T& to, T& value) const {
    value = to;
    to = 0;
  }
};

template <class T, class Rule>
void scatter_run(const Place<T, T>& p, const Axis<3>& run, std::int64_t n, std::int64_t along, Rule rule) {
  const auto [value_step, index_step, indexed_step] = run.step;
  if (index_step == 0 && value_step == 1 && indexed_step == 1) {
    T* to = p.indexed + *p.index * along;
    for (std::int64_t i = 0; i < n; ++i) rule(to[i], p.value[i]);
  } else {
    for (std::int64_t i = 0; i < n; ++i)
      rule(p.indexed[i * indexed_step + p.index[i * index_step] * along], p.value[i * value_step]);
  }
}

// rule(y at the indices, x). The index has x's shape. Elements that meet in y lie along dim of x: a piece of the work
// holds all of them and takes them in order.
template <class T, class Rule>
void scatter_all(const View& y, const View& index, const Dims& index_strides, const View& x, int dim, Rule rule) {
  Axes<3> outer;
  for (int d = 0; d < x.rank(); ++d)
    if (d != dim) outer.push_back({x.size(d), {x.stride(d), index_strides[d], y.stride(d)}});
  const auto lane = outer.pop_back();
  Axis<3> meeting{x.size(dim), {x.stride(dim), index_strides[dim], 0}};
  Place<T, T> start{x.as<T>(), index.as<const std::int64_t>(), y.as<T>()};
  if constexpr (requires { Rule::backwards; }) {
    if (meeting.size == 0) return;
    start = start.at(meeting.step, meeting.size - 1);
    for (auto& step : meeting.step) step = -step;
  }
  const bool lane_inside = std::abs(lane.step[0]) <= std::abs(meeting.step[0]);
  for_each_piece(outer.count(), lane.size, meeting.size,
                 [&](std::int64_t i, std::int64_t begin, std::int64_t end) {
                   const auto place = start.at(outer.offset(i), 1).at(lane.step, begin);
                   if (lane_inside) {
                     for (std::int64_t j = 0; j < meeting.size; ++j)
                       scatter_run<T>(place.at(meeting.step, j), lane, end - begin, y.stride(dim), rule);
                   } else {
                     for (std::int64_t j = 0; j < end - begin; ++j)
                       scatter_run<T>(place.at(lane.step, j), meeting, meeting.size, y.stride(dim), rule);
                   }
                 });
}

void combine_all(std::string_view op, const View& y, const View& index, const Dims& index_strides, const View& x,
                 int dim, Combine how) {
  if (how == Combine::assign)
    return visit_size(x.dtype, [&]<class T>(T*) { scatter_all<T>(y, index, index_strides, x, dim, Assign()); });
  if (x.dtype == boolean) fail("{}: bool elements cannot be combined; convert both to another dtype first", op);
  visit(x.dtype, [&]<class T>(T*) {
    if constexpr (!std::is_same_v<T, bool>) {
      const auto with = [&](auto rule) { scatter_all<T>(y, index, index_strides, x, dim, rule); };
      if (how == Combine::add) return with(Add());
      if (how == Combine::multiply) return with(Multiply());
      if (how == Combine::largest) return with(Largest());
      with(Smallest());
    }
  });
}

// The stride from one to the next of the elements of dimensions [dim, dim + count) in row-major order, if there is one.
std::optional<std::int64_t> stride_through(const View& v, int dim, int count) {
  std::int64_t step = 1, elements = 1;
  for (int d = dim + count - 1; d >= dim; --d) {
    if (v.size(d) == 1) continue;
    if (elements == 1) step = v.stride(d);
    else if (v.stride(d) != step * elements) return {};
    elements *= v.size(d);
  }
  return step;
}

// Several dimensions of a view as one, and an index of it. Where no one stride goes through them, the index becomes the
// elements' places in memory.
class Joined {
 public:
  Joined(std::string_view op, const View& v, const View& index, int dim, int count)
      : strides_(*v.strides), step_(stride_through(v, dim, count)), places_(step_ ? 0 : index.numel()) {
    Dims sizes = *v.shape;
    for (int d = 1; d < count; ++d) {
      sizes[dim] *= sizes[dim + 1];
      sizes.erase(dim + 1);
      strides_.erase(dim + 1);
    }
    check_indices(op, index, dim, sizes[dim]);
    strides_[dim] = step_.value_or(1);
    shape_ = Shape(sizes);
    view_ = {v.data, &shape_, &strides_, v.dtype, false};
    index_ = index;
    if (!step_) find_places(v, dim, count);
  }
  Joined(const Joined&) = delete;
  Joined& operator=(const Joined&) = delete;
  const View& view() const { return view_; }
  const View& index() const { return index_; }
  // The index as one of any shape: the same along all dimensions but dim.
  Dims index_strides(int dim) const {
    Dims strides = Dims::filled(shape_.rank(), 0);
    strides[dim] = index_.stride(0);
    return strides;
  }

 private:
  void find_places(const View& v, int dim, int count) {
    const Strided<const std::int64_t> number(index_);
    for (std::int64_t i = 0; i < index_.numel(); ++i) {
      std::int64_t rest = number[i], place = 0;
      for (int d = dim + count - 1; d >= dim; --d) {
        place += rest % v.size(d) * v.stride(d);
        rest /= v.size(d);
      }
      places_[i] = place;
    }
    index_.data = places_.data();
    index_.strides = &kOneByOne;
  }

  static inline const Dims kOneByOne{1};
  Shape shape_;
  Dims strides_;
  std::optional<std::int64_t> step_;
  memory::Scratch<std::int64_t> places_;
  View view_, index_;
};

}  // namespace

void index_select(View y, View x, View index, int dim, int count) {
  const Joined from("index_select", x, index, dim, count);
  gather_all(y, from.index(), from.index_strides(dim), from.view(), dim);
}

void index_add(View y, View x, View index, int dim, int count) {
  const Joined to("index_add", y, index, dim, count);
  combine_all("index_add", to.view(), to.index(), to.index_strides(dim), x, dim, Combine::add);
}

void index_put(View y, View x, View index, int dim, int count, bool accumulate) {
  const Joined to("index_put", y, index, dim, count);
  combine_all("index_put", to.view(), to.index(), to.index_strides(dim), x, dim,
              accumulate ? Combine::add : Combine::assign);
}

void gather(View y, View x, View index, int dim) {
  check_indices("gather", index, dim, x.size(dim));
  gather_all(y, index, *index.strides, x, dim);
}

void scatter_add(View y, View x, View index, int dim) {
  check_indices("scatter_add", index, dim, y.size(dim));
  combine_all("scatter_add", y, index, *index.strides, x, dim, Combine::add);
}

void scatter(View y, View x, View index, int dim, Combine how) {
  check_indices("scatter", index, dim, y.size(dim));
  combine_all("scatter", y, index, *index.strides, x, dim, how);
}

void scatter_take(View y, View x, View index, int dim) {
  check_indices("scatter_take", index, dim, y.size(dim));
  visit_size(x.dtype, [&]<class T>(T*) { scatter_all<T>(y, index, *index.strides, x, dim, Take()); });
}

void add_places(const char* op, View y, View index, int dim, std::int64_t size, std::int64_t weight) {
  Axes<2> outer;
  for (int d = 0; d < y.rank(); ++d) outer.push_back({y.size(d), {y.stride(d), index.stride(d)}});
  const auto lane = outer.pop_back();
  for_each_piece(outer.count(), lane.size, 1, [&](std::int64_t i, std::int64_t begin, std::int64_t end) {
    const auto offset = outer.offset(i);
    std::int64_t* to = y.as<std::int64_t>() + offset[0];
    const std::int64_t* from = index.as<const std::int64_t>() + offset[1];
    for (std::int64_t j = begin; j < end; ++j) {
      const std::int64_t given = from[j * lane.step[1]], place = given < 0 ? given + size : given;
      if (place < 0 || place >= size) out_of_bounds(op, given, dim, size);
      to[j * lane.step[0]] += place * weight;
    }
  });
}

namespace {

std::int64_t count_run(const std::uint8_t* mask, std::int64_t n) {
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < n; ++i) count += mask[i];
  return count;
}

}  // namespace

std::int64_t count_true(View mask) {
  const std::int64_t n = mask.numel(), pieces = ceil_div(n, kWork);
  const memory::Scratch<std::int64_t> counts(pieces);
  parallel_for(n, kWork, [&](std::int64_t begin, std::int64_t end) {
    counts[begin / kWork] = count_run(mask.as<const std::uint8_t>() + begin, end - begin);
  });
  return std::accumulate(counts.data(), counts.data() + pieces, std::int64_t{0});
}

void find_true(View y, View mask) {
  const auto* flags = mask.as<const std::uint8_t>();
  const std::int64_t n = mask.numel(), pieces = ceil_div(n, kWork);
  const memory::Scratch<std::int64_t> ends(pieces);
  parallel_for(n, kWork, [&](std::int64_t begin, std::int64_t end) {
    ends[begin / kWork] = count_run(flags + begin, end - begin);
  });
  std::partial_sum(ends.data(), ends.data() + pieces, ends.data());
  parallel_for(n, kWork, [&](std::int64_t begin, std::int64_t end) {
    std::int64_t* to = y.as<std::int64_t>() + (begin == 0 ? 0 : ends[begin / kWork - 1]);
    for (std::int64_t i = begin; i < end; ++i)
      if (flags[i] != 0) *to++ = i;
  });
}

}  // namespace ebb::kernels
