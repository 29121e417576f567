// The gradients of single examples in one pass over a batch: for their norms, their variance, or to clip each of them
// (Abadi et al.: Deep Learning with Differential Privacy, 2016).
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "autograd/tensor.h"
#include "nn/module.h"

namespace ebb::nn {

namespace detail {
std::vector<NamedTensor> per_sample_grads(const Members& members, const Tensor& losses, std::int64_t n);
}  // namespace detail

// d losses[i] / dp for each trained parameter p of `model`: [n, sizes of p], named, in the order of named_parameters(model).
// `losses` is called once, with a copy of the model in which every example has weights of its own, and gives [n]:
//
//   const auto gradients = nn::per_sample_grads(net, n, [&](const Net& each) {
//     return cross_entropy(each(images), labels, {.reduction = Reduction::none});
//   });
//
// For models of linear layers, convolutions, norms and functions without weights: those take weights [n, ..] for inputs
// [n, ..]. Other layers refuse such weights. BatchNorm must be in eval(): its training mixes the examples. Memory: n times
// the model's gradients.
template <Module M, class F>
std::vector<NamedTensor> per_sample_grads(const M& model, std::int64_t n, F&& losses) {
  M each = model;
  const auto members = ebb::nn::detail::members_of(each);
  detail::spread(members, n);
  return detail::per_sample_grads(members, std::forward<F>(losses)(std::as_const(each)), n);
}

}  // namespace ebb::nn
