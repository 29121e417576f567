// Functions of images, matrices, sequences and classes.
#include <utility>

#include "fuzz/source.h"

namespace ebb::fuzz {
namespace {

// -- windows of images

// Of so many dimensions, and as many channels as x, which are size `at` of the weight.
template <int N>
Tensor weight_for(Source& s, const Tensor& x, int at) {
  Dims sizes = s.sizes(N + 2);
  if (x.dim() > N) sizes[at] = x.size(-N - 1);
  return s.fitting(x.dtype(), sizes);
}

template <int N, auto f>
Tensors conv(Source& s) {
  const Tensor x = s.images(N), weight = weight_for<N>(s, x, 1),
               bias = s.maybe_fitting(x.dtype(), {weight.size(0)});
  ConvOptions<N> o{.stride = s.extents<N>(), .groups = s.groups()};
  if (s.flag()) o.padding = Padding::same;
  else o.padding = s.extents<N>();
  if (s.flag()) o.dilation = s.extents<N>();
  return {f(x, weight, bias, o)};
}
template <int N, auto f>
Tensors transposed(Source& s) {
  const Tensor x = s.images(N), weight = weight_for<N>(s, x, 0),
               bias = s.maybe_fitting(x.dtype(), {weight.size(1)});
  ConvTransposeOptions<N> o{.stride = s.extents<N>(), .groups = s.groups()};
  if (s.flag()) o.padding = s.extents<N>();
  if (s.flag()) o.output_padding = s.extents<N>();
  if (s.flag()) o.dilation = s.extents<N>();
  return {f(x, weight, bias, o)};
}
template <int N, auto f>
Tensors pool(Source& s) {
  const Tensor x = s.images(N);
  const Size<N> kernel = s.extents<N>();
  PoolOptions<N> o{.ceil_mode = s.flag(), .count_include_pad = s.flag()};
  if (s.flag()) o.stride = s.extents<N>();
  if (s.flag()) o.padding = s.extents<N>();
  if (s.flag()) o.dilation = s.extents<N>();
  o.divisor_override = s.maybe();
  return all_of(f(x, kernel, o));
}
template <int N, auto f>
Tensors adaptive(Source& s) {
  const Tensor x = s.images(N);
  return all_of(f(x, s.extents<N>()));
}
template <int N, auto f>
Tensors lp_pool(Source& s) {
  const Tensor x = s.images(N);
  const double p = s.real();
  const Size<N> kernel = s.extents<N>();
  LpPoolOptions<N> o{.ceil_mode = s.flag()};
  if (s.flag()) o.stride = s.extents<N>();
  return {f(x, p, kernel, o)};
}
template <int N, auto f>
Tensors unpool(Source& s) {
  const Tensor x = s.images(N), indices = s.fitting(int64, x.shape());
  const Size<N> kernel = s.extents<N>();
  UnpoolOptions<N> o;
  if (s.flag()) o.stride = s.extents<N>();
  if (s.flag()) o.padding = s.extents<N>();
  if (s.flag()) o.output_size = s.extents<N>();
  return {f(x, indices, kernel, o)};
}
UnfoldOptions windows(Source& s) {
  UnfoldOptions o{.stride = s.extents<2>()};
  if (s.flag()) o.padding = s.extents<2>();
  if (s.flag()) o.dilation = s.extents<2>();
  return o;
}

#define OF_EACH_RANK(of, name) \
  {#name "1d", of<1, name##1d>}, {#name "2d", of<2, name##2d>}, { #name "3d", of < 3, name##3d> }
#define WITH_INDICES(of, name)                                   \
  {#name "1d_with_indices", of<1, name##1d_with_indices>},       \
      {#name "2d_with_indices", of<2, name##2d_with_indices>}, { \
#name "3d_with_indices", of < 3, name##3d_with_indices>      \
  }

Tensors resized(Source& s) {
  const Tensor x = s.images(1 + s.up_to(2));
  InterpolateOptions o;
  if (s.flag()) o.scale_factor = s.reals(3);
  else o.size = s.flag() ? s.dims() : Dims{s.extent()};
  o.mode = s.any_of(InterpolateMode::area);
  o.align_corners = s.flag();
  return {interpolate(x, o)};
}

// -- sequences

Tensors sampled(Source& s) {
  const Tensor x = s.images(2 + s.up_to(1));
  Dims places = s.sizes(x.dim());
  if (x.dim() > 2) places[0] = x.size(0), places[x.dim() - 1] = x.dim() - 2;
  const Tensor grid = s.fitting(x.dtype(), places);
  const auto mode = s.any_of(GridMode::bicubic);
  const auto padding = s.any_of(GridPadding::reflection);
  return {grid_sample(x, grid, {mode, padding, s.flag()})};
}
Tensors grid_of(Source& s) {
  const bool volume = s.flag();
  Dims size{s.size(), s.extent(), s.extent(), s.extent()};
  if (volume) size.push_back(s.extent());
  const Tensor theta = s.fitting(s.real_type(), volume ? Dims{size[0], 3, 4} : Dims{size[0], 2, 3});
  return {affine_grid(theta, size, s.flag())};
}

// A cell of so many gates.
template <class F>
Tensors recurrent(Source& s, std::int64_t gates, F&& f) {
  const Dtype type = s.real_type();
  const std::int64_t steps = s.size(), n = s.size(), in = s.size(), h = s.size();
  const Tensor x = s.fitting(type, {steps, n, in}), h0 = s.fitting(type, {n, h}), c0 = s.fitting(type, {n, h});
  RecurrentWeights weights{.weight_ih = s.fitting(type, {gates * h, in}),
                           .weight_hh = s.fitting(type, {gates * h, h})};
  weights.bias_ih = s.maybe_fitting(type, {gates * h});
  weights.bias_hh = s.maybe_fitting(type, {gates * h});
  if (s.byte() >= 200) weights.weight_hr = s.fitting(type, {h, h});
  return all_of(f(x, h0, c0, weights, s.flag()));
}
Tensors of_lstm(Source& s) { return recurrent(s, 4, lstm); }
Tensors of_gru(Source& s) {
  return recurrent(s, 3,
                   [](const Tensor& x, const Tensor& h, const Tensor&, const RecurrentWeights& w, bool reverse) {
                     return gru(x, h, w, reverse);
                   });
}
Tensors of_rnn(Source& s) {
  const auto by = s.any_of(RnnNonlinearity::relu);
  return recurrent(s, 1,
                   [by](const Tensor& x, const Tensor& h, const Tensor&, const RecurrentWeights& w, bool reverse) {
                     return rnn(x, h, w, by, reverse);
                   });
}

Tensors attention(Source& s) {
  const Tensor q = s.tensor(s.real_type(), s.sizes(2 + s.up_to(2)));
  Dims sizes = q.shape();
  sizes[q.dim() - 2] = s.size();
  const Tensor k = s.fitting(q.dtype(), sizes), v = s.flag() ? k : s.fitting(q.dtype(), sizes);
  AttentionOptions o{.attn_mask = s.maybe_fitting(s.flag() ? q.dtype() : boolean, {q.size(-2), k.size(-2)})};
  if (s.flag()) o.dropout_p = s.real();
  o.is_causal = s.flag();
  o.scale = s.maybe_real();
  o.enable_gqa = s.flag();
  return {scaled_dot_product_attention(q, k, v, o)};
}

Tensors ctc(Source& s) {
  const std::int64_t n = s.size();
  const Tensor x = s.fitting(float64, {s.size(), n, s.size()});
  const Tensor labels = s.fitting(int64, s.flag() ? Dims{s.size()} : Dims{n, s.size()});
  const Tensor steps = s.fitting(int64, {n}), lengths = s.fitting(int64, {n});
  const std::int64_t blank = s.up_to(3) == 0 ? s.number() : 0;
  const Reduction by = s.any_of(Reduction::none);
  return {ctc_loss(x, labels, steps, lengths, {blank, by, s.flag()})};
}

// clang-format off
#define MATRIX const Tensor a = s.flag() ? s.square() : s.floating()
#define SYSTEM MATRIX; const Tensor b = s.beside(a)
#define LABELS const Tensor x = s.tensor(s.real_type(), s.sizes(1 + s.up_to(2))); \
    const Tensor i = s.fitting(int64, x.dim() > 1 ? x.shape().without(1) : Shape())
#define NORMAL const Tensor x = s.tensor(s.real_type())

const Function kFunctions[] = {
    // images
    OF_EACH_RANK(conv, conv), OF_EACH_RANK(transposed, conv_transpose),
    OF_EACH_RANK(pool, max_pool), OF_EACH_RANK(pool, avg_pool), OF_EACH_RANK(lp_pool, lp_pool), OF_EACH_RANK(unpool, max_unpool),
    OF_EACH_RANK(adaptive, adaptive_max_pool), OF_EACH_RANK(adaptive, adaptive_avg_pool),
    WITH_INDICES(pool, max_pool), WITH_INDICES(adaptive, adaptive_max_pool),
    CALL(const Tensor x = s.images(2); const Size2 k = s.extents<2>(), unfold(x, k, windows(s))),
    CALL(const Size2 n = s.extents<2>(); const Size2 k = s.extents<2>(); const Tensor x = s.fitting(float32, {s.size(), s.size() * s.up_to(5), s.extent()}), fold(x, n, k, windows(s))),
    CALL(const Tensor x = s.images(2), pixel_shuffle(x, s.number())), CALL(const Tensor x = s.images(2), pixel_unshuffle(x, s.number())),
    {"interpolate", resized}, {"grid_sample", sampled}, {"affine_grid", grid_of},
    // products
    CALL(X; const Tensor w = s.fitting(x.dtype(), {s.size(), x.size(-1)}); const Tensor b = s.maybe_fitting(x.dtype(), {w.size(0)}), linear(x, w, b)), CALL(XYZ; const double b = s.real(), addmv(x, y, z, b, s.real())),
    CALL(XYZ; const double b = s.real(), addmm(x, y, z, b, s.real())), CALL(XYZ; const double b = s.real(), baddbmm(x, y, z, b, s.real())),
    CALL(XY, tensordot(x, y, s.dim())), CALL(XY; const Dims a = s.dims(), tensordot(x, y, a, s.dims())), CALL(XY, cross(x, y, s.dim())),
    CALL(const std::string by = s.equation(), einsum(by, s.tensors())), CALL(XY; const Tensor w = s.fitting(x.dtype(), {s.size(), x.size(-1), y.size(-1)}); const Tensor b = s.maybe_fitting(x.dtype(), {w.size(0)}), bilinear(x, y, w, b)),
    // pairs of vectors
    CALL(XY; const int d = s.dim(), cosine_similarity(x, y, d, s.real())), CALL(XY, cdist(x, y, s.real())),
    CALL(XY; const double p = s.real(); const double e = s.real(), pairwise_distance(x, y, p, e, s.flag())),
    // decompositions
    CALL(MATRIX, inv(a)), CALL(MATRIX, det(a)), CALLS(MATRIX, all_of(slogdet(a))), CALL(MATRIX, matrix_exp(a)),
    CALL(MATRIX, matrix_power(a, s.number())), CALL(MATRIX, cholesky(a, s.flag())),
    CALL(MATRIX, cholesky(matmul(a, transpose(a, -2, -1)) + eye(a.size(-2), {}, {.dtype = a.dtype()}), s.flag())),
    CALLS(MATRIX, all_of(lu(a))), CALLS(MATRIX, all_of(qr(a, s.any_of(QrMode::complete)))), CALLS(MATRIX, all_of(eigh(a, s.any_of(Uplo::upper)))),
    CALL(MATRIX, eigvalsh(a, s.any_of(Uplo::upper))), CALLS(MATRIX, all_of(svd(a, s.flag()))), CALL(MATRIX, svdvals(a)),
    CALL(MATRIX; const auto least = s.maybe_real(), pinv(a, {least, s.maybe_real()})),
    CALL(SYSTEM, solve(a, b, s.flag())), CALL(SYSTEM, lstsq(a, b)), CALL(SYSTEM, cholesky_solve(b, a, s.flag())),
    CALL(SYSTEM; const bool upper = s.flag(); const bool left = s.flag(), solve_triangular(a, b, upper, left, s.flag())),
    CALL(MATRIX; const auto of = s.any_of(MatrixNorm::nuc); const Dims d = s.dims(), matrix_norm(a, of, d, s.flag())),
    CALL(MATRIX; const double p = s.real(); const Dims d = s.dims(), matrix_norm(a, p, d, s.flag())),
    // normalisation
    CALL(NORMAL; const Shape n(s.tail(x)); const Tensor w = s.maybe_fitting(x.dtype(), n); const Tensor b = s.maybe_fitting(x.dtype(), n), layer_norm(x, n, w, b, s.real())),
    CALL(NORMAL; const Shape n(s.tail(x)); const Tensor w = s.maybe_fitting(x.dtype(), n), rms_norm(x, n, w, s.maybe_real())),
    CALL(NORMAL; const Tensor w = s.maybe_channels(x); const Tensor b = s.maybe_channels(x), batch_norm(x, {}, {}, w, b, true, s.real())),
    CALL(NORMAL; const Tensor m = s.maybe_channels(x); const Tensor v = s.maybe_channels(x), batch_norm(x, m.defined() ? m.detach() : m, v.defined() ? v.detach() : v, {}, {}, s.flag(), s.real())),
    CALL(NORMAL; const Tensor w = s.maybe_channels(x); const Tensor b = s.maybe_channels(x), instance_norm(x, {}, {}, w, b, true, s.real())),
    CALL(NORMAL; const Tensor m = s.maybe_channels(x); const Tensor v = s.maybe_channels(x), instance_norm(x, m.defined() ? m.detach() : m, v.defined() ? v.detach() : v, {}, {}, s.flag(), s.real())),
    CALL(NORMAL; const std::int64_t n = s.number(); const Tensor w = s.maybe_channels(x); const Tensor b = s.maybe_channels(x), group_norm(x, n, w, b, s.real())),
    CALL(NORMAL; const std::int64_t n = s.number(); const double a = s.real(); const double b = s.real(), local_response_norm(x, n, a, b, s.real())),
    // sequences
    {"scaled_dot_product_attention", attention}, {"lstm", of_lstm}, {"gru", of_gru}, {"rnn", of_rnn},
    // losses
    CALL(XY, mse_loss(x, y, s.reduction())), CALL(XY, l1_loss(x, y, s.reduction())),
    CALL(XY; const Reduction r = s.reduction(), smooth_l1_loss(x, y, r, s.real())),
    CALL(XY; const Reduction r = s.reduction(), huber_loss(x, y, r, s.real())), 
    CALL(XY; const Reduction r = s.reduction(), kl_div(x, y, {r, s.flag()})),
    CALL(XY, poisson_nll_loss(x, y, {.full = true})), CALL(XYZ, gaussian_nll_loss(x, y, z)), CALL(XY, hinge_embedding_loss(x, y, s.real())),
    CALL(XY, soft_margin_loss(x, y)), CALL(XY, hinge_loss(x, y, s.reduction())), CALL(XYZ, margin_ranking_loss(x, y, z)), CALL(XYZ, cosine_embedding_loss(x, y, z)),
    CALL(XYZ, triplet_margin_loss(x, y, z, {.p = s.real(), .swap = s.flag()})),
    CALL(LABELS, multi_margin_loss(x, i, {.p = s.real(), .weight = s.maybe_channels(x)})),
    CALL(LABELS, multilabel_margin_loss(x, i)),
    CALL(XYZ, multilabel_soft_margin_loss(x, y, s.flag() ? z : Tensor())),
    CALL(LABELS; const std::int64_t n = s.number(); const Reduction r = s.reduction(); const Tensor w = s.maybe_channels(x),
         nll_loss(x, i, {.weight = w, .ignore_index = n, .reduction = r})),
    CALL(LABELS; const std::int64_t n = s.number(); const Reduction r = s.reduction(); const Tensor w = s.maybe_channels(x),
         cross_entropy(x, i, {.weight = w, .ignore_index = n, .label_smoothing = s.real(), .reduction = r})),
    CALL(XY; const Tensor w = s.maybe_channels(x), cross_entropy(x, y, {.weight = w, .label_smoothing = s.real()})),
    CALL(XYZ; const Reduction r = s.reduction(), binary_cross_entropy(x, y, {.weight = s.flag() ? z : Tensor(), .reduction = r})),
    CALL(XYZ; const Reduction r = s.reduction(), binary_cross_entropy_with_logits(x, y, {.pos_weight = s.flag() ? z : Tensor(), .reduction = r})),
    {"ctc_loss", ctc},
};
// clang-format on

}  // namespace

std::span<const Function> layer_functions() { return kFunctions; }

}  // namespace ebb::fuzz
