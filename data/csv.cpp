#include "data/csv.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>

#include "autograd/base/fail.h"
#include "autograd/create.h"
#include "autograd/ops.h"
#include "io/byte_stream.h"

namespace ebb::data {
namespace {

constexpr const char* kWho = "read_csv";
constexpr std::string_view kBlanks = " \t\r\f\v";

std::string whole(const std::string& path) {
  io::ByteStream stream(kWho, path);
  std::string text;
  std::array<char, 1 << 16> piece;
  while (const std::size_t got = stream.read(piece.data(), piece.size())) text.append(piece.data(), got);
  return text;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::string_view unquoted(std::string_view field) {
  field = trimmed(field);
  if (field.size() >= 2 && field.front() == '"' && field.back() == '"')
    return trimmed(field.substr(1, field.size() - 2));
  return field;
}

char separator_of(std::string_view line) {
  for (const char c : {'\t', ';', ','})
    if (line.find(c) != std::string_view::npos) return c;
  return ' ';
}

// Separators between quotes are part of the field.
std::vector<std::string_view> fields_of(std::string_view line, char separator) {
  std::vector<std::string_view> fields;
  bool quoted = false;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= line.size(); ++i) {
    if (i < line.size() && line[i] == '"') quoted = !quoted;
    const bool ends =
        i == line.size() || (!quoted && (line[i] == separator || (separator == ' ' && line[i] == '\t')));
    if (!ends) continue;
    if (separator != ' ' || i > begin) fields.push_back(unquoted(line.substr(begin, i - begin)));
    begin = i + 1;
  }
  return fields;
}

std::optional<double> number_in(std::string_view field) {
  if (field.starts_with('+') && !field.starts_with("+-")) field.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (error != std::errc() || end != field.data() + field.size()) return {};
  return value;
}

}  // namespace

Tensor Table::operator[](std::string_view name) const {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end() || std::find(found + 1, names.end(), name) != names.end())
    fail("Table: {} columns are called {}; there are: {}", found == names.end() ? "no" : "several", name,
         fmt::join(names, ", "));
  return select(values, 1, found - names.begin());
}

Table read_csv(const std::string& path, const CsvOptions& options) {
  if (options.dtype != float64 && options.dtype != float32)
    fail("{}: dtype {}; it must be float64 or float32", kWho, options.dtype);
  const std::string text = whole(path);
  Table table;
  std::vector<double> numbers;
  std::size_t columns = 0;  // unknown before the first line
  std::int64_t rows = 0;
  char separator = options.separator.value_or(',');

  std::string_view rest = text;
  if (rest.starts_with("\xef\xbb\xbf")) rest.remove_prefix(3);  // a byte order mark
  for (int line_number = 1; !rest.empty(); ++line_number) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = trimmed(rest.substr(0, end));
    const std::string_view untrimmed = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty() || line.starts_with('#')) continue;

    const bool first = columns == 0;
    if (first && !options.separator) separator = separator_of(line);
    const auto fields = fields_of(separator == '\t' ? untrimmed : line, separator);
    if (first) {
      columns = fields.size();
      const bool numeric =
          std::all_of(fields.begin(), fields.end(), [](auto f) { return number_in(f).has_value(); });
      if (options.header.value_or(!numeric)) {
        table.names.assign(fields.begin(), fields.end());
        continue;
      }
    }
    if (fields.size() != columns)
      fail("{}: {}: line {} has {} fields, the first one {}", kWho, path, line_number, fields.size(), columns);
    for (std::size_t i = 0; i < columns; ++i) {
      const auto value = number_in(fields[i]);
      if (!value)
        fail("{}: {}: line {}, column {}: \"{}\" is not a number", kWho, path, line_number, i + 1, fields[i]);
      numbers.push_back(*value);
    }
    ++rows;
  }
  if (rows == 0) fail("{}: {}: has no rows of numbers", kWho, path);
  table.values = reshape(tensor(numbers, {.dtype = options.dtype}), {rows, static_cast<std::int64_t>(columns)});
  return table;
}

}  // namespace ebb::data
