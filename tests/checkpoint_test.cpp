#include "io/checkpoint.h"

#include <limits>

#include "autograd/create.h"
#include "autograd/ops.h"
#include "tests/files.h"

using namespace ebb;

namespace {

void check_equal(const std::vector<NamedTensor>& a, const std::vector<NamedTensor>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i].name == b[i].name);
    CHECK(a[i].tensor.dtype() == b[i].tensor.dtype());
    CHECK(a[i].tensor.shape() == b[i].tensor.shape());
    CHECK(a[i].tensor.to_vector<double>() == b[i].tensor.to_vector<double>());
  }
}

io::Checkpoint example() {
  return {
      .model = {{"fc.weight", tensor({{0.1, 0.2}, {0.3, 0.4}})}, {"model.x", tensor(1)}, {"steps", tensor(12)}},
      .optimizer = {{"fc.weight.m", tensor({1e-8, 3.0}, {.dtype = float64})}, {"step", tensor(7)}},
      .schedule = {{"step", tensor(7)}},
      .user = {{"test_error", tensor({0.5, 0.25})}},
      .random = {std::numeric_limits<std::uint64_t>::max(), std::numeric_limits<std::uint64_t>::max() - 3},
      .position = {3, std::numeric_limits<std::int64_t>::max()},
      .notes = {{"", "empty key"}, {"command", "train --lr \"0.1\""}, {"format", "mine"}},
  };
}

}  // namespace

TEST_CASE("a checkpoint comes back exactly") {
  const TempFolder folder;
  const auto saved = example();
  io::save(folder / "run", saved);
  const auto loaded = io::load_checkpoint(folder / "run");
  check_equal(loaded.model, saved.model);
  check_equal(loaded.optimizer, saved.optimizer);
  check_equal(loaded.schedule, saved.schedule);
  check_equal(loaded.user, saved.user);
  CHECK(loaded.random.seed == saved.random.seed);
  CHECK(loaded.random.position == saved.random.position);
  CHECK(loaded.position == saved.position);
  CHECK(loaded.notes == saved.notes);
}

TEST_CASE("a checkpoint of nothing") {
  const TempFolder folder;
  io::save(folder / "run", io::Checkpoint{});
  const auto loaded = io::load_checkpoint(folder / "run");
  CHECK(loaded.model.empty());
  CHECK(loaded.random.seed == 0);
  CHECK(loaded.position == data::Position{});
  CHECK(loaded.notes.empty());
}

TEST_CASE("random numbers go on where they were") {
  const TempFolder folder;
  Generator generator{11, 0};
  for (int i = 0; i < 5; ++i) random_bits(generator);
  io::save(folder / "run", {.random = generator});
  auto restored = io::load_checkpoint(folder / "run").random;
  for (int i = 0; i < 5; ++i) CHECK(random_bits(restored) == random_bits(generator));
}

TEST_CASE("the file is a safetensors file with the model in it") {
  const TempFolder folder;
  io::save(folder / "run", example());
  const auto all = io::load(folder / "run");
  CHECK(all.size() == 7);
  CHECK(all[0].name == "model.fc.weight");
  check_equal(io::section(all, "model."), example().model);
  const auto metadata = io::load_contents(folder / "run").metadata;
  CHECK(metadata.at("random.seed") == "18446744073709551615");
  CHECK(metadata.at("loader.epoch") == "3");
  CHECK(metadata.at("note.command") == "train --lr \"0.1\"");
}

TEST_CASE("files that are no checkpoint") {
  const TempFolder folder;
  const auto path = folder / "run";
  const auto text_for = [&](const std::string& key, const std::string& value) {
    io::save(path, io::Checkpoint{});
    auto metadata = io::load_contents(path).metadata;
    metadata[key] = value;
    if (value.empty()) metadata.erase(key);
    io::save(path, std::vector<NamedTensor>{}, metadata);
    return error_of([&] { io::load_checkpoint(path); });
  };
  const auto prefix = "load_checkpoint: " + path + ": ";
  CHECK(contains(text_for("format", ""), prefix + "is not a checkpoint"));
  CHECK(contains(text_for("format", "ebb.checkpoint.2"),
                 prefix + "is not a checkpoint of this version (ebb.checkpoint.1)"));
  CHECK(contains(text_for("random.seed", ""), prefix + "has no random.seed"));
  CHECK(contains(text_for("loader.batch", "7 "), prefix + "loader.batch is \"7 \", not a number in range"));
  CHECK(contains(text_for("random.position", "-1"), "random.position is \"-1\", not a number in range"));
  CHECK(contains(text_for("random.seed", "18446744073709551616"), "not a number in range"));
  CHECK(contains(error_of([&] { io::load_checkpoint(folder / "none"); }), "cannot be opened"));
}

TEST_CASE("a checkpoint that cannot be saved leaves the last one") {
  const TempFolder folder;
  io::save(folder / "run", example());
  const auto old = read_file(folder / "run");
  auto bad = example();
  bad.optimizer.push_back(bad.optimizer[0]);
  CHECK(contains(error_of([&] { io::save(folder / "run", bad); }), "two tensors are named optimizer.fc.weight.m"));
  CHECK(read_file(folder / "run") == old);
  CHECK(folder.num_files() == 1);
}
