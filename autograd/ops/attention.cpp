#include "autograd/ops/attention.h"

#include <algorithm>
#include <cmath>

namespace ebb {
namespace ops {

std::array<Tensor, 2> Attention::reference(const Tensor& query, const Tensor& key, const Tensor& value,
                                           const Tensor& mask) const {
  const auto by_heads = [](const Tensor& x) { return transpose(x, 1, 2); };
  Tensor scores = matmul(by_heads(query), transpose(by_heads(key), -2, -1)) * terms.scale;
  const std::int64_t columns = scores.shape()[3];
  const auto numbers = [&](int dim) { return arange(static_cast<double>(scores.shape()[dim])); };
  const auto constant = [&](double x) { return full({}, x, {.dtype = query.dtype()}); };
  const auto forbid = [&](const Tensor& allowed) { scores = where(allowed, scores, constant(-kInfinity)); };
  if (terms.causal) forbid(ge(unsqueeze(numbers(2), 1), numbers(3)));
  if (mask.defined() && mask.dtype() == boolean) forbid(mask);
  else if (mask.defined()) scores = scores + mask;

  // Where no column takes part, the probabilities are 0 and nothing depends on the scores.
  const Tensor none = columns == 0 ? full({}, 1, {.dtype = boolean}) : eq(amax(scores, {-1}, true), -kInfinity);
  scores = where(none, constant(0), scores);
  Tensor probabilities = where(none, constant(0), softmax(scores, -1));
  const Tensor sums = where(none, constant(kInfinity), logsumexp(scores, {-1}, true));
  if (terms.p > 0) {
    const Shape padded = scores.shape().with(3, (columns + 3) / 4 * 4);
    const Tensor kept =
        apply(Dropout{terms.p, terms.seed, terms.position}, ones(padded, {.dtype = query.dtype()}));
    probabilities = probabilities * narrow(kept, 3, 0, columns);
  }
  return {by_heads(matmul(probabilities, by_heads(value))), squeeze(sums, 3)};
}

Samples<Attention> Attention::samples(Generator& random) {
  const auto torch = [](const std::string& more) {
    return "torch.nn.functional.scaled_dot_product_attention(x[0].transpose(1, 2), x[1].transpose(1, 2), "
           "x[2].transpose(1, 2)" +
           more + ").transpose(1, 2)";
  };
  const auto in = [&](const Shape& shape) { return draw(random, shape); };
  const auto self = [&](std::int64_t rows) { return in({2, rows, 2, 3}); };
  return {{{{.scale = 1 / std::sqrt(3.0)}}, {self(4), self(4), self(4), Tensor()}, torch("")},
          {{{.scale = 0.5, .causal = true}},
           {self(4), self(3), self(3), Tensor()},
           torch(", is_causal=True, scale=0.5")},
          {{{.scale = 2}}, {self(3), self(2), in({2, 2, 2, 1}), in({2, 2, 3, 2})}, torch(", x[3], scale=2.0")},
          {{{.scale = 1 / std::sqrt(3.0)}},
           {self(3), self(5), self(5), draw_index(random, 2, {2, 2, 3, 5}).to(boolean)},
           torch(", x[3]")},
          {{{.scale = 1 / std::sqrt(3.0)}}, {self(2), self(0), self(0), Tensor()}, torch("")},
          {{{.scale = 1 / std::sqrt(3.0)}}, {self(0), self(2), self(2), Tensor()}, torch("")}};
}

namespace {

constexpr const char* kName = Attention::name.data();

std::int64_t rows_of(const Tensor& x) { return x.shape()[x.dim() - 2]; }
std::int64_t width_of(const Tensor& x) { return x.shape()[x.dim() - 1]; }

Shape leading(const Tensor& x, const char* what) {
  if (x.dim() < 2) fail("{}: the {} is {}; it must be [.., rows, width]", kName, what, describe(x));
  return Shape(std::span(x.shape().begin(), static_cast<std::size_t>(x.dim() - 2)));
}

Shape followed_by(const Shape& lead, std::int64_t rows, std::int64_t width) {
  Dims sizes = lead;
  sizes.push_back(rows);
  sizes.push_back(width);
  return Shape(sizes);
}

void check_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                     const AttentionOptions& options) {
  require_floating(kName, query, "the query");
  require_same_dtype(kName, query, key);
  require_same_dtype(kName, query, value);
  if (width_of(query) != width_of(key))
    fail("{}: the last sizes of query and key differ, {} and {} (query {}, key {})", kName, width_of(query),
         width_of(key), query.shape(), key.shape());
  if (rows_of(key) != rows_of(value))
    fail("{}: key and value have {} and {} rows; each key needs one value (key {}, value {})", kName, rows_of(key),
         rows_of(value), key.shape(), value.shape());
  if (!(options.dropout_p >= 0 && options.dropout_p <= 1))
    fail("{}: dropout_p is {}; it must be from 0 to 1", kName, options.dropout_p);
  const Tensor& mask = options.attn_mask;
  if (!mask.defined()) return;
  if (options.is_causal)
    fail("{}: is_causal and attn_mask are both given; put the causal mask into attn_mask", kName);
  if (mask.dtype() != boolean && mask.dtype() != query.dtype())
    fail("{}: attn_mask is {}; it must be bool or {}, convert it by to()", kName, describe(mask), query.dtype());
}

// [.., a, b] with the leading sizes `lead`, as [n, h, a, b]: one head, unless two sizes lead.
Tensor with_two_leading(const Tensor& x, const Shape& lead) {
  const std::int64_t a = rows_of(x), b = width_of(x);
  const Tensor full = expand(x, followed_by(lead, a, b));
  if (lead.rank() == 2) return full;
  return unsqueeze(lead.rank() == 1 ? full : reshape(full, {lead.numel(), a, b}), 1);
}

// [.., heads, a, b] as [.., heads / group, group, a, b].
Tensor grouped(const Tensor& x, std::int64_t group) {
  const int heads = x.dim() - 3;
  return unflatten(x, heads, {x.shape()[heads] / group, group});
}

}  // namespace
}  // namespace ops

