#include "autograd/profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>

#include "autograd/base/memory.h"

namespace ebb {

using detail::Phase;

namespace {

std::int64_t now() {
  const auto time = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
}

double milliseconds(std::int64_t nanoseconds) { return 1e-6 * static_cast<double>(nanoseconds); }

}  // namespace

Profile::Profile() : start_(now()) {}

void Profile::begin(Phase phase, std::string_view name) {
  const bool inner = std::any_of(running_.begin(), running_.end(),
                                 [&](std::size_t i) { return events_[i].phase == Phase::backward; });
  running_.push_back(events_.size());
  events_.push_back({std::string(name), phase, inner, 0, 0, memory::stats().live_bytes, 0});
  events_.back().from = now();
}

void Profile::end() {
  const std::int64_t time = now();
  if (running_.empty()) return;
  Event& event = events_[running_.back()];
  running_.pop_back();
  event.to = time;
  event.bytes_after = memory::stats().live_bytes;
}

std::vector<Profile::Row> Profile::rows() const {
  std::map<std::string, Row> by_name;
  for (const auto& event : events_) {
    if (event.inner) continue;
    Row& row = by_name[event.name];
    if (event.phase == Phase::forward) {
      ++row.calls;
      row.forward_ms += milliseconds(event.to - event.from);
      row.bytes += event.bytes_after - event.bytes_before;
    } else {
      ++row.gradients;
      row.backward_ms += milliseconds(event.to - event.from);
    }
  }
  std::vector<Row> rows;
  for (auto& [name, row] : by_name) {
    row.name = name;
    rows.push_back(std::move(row));
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    return a.forward_ms + a.backward_ms > b.forward_ms + b.backward_ms;
  });
  return rows;
}

std::string Profile::table() const {
  const auto line = [](const Row& r) {
    return fmt::format("{:<32} {:>7} {:>11.3f} {:>9} {:>11.3f} {:>9.2f}\n", r.name, r.calls, r.forward_ms,
                       r.gradients, r.backward_ms, static_cast<double>(r.bytes) / (1 << 20));
  };
  std::string text = fmt::format("{:<32} {:>7} {:>11} {:>9} {:>11} {:>9}\n", "operation", "calls", "forward ms",
                                 "gradients", "backward ms", "MiB");
  Row all{.name = "all"};
  for (const auto& r : rows()) {
    text += line(r);
    all.calls += r.calls;
    all.gradients += r.gradients;
    all.forward_ms += r.forward_ms;
    all.backward_ms += r.backward_ms;
    all.bytes += r.bytes;
  }
  std::int64_t most = 0;
  for (const auto& event : events_) most = std::max(most, event.bytes_after);
  return text + line(all) + fmt::format("most memory in use: {:.2f} MiB\n", static_cast<double>(most) / (1 << 20));
}

std::string Profile::chrome_trace() const {
  using nlohmann::json;
  json events = json::array();
  for (const auto& event : events_) {
    const double from = 1e3 * milliseconds(event.from - start_);
    events.push_back({{"name", event.phase == Phase::forward ? event.name : event.name + " gradient"},
                      {"cat", event.phase == Phase::forward ? "forward" : "backward"},
                      {"ph", "X"},
                      {"ts", from},
                      {"dur", 1e3 * milliseconds(event.to - event.from)},
                      {"pid", 1},
                      {"tid", 1}});
    events.push_back({{"name", "memory"},
                      {"ph", "C"},
                      {"ts", from + 1e3 * milliseconds(event.to - event.from)},
                      {"pid", 1},
                      {"args", {{"bytes", event.bytes_after}}}});
  }
  return json{{"traceEvents", events}, {"displayTimeUnit", "ms"}}.dump();
}

}  // namespace ebb
