// Reader of tables of numbers as text: CSV (RFC 4180) and its kin.
//
//   const auto table = data::read_csv("data/nist/norris.csv");
//   const Tensor x = table["x"], y = table["y"];
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "autograd/tensor.h"

namespace ebb::data {

struct Table {
  std::vector<std::string> names;  // of the columns; none if the file has no header
  Tensor values;                   // [rows, columns]

  // The column of this name, [rows]. Error if there is none, or more than one.
  Tensor operator[](std::string_view name) const;
};

struct CsvOptions {
  // Left out: the first of tab, semicolon and comma that the first line has, else blanks. Blanks separate in any number.
  std::optional<char> separator = {};
  std::optional<bool> header = {};  // left out: if a field of the first line is not a number
  Dtype dtype = float64;            // or float32
};

// The numbers in the file, plain or packed by gzip, every one rounded correctly; "nan", "inf" and "-inf" too. Blanks around
// a field, quotes, empty lines and lines that begin with # do not count. An Error names the line, and the column, of a
// field that is no number, or of a row that is longer or shorter than the first.
Table read_csv(const std::string& path, const CsvOptions& options = {});

}  // namespace ebb::data