namespace {

// Groups of the query's heads become a dimension of their own, along which key and value are stretched.
Tensor grouped_attention(const Tensor& query, const Tensor& key, const Tensor& value, AttentionOptions options) {
  using namespace ops;
  const auto heads = [](const Tensor& x) { return x.dim() < 3 ? 0 : x.shape()[x.dim() - 3]; };
  const std::int64_t few = heads(key), many = heads(query);
  if (few == 0 || many == 0 || heads(value) != few || many % few != 0)
    fail(
        "{}: enable_gqa with query {}, key {} and value {}; they must be [.., heads, rows, width], and the query "
        "must "
        "have a multiple of the heads of both others",
        kName, query.shape(), key.shape(), value.shape());
  options.enable_gqa = false;
  Tensor& mask = options.attn_mask;
  if (mask.defined() && mask.dim() >= 3)
    mask = heads(mask) == many ? grouped(mask, many / few) : unsqueeze(mask, mask.dim() - 3);
  const Tensor y =
      scaled_dot_product_attention(grouped(query, many / few), grouped(key, 1), grouped(value, 1), options);
  return flatten(y, y.dim() - 4, y.dim() - 3);
}

}  // namespace

Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                    const AttentionOptions& options) {
  using namespace ops;
  if (options.enable_gqa) return grouped_attention(query, key, value, options);
  const Shape q = leading(query, "query"), k = leading(key, "key"), v = leading(value, "value");
  check_attention(query, key, value, options);
  const Shape lead = broadcast_shape(kName, broadcast_shape(kName, q, k), v);
  const std::int64_t rows = rows_of(query), columns = rows_of(key),
                     width = std::max<std::int64_t>(width_of(query), 1);
  Tensor mask = options.attn_mask;
  if (mask.defined()) {
    const Shape scores = followed_by(lead, rows, columns);
    if (mask.dim() > scores.rank() || broadcast_shape(kName, mask.shape(), scores) != scores)
      fail("{}: attn_mask {} does not broadcast to the scores {}", kName, mask.shape(), scores);
    mask = with_two_leading(expand(mask, scores), lead);
  }

  kernels::AttentionTerms terms{options.scale.value_or(1 / std::sqrt(static_cast<double>(width))),
                                options.is_causal};
  if (options.dropout_p > 0 && options.dropout_p < 1) {
    Generator& generator = detail::generator_or_default(options.generator);
    terms.p = options.dropout_p;
    terms.seed = generator.seed;
    terms.position = generator.take(lead.numel() * rows * ((columns + 3) / 4 * 4));
  }
  const auto by_rows = [&](const Tensor& x) { return transpose(with_two_leading(x, lead), 1, 2); };
  const Tensor y = transpose(apply(Attention{terms}, by_rows(query), by_rows(key), by_rows(value), mask)[0], 1, 2);
  const Tensor result = lead.rank() == 2 ? y : reshape(y, followed_by(lead, rows, width_of(value)));
  return options.dropout_p == 1 ? result * 0 : result;
}

}  // namespace ebb
