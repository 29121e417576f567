// The operations on tensors. All are differentiable in their floating inputs, to any order, unless the
// comment says otherwise; every one leaves its inputs as they are.
//
// Two tensors of different shapes broadcast as in NumPy: shapes are aligned at the last dimension, and sizes
// of 1 stretch. Dtypes are never promoted between tensors: an Error names to(dtype). Scalars take the
// tensor's dtype. A `dim` may be negative and then counts from the end. An operation that can not do what it
// is asked throws an Error that names it and says what was given.
#pragma once

#include <array>
#include <initializer_list>
#include <optional>
#include <span>
#include <vector>

#include "autograd/base/random.h"
#include "autograd/tensor.h"

namespace ebb {

// -- arithmetic, element by element

Tensor add(const Tensor& a, const Tensor& b);
Tensor sub(const Tensor& a, const Tensor& b);
Tensor mul(const Tensor& a, const Tensor& b);
Tensor div(const Tensor& a, const Tensor& b);  // of integers: an Error, since the result would not be one
// a^b. d/da = b a^(b-1), 0 where b = 0; d/db = a^b log a, 0 where a = 0 and b >= 0.
Tensor pow(const Tensor& a, const Tensor& b);
Tensor pow(const Tensor& a, double b);
Tensor add(const Tensor& a, double b);
Tensor mul(const Tensor& a, double b);

inline Tensor operator+(const Tensor& a, const Tensor& b) { return add(a, b); }
inline Tensor operator-(const Tensor& a, const Tensor& b) { return sub(a, b); }
inline Tensor operator*(const Tensor& a, const Tensor& b) { return mul(a, b); }
inline Tensor operator/(const Tensor& a, const Tensor& b) { return div(a, b); }
inline Tensor operator+(const Tensor& a, double b) { return add(a, b); }
inline Tensor operator+(double a, const Tensor& b) { return add(b, a); }
inline Tensor operator-(const Tensor& a, double b) { return add(a, -b); }
Tensor operator-(double a, const Tensor& b);
inline Tensor operator*(const Tensor& a, double b) { return mul(a, b); }
inline Tensor operator*(double a, const Tensor& b) { return mul(b, a); }
Tensor operator/(const Tensor& a, double b);
Tensor operator/(double a, const Tensor& b);
Tensor operator-(const Tensor& a);

Tensor neg(const Tensor& x);
Tensor exp(const Tensor& x);
Tensor log(const Tensor& x);         // -inf at 0, NaN below
Tensor sqrt(const Tensor& x);        // derivative at 0: inf
Tensor rsqrt(const Tensor& x);       // 1 / sqrt(x)
Tensor reciprocal(const Tensor& x);  // 1 / x
Tensor square(const Tensor& x);
Tensor abs(const Tensor& x);   // derivative at 0: 0
Tensor sign(const Tensor& x);  // -1, 0 or 1; derivative 0
Tensor sin(const Tensor& x);
Tensor cos(const Tensor& x);

// min(max(x, low), high). The derivative is 1 from low to high, both included, and 0 outside.
Tensor clamp(const Tensor& x, double low, double high);
// The larger (smaller) of two; NaN if one is. Equal elements share the gradient half and half.
Tensor maximum(const Tensor& a, const Tensor& b);
Tensor minimum(const Tensor& a, const Tensor& b);
// condition ? a : b. The branch that is not taken gets the gradient 0, whatever its value.
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);

// Comparisons: bool, without derivative. NaN is unequal to everything.
Tensor eq(const Tensor& a, const Tensor& b);
Tensor ne(const Tensor& a, const Tensor& b);
Tensor lt(const Tensor& a, const Tensor& b);
Tensor le(const Tensor& a, const Tensor& b);
Tensor gt(const Tensor& a, const Tensor& b);
Tensor ge(const Tensor& a, const Tensor& b);
Tensor eq(const Tensor& a, double b);
Tensor ne(const Tensor& a, double b);
Tensor lt(const Tensor& a, double b);
Tensor le(const Tensor& a, double b);
Tensor gt(const Tensor& a, double b);
Tensor ge(const Tensor& a, double b);
inline Tensor operator<(const Tensor& a, const Tensor& b) { return lt(a, b); }
inline Tensor operator>(const Tensor& a, const Tensor& b) { return gt(a, b); }
inline Tensor operator<(const Tensor& a, double b) { return lt(a, b); }
inline Tensor operator>(const Tensor& a, double b) { return gt(a, b); }

