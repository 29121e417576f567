#include "data/csv.h"

#include <cmath>
#include <string>
#include <vector>

#include "autograd/ops.h"
#include "tests/files.h"
#include "tests/source_folder.h"

using namespace ebb;

namespace {

data::Table table_of(const std::string& text, const data::CsvOptions& options = {}) {
  const TempFolder folder;
  write_file(folder / "table", text);
  return data::read_csv(folder / "table", options);
}

// The Error's text behind the file's name.
std::string message_for(const std::string& text, const data::CsvOptions& options = {}) {
  const TempFolder folder;
  write_file(folder / "table", text);
  const std::string message = error_of([&] { data::read_csv(folder / "table", options); });
  const std::string begin = "read_csv: " + folder / "table" + ": ";
  REQUIRE(message.starts_with(begin));
  return message.substr(begin.size());
}

const std::vector<double> kNumbers{1, -2.5, 3e-4, 0.1};

}  // namespace

TEST_CASE("tables with any separator, with and without a header") {
  for (const std::string text : {"1,-2.5\n3e-4,0.1\n", "1;-2.5\r\n3e-4;0.1", "1\t-2.5\n3e-4\t0.1\n",
                                 "  1  -2.5 \n\n 3E-4 +0.1\n", "# of two\n1, -2.5\n#\n\"3e-4\" ,0.1\n",
                                 "\xef\xbb\xbf"
                                 "1,-2.5\n3e-4,0.1\n"}) {
    const auto table = table_of(text);
    CHECK(table.names.empty());
    CHECK(table.values.shape() == Shape{2, 2});
    CHECK(table.values.to_vector<double>() == kNumbers);
  }
  const auto named = table_of("\"the x, really\",y\n1,-2.5\n3e-4,0.1\n");
  CHECK(named.names == std::vector<std::string>{"the x, really", "y"});
  CHECK(named["y"].to_vector<double>() == std::vector<double>{-2.5, 0.1});
  CHECK(table_of("1,2\n3,4\n", {.header = true}).names == std::vector<std::string>{"1", "2"});
  CHECK(table_of("1|2\n3|4\n", {.separator = '|', .dtype = float32}).values.dtype() == float32);
  CHECK(std::isnan(table_of("1,nan\n").values.to_vector<double>()[1]));
}

TEST_CASE("mistakes in tables have a line and a column") {
  CHECK(message_for("x,y\n1,2\n\n1,2o\n") == "line 4, column 2: \"2o\" is not a number");
  CHECK(message_for("x,y\n1,\n") == "line 2, column 2: \"\" is not a number");
  CHECK(message_for("1,2\n1,2,3\n") == "line 2 has 3 fields, the first one 2");
  CHECK(message_for("x,y\n") == "has no rows of numbers");
  CHECK(message_for("x,y\n", {.header = false}) == "line 1, column 1: \"x\" is not a number");
  const auto table = table_of("x,y,y\n1,2,3\n");
  CHECK(error_of([&] { table["z"]; }) == "Table: no columns are called z; there are: x, y, y");
  CHECK(error_of([&] { table["y"]; }) == "Table: several columns are called y; there are: x, y, y");
  CHECK(error_of([&] { data::read_csv("/nowhere/at_all.csv"); }).starts_with("read_csv: /nowhere/at_all.csv"));
}

TEST_CASE("NIST's tables are whole") {
  const std::string folder = (test::source_folder() / "data" / "nist").string() + "/";
  const auto longley = data::read_csv(folder + "longley.csv");
  CHECK(longley.values.shape() == Shape{16, 7});
  CHECK(sum(longley["y"]).item() == 1045072);
  CHECK(data::read_csv(folder + "thurber.csv").values.shape() == Shape{37, 2});
}
