// Runs of floats or doubles computed by vectors, once per instruction set.
#if defined(EBB_KERNELS_STRIDED_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EBB_KERNELS_STRIDED_INL_H_
#undef EBB_KERNELS_STRIDED_INL_H_
#else
#define EBB_KERNELS_STRIDED_INL_H_
#endif

#include <array>
#include <cstdint>
#include <utility>

#include "autograd/kernels/float_runs.h"
#include "autograd/kernels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ebb::kernels::HWY_NAMESPACE {

// The operands of a run, all of type T.
template <class T, std::size_t kInputs>
struct Pointers {
  T* y;
  std::array<const T*, kInputs> x;

  explicit HWY_INLINE Pointers(const Run& run) : y(static_cast<T*>(run.y)) {
    for (std::size_t k = 0; k < kInputs; ++k) x[k] = static_cast<const T*>(run.x[k]);
  }
};

// p[0 … n), 0 < n < lanes; a single one in all lanes.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> load_rest(D d, const T* p, std::int64_t n) {
  return n == 1 ? hn::Set(d, *p) : load(d, p, n);
}
template <class D, class T = hn::TFromD<D>>
HWY_INLINE void store_rest(hn::Vec<D> v, D d, T* p, std::int64_t n) {
  if (n == 1) {
    *p = hn::GetLane(v);
  } else {
    store(v, d, p, n);
  }
}

// y = f(x₀, x₁, …) for the elements of a run.
//
// Note [One loop]: the elements that do not fill a vector go through the same loop, by way of a buffer. So there is one
// copy of f in the program, and the bits of an element do not depend on its place.
template <class T, std::size_t kInputs, class F>
HWY_INLINE void map_run(const Run& run, F&& f) {
  const Tag<T> d;
  const std::int64_t step = lanes(d), rest = run.n & (step - 1);
  HWY_ALIGN T buffer[1 + kInputs][hn::MaxLanes(d)];
  Pointers<T, kInputs> at(run);

  const auto loop = [&]<std::size_t... K>(std::int64_t n, std::index_sequence<K...>) EBB_LANES {
    for (std::int64_t i = 0; i < n; i += step) hn::StoreU(f(hn::LoadU(d, at.x[K] + i)...), d, at.y + i);
  };
  std::int64_t whole = run.n - rest;
  for (bool last = rest == 0;; last = true) {
    loop(whole, std::make_index_sequence<kInputs>());
    if (last) break;
    for (std::size_t k = 0; k < kInputs; ++k) {
      hn::Store(load_rest(d, at.x[k] + whole, rest), d, buffer[k]);
      at.x[k] = buffer[k];
    }
    at.y = buffer[kInputs];
    whole = step;
  }
  if (rest != 0) store_rest(hn::Load(d, at.y), d, static_cast<T*>(run.y) + run.n - rest, rest);
}

// The same for an f of a few instructions without a sum of products, which compilers may round in two ways.
template <class T, std::size_t kInputs, class F>
HWY_INLINE void map_simple_run(const Run& run, F&& f) {
  const Tag<T> d;
  const std::int64_t step = lanes(d), rest = run.n & (step - 1), whole = run.n - rest;
  const Pointers<T, kInputs> at(run);
  const auto loop = [&]<std::size_t... K>(std::index_sequence<K...>) EBB_LANES {
    for (std::int64_t i = 0; i < whole; i += step) hn::StoreU(f(hn::LoadU(d, at.x[K] + i)...), d, at.y + i);
    if (rest != 0) store_rest(f(load_rest(d, at.x[K] + whole, rest)...), d, at.y + whole, rest);
  };
  loop(std::make_index_sequence<kInputs>());
}

}  // namespace ebb::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
