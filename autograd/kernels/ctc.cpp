#include "autograd/kernels/ctc.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/base/dtype.h"
#include "autograd/base/parallel.h"
#include "autograd/base/scratch.h"
#include "autograd/kernels/elementwise.h"

namespace ebb::kernels {
namespace {

template <class T>
constexpr T kNever = -std::numeric_limits<T>::infinity();

// log(exp a + exp b + exp c)
template <class T>
T log_sum(T a, T b, T c) {
  const T most = std::max({a, b, c});
  return most == kNever<T> ? most : most + std::log(std::exp(a - most) + std::exp(b - most) + std::exp(c - most));
}

// One sequence: its labels with a blank before, between and after them, which are the states of its alignments.
template <class T>
class Sequence {
 public:
  Sequence(const View& alpha, const View& log_probs, const View& labels, const View& input_lengths,
           const View& target_lengths, std::int64_t n, std::int64_t blank)
      : steps(at(input_lengths, n)),
        states(2 * at(target_lengths, n) + 1),
        alpha_(alpha.as<T>() + n * alpha.stride(0)),
        alpha_step_(alpha.stride(1)),
        alpha_state_(alpha.stride(2)),
        log_probs_(log_probs.as<const T>() + n * log_probs.stride(1)),
        step_(log_probs.stride(0)),
        class_(log_probs.stride(2)),
        labels_(labels.as<const std::int64_t>() + n * labels.stride(0)),
        label_(labels.stride(1)),
        blank_(blank) {}

  const std::int64_t steps, states;

  std::int64_t label(std::int64_t s) const { return s % 2 == 0 ? blank_ : labels_[s / 2 * label_]; }
  T log_prob(std::int64_t t, std::int64_t s) const { return log_probs_[t * step_ + label(s) * class_]; }
  T& alpha(std::int64_t t, std::int64_t s) const { return alpha_[t * alpha_step_ + s * alpha_state_]; }
  // May an alignment go from state s - 2 to s, past the blank between two labels?
  bool skips(std::int64_t s) const { return s >= 2 && label(s) != blank_ && label(s) != label(s - 2); }

  T log_likelihood() const {
    if (steps == 0) return states == 1 ? 0 : kNever<T>;
    const T last = alpha(steps - 1, states - 1);
    return states == 1 ? last : log_sum(last, alpha(steps - 1, states - 2), kNever<T>);
  }

 private:
  static std::int64_t at(const View& lengths, std::int64_t n) {
    return lengths.as<const std::int64_t>()[n * lengths.stride(0)];
  }

  T* alpha_;
  std::int64_t alpha_step_, alpha_state_;
  const T* log_probs_;
  std::int64_t step_, class_;
  const std::int64_t* labels_;
  std::int64_t label_, blank_;
};

template <class T>
void run_forward(const Sequence<T>& q) {
  for (std::int64_t t = 0; t < q.steps; ++t) {
    for (std::int64_t s = 0; s < q.states; ++s) {
      T before = s < 2 ? 0 : kNever<T>;
      if (t > 0)
        before = log_sum(q.alpha(t - 1, s), s > 0 ? q.alpha(t - 1, s - 1) : kNever<T>,
                         q.skips(s) ? q.alpha(t - 1, s - 2) : kNever<T>);
      q.alpha(t, s) = before + q.log_prob(t, s);
    }
  }
}

// Adds -g · posterior to gradient[t · step + class · class_step]. `beta` has room for two rows of states: the probability
// of the rest of an alignment, from its state at step t on, without that step's own.
template <class T>
void run_backward(const Sequence<T>& q, T g, T* gradient, std::int64_t step, std::int64_t class_step, T* beta) {
  const T likelihood = q.log_likelihood();
  T *now = beta, *next = beta + q.states;
  for (std::int64_t t = q.steps - 1; t >= 0; --t, std::swap(now, next)) {
    for (std::int64_t s = 0; s < q.states; ++s) {
      const auto from = [&](std::int64_t state) { return next[state] + q.log_prob(t + 1, state); };
      if (t == q.steps - 1) now[s] = s + 2 >= q.states ? 0 : kNever<T>;
      else
        now[s] = log_sum(from(s), s + 1 < q.states ? from(s + 1) : kNever<T>,
                         s + 2 < q.states && q.skips(s + 2) ? from(s + 2) : kNever<T>);
      gradient[t * step + q.label(s) * class_step] -= g * std::exp(q.alpha(t, s) + now[s] - likelihood);
    }
  }
}

}  // namespace

void ctc_loss(const View& loss, const View& alpha, const View& log_probs, const View& labels,
              const View& input_lengths, const View& target_lengths, const CtcOptions& options) {
  fill(alpha, 0);
  visit_floating(loss.dtype, [&]<class T>(T*) {
    parallel_for(loss.numel(), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t n = begin; n < end; ++n) {
        const Sequence<T> q(alpha, log_probs, labels, input_lengths, target_lengths, n, options.blank);
        run_forward(q);
        const T value = -q.log_likelihood();
        loss.as<T>()[n * loss.stride(0)] = options.zero_infinity && std::isinf(value) ? 0 : value;
      }
    });
  });
}

void ctc_loss_backward(const View& gradient, const View& g, const View& alpha, const View& log_probs,
                       const View& labels, const View& input_lengths, const View& target_lengths,
                       const CtcOptions& options) {
  fill(gradient, 0);
  visit_floating(gradient.dtype, [&]<class T>(T*) {
    parallel_for(g.numel(), 1, [&](std::int64_t begin, std::int64_t end) {
      const memory::Scratch<T> beta(2 * alpha.size(2));
      for (std::int64_t n = begin; n < end; ++n) {
        const Sequence<T> q(alpha, log_probs, labels, input_lengths, target_lengths, n, options.blank);
        if (options.zero_infinity && std::isinf(q.log_likelihood())) continue;
        run_backward(q, g.as<const T>()[n * g.stride(0)], gradient.as<T>() + n * gradient.stride(1),
                     gradient.stride(0), gradient.stride(2), beta.data());
      }
    });
  });
}

}  // namespace ebb::kernels
