// Public functions with hostile arguments: shapes, dimensions, indices, strides, paddings and sizes from -2^63 to 2^63 - 1,
// tensors of any dtype and layout. Each gives a result or an ebb::Error, and so does its gradient; anything else, a crash,
// undefined behaviour, another exception, is a bug. libFuzzer chooses the bytes: scripts/fuzz.
//
// Blocks above 64 MB are refused by the allocator below, so that a size that is only large is an Error too.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "autograd/autograd.h"

extern "C" const char* __asan_default_options() {
  return "allocator_may_return_null=1:max_allocation_size_mb=64:detect_leaks=0";
}

namespace ebb::fuzz {
namespace {

// Arguments made of bytes; zeros where they have ended.
class Source {
 public:
  Source(const std::uint8_t* data, std::size_t size) : data_(data), end_(data + size) {}

  unsigned byte() { return data_ == end_ ? 0 : *data_++; }
  bool flag() { return byte() % 2 == 1; }
  int up_to(int most) { return static_cast<int>(byte() % static_cast<unsigned>(most + 1)); }

  // Mostly a number that makes sense.
  std::int64_t number() {
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max(), least = std::numeric_limits<std::int64_t>::min();
    constexpr std::int64_t kSmall[] = {0, 1, 2, 3, -1, -2, 4, 5};
    constexpr std::int64_t kLarge[] = {8, -3, 63, 64, 1 << 16, std::int64_t{1} << 31, (std::int64_t{1} << 31) - 1,
                                       -(std::int64_t{1} << 31), std::int64_t{1} << 32, std::int64_t{1} << 40,
                                       std::int64_t{1} << 60, std::int64_t{1} << 61, std::int64_t{1} << 62,
                                       -(std::int64_t{1} << 62), most, most - 1, most / 2, most / 3, least, least + 1};
    const unsigned b = byte();
    return b < 200 ? kSmall[b % 8] : kLarge[(b - 200) % std::size(kLarge)];
  }
  int dim() {
    const std::int64_t n = number();
    return static_cast<int>(std::clamp<std::int64_t>(n, std::numeric_limits<int>::min(), std::numeric_limits<int>::max()));
  }
  double real() {
    constexpr double kReals[] = {0, 1, -1, 0.5, 2, 1e-300, 1e300, -1e300, 9.3e18, -9.3e18,
                                 std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(),
                                 std::numeric_limits<double>::quiet_NaN()};
    return kReals[byte() % std::size(kReals)];
  }
  std::optional<std::int64_t> maybe() { return flag() ? std::optional(number()) : std::nullopt; }
  std::optional<int> maybe_dim() { return flag() ? std::optional(dim()) : std::nullopt; }
  std::vector<std::int64_t> numbers(int most) {
    std::vector<std::int64_t> all;
    for (int n = up_to(most); n > 0; --n) all.push_back(number());
    return all;
  }
  Dims dims() { return Dims(std::span<const std::int64_t>(numbers(9))); }
  Shape shape() { return Shape(dims()); }
  Size2 pair() {
    const std::int64_t first = number();
    return flag() ? Size2(first, number()) : Size2(first);
  }
  Dtype dtype() {
    constexpr Dtype kDtypes[] = {float32, float64, float32, float64, int64, int32, uint8, boolean};
    return kDtypes[byte() % 8];
  }
  Reduction reduction() { return static_cast<Reduction>(up_to(3)); }

