// x.at(…), and writing there.
#include <array>
#include <utility>

#include "autograd/ops/index.h"
#include "autograd/ops/part.h"
#include "autograd/ops/scatter.h"
#include "autograd/writes.h"

namespace ebb {
namespace {

using ops::Subscript;

bool is_mask(const Tensor& x) { return x.dtype() == boolean; }

// A tensor among the indices, and the dimensions that it chooses from.
struct Choice {
  Tensor index;
  int dim = 0, count = 0;  // in the tensor that integers, slices and new dimensions leave
  int given_dim = 0;       // in the tensor given
};

// What a list of indices means for a tensor: a part of it, from which tensors then choose.
struct Meaning {
  Subscript part;
  bool whole = true;  // the part is all of it
  std::array<Choice, kMaxRank> choices;
  int count = 0;
};

// How many dimensions an index stands for.
int extent(const Index& index) {
  if (index.kind == Index::Kind::tensor) return is_mask(index.tensor) ? index.tensor.dim() : 1;
  return index.kind == Index::Kind::integer || index.kind == Index::Kind::range ? 1 : 0;
}

class Reader {
 public:
  Reader(const char* op, const Tensor& x) : op_(op), x_(x) {}

  Meaning read(std::span<const Index> indices) {
    int extents = 0, ellipses = 0;
    for (const auto& index : indices) {
      extents += extent(index);
      ellipses += index.kind == Index::Kind::dots;
    }
    if (ellipses > 1) fail("{}: {} ellipses among the indices; one can be there", op_, ellipses);
    if (extents > x_.dim())
      fail("{}: indices for {} dimensions, but the tensor is {}", op_, extents, describe(x_));
    for (const auto& index : indices) read(index, x_.dim() - extents);
    keep(x_.dim() - dim_);
    return std::move(meaning_);
  }

 private:
  void read(const Index& index, int left) {
    switch (index.kind) {
      case Index::Kind::integer:
        return integer(*index.slice.start);
      case Index::Kind::range:
        return range(ops::range_of(op_, x_.shape()[dim_], index.slice.start, index.slice.stop, index.slice.step));
      case Index::Kind::dots:
        return keep(left);
      case Index::Kind::fresh:
        return fresh();
      case Index::Kind::tensor:
        if (is_mask(index.tensor)) return mask(index.tensor);
        ops::require_index(op_, index.tensor);
        return choose(index.tensor, 1);
    }
  }

  void integer(std::int64_t given) {
    const std::int64_t size = x_.shape()[dim_];
    if (given < -size || given >= size)
      fail("{}: index {} is out of bounds for dimension {} of size {}", op_, given, dim_, size);
    meaning_.part.start.push_back(given < 0 ? given + size : given);
    meaning_.whole = false;
    ++dim_;
  }
  void range(const ops::Range& r) {
    meaning_.whole &= r.length == x_.shape()[dim_];
    meaning_.part.start.push_back(r.first);
    add(dim_++, r.length, r.step);
  }
  void keep(int dims) {
    for (; dims > 0; --dims) range({0, x_.shape()[dim_], 1});
  }
  void fresh() {
    meaning_.whole = false;
    add(-1, 1, 1);
  }
  void mask(const Tensor& flags) {
    if (flags.dim() == 0) {  // one of a new dimension
      fresh();
      return add_choice({reshape(flags, {1}), meaning_.part.from.rank() - 1, 1, dim_});
    }
    for (int d = 0; d < flags.dim(); ++d)
      if (flags.shape()[d] != x_.shape()[dim_ + d])
        fail("{}: the mask is {}, the tensor {}; they differ in dimension {} of the tensor", op_, flags.shape(),
             x_.shape(), dim_ + d);
    choose(flags, flags.dim());
  }
  void choose(const Tensor& index, int count) {
    Choice choice{index, meaning_.part.from.rank(), count, dim_};
    keep(count);
    add_choice(std::move(choice));
  }
  void add_choice(Choice choice) {
    meaning_.choices[static_cast<std::size_t>(meaning_.count++)] = std::move(choice);
  }
  void add(int from, std::int64_t length, std::int64_t step) {
    meaning_.part.from.push_back(from);
    meaning_.part.length.push_back(length);
    meaning_.part.step.push_back(step);
  }

