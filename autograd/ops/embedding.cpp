// Rows of a table, and bags of them, in the operations of the other files.
#include "autograd/ops/index.h"

namespace ebb {
namespace {

// The indices that are of row padding_idx of the weight, which may count from the end.
Tensor is_padding(const char* op, const Tensor& index, const Tensor& weight, std::int64_t padding_idx) {
  const std::int64_t rows = weight.shape()[0];
  if (padding_idx < -rows || padding_idx >= rows)
    fail("{}: padding_idx is {}; the weight has {} rows", op, padding_idx, rows);
  return eq(index, static_cast<double>(padding_idx < 0 ? padding_idx + rows : padding_idx));
}

}  // namespace

Tensor embedding(const Tensor& index, const Tensor& weight, std::optional<std::int64_t> padding_idx) {
  if (weight.dim() != 2) fail("embedding: the weight is {}; it must be [n, d]", describe(weight));
  ops::require_index("embedding", index);
  Dims sizes = index.shape();
  sizes.push_back(weight.shape()[1]);
  const Tensor flat = reshape(index, {index.numel()});
  Tensor rows = index_select(weight, 0, flat);
  if (padding_idx) {
    const Tensor padding = unsqueeze(is_padding("embedding", flat, weight, *padding_idx), 1);
    rows = where(padding, rows.detach(), rows);
  }
  return reshape(rows, sizes);
}

namespace {

constexpr const char* kBag = "embedding_bag";

// Of `count` indices, in a Replay each time anew.
void check_offsets(const Tensor& offsets, std::int64_t count) {
  const auto check = [count](const View& v) {
    const auto* at = v.as<const std::int64_t>();
    for (std::int64_t i = 0; i < v.numel(); ++i)
      if (at[i] < (i == 0 ? 0 : at[i - 1]) || at[i] > (i == 0 ? 0 : count))
        fail("{}: offset {} is {}; offsets begin with 0, do not fall and end at most at {}", kBag, i, at[i],
             count);
  };
  detail::launch(check, offsets.contiguous().view());
}

struct Bags {
  Tensor of_each;      // the bag of each index in row-major order
  std::int64_t count;  // numbers from there on are no bags
};

Bags bags_of(const Tensor& index, const Tensor& offsets, bool include_last_offset) {
  const auto numbers = [](std::int64_t n) { return arange(static_cast<double>(n), {.dtype = int64}); };
  if (index.dim() == 2) {
    if (offsets.defined())
      fail("{}: offsets are given, but the rows of the index {} are the bags", kBag, index.shape());
    const std::int64_t count = index.shape()[0];
    return {reshape(expand(unsqueeze(numbers(count), 1), index.shape()), {index.numel()}), count};
  }
  if (index.dim() != 1) fail("{}: the index is {}; it must be [n] or [bags, n]", kBag, describe(index));
  if (!offsets.defined()) fail("{}: an index [n] needs offsets: where each bag begins", kBag);
  if (offsets.dim() != 1 || offsets.dtype() != int64 ||
      (offsets.numel() == 0 && (include_last_offset || index.numel() > 0)))
    fail("{}: the offsets are {}; they must be int64, one for each bag{}", kBag, describe(offsets),
         include_last_offset ? " and one for the end" : "");
  check_offsets(offsets, index.numel());
  return {searchsorted(offsets, numbers(index.numel()), true) + -1.,
          offsets.numel() - (include_last_offset ? 1 : 0)};
}

}  // namespace

// What falls into no bag goes into one more, which is cut off.
Tensor embedding_bag(const Tensor& index, const Tensor& weight, const Tensor& offsets,
                     const EmbeddingBagOptions& options) {
  ops::require_index(kBag, index);
  if (weight.dim() != 2) fail("{}: the weight is {}; it must be [n, d]", kBag, describe(weight));
  ops::require_floating(kBag, weight, "the weight");
  const Tensor& factors = options.per_sample_weights;
  if (factors.defined() && options.mode != BagMode::sum) fail("{}: per_sample_weights are for the mode sum", kBag);
  if (factors.defined()) ops::require_parameter(kBag, "per_sample_weights", factors, weight, index.shape());
  auto [bag, count] = bags_of(index, offsets, options.include_last_offset);
  const Tensor flat = reshape(index, {index.numel()});
  if (options.padding_idx) {
    const Tensor padding = is_padding(kBag, flat, weight, *options.padding_idx);
    bag = where(padding, full({}, static_cast<double>(count), {.dtype = int64}), bag);
  }
  const std::int64_t d = weight.shape()[1];
  Tensor rows = index_select(weight, 0, flat);
  if (factors.defined()) rows = rows * reshape(factors, {index.numel(), 1});
  const auto cut = [n = count](const Tensor& x) { return narrow(x, 0, 0, n); };
  if (options.mode == BagMode::max) {
    const Tensor places = expand(unsqueeze(bag, 1), rows.shape());
    return cut(scatter_reduce(zeros({count + 1, d}, {.dtype = weight.dtype()}), 0, places, rows,
                              ScatterReduction::amax, false));
  }
  const Tensor sums = cut(apply(ops::IndexAdd{0, {count + 1, d}}, rows, bag));
  if (options.mode == BagMode::sum) return sums;
  const Tensor sizes =
      cut(apply(ops::IndexAdd{0, {count + 1}}, ones({index.numel()}, {.dtype = weight.dtype()}), bag));
  return sums / unsqueeze(clamp(sizes, 1, ops::kInfinity), 1);
}

}  // namespace ebb