// -- activations

Tensor tanh(const Tensor& x);
Tensor sigmoid(const Tensor& x);  // 1 / (1 + exp(-x))
Tensor softplus(const Tensor& x, double beta = 1,
                double threshold = 20);  // log(1 + exp(βx)) / β; x if βx > threshold
Tensor relu(const Tensor& x);            // max(x, 0); derivative at 0: 0
Tensor leaky_relu(const Tensor& x, double negative_slope = 0.01);
Tensor elu(const Tensor& x, double alpha = 1);  // x > 0 ? x : α (exp(x) - 1)
enum class Gelu : std::uint8_t { erf, tanh };
// x Φ(x), Φ the normal distribution's cumulative function, or its tanh approximation (Hendrycks, Gimpel
// 2016).
Tensor gelu(const Tensor& x, Gelu approximate = Gelu::erf);
Tensor silu(const Tensor& x);  // x sigmoid(x)
Tensor softmax(const Tensor& x, int dim);
Tensor log_softmax(const Tensor& x, int dim);
// Zeros each element with probability p and scales the others by 1 / (1 - p); x itself if not training.
Tensor dropout(const Tensor& x, double p = 0.5, bool training = true, Generator* generator = nullptr);

// -- reductions over `dims` (all if empty); keepdim leaves sizes of 1

