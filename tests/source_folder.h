// Where the tests' data lies.
#pragma once

#include <filesystem>

namespace ebb::test {

// The root of the source tree that the program was built from.
std::filesystem::path source_folder();

}  // namespace ebb::test
