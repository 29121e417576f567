// Tensors in files that Python's safetensors reads and writes: https://huggingface.co/docs/safetensors
#pragma once

#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "autograd/tensor.h"

namespace ebb::io {

using Metadata = std::map<std::string, std::string>;

// Writes the tensors under their names, and text beside them. The file appears, or takes the place of an old
// one, only when it is complete and on the disk; after an Error the old one is as it was.
//
// Error if a name occurs twice, is "__metadata__" or not UTF-8, if a tensor is undefined, or if the file
// cannot be written.
//
//   io::save("net.safetensors", state(net));
void save(const std::string& path, std::span<const NamedTensor> tensors, const Metadata& metadata = {});
inline void save(const std::string& path, std::initializer_list<NamedTensor> tensors,
                 const Metadata& metadata = {}) {
  save(path, std::span(tensors.begin(), tensors.size()), metadata);
}

struct Contents {
  std::vector<NamedTensor> tensors;  // in the order of the file's header
  Metadata metadata;
};

// Reads a whole file. The tensors are copies: the file may be deleted or saved over. dtypes F32, F64, I64,
// I32, U8 and BOOL; Error for others, F16 and BF16 among them, and for a file that is damaged or is no
// safetensors file.
Contents load_contents(const std::string& path);
std::vector<NamedTensor> load(const std::string& path);

// The tensors whose names begin with `prefix`, named without it.
//
//   load_state(net, io::section(io::load("run.safetensors"), "model."));
std::vector<NamedTensor> section(std::span<const NamedTensor> tensors, std::string_view prefix);

}  // namespace ebb::io
