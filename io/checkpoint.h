// Everything that a training run needs to go on after a stop, in one safetensors file.
#pragma once

#include <string>
#include <vector>

#include "autograd/base/random.h"
#include "data/position.h"
#include "io/safetensors.h"

namespace ebb::io {

struct Checkpoint {
  std::vector<NamedTensor> model = {};  // state(net)
  std::vector<NamedTensor> optimizer = {};
  std::vector<NamedTensor> schedule = {};
  std::vector<NamedTensor> user = {};  // what else the program keeps: histories, counters
  Generator random = {};               // default_generator()
  data::Position position = {};        // loader.position()
  Metadata notes = {};                 // and text
};

// Writes the file as save() does. Its tensors are named "model.…", "optimizer.…", "schedule.…" and "user.…",
// so that section(load(path), "model.") is the model's state wherever only that is wanted.
//
//   io::save("run.safetensors", {.model = state(net),
//                                .optimizer = adam.state(),
//                                .random = default_generator(),
//                                .position = loader.position()});
void save(const std::string& path, const Checkpoint& checkpoint);

// What save() has written, to the bit. Error if the file is damaged or is no checkpoint.
//
//   const auto run = io::load_checkpoint("run.safetensors");
//   load_state(net, run.model);
//   default_generator() = run.random;
//   loader.resume(run.position);
Checkpoint load_checkpoint(const std::string& path);

}  // namespace ebb::io
