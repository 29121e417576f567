// Similarity and distance of vectors as layers.
#pragma once

#include "autograd/ops.h"

namespace ebb::nn {

// The cosine of the angle between x1 and x2 along dim.
struct CosineSimilarity {
  int dim = 1;
  double eps = 1e-8;

  Tensor operator()(const Tensor& x1, const Tensor& x2) const { return cosine_similarity(x1, x2, dim, eps); }
};

// ‖x1 - x2 + eps‖_p along the last dimension.
struct PairwiseDistance {
  double p = 2, eps = 1e-6;
  bool keepdim = false;

  Tensor operator()(const Tensor& x1, const Tensor& x2) const {
    return pairwise_distance(x1, x2, p, eps, keepdim);
  }
};

}  // namespace ebb::nn
