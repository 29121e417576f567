// ebb_bench: all benchmarks, by Google Benchmark. --threads=N sets the number of threads (default 1); --replay does training
// steps by Replay.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "autograd/base/parallel.h"
#include "bench/training.h"

int main(int argc, char** argv) {
  int threads = 1;
  std::vector<char*> rest;
  for (int i = 0; i < argc; ++i) {
    if (std::strncmp(argv[i], "--threads=", 10) == 0) threads = std::atoi(argv[i] + 10);
    else if (std::strcmp(argv[i], "--replay") == 0) ebb::bench::by_replay = true;
    else rest.push_back(argv[i]);
  }
  ebb::set_num_threads(threads);
  int count = static_cast<int>(rest.size());
  benchmark::Initialize(&count, rest.data());
  if (benchmark::ReportUnrecognizedArguments(count, rest.data())) return 1;
  benchmark::AddCustomContext("threads", std::to_string(threads));
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
