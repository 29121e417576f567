#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include "tests/source_folder.h"

std::filesystem::path ebb::test::source_folder() { return EBB_SOURCE_FOLDER; }
