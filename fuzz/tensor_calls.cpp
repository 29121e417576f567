// Making tensors, and functions of elements, lines, shapes and indices.
#include <iterator>

#include "fuzz/source.h"

namespace ebb::fuzz {
namespace {

// clang-format off
Tensors unary(Source& s) {
  using F = Tensor (*)(const Tensor&);
  constexpr F kAll[] = {neg, square, abs, sign, floor, ceil, trunc, frac, sqrt, rsqrt, reciprocal, exp, exp2, expm1, log,
                        log2, log10, log1p, sin, cos, tan, asin, acos, atan, sinh, cosh, asinh, acosh, atanh, erf, erfc,
                        erfinv, lgamma, digamma, sinc, i0, tanh, sigmoid, relu, silu, mish, selu, softsign, logsigmoid,
                        tanhshrink, relu6, hardsigmoid, hardswish, isnan, isinf, isfinite, logical_not, bitwise_not, t,
                        identity, ebb::squeeze, max, min, median, nonzero, trace, zeros_like, ones_like, empty_like};
  const F f = kAll[s.byte() % std::size(kAll)];
  return {f(s.tensor())};
}
Tensors binary(Source& s) {
  using F = Tensor (*)(const Tensor&, const Tensor&);
  constexpr F kAll[] = {add, sub, mul, div, pow, floor_divide, fmod, remainder, atan2, hypot, xlogy, logaddexp, copysign,
                        heaviside, maximum, minimum, eq, ne, lt, le, gt, ge, logical_and, logical_or, logical_xor,
                        bitwise_and, bitwise_or, bitwise_xor, bitwise_left_shift, bitwise_right_shift, matmul, prelu,
                        take, masked_select, max, min, dot, mv, mm, bmm, outer, inner, kron};
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
  constexpr F kAll[] = {softmax, log_softmax, logcumsumexp, ebb::squeeze, unsqueeze, glu, softmin};
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
    CALL(XY, normal(x, y)), CALL(X, normal(x, s.real())), CALL(X, normal(s.real(), x)), CALL(X, rand_like(x)), CALL(X, randn_like(x)),
    CALL(X, full_like(x, s.real())), CALL(X, ebb::tensor(x.to_vector<double>(), {.dtype = s.dtype()})),
    CALL(X, full({}, x.item())), CALL(X, full({}, static_cast<double>(x.size(s.dim())))),
    // in place
    CALL(XY, x.detach().copy_(y.detach())), CALL(X, x.detach().fill_(s.real())), CALL(X, x.detach().mul_(s.real())),
    CALL(XY, x.detach().add_(y.detach(), s.real())),
    // element by element
    CALL(X, x.to(s.dtype())),
    CALL(X, pow(x, s.real())), CALL(X, add(x, s.real())), CALL(X, mul(x, s.real())), CALL(X, x / s.real()), CALL(X, s.real() / x),
    CALL(XY, div(x, y, s.any_of(Rounding::floor))), CALL(X, div(x, s.real(), Rounding::trunc)),
    CALL(X, floor_divide(x, s.real())), CALL(X, fmod(x, s.real())), CALL(X, remainder(x, s.real())),
    CALL(X, xlogy(x, s.real())), CALL(X, xlogy(s.real(), x)), CALL(X, copysign(x, s.real())), CALL(XYZ, addcmul(x, y, z, s.real())),
    CALL(XYZ, addcdiv(x, y, z, s.real())), CALL(XYZ, lerp(x, y, z)), CALL(XY, lerp(x, y, s.real())),
    CALL(X, round(x, s.dim())), CALL(X, logit(x, s.real())), CALL(X, polygamma(s.number(), x)),
    CALL(X; const double low = s.real(), clamp(x, low, s.real())), CALL(XYZ, where(x, y, z)),
    CALL(XY; const Tensor c = s.fitting(boolean, x.shape()), where(c, x, y)), CALL(X, eq(x, s.real())), CALL(X, ne(x, s.real())),
    CALL(X, lt(x, s.real())), CALL(X, le(x, s.real())), CALL(X, gt(x, s.real())), CALL(X, ge(x, s.real())),
    CALL(X; const double n = s.real(), nan_to_num(x, n, s.real())), CALL(X, softplus(x, s.real())),
    CALL(X, leaky_relu(x, s.real())), CALL(X, elu(x, s.real())), CALL(X, celu(x, s.real())), CALL(X, gelu(x, Gelu::tanh)),
    CALL(X; const double low = s.real(); const double high = s.real(), rrelu(x, low, high, s.flag())),
    CALL(X; const double low = s.real(), hardtanh(x, low, s.real())), CALL(X, hardshrink(x, s.real())),
    CALL(X, softshrink(x, s.real())), CALL(X, threshold(x, s.real(), 1)), 
    CALL(X, dropout(x, s.real())), CALL(X, dropout1d(x, s.real())), CALL(X, dropout2d(x, s.real())), CALL(X, dropout3d(x, s.real())),
    CALL(X, alpha_dropout(x, s.real(), true)), CALL(X, feature_alpha_dropout(x, s.real(), true)),
    // reductions and lines
    CALL(X, prod(x)), CALL(X; const int d = s.dim(), prod(x, d, s.flag())), CALL(X, max(x)), CALL(X, min(x)), CALL(X, median(x)),
    CALL(X; const Dims d = s.dims(); const double c = s.real(), var(x, d, c, s.flag())),
    CALLS(X; const Dims d = s.dims(); const double c = s.real(), all_of(std_mean(x, d, c, s.flag()))),
    CALLS(X; const Dims d = s.dims(); const double c = s.real(), all_of(var_mean(x, d, c, s.flag()))),
    CALL(X; const Dims d = s.dims(); const double c = s.real(), ebb::std(x, d, c, s.flag())),
    CALL(X; const double p = s.real(); const Dims d = s.dims(), norm(x, p, d, s.flag())),
    CALL(X; const Dims d = s.dims(), count_nonzero(x, d)), CALL(X; const auto d = s.maybe_dim(), argmax(x, d, s.flag())),
    CALL(X; const auto d = s.maybe_dim(), argmin(x, d, s.flag())), CALL(X, sum_to(x, s.shape())),
    CALLS(X, all_of(cummax(x, s.dim()))), CALLS(X, all_of(cummin(x, s.dim()))),
    CALL(XYZ; const std::int64_t n = s.number(); const int d = s.dim(), diff(x, n, d, s.flag() ? y : Tensor(), s.flag() ? z : Tensor())),
    CALL(XY, trapezoid(x, y, s.dim())), CALL(X; const int d = s.dim(), trapezoid(x, s.real(), d)),
    CALLS(X; const int d = s.dim(), all_of(sort(x, d, s.flag()))), CALL(X; const int d = s.dim(), argsort(x, d, s.flag())),
    CALLS(X; const std::int64_t k = s.number(); const int d = s.dim(), all_of(topk(x, k, d, s.flag()))),
    CALLS(X; const std::int64_t k = s.number(); const int d = s.dim(), all_of(kthvalue(x, k, d, s.flag()))),
    CALL(X; const double q = s.real(); const auto d = s.maybe_dim(); const bool k = s.flag(),
         quantile(x, q, d, k, s.any_of(Interpolation::nearest))),
    CALL(X; const double q = s.real(); const auto d = s.maybe_dim(), quantile(x, std::vector<double>{0.5, q}, d)),
    CALL(XY; const auto d = s.maybe_dim(), nanquantile(x, y, d)), CALL(X; const double q = s.real(), nanquantile(x, q, s.maybe_dim())),
    CALL(XY; const bool right = s.flag(), searchsorted(x, y, right, s.maybe_fitting(int64, x.shape()))),
    CALL(XY, bucketize(x, y, s.flag())),
    CALL(X; const Dims d = s.dims(); const bool k = s.flag(), sum(x, d, k, s.maybe_dtype())),
    CALL(X; const Dims d = s.dims(); const bool k = s.flag(), mean(x, d, k, s.maybe_dtype())),
    CALL(X; const int d = s.dim(), cumsum(x, d, s.maybe_dtype())), CALL(X; const int d = s.dim(), cumprod(x, d, s.maybe_dtype())),
    CALL(X; const std::int64_t n = s.number(); const double low = s.real(), histc(x, n, low, s.real())),
    CALL(const Tensor x = s.index(); const Tensor w = s.maybe_fitting(s.real_type(), x.shape()), bincount(x, w, s.number())),
    CALLS(X; const bool places = s.flag(); const bool counts = s.flag(), all_of(unique(x, true, places, counts, s.maybe_dim()))),
    CALL(X, nonzero(x)),
    // shapes
    CALL(X, reshape(x, s.dims())), CALL(X, view(x, s.dims())), CALL(X, reshape(x, {s.number(), -1})), CALL(X, view(x, {-1, s.number()})),
    CALL(X; const int a = s.dim(), flatten(x, a, s.dim())),
    CALL(X; const int a = s.dim(), transpose(x, a, s.dim())), CALL(X, permute(x, s.dims())),
    CALL(X; const int d = s.dim(), unflatten(x, d, s.dims())), CALL(X; const int d = s.dim(), unflatten(x, d, {s.number(), -1})),
    CALL(X; const Dims a = s.dims(), movedim(x, a, s.dims())),
    CALL(X, broadcast_to(x, s.shape())), CALL(X, expand(x, s.dims())),
    CALL(X; const int d = s.dim(); const std::int64_t n = s.number(), narrow(x, d, n, s.number())),
    CALL(X; const int d = s.dim(), select(x, d, s.number())), CALL(X, x[s.number()]),
    CALL(X; const int d = s.dim(); const auto a = s.maybe(); const auto b = s.maybe(), slice(x, d, a, b, s.number())),
    CALLS(X; const std::int64_t n = s.number(), split(x, n, s.dim())), CALLS(X; const auto n = s.numbers(4), split(x, n, s.dim())),
    CALLS(X; const std::int64_t n = s.number(), chunk(x, n, s.dim())), CALLS(X, unbind(x, s.dim())),
    CALL(X; const std::int64_t n = s.number(); const int a = s.dim(), diagonal(x, n, a, s.dim())),
    CALLS(, meshgrid(s.tensors(), s.any_of(Indexing::xy))),
    CALL(const Tensors x = s.tensors(), cat(std::span<const Tensor>(x), s.dim())),
    CALL(const Tensors x = s.tensors(), stack(std::span<const Tensor>(x), s.dim())), CALL(, vstack(s.tensors())),
    CALL(, hstack(s.tensors())), CALL(, cartesian_prod(s.tensors())), CALL(, block_diag(s.tensors())),
    CALL(X, repeat(x, s.dims())), CALL(X, tile(x, s.dims())),
    CALL(X; const std::int64_t n = s.number(), repeat_interleave(x, n, s.maybe_dim())),
    CALL(X; const Tensor n = s.index(), repeat_interleave(x, n, s.maybe_dim())), CALL(X, flip(x, s.dims())),
    CALL(X; const Dims by = s.dims(), roll(x, by, s.dims())), CALL(X; const std::int64_t k = s.number(), rot90(x, k, s.dims())),
    CALL(X; const auto by = s.numbers(8); const auto mode = s.any_of(PadMode::circular),
         pad(x, std::span<const std::int64_t>(by), mode, s.real())),
    CALL(X, tril(x, s.number())), CALL(X, triu(x, s.number())), CALL(X, diag(x, s.number())),
    CALL(X; const std::int64_t n = s.number(); const int a = s.dim(), diag_embed(x, n, a, s.dim())),
    // indices
    CALL(X; const auto i = s.subscripts(), x.at(std::span<const Index>(i))),
    CALL(XY; const auto i = s.subscripts(), index_put(x, std::span<const Index>(i), y, s.flag())),
    CALL(X; const auto i = s.subscripts(); const Tensor w = x.detach().clone(), w.set_at(std::span<const Index>(i), s.beside(x).detach())),
    CALL(X; const auto i = s.subscripts(); const Tensor w = x.detach().clone(), w.add_at(std::span<const Index>(i), s.beside(x).detach())),
    CALL(XY; const int d = s.dim(); const auto a = s.maybe(); const auto b = s.maybe(), slice_scatter(x, y, d, a, b, s.number())),
    CALL(XY; const int d = s.dim(), select_scatter(x, y, d, s.number())),
    CALL(X; const int d = s.dim(), index_select(x, d, s.fitting(int64, {s.size()}))), CALL(X; const int d = s.dim(), gather(x, d, s.fitting(int64, x.shape()))),
    CALL(XY; const int d = s.dim(); const Tensor i = s.fitting(int64, {y.dim() > 0 ? y.size(0) : 1}), index_add(x, d, i, y, s.real())),
    CALL(XY; const int d = s.dim(); const Tensor i = s.fitting(int64, {y.dim() > 0 ? y.size(0) : 1}), index_copy(x, d, i, y)),
    CALL(const Tensor i = s.index(); const Tensor w = s.fitting(float32, {s.size(), s.size()}), embedding(i, w, s.maybe())),
    CALL(const Tensor i = s.index(); const Tensor w = s.fitting(float32, {s.size(), s.size()}); const Tensor at = s.maybe_fitting(int64, {s.size()});
         const auto mode = s.any_of(BagMode::max); const Tensor p = s.maybe_fitting(w.dtype(), i.shape()); const bool last = s.flag(),
         embedding_bag(i, w, at, {mode, p, last, s.maybe()})),
    CALL(X; const Tensor i = s.fitting(int64, x.shape()), take_along_dim(x, i, s.maybe_dim())), CALL(X, take(x, s.index())),
    CALL(XY; const int d = s.dim(); const Tensor i = s.fitting(int64, x.shape()), scatter(x, d, i, y)),
    CALL(X; const int d = s.dim(); const Tensor i = s.fitting(int64, x.shape()), scatter(x, d, i, s.real())),
    CALL(XY; const int d = s.dim(); const Tensor i = s.fitting(int64, x.shape()), scatter_add(x, d, i, y)),
    CALL(XY; const int d = s.dim(); const Tensor i = s.fitting(int64, x.shape()); const auto r = s.any_of(ScatterReduction::amin),
         scatter_reduce(x, d, i, y, r, s.flag())),
    CALL(const Tensor i = s.index(), one_hot(i, s.number())), CALL(X; const Tensor m = s.fitting(boolean, x.shape()), masked_fill(x, m, s.real())),
    CALL(XY; const Tensor m = s.fitting(boolean, x.shape()), masked_fill(x, m, y)),
    CALL(XY; const Tensor m = s.fitting(boolean, x.shape()), masked_scatter(x, m, y)),
};
// clang-format on

}  // namespace

std::span<const Function> tensor_functions() { return kFunctions; }

}  // namespace ebb::fuzz
