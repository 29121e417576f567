#include "metrics/metrics.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "autograd/create.h"
#include "tests/expect_error.h"

using namespace ebb;

TEST_CASE("accuracy of scores and of classes") {
  const Tensor target = tensor({0, 1, 1, 2});
  CHECK(metrics::accuracy(tensor({{3., 1., 2.}, {1., 5., 2.}, {9., 1., 2.}, {0., 0., 1.}}), target) == 0.75);
  CHECK(metrics::accuracy(tensor({0, 1, 2, 1}), target) == 0.5);
  CHECK(std::isnan(metrics::accuracy(zeros({0, 3}), zeros({0}, {.dtype = int64}))));
  CHECK_ERROR(
      metrics::accuracy(zeros({4}), target),
      "accuracy: the answers are float32 [4] and the target int64 [4]; give scores [n, classes] or classes [n], "
      "and classes [n]");
}

TEST_CASE("a confusion matrix") {
  const Tensor counts = metrics::confusion_matrix(tensor({0, 1, 1, 0}), tensor({0, 0, 1, 2}), 3);
  CHECK(counts.to_vector<std::int64_t>() == std::vector<std::int64_t>{1, 1, 0, 0, 1, 0, 1, 0, 0});
  CHECK_ERROR(metrics::confusion_matrix(tensor({0, 3}), tensor({0, 1}), 3),
              "confusion_matrix: example 1 is of class 1 and taken for 3; classes are 0 to 2");
  CHECK_ERROR(
      metrics::confusion_matrix(tensor({0}), tensor({0, 1}), 3),
      "confusion_matrix: predicted is int64 [1], the target int64 [2] and classes 3; give integers [n] and 1 or "
      "more");
}

TEST_CASE("a running mean") {
  metrics::Mean mean;
  CHECK(std::isnan(mean.value()));
  mean.add(2);
  mean.add(5, 3);
  CHECK(mean.value() == 17. / 4);
  CHECK(mean.weight() == 4);
}

TEST_CASE("a history of curves") {
  metrics::History history;
  CHECK(history["loss"].empty());
  CHECK_ERROR(history.last("loss"), "History: nothing was added to the curve loss");
  history.add("loss", 2);
  history.add("error", 0.25);
  history.add("loss", 1.5);
  CHECK(history["loss"] == std::vector<double>{2, 1.5});
  CHECK(history.last("error") == 0.25);
  CHECK(history.summary() == "loss 1.5, error 0.25");
  metrics::History again;
  again.add("forgotten", 1);
  again.load_state(history.state());
  CHECK(again.curves() == history.curves());
}