  // Of any dtype, up to five dimensions of up to five, laid out in some way.
  Tensor tensor() { return tensor(dtype()); }
  Tensor tensor(Dtype dtype) { return tensor(dtype, up_to(5)); }
  Tensor tensor(Dtype dtype, int rank) {
    Dims sizes;
    for (int i = 0; i < rank; ++i) sizes.push_back(std::array{2, 3, 1, 0, 5}[static_cast<std::size_t>(up_to(4))]);
    Tensor x = full(Shape(sizes), 1, {.dtype = dtype});
    const std::int64_t n = std::min<std::int64_t>(x.numel(), 6);
    const Tensor flat = view(x, {-1});
    for (std::int64_t i = 0; i < n; ++i) select(flat, 0, i).fill_(static_cast<double>(up_to(4)) - (dtype == uint8 ? 0 : 1));
    switch (up_to(5)) {
      case 0:
        if (rank > 1) x = transpose(x, 0, rank - 1);
        break;
      case 1:
        if (rank > 0 && x.size(0) > 1) x = slice(x, 0, 1, {}, 2);
        break;
      case 2:
        if (rank > 0) x = expand(narrow(x, 0, 0, std::min<std::int64_t>(x.size(0), 1)), x.shape());
        break;
      default:
        break;
    }
    if (is_floating(dtype) && flag()) x = x.detach().set_requires_grad();
    return x;
  }
  Tensor maybe_tensor() { return flag() ? tensor() : Tensor(); }
  Tensor floating() { return tensor(flag() ? float32 : float64); }
  // Whole numbers, hostile ones among them.
  Tensor index(int rank) {
    Tensor x = tensor(int64, rank).clone();
    if (flag() && x.numel() > 0) select(view(x, {-1}), 0, 0).data<std::int64_t>()[0] = number();
    return x;
  }
  Tensor index() { return index(up_to(3)); }
  Index subscript() {
    switch (up_to(5)) {
      case 0:
        return number();
      case 1: {
        const auto start = maybe(), stop = maybe();
        return Slice(start, stop, number());
      }
      case 2:
        return ellipsis;
      case 3:
        return newaxis;
      case 4:
        return index();
      default:
        return tensor(boolean);
    }
  }
  std::vector<Index> subscripts() {
    std::vector<Index> all;
    for (int n = up_to(5); n > 0; --n) all.push_back(subscript());
    return all;
  }
  std::vector<Tensor> tensors() {
    std::vector<Tensor> all;
    const Tensor first = tensor();
    for (int n = up_to(3); n > 0; --n) all.push_back(flag() ? first : tensor());
    return all;
  }
  // x, or one that may go with it.
  Tensor beside(const Tensor& x) {
    switch (up_to(4)) {
      case 0:
        return tensor();
      case 1:
        return tensor(x.dtype());
      case 2:
        return x.dim() > 0 ? select(x, 0, 0) : x;
      default:
        return x;
    }
  }

