// Layers whose weight is computed from other parameters each time: weight and spectral normalisation, orthogonal weights.
// They wrap a layer, and name what they train as PyTorch's torch.nn.utils.parametrizations do: "bias",
// "parametrizations.weight.original0", ….
//
//   nn::WeightNorm fc{nn::Linear{64, 10}};
//   nn::Orthogonal turn{nn::Linear{64, 64}};
//   nn::SpectralNorm conv{nn::Conv2d{.in = 3, .out = 8, .kernel = 3}};
//   y = fc(flatten(conv(x), 1));
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <utility>

#include "autograd/tensor.h"
#include "nn/reflect.h"

namespace ebb::nn {

// What has a weight.
template <class L>
concept WeightedLayer = requires(L& layer) {
  { layer.weight } -> std::same_as<Parameter&>;
};

// What makes an orthogonal matrix of any other one, X.
enum class OrthogonalMap : std::uint8_t {
  matrix_exp,  // exp(A), A = L - Lᵀ of X's lower triangle L
  cayley,      // (1 + A/2) (1 - A/2)⁻¹
  householder  // the product of the reflections at the columns below X's diagonal, which stand for vectors that begin by 1
};

namespace detail {

// The layer called with this weight, which keeps its history.
template <class L, class... X>
auto call_with_weight(L layer, const Tensor& weight, const X&... x) {
  static_cast<Tensor&>(layer.weight) = weight;
  return layer(x...);
}

// ‖v‖ of each slice along dim, with sizes of 1 elsewhere; without dim of all, 0-d.
Tensor norm_except(const char* layer, const Tensor& v, std::optional<int> dim);

// weight as a matrix whose rows are its slices along dim.
Tensor as_matrix(const Tensor& weight, int dim);

struct SpectralVectors {
  Buffer _u, _v;
};
// Random ones after 15 steps of the power method.
SpectralVectors spectral_vectors(const Tensor& weight, int dim, double eps);
std::int64_t positive_steps(std::int64_t steps);
// `steps` steps of the power method, which bring u and v nearer to the largest singular value's: u = Wv / ‖Wv‖, v = Wᵀu /
// ‖Wᵀu‖.
void iterate(const SpectralVectors& vectors, const Tensor& matrix, std::int64_t steps, double eps);
// weight / (uᵀ W v); of one dimension, weight / ‖weight‖.
Tensor spectrally_normalized(const Tensor& weight, const SpectralVectors& vectors, int dim, double eps);

OrthogonalMap orthogonal_map(const Tensor& weight, std::optional<OrthogonalMap> wanted);
// A square orthogonal matrix whose first columns, or rows, are the weight's, if they are orthonormal; or span the same.
Tensor orthogonal_base(const Tensor& weight);
// What all maps make the identity of.
Tensor minus_identity(const Tensor& weight);
// base · map(original): its first columns, or, of a wide matrix, rows.
Tensor orthogonal_weight(const Tensor& original, const Tensor& base, OrthogonalMap map);

}  // namespace detail

// A layer with weight = g v / ‖v‖, the norm taken of each slice along dim, an output's weights; without dim of all weights
// together (Salimans, Kingma 2016). Trained are g, "original0", which starts as the layer's ‖weight‖, and v, "original1",
// as its weight.
template <WeightedLayer L>
class WeightNorm {
 public:
  explicit WeightNorm(L layer, std::optional<int> dim = 0)
      : dim_(dim),
        parts_{detail::norm_except("WeightNorm", layer.weight.detach(), dim), layer.weight.detach().clone()},
        layer_(std::move(layer)) {
    layer_.weight = Parameter();
  }

  Tensor weight() const {
    return parts_.original1 * (parts_.original0 / detail::norm_except("WeightNorm", parts_.original1, dim_));
  }
  template <class... X>
  auto operator()(const X&... x) const {
    return detail::call_with_weight(layer_, weight(), x...);
  }

  auto fields() const { return nn::fields(field("", layer_), field("parametrizations.weight", parts_)); }

 private:
  struct Parts {
    Parameter original0, original1;
  };

  std::optional<int> dim_;
  Parts parts_;
  L layer_;
};

// A layer whose weight, as a matrix with a row for each slice along dim, is divided by its largest singular value uᵀ W v
// (Miyato, Kataoka, Koyama, Yoshida 2018). Trained is W, "original"; u and v, buffers, are found by the power method, of
// which each call while training makes `steps` steps. The gradient takes u and v for constants. A weight of one dimension
// is divided by its norm.
template <WeightedLayer L>
class SpectralNorm {
 public:
  explicit SpectralNorm(L layer, std::int64_t steps = 1, int dim = 0, double eps = 1e-12)
      : steps_(detail::positive_steps(steps)),
        dim_(dim),
        eps_(eps),
        parts_{layer.weight.detach().clone(), detail::spectral_vectors(layer.weight.detach(), dim, eps)},
        layer_(std::move(layer)) {
    layer_.weight = Parameter();
  }

  Tensor weight() const {
    if (mode_.training && parts_.vectors._u.defined())
      detail::iterate(parts_.vectors, detail::as_matrix(parts_.original, dim_), steps_, eps_);
    return detail::spectrally_normalized(parts_.original, parts_.vectors, dim_, eps_);
  }
  template <class... X>
  auto operator()(const X&... x) const {
    return detail::call_with_weight(layer_, weight(), x...);
  }

  auto fields() const {
    return nn::fields(field("", mode_), field("", layer_), field("parametrizations.weight", parts_));
  }

 private:
  struct Parts {
    Parameter original;
    detail::SpectralVectors vectors;

    auto fields() const { return nn::fields(field("original", original), field("0", vectors)); }
  };

  std::int64_t steps_;
  int dim_;
  double eps_;
  Mode mode_;
  Parts parts_;
  L layer_;
};

// A layer whose weight, of which the last two dimensions are a matrix, has orthonormal columns, or rows if it is wide: B Q(X)
// (Lezcano-Casado, Trivializations for gradient-based optimization on manifolds, 2019). B, the buffer "0.base", starts as
// the layer's weight, made orthogonal and square; X, "original", is trained, and starts so that Q(X) is the identity. The map
// is by default matrix_exp for square matrices and householder for others. (PyTorch's use_trivialization=True.)
template <WeightedLayer L>
class Orthogonal {
 public:
  explicit Orthogonal(L layer, std::optional<OrthogonalMap> map = {})
      : map_(detail::orthogonal_map(layer.weight, map)),
        parts_{detail::minus_identity(layer.weight), {detail::orthogonal_base(layer.weight)}},
        layer_(std::move(layer)) {
    layer_.weight = Parameter();
  }

  Tensor weight() const { return detail::orthogonal_weight(parts_.original, parts_.turn.base, map_); }
  template <class... X>
  auto operator()(const X&... x) const {
    return detail::call_with_weight(layer_, weight(), x...);
  }

  auto fields() const { return nn::fields(field("", layer_), field("parametrizations.weight", parts_)); }

 private:
  struct Turn {
    Buffer base;
  };
  struct Parts {
    Parameter original;
    Turn turn;

    auto fields() const { return nn::fields(field("original", original), field("0", turn)); }
  };

  OrthogonalMap map_;
  Parts parts_;
  L layer_;
};

}  // namespace ebb::nn
