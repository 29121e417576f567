// Instructions that small work costs, counted by valgrind: a measure that does not depend on how busy the machine is.
// `ebb_instructions` lists the cases and how often each is done; `ebb_instructions NAME` runs one, of which
// bench/instructions has valgrind count what happens inside measured().
#include <cstdio>
#include <functional>
#include <string>

#include "bench/chain.h"
#include "bench/models.h"
#include "bench/training.h"

namespace ebb::bench {
namespace {

[[gnu::noinline]] void measured(const std::function<void()>& work) {
  work();
  asm volatile("");  // not a jump to `work`: valgrind would not see this function return
}

// `work` does `count` times what is named.
void add(const std::string& wanted, const std::string& name, int count, const std::function<void()>& work) {
  if (wanted.empty()) std::printf("%s %d\n", name.c_str(), count);
  if (wanted != name) return;
  for (int i = 0; i < 3; ++i) work();  // memory is warm
  measured(work);
}

void run(const std::string& wanted) {
  set_num_threads(1);
  const auto add_chain = [&](const auto& step) {
    constexpr int kLength = 100;
    const auto x = rand(step.shape), w = rand(step.shape), seed = ones(step.shape);
    const auto leaf = rand(step.shape, {.requires_grad = true}),
               weight = rand(step.shape, {.requires_grad = true});
    const std::string base = std::string("overhead/") + step.name;
    add(wanted, base + "/forward", kLength, [&] {
      const NoGrad off;
      chain(step, x, w, kLength);
    });
    add(wanted, base + "/backward", kLength, [&] { chain(step, leaf, weight, kLength).backward(seed); });
  };
  std::apply([&](const auto&... step) { (add_chain(step), ...); }, chain_steps());
  for (const std::int64_t batch : {1, 32}) {
    Training<TinyMlp, optim::SGDOptions, MeanSquare> work({batch, 4}, {.lr = 0.01});
    add(wanted, "step/tiny/" + std::to_string(batch), 1, [&] { work.step(); });
  }
}

}  // namespace
}  // namespace ebb::bench

int main(int count, char** arguments) { ebb::bench::run(count > 1 ? arguments[1] : ""); }
