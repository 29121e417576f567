// Where a DataLoader is, so that a run can be taken up again there.
#pragma once

#include <cstdint>

namespace ebb::data {

struct Position {
  std::int64_t epoch = 0;
  std::int64_t batch = 0;  // of this epoch, handed out so far

  friend bool operator==(const Position&, const Position&) = default;
};

}  // namespace ebb::data