  const char* op_;
  const Tensor& x_;
  Meaning meaning_;
  int dim_ = 0;
};

// The choices as one index: dimensions [dim, dim + count) of x, which is the part with its dimensions in `order`, are
// chosen from by the numbers in `places`, of shape `chosen`.
struct Lookup {
  Tensor x, places;
  Dims order;
  int dim = 0, count = 0;
  Shape chosen;

  // x's shape with other dimensions in place of these.
  Shape around(const Dims& sizes) const {
    Dims all;
    for (int d = 0; d < dim; ++d) all.push_back(x.shape()[d]);
    for (const auto size : sizes) all.push_back(size);
    for (int d = dim + count; d < x.dim(); ++d) all.push_back(x.shape()[d]);
    return Shape(all);
  }
  Shape result() const { return around(chosen); }
  Shape flat() const { return around({chosen.numel()}); }
  // x with these as one dimension.
  Tensor joined() const {
    std::int64_t size = 1;
    for (int d = dim; d < dim + count; ++d) size *= x.shape()[d];
    return reshape(x, around({size}));
  }
  // `places` for each element of flat().
  Tensor index() const {
    Dims sizes = Dims::filled(flat().rank(), 1);
    sizes[dim] = chosen.numel();
    return expand(reshape(places, sizes), flat());
  }
};

// Where the dimensions chosen from stand among the others: at the first of them if they lie side by side, else in
// front. Those of 0-d indices do not count.
int place_of(std::span<const Choice> choices, const std::array<bool, kMaxRank>& taken) {
  int first = -1, end = -1;
  for (const auto& c : choices) {
    if (c.index.dim() == 0) continue;
    for (int d = end; first >= 0 && d < c.dim; ++d)
      if (!taken[static_cast<std::size_t>(d)]) return 0;
    if (first < 0) first = c.dim;
    end = c.dim + c.count;
  }
  if (first < 0) first = choices[0].dim;
  int before = 0;
  for (int d = 0; d < first; ++d) before += !taken[static_cast<std::size_t>(d)];
  return before;
}

Lookup look_up(const char* op, const Tensor& part, std::span<const Choice> choices) {
  Lookup look;
  std::array<bool, kMaxRank> taken{};
  for (const auto& c : choices)
    for (int d = c.dim; d < c.dim + c.count; ++d) taken[static_cast<std::size_t>(d)] = true;
  look.dim = place_of(choices, taken);
  const auto take_all = [&] {
    for (const auto& c : choices)
      for (int d = c.dim; d < c.dim + c.count; ++d) look.order.push_back(d);
    look.count = look.order.rank() - look.dim;
  };
  for (int d = 0; d < part.dim(); ++d) {
    if (taken[static_cast<std::size_t>(d)]) continue;
    if (look.order.rank() == look.dim && look.count == 0) take_all();
    look.order.push_back(d);
  }
  if (look.count == 0) take_all();
  bool in_order = true;
  for (int d = 0; d < part.dim(); ++d) in_order &= look.order[d] == d;
  look.x = in_order ? part : permute(part, look.order);

  std::array<Tensor, kMaxRank> index;
  for (std::size_t k = 0; k < choices.size(); ++k) {
    const Tensor& given = choices[k].index;
    index[k] = is_mask(given) ? ops::true_places(op, given) : given;
    look.chosen = k == 0 ? index[0].shape() : ops::broadcast_shape(op, look.chosen, index[k].shape());
  }
  std::int64_t weight = 1;
  for (std::size_t k = choices.size(); k-- > 0;) {
    const Choice& c = choices[k];
    std::int64_t size = 1;
    for (int d = c.dim; d < c.dim + c.count; ++d) size *= part.shape()[d];
    if (choices.size() == 1 && is_mask(c.index)) {
      look.places = index[0];
    } else {
      const ops::Places places{op, c.given_dim, size, weight};
      look.places = apply(places, expand(index[k], look.chosen), look.places);
    }
    weight *= size;
  }
  look.places = reshape(look.places, {look.chosen.numel()});
  return look;
}

Tensor part_for(const Tensor& x, const Meaning& meaning) { return meaning.whole ? x : apply(meaning.part, x); }
std::span<const Choice> choices_of(const Meaning& m) {
  return {m.choices.data(), static_cast<std::size_t>(m.count)};
}

// `values` in this shape.
Tensor spread(const char* op, const Tensor& values, const Shape& shape) {
  bool fits = values.dim() <= shape.rank();
  for (int i = 0; fits && i < values.dim(); ++i) {
    const std::int64_t size = values.shape()[i];
    fits = size == 1 || size == shape[i + shape.rank() - values.dim()];
  }
  if (!fits) fail("{}: the values are {}; they must broadcast to {}", op, values.shape(), shape);
  return expand(values, shape);
}

// A lone mask, as large as the part that it is of; undefined if there are other choices. What it assigns of one value
// has a shape that depends on no value.
Tensor lone_mask(const Tensor& part, const Meaning& meaning) {
  if (meaning.count != 1 || !is_mask(meaning.choices[0].index)) return {};
  const Choice& c = meaning.choices[0];
  Dims sizes = c.index.shape();
  for (int d = c.dim + c.count; d < part.dim(); ++d) sizes.push_back(1);
  return expand(reshape(c.index, sizes), part.shape());
}

// x[…] = values or += values in x's memory; they have neither history nor memory in common with it.
void write_at(const char* op, const Tensor& x, std::span<const Index> indices, const Tensor& given,
              bool accumulate) {
  detail::check_writable(op, x);
  const NoGrad off;
  const Meaning meaning = Reader(op, x).read(indices);
  const Tensor part = part_for(x, meaning);
  if (meaning.count == 0) {
    const Tensor values = detail::operand_of(op, part, spread(op, given, part.shape()));
    if (accumulate) detail::write(part, op, kernels::add_into, values.to(x.dtype()));
    else detail::write(part, op, kernels::copy, values);
    return;
  }
  if (const Tensor mask = lone_mask(part, meaning); !accumulate && given.dim() == 0 && mask.defined()) {
    const Tensor value = expand(given.to(x.dtype()).clone(), part.shape());
    detail::write(
        part, op, [](const View& y, const View& m, const View& v) { kernels::where(y, m, v, y); },
        mask.impl().buffer.get() == x.impl().buffer.get() ? mask.clone() : mask, value);
    return;
  }
  const Lookup look = look_up(op, part, choices_of(meaning));
  Tensor values = reshape(spread(op, given.detach().to(x.dtype()), look.result()), look.flat());
  if (values.impl().buffer.get() == x.impl().buffer.get()) values = values.clone();
  detail::write(
      look.x, op,
      [dim = look.dim, count = look.count, accumulate](const View& y, const View& v, const View& places) {
        kernels::index_put(y, v, places, dim, count, accumulate);
      },
      values, look.places);
}

std::span<const Index> span_of(std::initializer_list<Index> list) { return {list.begin(), list.size()}; }

// The part with everything changed that the choices choose.
Tensor changed(const Tensor& part, const Meaning& meaning, const Tensor& values, bool accumulate) {
  if (const Tensor mask = lone_mask(part, meaning); !accumulate && values.dim() == 0 && mask.defined())
    return where(mask, values, part);
  const Lookup look = look_up("index_put", part, choices_of(meaning));
  const Tensor src = reshape(spread("index_put", values, look.result()), look.flat());
  const Tensor flat = accumulate ? apply(ops::ScatterOnto{look.dim}, look.joined(), look.index(), src)
                                 : apply(ops::Scatter{look.dim}, look.joined(), look.index(), src);
  Dims back = look.order;
  for (int d = 0; d < part.dim(); ++d) back[static_cast<int>(look.order[d])] = d;
  return permute(reshape(flat, look.x.shape()), back);
}

// All of x, as a part.
Subscript all_of(const Tensor& x) {
  Subscript all{Dims::filled(x.dim(), 0), {}, x.shape(), Dims::filled(x.dim(), 1)};
  for (int d = 0; d < x.dim(); ++d) all.from.push_back(d);
  return all;
}

Tensor put(const char* op, const Tensor& x, const Subscript& part, const Tensor& src) {
  ops::require_same_dtype(op, x, src);
  if (src.shape() != Shape(part.length))
    fail("{}: the source is {}; the part that it replaces is {}", op, src.shape(), part.length);
  return apply(ops::SubscriptPut{part}, x, src);
}

}  // namespace

Tensor Tensor::at(std::span<const Index> indices) const {
  const Meaning meaning = Reader("at", *this).read(indices);
  const Tensor part = part_for(*this, meaning);
  if (meaning.count == 0) return part;
  const Lookup look = look_up("at", part, choices_of(meaning));
  return reshape(apply(ops::IndexSelect{look.dim, look.count}, look.x, look.places), look.result());
}

const Tensor& Tensor::set_at(std::span<const Index> indices, const Tensor& values) const {
  write_at("set_at", *this, indices, values, false);
  return *this;
}
const Tensor& Tensor::set_at(std::initializer_list<Index> indices, const Tensor& values) const {
  return set_at(span_of(indices), values);
}
const Tensor& Tensor::set_at(std::initializer_list<Index> indices, double value) const {
  return set_at(indices, full({}, value, {.dtype = dtype()}));
}
const Tensor& Tensor::add_at(std::span<const Index> indices, const Tensor& values) const {
  write_at("add_at", *this, indices, values, true);
  return *this;
}
const Tensor& Tensor::add_at(std::initializer_list<Index> indices, const Tensor& values) const {
  return add_at(span_of(indices), values);
}

Tensor index_put(const Tensor& x, std::span<const Index> indices, const Tensor& values, bool accumulate) {
  ops::require_same_dtype("index_put", x, values);
  const Meaning meaning = Reader("index_put", x).read(indices);
  if (meaning.count > 0) {
    const Tensor part = changed(part_for(x, meaning), meaning, values, accumulate);
    return meaning.whole ? part : apply(ops::SubscriptPut{meaning.part}, x, part);
  }
  const Tensor part = spread("index_put", values, Shape(meaning.part.length));
  return accumulate ? x + apply(ops::SubscriptBackward{meaning.part, x.shape()}, part)
                    : apply(ops::SubscriptPut{meaning.part}, x, part);
}

Tensor index_put(const Tensor& x, std::initializer_list<Index> indices, const Tensor& values, bool accumulate) {
  return index_put(x, span_of(indices), values, accumulate);
}

Tensor slice_scatter(const Tensor& x, const Tensor& src, int dim, std::optional<std::int64_t> start,
                     std::optional<std::int64_t> end, std::int64_t step) {
  if (x.dim() == 0) fail("slice_scatter: the tensor is 0-d");
  const int d = ops::dimension("slice_scatter", dim, x.dim());
  const ops::Range range = ops::range_of("slice_scatter", x.shape()[d], start, end, step);
  Subscript part = all_of(x);
  part.start[d] = range.first;
  part.length[d] = range.length;
  part.step[d] = range.step;
  return put("slice_scatter", x, part, src);
}

Tensor select_scatter(const Tensor& x, const Tensor& src, int dim, std::int64_t index) {
  if (x.dim() == 0) fail("select_scatter: the tensor is 0-d");
  const int d = ops::dimension("select_scatter", dim, x.dim());
  const std::int64_t size = x.shape()[d];
  if (index < -size || index >= size)
    fail("select_scatter: index {} is out of bounds for dimension {} of size {}", index, d, size);
  Subscript part = all_of(x);
  part.start[d] = index < 0 ? index + size : index;
  for (auto* list : {&part.from, &part.length, &part.step}) list->erase(d);
  return put("select_scatter", x, part, src);
}

}  // namespace ebb
