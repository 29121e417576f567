// Batches of a dataset, every epoch in another order, made ahead by background threads.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "autograd/base/random.h"
#include "data/dataset.h"
#include "data/position.h"

namespace ebb::data {

struct LoaderOptions {
  std::int64_t batch_size = 1;
  bool shuffle = false;
  std::uint64_t seed = 0;
  int workers = 0;         // background threads; 0: batches are made when they are asked for
  bool drop_last = false;  // leave out the last batch of an epoch if it is smaller than the others
  int prefetch = 2;        // batches that are made ahead for each worker
};

namespace detail {

// One batch that is to be made.
struct Task {
  std::span<const std::int64_t> indices;  // its examples
  std::int64_t first = 0;                 // the place of the first of them in the epoch's order
  std::uint64_t epoch_key = 0;
  std::size_t slot = 0;  // where to put it

  // Of the random numbers for the example at indices[i]: the same in whatever batch and thread it is made.
  Generator generator(std::size_t i) const;
};

// default_generator() of this thread is `generator` while one lives.
class GeneratorScope {
 public:
  explicit GeneratorScope(Generator generator) : before_(std::exchange(default_generator(), generator)) {}
  ~GeneratorScope() { default_generator() = before_; }
  GeneratorScope(const GeneratorScope&) = delete;
  GeneratorScope& operator=(const GeneratorScope&) = delete;

 private:
  Generator before_;
};

// What of a loader does not depend on the type of its dataset.
class LoaderState {
 public:
  explicit LoaderState(const LoaderOptions& options);

  const LoaderOptions& options() const { return options_; }
  const Position& position() const { return position_; }
  void resume(const Position& position);
  std::int64_t num_batches(std::int64_t examples) const;
  std::size_t num_slots() const;

 private:
  friend class Epoch;
  LoaderOptions options_;
  Position position_;
  bool entered_ = false;  // position_ is in an epoch that begin() has begun
  bool running_ = false;  // an iterator lives
};

// One pass over the dataset: decides on the order, has the batches made, and says which slot holds the next.
class Epoch {
 public:
  using Make = std::function<void(const Task&)>;  // called on the workers

  Epoch(LoaderState& state, std::int64_t examples, Make make);
  ~Epoch();
  Epoch(const Epoch&) = delete;
  Epoch& operator=(const Epoch&) = delete;

  // Waits for the next batch; false at the end. Throws what making it has thrown; then the epoch is over.
  bool next();
  bool is_over() const { return over_; }
  std::size_t slot() const;  // of the batch that next() waited for
  void release();            // the slot may be filled again

 private:
  class Workers;
  Task task(std::int64_t batch) const;
  std::size_t slot_of(std::int64_t batch) const;

  LoaderState& state_;
  std::int64_t examples_, batches_;
  std::uint64_t epoch_key_;
  Tensor order_;
  bool over_ = false;
  std::unique_ptr<Workers> workers_;
};

// The examples' fields number `field`, stacked. Error if they differ in shape or dtype.
Tensor stack_field(std::span<const Tensor> tensors, std::size_t field, const Task& task);

template <Dataset D>
auto example(const D& dataset, const Task& task, std::size_t i) {
  const GeneratorScope scope(task.generator(i));
  if constexpr (GivesRandomExamples<D>) return dataset.get(task.indices[i], default_generator());
  else return dataset.get(task.indices[i]);
}

template <class E>
E stack_examples(const auto& dataset, const Task& task) {
  std::array<std::vector<Tensor>, num_fields<E>> columns;
  for (std::size_t i = 0; i < task.indices.size(); ++i) {
    auto fields = fields_of<E>(example(dataset, task, i));
    for (std::size_t f = 0; f < fields.size(); ++f) columns[f].push_back(std::move(fields[f]));
  }
  std::array<Tensor, num_fields<E>> stacked;
  for (std::size_t f = 0; f < stacked.size(); ++f) stacked[f] = stack_field(columns[f], f, task);
  return from_fields<E>(std::move(stacked));
}

template <Dataset D>
auto make_batch(const D& dataset, const Task& task) {
  if constexpr (GivesBatches<D>) {
    const GeneratorScope scope(task.generator(0));
    return dataset.batch(task.indices);
  } else {
    using Example = decltype(example(dataset, task, 0));
    static_assert(IsExample<Example>,
                  "an example is a Tensor, or a tuple, pair, array or plain struct of one to four Tensors");
    return stack_examples<Example>(dataset, task);
  }
}

}  // namespace detail

// for (auto [images, labels] : data::DataLoader(train, {.batch_size = 64, .shuffle = true, .seed = 7})) …
//
// Every begin() begins an epoch; one epoch runs at a time. The batches, also what a dataset draws from the
// generator it is given or from default_generator(), depend on the seed and the epoch's number alone, never
// on `workers`. The dataset is referred to and must outlive the loader, unless it is a temporary, which the
// loader keeps. Its tensors may go from one thread to another, so they must not require grad.
//
// What the dataset throws, on a worker too, reaches the caller at that batch's place in the loop; the loader
// can be used again afterwards. A child of fork() cannot go on with a loop that has workers, but can begin another.
// Errors: batch_size or prefetch below 1, workers below 0.
template <class D>
class DataLoader {
  using Source = std::remove_cvref_t<D>;
  static_assert(Dataset<Source>,
                "a dataset needs `std::int64_t size() const` and either `Example get(std::int64_t i) const`, "
                "`Example get(std::int64_t i, ebb::Generator& random) const` or "
                "`Batch batch(std::span<const std::int64_t> indices) const`");