Tensor sum(const Tensor& x, const Dims& dims = {}, bool keepdim = false);  // of integers and bool: int64
Tensor mean(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
// Σ(x - mean)² / (n - correction)
Tensor var(const Tensor& x, const Dims& dims = {}, double correction = 1, bool keepdim = false);
// Largest and smallest element. Equal ones share the gradient evenly.
Tensor amax(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
Tensor amin(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
// The index of the largest (smallest), the first of equals: int64, without derivative. No dim: of the flat
// tensor.
Tensor argmax(const Tensor& x, std::optional<int> dim = {}, bool keepdim = false);
Tensor argmin(const Tensor& x, std::optional<int> dim = {}, bool keepdim = false);
// log Σ exp(x), without overflow.
Tensor logsumexp(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
// x summed over what broadcasting would stretch, so that the result has `shape`.
Tensor sum_to(const Tensor& x, const Shape& shape);

// -- shapes. All but cat, stack, and reshape where it must, are views: they share the input's memory.

Tensor reshape(const Tensor& x,
               const Dims& sizes);                // one size may be -1: what is left. Copies only if it must
Tensor view(const Tensor& x, const Dims& sizes);  // the same, but an Error instead of a copy
Tensor flatten(const Tensor& x, int start_dim = 0, int end_dim = -1);
Tensor transpose(const Tensor& x, int dim0, int dim1);
Tensor t(const Tensor& x);  // of a matrix
Tensor permute(const Tensor& x, const Dims& dims);
Tensor squeeze(const Tensor& x);  // all dimensions of size 1
Tensor squeeze(const Tensor& x, int dim);
Tensor unsqueeze(const Tensor& x, int dim);
Tensor expand(const Tensor& x, const Dims& sizes);  // sizes of 1 stretched, without a copy; -1 keeps one
Tensor narrow(const Tensor& x, int dim, std::int64_t start, std::int64_t length);
Tensor select(const Tensor& x, int dim, std::int64_t index);
// x[start:stop:step] along dim, as in Python: negative and missing bounds included; step > 0.
Tensor slice(const Tensor& x, int dim, std::optional<std::int64_t> start = {},
             std::optional<std::int64_t> stop = {}, std::int64_t step = 1);
std::vector<Tensor> split(const Tensor& x, std::int64_t size, int dim = 0);  // the last may be smaller
std::vector<Tensor> split(const Tensor& x, const std::vector<std::int64_t>& sizes, int dim = 0);
std::vector<Tensor> chunk(const Tensor& x, std::int64_t chunks, int dim = 0);
Tensor cat(std::span<const Tensor> tensors, int dim = 0);
Tensor cat(std::initializer_list<Tensor> tensors, int dim = 0);
Tensor stack(std::span<const Tensor> tensors, int dim = 0);
Tensor stack(std::initializer_list<Tensor> tensors, int dim = 0);
Tensor identity(const Tensor& x);  // the same elements, at another place of the graph

// -- indexing; indices are int64

Tensor index_select(const Tensor& x, int dim, const Tensor& index);  // index [k]
// y[i][j][k] = x[i][index[i][j][k]][k] for dim 1; index has x's rank and sizes up to x's off dim.
Tensor gather(const Tensor& x, int dim, const Tensor& index);
// Rows of weight [n, d] at index, of any shape: [.., d]. Row padding_idx gets no gradient.
Tensor embedding(const Tensor& index, const Tensor& weight, std::optional<std::int64_t> padding_idx = {});

// -- linear algebra

// Vectors: the inner product; a matrix and a vector; matrices; else batches of matrices, leading sizes
// broadcast.
Tensor matmul(const Tensor& a, const Tensor& b);
// x weightᵀ + bias. x [.., in], weight [out, in], bias [out] or undefined → [.., out]
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});

// -- recurrent layers, one in one direction: x [t, n, in] and the first states [n, h] → y [t, n, h], which are all h,
// and the last states

struct RecurrentWeights {
  Tensor weight_ih, weight_hh;        // [G h, in] and [G h, h] for a cell of G gates
  Tensor bias_ih = {}, bias_hh = {};  // [G h] or undefined
};
// With i, f, o = σ(a) and g = tanh(a), a their parts, in the order i, f, g, o, of weight_ih x + bias_ih + weight_hh h +
// bias_hh: c' = f c + i g, h' = o tanh(c') (Hochreiter, Schmidhuber 1997; Gers, Schmidhuber, Cummins 2000). → y, h, c
std::array<Tensor, 3> lstm(const Tensor& x, const Tensor& h0, const Tensor& c0, const RecurrentWeights& weights,
                           bool reverse = false);
// With r, z = σ(a) as above, n = tanh(weight_in x + bias_in + r (weight_hn h + bias_hn)), in the order r, z, n:
// h' = (1 - z) n + z h (Cho et al. 2014). → y, h
std::array<Tensor, 2> gru(const Tensor& x, const Tensor& h0, const RecurrentWeights& weights,
                          bool reverse = false);
// h' = tanh(weight_ih x + bias_ih + weight_hh h + bias_hh), or relu of it (Elman 1990). → y, h
enum class RnnNonlinearity : std::uint8_t { tanh, relu };
std::array<Tensor, 2> rnn(const Tensor& x, const Tensor& h0, const RecurrentWeights& weights,
                          RnnNonlinearity nonlinearity = RnnNonlinearity::tanh, bool reverse = false);

// -- convolution and pooling; x [n, c, h, w]

using Pair = std::array<std::int64_t, 2>;  // height, width

// A Pair from one number or two: .stride = 2 is .stride = {2, 2}.
struct Size2 : Pair {
  constexpr Size2(std::int64_t both) : Pair{both, both} {}
  constexpr Size2(std::int64_t height, std::int64_t width) : Pair{height, width} {}
};

struct Conv2dOptions {
  Size2 stride = 1, padding = 0, dilation = 1;
  std::int64_t groups = 1;
};
// Cross-correlation. weight [out, c / groups, kh, kw], bias [out] or undefined → [n, out, oh, ow],
// oh = ⌊(h + 2 padding - dilation (kh - 1) - 1) / stride⌋ + 1.
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, const Conv2dOptions& options = {});

struct Pool2dOptions {
  std::optional<Size2> stride = {};  // left out: the kernel's size
  Size2 padding = 0;                 // at most half the kernel
  Size2 dilation = 1;                // max_pool2d only
  bool ceil_mode = false;            // windows may begin inside and end outside
  bool count_include_pad = true;     // avg_pool2d only
};
// The largest of each window; the first of equals gets the gradient.
Tensor max_pool2d(const Tensor& x, Size2 kernel, const Pool2dOptions& options = {});
Tensor avg_pool2d(const Tensor& x, Size2 kernel, const Pool2dOptions& options = {});
// Window i of an axis of n pooled to o: from ⌊i n / o⌋ to ⌈(i + 1) n / o⌉.
Tensor adaptive_avg_pool2d(const Tensor& x, Size2 output);

// -- normalisation

// (x - mean) / sqrt(var + eps) weight + bias over the last dimensions, `normalized_shape` (Ba, Kiros, Hinton
// 2016); weight and bias of that shape, or undefined.
Tensor layer_norm(const Tensor& x, const Shape& normalized_shape, const Tensor& weight = {},
                  const Tensor& bias = {}, double eps = 1e-5);
// The same over all but dimension 1 of x [n, c, ..] (Ioffe, Szegedy 2015). Training: with the batch's
// statistics, which also update running_mean and running_var [c], if defined, in place: r = (1 - momentum) r
// + momentum batch, with the unbiased variance. Otherwise with the running ones.
Tensor batch_norm(const Tensor& x, const Tensor& running_mean, const Tensor& running_var,
                  const Tensor& weight = {}, const Tensor& bias = {}, bool training = false, double momentum = 0.1,
                  double eps = 1e-5);

// -- attention

struct AttentionOptions {
  Tensor attn_mask =
      {};  // broadcast to [.., L, S]: bool, true where a key takes part, or floating, added to the scores
  double dropout_p = 0;              // of the probabilities
  bool is_causal = false;            // row i attends to keys 0 … i
  std::optional<double> scale = {};  // left out: 1 / √E
  Generator* generator = nullptr;    // of dropout; left out: default_generator()
};
// softmax(scale query keyᵀ + mask) value (Vaswani et al. 2017): query [.., L, E], key [.., S, E], value [.., S, Ev] →
// [.., L, Ev]; leading sizes broadcast. A row in which no key takes part is 0. Memory grows with L + S: the scores are
// made in blocks, and again for the gradient (Dao, Fu, Ermon, Rudra, Ré: FlashAttention, 2022). Heads may be views of
// [n, L, heads, E]: nothing is copied.
Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                    const AttentionOptions& options = {});

