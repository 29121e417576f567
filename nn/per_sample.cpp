#include "nn/per_sample.h"

#include "autograd/base/fail.h"
#include "autograd/create.h"
#include "autograd/engine.h"
#include "autograd/ops.h"

namespace ebb::nn::detail {

// The weights of example i are in losses[i] alone: the gradient of the sum holds all of them.
std::vector<NamedTensor> per_sample_grads(const Members& members, const Tensor& losses, std::int64_t n) {
  if (losses.shape() != Shape{n})
    fail("per_sample_grads: the losses are {}; give one for each of {} examples, like those of Reduction::none",
         losses.shape(), n);
  std::vector<NamedTensor> gradients;
  std::vector<Tensor> trained;
  for (const auto& named : named_parameters(members)) {
    if (!named.tensor.requires_grad()) continue;
    gradients.push_back(named);
    trained.push_back(named.tensor);
  }
  const std::vector<Tensor> outputs{sum(losses)};
  const auto found =
      grad(std::span<const Tensor>(outputs), std::span<const Tensor>(trained), {.allow_unused = true});
  for (std::size_t i = 0; i < found.size(); ++i)
    gradients[i].tensor = found[i].defined() ? found[i] : zeros(trained[i].shape(), {.dtype = trained[i].dtype()});
  return gradients;
}

}  // namespace ebb::nn::detail