 public:
  using Batch = decltype(detail::make_batch(std::declval<const Source&>(), std::declval<const detail::Task&>()));
  static_assert(detail::IsExample<Batch>,
                "a batch is a Tensor, or a tuple, pair, array or plain struct of one to four Tensors");

  explicit DataLoader(D&& dataset, const LoaderOptions& options = {})
      : dataset_(std::forward<D>(dataset)), state_(options) {}
  DataLoader(const DataLoader&) = delete;
  DataLoader& operator=(const DataLoader&) = delete;

  class Iterator;
  Iterator begin() { return Iterator(*this); }
  std::default_sentinel_t end() const { return {}; }

  // The number of batches in an epoch.
  std::int64_t size() const { return state_.num_batches(dataset_.size()); }

  // What comes next: inside a loop over epoch e, in its body for batch b, {e, b + 1}; after the loop,
  // {e + 1, 0}. If making batch b has thrown, {e, b}.
  Position position() const { return state_.position(); }
  // The next begin() continues there, with the same order and the same random numbers as in a run that has
  // not stopped. Error while a loop is running.
  void resume(const Position& position) { state_.resume(position); }
  void set_epoch(std::int64_t epoch) { resume({epoch, 0}); }

 private:
  struct Run;
  D dataset_;
  detail::LoaderState state_;
};

template <class D>
DataLoader(D&& dataset, const LoaderOptions& options = {}) -> DataLoader<D>;

// The batches of one epoch and the threads that make them, which `epoch`, being last, joins before the slots go.
template <class D>
struct DataLoader<D>::Run {
  std::vector<Batch> slots;
  detail::Epoch epoch;

  explicit Run(DataLoader& loader)
      : slots(loader.state_.num_slots()),
        epoch(loader.state_, loader.dataset_.size(), [this, &loader](const detail::Task& task) {
          auto& batch = slots[task.slot] = detail::make_batch(std::as_const(loader.dataset_), task);
          for (const auto& field : detail::fields_of(batch)) field.hand_over();
        }) {}
};

// Moves along the batches of an epoch; its destruction ends the epoch and joins the workers.
template <class D>
class DataLoader<D>::Iterator {
 public:
  using value_type = Batch;
  using difference_type = std::ptrdiff_t;

  explicit Iterator(DataLoader& loader) : run_(std::make_unique<Run>(loader)) { run_->epoch.next(); }

  const Batch& operator*() const { return run_->slots[run_->epoch.slot()]; }
  Iterator& operator++() {
    run_->slots[run_->epoch.slot()] = Batch();
    run_->epoch.release();
    run_->epoch.next();
    return *this;
  }
  void operator++(int) { ++*this; }
  friend bool operator==(const Iterator& iterator, std::default_sentinel_t) {
    return iterator.run_->epoch.is_over();
  }

 private:
  std::unique_ptr<Run> run_;
};

}  // namespace ebb::data