// -- losses

enum class Reduction : std::uint8_t { mean, sum, none };
Tensor mse_loss(const Tensor& input, const Tensor& target,
                Reduction reduction = Reduction::mean);  // (input - target)²
Tensor l1_loss(const Tensor& input, const Tensor& target,
               Reduction reduction = Reduction::mean);  // |input - target|

struct ClassLossOptions {
  Tensor weight = {};                // [classes]: of each class; the mean divides by the sum of the weights used
  std::int64_t ignore_index = -100;  // targets that do not count; if none counts, the mean is NaN, as 0 / 0
  double label_smoothing = 0;        // cross_entropy: target (1 - ε) + ε / classes
  Reduction reduction = Reduction::mean;
};
// -input[i, target[i]]; input [n, classes, ..] of log-probabilities, target [n, ..] int64.
Tensor nll_loss(const Tensor& input, const Tensor& target, const ClassLossOptions& options = {});
// nll_loss of log_softmax(input, 1), fused; or, for a floating target of input's shape, the classes'
// probabilities: -Σ_c weight_c target_c log_softmax(input)_c. input [n, classes, ..] or [classes].
Tensor cross_entropy(const Tensor& input, const Tensor& target, const ClassLossOptions& options = {});

struct BinaryLossOptions {
  Tensor weight = {};      // broadcast to input
  Tensor pos_weight = {};  // of positive examples; with logits only
  Reduction reduction = Reduction::mean;
};
// -(t log p + (1 - t) log(1 - p)), each logarithm at least -100.
Tensor binary_cross_entropy(const Tensor& input, const Tensor& target, const BinaryLossOptions& options = {});
// The same of p = sigmoid(input), without overflow: max(x, 0) - x t + log(1 + exp(-|x|)).
Tensor binary_cross_entropy_with_logits(const Tensor& input, const Tensor& target,
                                        const BinaryLossOptions& options = {});

}  // namespace ebb
