// The losses of autograd/ops.h as modules: their options, and a call. Weights of classes are buffers, as in PyTorch.
//
//   nn::CrossEntropyLoss loss{.label_smoothing = 0.1};
//   loss(net(x), y).backward();
#pragma once

#include <cstdint>

#include "autograd/ops.h"
#include "nn/role.h"

namespace ebb::nn {

// -- of numbers

struct MSELoss {
  Reduction reduction = Reduction::mean;
  Tensor operator()(const Tensor& input, const Tensor& target) const { return mse_loss(input, target, reduction); }
};

struct L1Loss {
  Reduction reduction = Reduction::mean;
  Tensor operator()(const Tensor& input, const Tensor& target) const { return l1_loss(input, target, reduction); }
};

struct SmoothL1Loss {
  Reduction reduction = Reduction::mean;
  double beta = 1;
  Tensor operator()(const Tensor& input, const Tensor& target) const {
    return smooth_l1_loss(input, target, reduction, beta);
  }
};

struct HuberLoss {
  Reduction reduction = Reduction::mean;
  double delta = 1;
  Tensor operator()(const Tensor& input, const Tensor& target) const {
    return huber_loss(input, target, reduction, delta);
  }
};

// -- of distributions

struct KLDivLoss {
  Reduction reduction = Reduction::mean;
  bool log_target = false;
  Tensor operator()(const Tensor& input, const Tensor& target) const {
    return kl_div(input, target, {.reduction = reduction, .log_target = log_target});
  }
};

struct PoissonNLLLoss {
  bool log_input = true, full = false;
  double eps = 1e-8;
  Reduction reduction = Reduction::mean;
  Tensor operator()(const Tensor& input, const Tensor& target) const {
    return poisson_nll_loss(input, target,
                            {.log_input = log_input, .full = full, .eps = eps, .reduction = reduction});
  }
};

struct GaussianNLLLoss {
  bool full = false;
  double eps = 1e-6;
  Reduction reduction = Reduction::mean;
  Tensor operator()(const Tensor& input, const Tensor& target, const Tensor& var) const {
    return gaussian_nll_loss(input, target, var, {.full = full, .eps = eps, .reduction = reduction});
  }
};

// -- with a margin

struct HingeLoss {
  Reduction reduction = Reduction::mean;
  Tensor operator()(const Tensor& input, const Tensor& target) const {
    return hinge_loss(input, target, reduction);
  }
};

struct HingeEmbeddingLoss {
  double margin = 1;
  Reduction reduction = Reduction::mean;
  Tensor operator()(const Tensor& input, const Tensor& target) const {
    return hinge_embedding_loss(input, target, margin, reduction);
  }
};

struct SoftMarginLoss {
  Reduction reduction = Reduction::mean;
  Tensor operator()(const Tensor& input, const Tensor& target) const {
    return soft_margin_loss(input, target, reduction);
  }
};

struct MarginRankingLoss {
  double margin = 0;
  Reduction reduction = Reduction::mean;
  Tensor operator()(const Tensor& input1, const Tensor& input2, const Tensor& target) const {
    return margin_ranking_loss(input1, input2, target, margin, reduction);
  }
};

struct CosineEmbeddingLoss {
  double margin = 0;
  Reduction reduction = Reduction::mean;
  Tensor operator()(const Tensor& input1, const Tensor& input2, const Tensor& target) const {
    return cosine_embedding_loss(input1, input2, target, margin, reduction);
  }
};

struct TripletMarginLoss {
  double margin = 1, p = 2, eps = 1e-6;
  bool swap = false;
  Reduction reduction = Reduction::mean;
  Tensor operator()(const Tensor& anchor, const Tensor& positive, const Tensor& negative) const {
    return triplet_margin_loss(anchor, positive, negative,
                               {.margin = margin, .p = p, .eps = eps, .swap = swap, .reduction = reduction});
  }
};

struct MultiMarginLoss {
  double p = 1, margin = 1;
  Buffer weight = {};
  Reduction reduction = Reduction::mean;
  Tensor operator()(const Tensor& input, const Tensor& target) const {
    return multi_margin_loss(input, target, {.p = p, .margin = margin, .weight = weight, .reduction = reduction});
  }
};

struct MultiLabelMarginLoss {
  Reduction reduction = Reduction::mean;
  Tensor operator()(const Tensor& input, const Tensor& target) const {
    return multilabel_margin_loss(input, target, reduction);
  }
};

struct MultiLabelSoftMarginLoss {
  Buffer weight = {};
  Reduction reduction = Reduction::mean;
  Tensor operator()(const Tensor& input, const Tensor& target) const {
    return multilabel_soft_margin_loss(input, target, weight, reduction);
  }
};

// -- of classes

struct NLLLoss {
  Buffer weight = {};
  std::int64_t ignore_index = -100;
  Reduction reduction = Reduction::mean;
  Tensor operator()(const Tensor& input, const Tensor& target) const {
    return nll_loss(input, target, {.weight = weight, .ignore_index = ignore_index, .reduction = reduction});
  }
};

struct CrossEntropyLoss {
  Buffer weight = {};
  std::int64_t ignore_index = -100;
  Reduction reduction = Reduction::mean;
  double label_smoothing = 0;
  Tensor operator()(const Tensor& input, const Tensor& target) const {
    return cross_entropy(input, target,
                         {.weight = weight,
                          .ignore_index = ignore_index,
                          .label_smoothing = label_smoothing,
                          .reduction = reduction});
  }
};

struct BCELoss {
  Buffer weight = {};
  Reduction reduction = Reduction::mean;
  Tensor operator()(const Tensor& input, const Tensor& target) const {
    return binary_cross_entropy(input, target, {.weight = weight, .reduction = reduction});
  }
};

struct BCEWithLogitsLoss {
  Buffer weight = {};
  Reduction reduction = Reduction::mean;
  Buffer pos_weight = {};
  Tensor operator()(const Tensor& input, const Tensor& target) const {
    return binary_cross_entropy_with_logits(input, target,
                                            {.weight = weight, .pos_weight = pos_weight, .reduction = reduction});
  }
};

// -- of alignments

struct CTCLoss {
  std::int64_t blank = 0;
  Reduction reduction = Reduction::mean;
  bool zero_infinity = false;
  Tensor operator()(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
                    const Tensor& target_lengths) const {
    return ctc_loss(log_probs, targets, input_lengths, target_lengths,
                    {.blank = blank, .reduction = reduction, .zero_infinity = zero_infinity});
  }
};

}  // namespace ebb::nn
