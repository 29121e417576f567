// Values and gradients that PyTorch computed, recorded in tests/torch_values.json by scripts/record-torch.
//
// The road there: a test program writes its samples as JSON, scripts/record_torch.py evaluates each one's Python
// expression in float64, differentiates it with the cotangent cos(k + 1) for element k, and writes the file.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "autograd/tensor.h"
#include "tests/source_folder.h"

namespace ebb::test {

using Json = nlohmann::json;

// JSON has no infinities and no NaN: they are the strings "inf", "-inf" and "nan".
inline Json to_json(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}
inline double from_json(const Json& value) {
  return value.is_string() ? std::stod(value.get<std::string>()) : value.get<double>();
}

inline Json to_json(const Tensor& x) {
  if (!x.defined()) return nullptr;
  Json values = Json::array();
  for (const double v : x.to_vector<double>()) values.push_back(to_json(v));
  return {{"dtype", std::string(name_of(x.dtype()))},
          {"shape", std::vector<std::int64_t>(x.shape().begin(), x.shape().end())},
          {"values", values}};
}

// FNV-1a.
inline std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

// Tells a sample from any other: of the expression and of the inputs.
inline std::string fingerprint(const std::string& torch, const std::vector<Tensor>& inputs) {
  std::string text = torch;
  for (const auto& x : inputs) text += to_json(x).dump();
  return std::to_string(hash_of(text));
}

class TorchValues {
 public:
  struct Values {
    std::string fingerprint;
    std::vector<Shape> shapes;
    std::vector<std::vector<double>> outputs;
    std::vector<std::vector<double>> gradients;  // of the inputs that have one
  };

  // Those in the file.
  static const TorchValues& recorded() {
    static const TorchValues values(source_folder() / "tests" / "torch_values.json");
    return values;
  }

  // Null if there are none, or only those of another expression or other inputs.
  const Values* find(const std::string& name, const std::string& torch, const std::vector<Tensor>& inputs) const {
    const auto found = values_.find(name);
    if (found == values_.end() || found->second.fingerprint != fingerprint(torch, inputs)) return nullptr;
    return &found->second;
  }

 private:
  explicit TorchValues(const std::filesystem::path& path) {
    std::ifstream in(path);
    const Json file = Json::parse(in);
    for (const auto& [name, entry] : file.at("samples").items()) {
      Values values{entry.at("fingerprint"), {}, lists(entry.at("outputs")), lists(entry.at("gradients"))};
      for (const auto& sizes : entry.at("shapes"))
        values.shapes.emplace_back(std::span<const std::int64_t>(sizes.get<std::vector<std::int64_t>>()));
      values_.emplace(name, std::move(values));
    }
  }
  static std::vector<std::vector<double>> lists(const Json& json) {
    std::vector<std::vector<double>> result;
    for (const auto& list : json) {
      result.emplace_back();
      for (const auto& value : list) result.back().push_back(from_json(value));
    }
    return result;
  }
  std::map<std::string, Values> values_;
};

// To 1e-10 of the value, and 1e-12 for what cancels to nearly 0.
inline void check_close(const Tensor& got, const std::vector<double>& expected, const std::string& what) {
  const auto values = got.to_vector<double>();
  REQUIRE_MESSAGE(values.size() == expected.size(), what);
  for (std::size_t k = 0; k < values.size(); ++k) {
    const bool same = values[k] == expected[k] || (std::isnan(values[k]) && std::isnan(expected[k]));
    const bool close = std::abs(values[k] - expected[k]) <= 1e-10 * std::abs(expected[k]) + 1e-12;
    CHECK_MESSAGE((same || close), what, ", element ", k, ": ", values[k], " instead of ", expected[k]);
  }
}

// The largest difference of finite elements, relative to the largest expected, or to 1 if all are smaller.
inline double deviation(const Tensor& got, const std::vector<double>& expected) {
  const auto values = got.to_vector<double>();
  double difference = 0, largest = 1;
  for (std::size_t k = 0; k < expected.size(); ++k) {
    if (!std::isfinite(expected[k])) continue;
    difference = std::max(difference, std::abs(values[k] - expected[k]));
    largest = std::max(largest, std::abs(expected[k]));
  }
  return difference / largest;
}

// Into the file named by an environment variable, for a script.
inline void write_json(const char* variable, const Json& json) {
  const char* path = std::getenv(variable);
  REQUIRE_MESSAGE(path, "set ", variable, " to the file to write");
  std::ofstream(path) << json.dump() << '\n';
}

// Writes what scripts/record_torch.py reads, into the file named by EBB_SAMPLES.
template <class Cases>
void write_samples(const Cases& cases) {
  Json samples = Json::object();
  for (const auto& c : cases) {
    if (c.torch.empty()) continue;
    Json inputs = Json::array();
    for (std::size_t i = 0; i < c.inputs.size(); ++i) {
      inputs.push_back(to_json(c.inputs[i]));
      if (c.wants(i)) inputs.back()["gradient"] = true;
    }
    samples[c.name] = {{"torch", c.torch}, {"fingerprint", fingerprint(c.torch, c.inputs)}, {"inputs", inputs}};
  }
  write_json("EBB_SAMPLES", samples);
}

}  // namespace ebb::test