 private:
  const std::uint8_t *data_, *end_;
};

struct Function {
  const char* call;
  Tensors (*f)(Source&);
};

Tensors all_of(const ValuesIndices& both) { return {both.values, both.indices}; }
template <std::size_t N>
Tensors all_of(const std::array<Tensor, N>& all) {
  return {all.begin(), all.end()};
}

// Arguments are drawn one statement after the other: the order in which a call's are is not fixed.
// clang-format off
#define CALL(draw, ...) {#__VA_ARGS__, [](Source& s) -> Tensors { draw; return {__VA_ARGS__}; }}
#define MANY(draw, ...) {#__VA_ARGS__, [](Source& s) -> Tensors { draw; return __VA_ARGS__; }}
#define X const Tensor x = s.tensor()
#define XY X; const Tensor y = s.beside(x)
#define XYZ XY; const Tensor z = s.beside(x)

Tensors unary(Source& s) {
  using F = Tensor (*)(const Tensor&);
  constexpr F kAll[] = {neg, square, abs, sign, floor, ceil, trunc, frac, sqrt, rsqrt, reciprocal, exp, exp2, expm1, log,
                        log2, log10, log1p, sin, cos, tan, asin, acos, atan, sinh, cosh, asinh, acosh, atanh, erf, erfc,
                        erfinv, lgamma, digamma, sinc, i0, tanh, sigmoid, relu, silu, mish, selu, softsign, logsigmoid,
                        tanhshrink, relu6, hardsigmoid, hardswish, isnan, isinf, isfinite, logical_not, bitwise_not, t,
                        identity, ebb::squeeze};
  const F f = kAll[s.byte() % std::size(kAll)];
  return {f(s.tensor())};
}
Tensors binary(Source& s) {
  using F = Tensor (*)(const Tensor&, const Tensor&);
  constexpr F kAll[] = {add, sub, mul, div, pow, floor_divide, fmod, remainder, atan2, hypot, xlogy, logaddexp, copysign,
                        heaviside, maximum, minimum, eq, ne, lt, le, gt, ge, logical_and, logical_or, logical_xor,
                        bitwise_and, bitwise_or, bitwise_xor, bitwise_left_shift, bitwise_right_shift, matmul, prelu,
                        take, masked_select};
  const F f = kAll[s.byte() % std::size(kAll)];
  XY;
  return {f(x, y)};
}
Tensors reduction(Source& s) {
  using F = Tensor (*)(const Tensor&, const Dims&, bool);
  constexpr F kAll[] = {nansum, nanmean, any, all, amax, amin, logsumexp};
  const F f = kAll[s.byte() % std::size(kAll)];
  X;
  const Dims dims = s.dims();
  return {f(x, dims, s.flag())};
}
Tensors along(Source& s) {
  using F = Tensor (*)(const Tensor&, int);
  constexpr F kAll[] = {softmax, log_softmax, logcumsumexp, ebb::squeeze, unsqueeze, glu};
  const F f = kAll[s.byte() % std::size(kAll)];
  X;
  return {f(x, s.dim())};
}
Tensors values_along(Source& s) {
  using F = ValuesIndices (*)(const Tensor&, int, bool);
  constexpr F kAll[] = {max, min, median};
  const F f = kAll[s.byte() % std::size(kAll)];
  X;
  const int dim = s.dim();
  return all_of(f(x, dim, s.flag()));
}

// Images and weights are rarely drawn of the right rank by chance.
#define IMAGE const Dtype type = s.flag() ? float32 : float64; const Tensor x = s.tensor(type, s.byte() < 240 ? 4 : s.up_to(5))

const Function kFunctions[] = {
    {"a function of one tensor", unary}, {"a function of two", binary}, {"a reduction", reduction}, {"a function along a dimension", along},
    {"values along a dimension", values_along},
    // making
    CALL(const Shape n = s.shape(), zeros(n, {.dtype = s.dtype()})),
    CALL(const Shape n = s.shape(), full(n, s.real(), {.dtype = int32})),
    CALL(const double a = s.real(); const double b = s.real(), arange(a, b, s.real())),
    CALL(const std::int64_t n = s.number(), arange(static_cast<double>(n))),
    CALL(const std::int64_t n = s.number(), linspace(s.real(), 1, n)),
    CALL(const std::int64_t n = s.number(), logspace(s.real(), 1, n, 2)),
    CALL(const std::int64_t n = s.number(), eye(n, s.maybe())),
    CALL(const std::int64_t n = s.number(); const std::int64_t m = s.number(), tril_indices(n, m, s.number())),
    CALL(const std::int64_t n = s.number(); const std::int64_t m = s.number(), triu_indices(n, m, s.number())),
    CALL(const Shape n = s.shape(), rand(n, {.dtype = s.dtype()})),
    CALL(const Shape n = s.shape(), randn(n, {.dtype = s.dtype()})),
    CALL(const std::int64_t a = s.number(); const std::int64_t b = s.number(), randint(a, b, s.shape())),
    CALL(, randperm(s.number())),
    CALL(const Shape n = s.shape(), bernoulli(s.real(), n)),
    CALL(const Shape n = s.shape(), exponential(n, s.real())),
    CALL(const Shape n = s.shape(), normal(0, s.real(), n)),
    CALL(X; const std::int64_t n = s.number(), multinomial(x, n, s.flag())),
    // element by element
    CALL(X, x.to(s.dtype())),
    CALL(X, pow(x, s.real())), CALL(X, add(x, s.real())), CALL(X, mul(x, s.real())), CALL(X, x / s.real()), CALL(X, s.real() / x),
    CALL(XY, div(x, y, static_cast<Rounding>(s.up_to(1)))), CALL(X, div(x, s.real(), Rounding::trunc)),
    CALL(X, floor_divide(x, s.real())), CALL(X, fmod(x, s.real())), CALL(X, remainder(x, s.real())),
    CALL(X, xlogy(x, s.real())), CALL(X, copysign(x, s.real())), CALL(XYZ, addcmul(x, y, z, s.real())),
    CALL(XYZ, addcdiv(x, y, z, s.real())), CALL(XYZ, lerp(x, y, z)), CALL(XY, lerp(x, y, s.real())),
    CALL(X, round(x, s.dim())), CALL(X, logit(x, s.real())), CALL(X, polygamma(s.number(), x)),
    CALL(X; const double low = s.real(), clamp(x, low, s.real())), CALL(XYZ, where(x, y, z)),
    CALL(XY; const Tensor c = s.tensor(boolean), where(c, x, y)), CALL(X, eq(x, s.real())), CALL(X, lt(x, s.real())),
    CALL(X; const double n = s.real(), nan_to_num(x, n, s.real())), CALL(X, softplus(x, s.real())),
    CALL(X, leaky_relu(x, s.real())), CALL(X, elu(x, s.real())), CALL(X, celu(x, s.real())), CALL(X, gelu(x, Gelu::tanh)),
    CALL(X; const double low = s.real(), hardtanh(x, low, s.real())), CALL(X, hardshrink(x, s.real())),
    CALL(X, softshrink(x, s.real())), CALL(X, threshold(x, s.real(), 1)), CALL(X, dropout(x, s.real())),
    // reductions and lines
    CALL(X, prod(x)), CALL(X; const int d = s.dim(), prod(x, d, s.flag())), CALL(X, max(x)), CALL(X, min(x)), CALL(X, median(x)),
    CALL(X; const Dims d = s.dims(); const double c = s.real(), var(x, d, c, s.flag())),
    MANY(X; const Dims d = s.dims(); const double c = s.real(), all_of(std_mean(x, d, c, s.flag()))),
    CALL(X; const double p = s.real(); const Dims d = s.dims(), norm(x, p, d, s.flag())),
    CALL(X; const Dims d = s.dims(), count_nonzero(x, d)), CALL(X; const auto d = s.maybe_dim(), argmax(x, d, s.flag())),
    CALL(X; const auto d = s.maybe_dim(), argmin(x, d, s.flag())), CALL(X, sum_to(x, s.shape())),
    MANY(X, all_of(cummax(x, s.dim()))), MANY(X, all_of(cummin(x, s.dim()))),
    CALL(XYZ; const std::int64_t n = s.number(); const int d = s.dim(), diff(x, n, d, s.flag() ? y : Tensor(), s.flag() ? z : Tensor())),
    CALL(XY, trapezoid(x, y, s.dim())), CALL(X; const int d = s.dim(), trapezoid(x, s.real(), d)),
    MANY(X; const int d = s.dim(), all_of(sort(x, d, s.flag()))), CALL(X; const int d = s.dim(), argsort(x, d, s.flag())),
    MANY(X; const std::int64_t k = s.number(); const int d = s.dim(), all_of(topk(x, k, d, s.flag()))),
    MANY(X; const std::int64_t k = s.number(); const int d = s.dim(), all_of(kthvalue(x, k, d, s.flag()))),
    CALL(X; const double q = s.real(); const auto d = s.maybe_dim(); const bool k = s.flag(),
         quantile(x, q, d, k, static_cast<Interpolation>(s.up_to(4)))),
    CALL(X; const double q = s.real(); const auto d = s.maybe_dim(), quantile(x, std::vector<double>{0.5, q}, d)),
    CALL(XY; const auto d = s.maybe_dim(), nanquantile(x, y, d)), CALL(X; const double q = s.real(), nanquantile(x, q, s.maybe_dim())),
    CALL(XY; const Tensor i = s.index(), searchsorted(x, y, s.flag(), i)), 
    CALL(X; const Dims d = s.dims(); const bool k = s.flag(), sum(x, d, k, s.flag() ? std::optional(s.dtype()) : std::nullopt)),
    CALL(X; const Dims d = s.dims(); const bool k = s.flag(), mean(x, d, k, s.flag() ? std::optional(s.dtype()) : std::nullopt)),
    CALL(X; const int d = s.dim(), cumsum(x, d, s.dtype())), CALL(X; const int d = s.dim(), cumprod(x, d, s.dtype())),
    CALL(XY, searchsorted(x, y, s.flag())), CALL(XY, bucketize(x, y, s.flag())),
    CALL(X; const std::int64_t n = s.number(); const double low = s.real(), histc(x, n, low, s.real())),
    CALL(const Tensor x = s.index(); const Tensor w = s.maybe_tensor(), bincount(x, w, s.number())),
    MANY(X, (Tensors{unique(x, true, true, true).output})), MANY(X; const int d = s.dim(), (Tensors{unique(x, true, true, true, d).output})), CALL(X, nonzero(x)),
    // shapes
    CALL(X, reshape(x, s.dims())), CALL(X, view(x, s.dims())), CALL(X; const int a = s.dim(), flatten(x, a, s.dim())),
    CALL(X; const int a = s.dim(), transpose(x, a, s.dim())), CALL(X, permute(x, s.dims())),
    CALL(X; const int d = s.dim(), unflatten(x, d, s.dims())), CALL(X; const Dims a = s.dims(), movedim(x, a, s.dims())),
    CALL(X, broadcast_to(x, s.shape())), CALL(X, expand(x, s.dims())),
    CALL(X; const int d = s.dim(); const std::int64_t n = s.number(), narrow(x, d, n, s.number())),
    CALL(X; const int d = s.dim(), select(x, d, s.number())), CALL(X, x[s.number()]),
    CALL(X; const int d = s.dim(); const auto a = s.maybe(); const auto b = s.maybe(), slice(x, d, a, b, s.number())),
    MANY(X; const std::int64_t n = s.number(), split(x, n, s.dim())), MANY(X; const auto n = s.numbers(4), split(x, n, s.dim())),
    MANY(X; const std::int64_t n = s.number(), chunk(x, n, s.dim())), MANY(X, unbind(x, s.dim())),
    CALL(X; const std::int64_t n = s.number(); const int a = s.dim(), diagonal(x, n, a, s.dim())),
    MANY(, meshgrid(s.tensors(), static_cast<Indexing>(s.up_to(1)))),
    CALL(const Tensors x = s.tensors(), cat(std::span<const Tensor>(x), s.dim())),
    CALL(const Tensors x = s.tensors(), stack(std::span<const Tensor>(x), s.dim())), CALL(, vstack(s.tensors())),
    CALL(, hstack(s.tensors())), CALL(, cartesian_prod(s.tensors())), CALL(, block_diag(s.tensors())),
    CALL(X, repeat(x, s.dims())), CALL(X, tile(x, s.dims())),
    CALL(X; const std::int64_t n = s.number(), repeat_interleave(x, n, s.maybe_dim())),
    CALL(X; const Tensor n = s.index(), repeat_interleave(x, n, s.maybe_dim())), CALL(X, flip(x, s.dims())),
    CALL(X; const Dims by = s.dims(), roll(x, by, s.dims())), CALL(X; const std::int64_t k = s.number(), rot90(x, k, s.dims())),
    CALL(X; const auto by = s.numbers(8); const auto mode = static_cast<PadMode>(s.up_to(3)),
         pad(x, std::span<const std::int64_t>(by), mode, s.real())),
    CALL(X, tril(x, s.number())), CALL(X, triu(x, s.number())), CALL(X, diag(x, s.number())),
    CALL(X; const std::int64_t n = s.number(); const int a = s.dim(), diag_embed(x, n, a, s.dim())),
    // indices
    CALL(X; const auto i = s.subscripts(), x.at(std::span<const Index>(i))),
    CALL(XY; const auto i = s.subscripts(), index_put(x, std::span<const Index>(i), y, s.flag())),
    CALL(X; const auto i = s.subscripts(); const Tensor w = x.detach().clone(), w.set_at(std::span<const Index>(i), s.beside(x).detach())),
    CALL(XY; const int d = s.dim(); const auto a = s.maybe(); const auto b = s.maybe(), slice_scatter(x, y, d, a, b, s.number())),
    CALL(XY; const int d = s.dim(), select_scatter(x, y, d, s.number())),
    CALL(X; const int d = s.dim(), index_select(x, d, s.index())), CALL(X; const int d = s.dim(), gather(x, d, s.index())),
    CALL(XY; const int d = s.dim(); const Tensor i = s.index(), index_add(x, d, i, y, s.real())),
    CALL(XY; const int d = s.dim(); const Tensor i = s.index(), index_copy(x, d, i, y)),
    CALL(const Tensor i = s.index(); const Tensor w = s.floating(), embedding(i, w, s.maybe())),
    CALL(X; const Tensor i = s.index(), take_along_dim(x, i, s.maybe_dim())), CALL(X, take(x, s.index())),
    CALL(XY; const int d = s.dim(); const Tensor i = s.index(), scatter(x, d, i, y)),
    CALL(X; const int d = s.dim(); const Tensor i = s.index(), scatter(x, d, i, s.real())),
    CALL(XY; const int d = s.dim(); const Tensor i = s.index(), scatter_add(x, d, i, y)),
    CALL(XY; const int d = s.dim(); const Tensor i = s.index(); const auto r = static_cast<ScatterReduction>(s.up_to(4)),
         scatter_reduce(x, d, i, y, r, s.flag())),
    CALL(const Tensor i = s.index(), one_hot(i, s.number())), CALL(X; const Tensor m = s.tensor(boolean), masked_fill(x, m, s.real())),
    CALL(XY; const Tensor m = s.tensor(boolean), masked_scatter(x, m, y)),
    // images
    CALL(IMAGE; const Tensor w = s.tensor(type, 4); const Size2 a = s.pair(); const Size2 b = s.pair(); const Size2 c = s.pair();
         const Tensor bias = s.flag() ? s.tensor(type, 1) : Tensor(),
         conv2d(x, w, bias, {.stride = a, .padding = b, .dilation = c, .groups = s.number()})),
    CALL(IMAGE; const Size2 k = s.pair(); const Size2 a = s.pair(); const Size2 b = s.pair(); const Size2 c = s.pair(),
         max_pool2d(x, k, {.stride = a, .padding = b, .dilation = c, .ceil_mode = s.flag()})),
    CALL(IMAGE; const Size2 k = s.pair(); const Size2 a = s.pair(); const Size2 b = s.pair(); const bool ceil = s.flag(),
         avg_pool2d(x, k, {.stride = a, .padding = b, .ceil_mode = ceil, .count_include_pad = s.flag()})),
    CALL(IMAGE, adaptive_avg_pool2d(x, s.pair())),
    CALL(IMAGE; const Size2 k = s.pair(); const Size2 a = s.pair(); const Size2 b = s.pair(),
         unfold(x, k, {.stride = a, .padding = b, .dilation = s.pair()})),
    CALL(X; const Size2 n = s.pair(); const Size2 k = s.pair(); const Size2 a = s.pair(); const Size2 b = s.pair(),
         fold(x, n, k, {.stride = a, .padding = b, .dilation = s.pair()})),
    CALL(IMAGE, pixel_shuffle(x, s.number())), CALL(IMAGE, pixel_unshuffle(x, s.number())),
    // products, normalisation, attention, recurrence
    CALL(XYZ, linear(x, y, s.flag() ? z : Tensor())), CALL(X; const Shape n = s.shape(), layer_norm(x, n, {}, {}, s.real())),
    CALL(XYZ, layer_norm(x, x.shape(), y, z)), CALL(XYZ, batch_norm(x, {}, {}, s.flag() ? y : Tensor(), z, true)),
    CALL(XYZ, batch_norm(x, y.detach(), z.detach(), {}, {}, s.flag(), s.real())),
    CALL(XYZ; const double p = s.real(); const Tensor m = s.maybe_tensor(),
         scaled_dot_product_attention(x, y, z, {.attn_mask = m, .dropout_p = p, .is_causal = s.flag()})),
    MANY(const Tensor x = s.tensor(float64, 3); const Tensor h = s.tensor(float64, 2); const Tensor a = s.tensor(float64, 2);
         const Tensor b = s.tensor(float64, 2), all_of(lstm(x, h, h, {a, b}, s.flag()))),
    MANY(const Tensor x = s.tensor(float64, 3); const Tensor h = s.tensor(float64, 2); const Tensor a = s.tensor(float64, 2);
         const Tensor b = s.tensor(float64, 2), all_of(gru(x, h, {a, b}, s.flag()))),
    MANY(const Tensor x = s.tensor(float64, 3); const Tensor h = s.tensor(float64, 2); const Tensor a = s.tensor(float64, 2);
         const Tensor b = s.tensor(float64, 2), all_of(rnn(x, h, {a, b}, RnnNonlinearity::relu, s.flag()))),
    // losses
    CALL(XY, mse_loss(x, y, s.reduction())), CALL(XY, l1_loss(x, y, s.reduction())),
    CALL(XY; const Reduction r = s.reduction(), smooth_l1_loss(x, y, r, s.real())),
    CALL(XY; const Reduction r = s.reduction(), huber_loss(x, y, r, s.real())), CALL(XY, kl_div(x, y, {s.reduction(), true})),
    CALL(XY, poisson_nll_loss(x, y, {.full = true})), CALL(XYZ, gaussian_nll_loss(x, y, z)), CALL(XY, hinge_embedding_loss(x, y, s.real())),
    CALL(XY, soft_margin_loss(x, y)), CALL(XYZ, margin_ranking_loss(x, y, z)), CALL(XYZ, cosine_embedding_loss(x, y, z)),
    CALL(XYZ, triplet_margin_loss(x, y, z, {.p = s.real()})),
    CALL(const Tensor x = s.floating(); const Tensor i = s.index(), multi_margin_loss(x, i, {.p = s.real()})),
    CALL(const Tensor x = s.floating(); const Tensor i = s.index(), multilabel_margin_loss(x, i)),
    CALL(XYZ, multilabel_soft_margin_loss(x, y, s.flag() ? z : Tensor())),
    CALL(const Tensor x = s.floating(); const Tensor i = s.index(); const std::int64_t n = s.number(); const Reduction r = s.reduction(),
         nll_loss(x, i, {.ignore_index = n, .reduction = r})),
    CALL(const Tensor x = s.floating(); const Tensor i = s.index(); const std::int64_t n = s.number(); const Reduction r = s.reduction(),
         cross_entropy(x, i, {.ignore_index = n, .label_smoothing = s.real(), .reduction = r})),
    CALL(XY, cross_entropy(x, y, {.reduction = s.reduction()})),
    CALL(XYZ; const Reduction r = s.reduction(), binary_cross_entropy(x, y, {.weight = s.flag() ? z : Tensor(), .reduction = r})),
    CALL(XYZ; const Reduction r = s.reduction(), binary_cross_entropy_with_logits(x, y, {.pos_weight = s.flag() ? z : Tensor(), .reduction = r})),
    CALL(const Tensor x = s.floating(); const Tensor i = s.index(); const Tensor n = s.index(1); const Tensor m = s.index(1);
         const std::int64_t blank = s.number(), ctc_loss(x, i, n, m, {blank, s.reduction()})),
};
// clang-format on

// The gradient of what has one and is no giant.
void differentiate(const Tensors& outputs) {
  for (const auto& y : outputs)
    if (y.defined() && y.requires_grad() && y.numel() <= 100'000)
      y.backward(ones(y.shape(), {.dtype = y.dtype()}), {.retain_graph = true});
}

}  // namespace
}  // namespace ebb::fuzz

static bool show = false;

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  ebb::set_num_threads(1);
  show = *argc == 2 && (*argv)[1][0] != '-';  // the one call of a file
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ebb::fuzz;
  Source source(data, size);
  const Function& function = kFunctions[source.byte() % std::size(kFunctions)];
  if (show) std::fprintf(stderr, "%s\n", function.call);
  try {
    differentiate(function.f(source));
  } catch (const ebb::Error& error) {
    if (show) std::fprintf(stderr, "%s\n", error.what());
    if (std::string(error.what()).find(": ") == std::string::npos) __builtin_trap();  // it says who speaks
  }
  return 0;
}
